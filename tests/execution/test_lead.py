"""The compiled path keeps its lead over graphql-core: a ratio of CPU time in one run, with a wide margin."""

import statistics
import time
from dataclasses import fields, replace
from typing import Any

from factories.whole_shop import make_whole_shop
from support.shop import SCHEMA, Shop

from domain.actor import Actor, Origin
from graph.context import Context, Services
from graph.readers import Readers
from graph.schema import ShopSchema, build_schema

LEAD = 8
"""Times less at least. It is over twenty; bench/RESULTS.md has the figures."""

ROUNDS = 5

ORDERS = """
{
  orders(first: 40) {
    edges {
      cursor
      node {
        id number status placedAt
        total { amount currencyCode }
        customer { id name email }
        lines {
          position quantity
          unitPrice { amount }
          variant { id sku name price { amount } stockLevels { onHand reserved available warehouse { code } } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""


class Remembering:
    """A reader that reads once what it is asked, and answers from memory after that: execution is what counts here."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._known: dict[tuple[str, int], Any] = {}

    def __getattr__(self, name: str) -> Any:
        read = getattr(self._reader, name)

        async def remembered(viewer: Actor, *given: Any) -> Any:
            # How many keys there are tells one question from another: it is the same operation each time.
            key = (name, len(given[0]) if isinstance(given[0], list) else 0)
            if key not in self._known:
                self._known[key] = await read(viewer, *given)
            return self._known[key]

        return remembered


async def execute(schema: ShopSchema, services: Services, viewer: Actor) -> Any:
    result = await schema.execute(ORDERS, context_value=Context(services, viewer, Origin("request", "192.0.2.1")))
    assert result.errors is None
    return result.data


async def test_the_compiled_path_takes_a_fraction_of_the_cpu_of_graphql_core(shop: Shop):
    whole = await make_whole_shop(shop.database, 20)
    readers = shop.process.services.readers
    known = Readers(**{each.name: Remembering(getattr(readers, each.name)) for each in fields(readers)})
    services = replace(shop.process.services, readers=known)
    schemas = {"graphql-core": build_schema(is_compiled=False), "compiled": SCHEMA}
    answers = [await execute(schema, services, whole.admin) for schema in schemas.values()]
    assert answers[0] == answers[1]
    assert len(answers[0]["orders"]["edges"]) == 40

    took: dict[str, list[float]] = {way: [] for way in schemas}
    for _ in range(ROUNDS):
        for way, schema in schemas.items():
            started = time.process_time()
            await execute(schema, services, whole.admin)
            took[way].append(time.process_time() - started)

    core, compiled = (statistics.median(each) for each in took.values())
    assert compiled * LEAD < core, f"graphql-core {1000 * core:.1f} ms, compiled {1000 * compiled:.1f} ms"
