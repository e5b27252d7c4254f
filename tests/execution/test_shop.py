"""Random operations on the schema of the shop, with readers that fail and things that hide: as graphql-core answers."""

import asyncio
import gc
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from factories.goods import make_variant
from factories.orders import place
from factories.people import make_admin, make_user
from factories.whole_shop import WholeShop, make_whole_shop
from graphql import DocumentNode, FragmentDefinitionNode, get_operation_ast, parse, validate
from support.differences import difference, executed, leaves_coroutines, told
from support.faulty import faulty
from support.random_operations import RandomOperation
from support.shop import SCHEMA, Shop, order_id

from domain.actor import Actor, Origin, Scope
from domain.orders.model import OrderLine
from domain.writing import Target, Writer
from graph.context import Context
from graph.limits.pricing import priced
from graph.node import global_id
from graph.schema import build_schema
from graph.writing import encoded

OPERATIONS = int(os.environ.get("ORDERWIRE_TEST_OPERATIONS", "25"))
"""How many; more are tried by hand: ORDERWIRE_TEST_OPERATIONS=5000."""

FAULTS = (0, 0.02, 0.1)

REFERENCE = build_schema(is_compiled=False)


def literals(whole: WholeShop) -> dict[str, list[str]]:
    """What arguments may be given, for a shop."""
    ids = [f'"{order_id(key)}"' for key in whole.orders]
    ids += [f'"{global_id("Customer", key)}"' for key in whole.customers]
    return {
        "first": ["2", "3", "1000"],
        "last": ["null", "null", "2"],
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


@leaves_coroutines
async def test_random_operations_on_a_shop_are_answered_as_graphql_core_answers_them(shop: Shop):
    whole = await make_whole_shop(shop.database, 4)
    known, told = literals(whole), {"ran": 0, "errors": 0}
    for seed in range(OPERATIONS):
        operation = RandomOperation(REFERENCE.graphql_schema, seed, known, depth=5, width=4)
        document = parse(operation.text)
        if validate(REFERENCE.graphql_schema, document):
            # Dice may merge what must not be.
            continue
        readers = faulty(shop.process.services.readers, seed, FAULTS[seed % len(FAULTS)])
        services = replace(shop.process.services, readers=readers)
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


class Unreliable:
    """A writer that, by the dice of a seed, fails now and then."""

    def __init__(self, writer: Writer, seed: int) -> None:
        self._writer, self._dice = writer, random.Random(seed)
        self.wrote = 0

    def knows(self, target: Target) -> bool:
        return self._writer.knows(target)

    def lists(self, target: Target) -> bool:
        return self._writer.lists(target)

    async def write(self, *given: Any) -> Any:
        return await self._tried(self._writer.write, *given)

    async def page(self, *given: Any) -> Any:
        return await self._tried(self._writer.page, *given)

    async def _tried(self, write: Callable[..., Awaitable[Any]], *given: Any) -> Any:
        if self._dice.random() < 0.2:
            raise ConnectionError
        self.wrote += 1
        return await write(*given)


def actual_cost(document: DocumentNode, data: Any, variables: dict[str, Any]) -> int:
    """What an answer tells that it has cost."""
    definition = get_operation_ast(document)
    assert definition is not None
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    return priced(SCHEMA.graphql_schema, definition, fragments).actual(data, variables)


async def test_what_the_database_writes_is_what_is_read(shop: Shop):
    whole = await make_whole_shop(shop.database, 4)
    seller = await make_user(shop.database, "seller", Scope.ORDERS_READ)
    viewers, known = [whole.admin, whole.users[0], seller, Actor.anonymous()], literals(whole)
    services, wrote = shop.process.services, 0
    for seed in range(OPERATIONS):
        operation = RandomOperation(SCHEMA.graphql_schema, seed, known, depth=5, width=4)
        document, viewer = parse(operation.text), viewers[seed % len(viewers)]
        if validate(SCHEMA.graphql_schema, document):
            continue
        writer = Unreliable(services.readers.writer, seed)
        unreliable = replace(services, readers=replace(services.readers, writer=writer))
        answers = []
        for takes_json in (False, True):
            context = Context(unreliable, viewer, Origin("request", "192.0.2.1"), takes_json=takes_json)
            answers.append(await executed(SCHEMA, document, operation.variables, context))
        read, written = answers
        wrote += writer.wrote

        assert encoded(written.data) == encoded(read.data), f"seed {seed}\n{operation!r}"
        assert told(written.errors) == told(read.errors), f"seed {seed}\n{operation!r}"
        if read.errors is None:
            costs = [actual_cost(document, each.data, operation.variables) for each in answers]
            assert costs[1] == costs[0], f"seed {seed}\n{operation!r}"
    assert wrote > OPERATIONS * 0.2


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
