"""Random operations on the schema of the shop, with readers that fail and things that hide: as graphql-core answers."""

import asyncio
import gc
import os
import random
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from factories.goods import make_variant
from factories.orders import place
from factories.people import make_admin
from factories.whole_shop import WholeShop, make_whole_shop
from graphql import parse, validate
from support.differences import difference, executed
from support.random_operations import RandomOperation
from support.shop import SCHEMA, Shop, order_id

from domain.actor import Origin
from domain.orders.model import OrderLine
from domain.refusals import Refused, bad_input
from graph.context import Context
from graph.node import global_id
from graph.readers import Readers
from graph.schema import build_schema

OPERATIONS = int(os.environ.get("ORDERWIRE_TEST_OPERATIONS", "25"))
"""How many; more are tried by hand: ORDERWIRE_TEST_OPERATIONS=5000."""

FAULTS = (0, 0.02, 0.1)

REFERENCE = build_schema(is_compiled=False)


class Faulty:
    """A reader that, by the dice of a seed, fails, refuses or hides. What it does to a key, it does each time."""

    def __init__(self, reader: Any, seed: int, chance: float) -> None:
        self._reader, self._seed, self._chance = reader, seed, chance

    def __getattr__(self, name: str) -> Any:
        read = getattr(self._reader, name)

        def unlucky(what: object) -> bool:
            return random.Random(f"{self._seed}{type(self._reader).__name__}{name}{what}").random() < self._chance

        async def faulty(*given: Any) -> Any:
            if unlucky("fails"):
                raise RuntimeError(name)
            if unlucky("refuses"):
                raise Refused(bad_input("Not today.", name))
            found = await read(*given)
            if isinstance(found, Mapping):
                return {key: value for key, value in found.items() if not unlucky(key)}
            return found

        return faulty


def literals(whole: WholeShop) -> dict[str, list[str]]:
    """What arguments may be given, for a shop."""
    ids = [f'"{order_id(key)}"' for key in whole.orders]
    ids += [f'"{global_id("Customer", key)}"' for key in whole.customers]
    return {
        "first": ["2", "3", "1000"],
        "last": ["null"],
        "after": ["null", '"nowhere"'],
        "before": ["null"],
        "id": [*ids, '"nothing"'],
        "ids": [f"[{', '.join(ids)}]"],
        "number": ["null"],
        "sku": ['"SKU000"', '"SKU001"', '"nothing"'],
        "from": ['"2026-03-01"'],
        "to": ['"2026-03-31"', '"2026-02-01"'],
        "timeZone": ['"UTC"', '"Nowhere"'],
        "interval": ["WEEK"],
        "by": ["UNITS"],
        "filter": ["{}"],
        "orderBy": ["null"],
    }


# graphql-core leaves coroutines behind when an error ends a branch.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <coroutine:pytest.PytestUnraisableExceptionWarning")
async def test_random_operations_on_a_shop_are_answered_as_graphql_core_answers_them(shop: Shop):
    whole = await make_whole_shop(shop.database, 4)
    known, told = literals(whole), {"ran": 0, "errors": 0}
    for seed in range(OPERATIONS):
        operation = RandomOperation(REFERENCE.graphql_schema, seed, known, depth=5, width=4)
        document = parse(operation.text)
        if validate(REFERENCE.graphql_schema, document):
            # Dice may merge what must not be.
            continue
        readers, chance = shop.process.services.readers, FAULTS[seed % len(FAULTS)]
        faulty = Readers(**{each.name: Faulty(getattr(readers, each.name), seed, chance) for each in fields(readers)})
        services = replace(shop.process.services, readers=faulty)
        answers, statements = [], []
        for schema in (REFERENCE, SCHEMA):
            count = services.count_statements()
            context = Context(services, whole.admin, Origin("request", "192.0.2.1"))
            answers.append(await executed(schema, document, operation.variables, context))
            statements.append(count.value)

        wrong = difference(*answers)
        assert wrong is None, f"seed {seed}\n{operation!r}\n{wrong}"
        if not answers[0].errors:
            assert statements[1] <= statements[0], f"seed {seed}\n{operation!r}"
        told["ran"] += 1
        told["errors"] += bool(answers[0].errors)
    # The dice must not have made it easy.
    assert told["ran"] > OPERATIONS * 0.5, told
    assert told["errors"] > told["ran"] * 0.2, told


async def test_each_event_of_a_subscription_is_told_by_the_same_plan(shop: Shop):
    await make_variant(shop.database, "MUG", LON=10)
    admin = await make_admin(shop.database)
    shop.schema = build_schema()
    operations = shop.schema.operations
    assert operations is not None

    async with shop.watching("subscription { orderStatusChanged { to order { number } } }", admin) as watch:
        placed = [await place(Shop(shop.process), admin, ("MUG", 1)) for _ in range(3)]
        told = [await watch.next() for _ in range(3)]

    assert [each["orderStatusChanged"]["order"]["number"] for each in told] == [each["number"] for each in placed]
    assert (operations.tally.compiled, len(operations._kept), operations.tally.fallbacks) == (3, 1, {})


async def test_what_an_operation_has_read_goes_with_its_answer(shop: Shop):
    whole = await make_whole_shop(shop.database, 5)
    context = Context(shop.process.services, whole.admin, Origin("request", "192.0.2.1"))

    def left() -> int:
        return sum(isinstance(each, OrderLine) for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = left()
        result = await SCHEMA.execute("{ orders { nodes { lines { quantity } } } }", context_value=context)
        context.renew_loaders()
        assert result.errors is None
        # By then tasks that have ended are told to be gone.
        await asyncio.sleep(0)
        assert left() == before
    finally:
        gc.enable()
