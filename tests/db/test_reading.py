"""Lists by random filters, orders and windows: statements that are written once find what the filters say."""

import random
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from factories.orders import SPRING, make_order
from factories.people import make_customer, make_user

from db.engine import Database
from db.orders import OrderReader
from domain.actor import Actor, Scope
from domain.orders.model import Order, OrderStatus
from domain.reading import Compare, Filters, PageRequest, Sort, passes

NUMBERS = ("A-1", "a-1", "A_1", "A%1", "A/1", "A\\1", "B//2", "B_%2", "AB-1", "Ab-1", "1", "%", "_", "/")
COUNTRIES = (None, "Norway", "norway", "Nor/way", "N_rway", "Eire")
TOTALS = ("0", "2", "2.00", "2.001", "10", "-1")


def facts(order: Order) -> Mapping[str, Any]:
    """What the filters of orders look at."""
    return {
        "status": order.status,
        "number": order.number,
        "placed_at": order.placed_at,
        "total": order.total.amount,
        "customer": order.customer_id,
        "country": order.country,
    }


class Dice:
    """Random filters and pages, of values that are there, parts of them, and some that are not."""

    def __init__(self, seed: int, customers: list[UUID]) -> None:
        self._dice = random.Random(seed)
        self._values: dict[str, list[Any]] = {
            "status": list(OrderStatus),
            "number": [*NUMBERS, "C"],
            "placed_at": [SPRING + timedelta(hours=hours) for hours in range(-1, 6)],
            "total": [Decimal(total) for total in (*TOTALS, "7")],
            "customer": customers,
            "country": [country for country in COUNTRIES if country],
        }

    def filters(self) -> Filters:
        chosen = self._dice.sample(sorted(self._values), self._dice.choice((0, 1, 1, 2, 3)))
        return {name: self._compare(name) for name in chosen}

    def sort(self) -> Sort:
        return Sort(self._dice.choice(("PLACED_AT", "NUMBER", "TOTAL")), self._dice.random() < 0.5)

    def size(self) -> int:
        return self._dice.choice((1, 2, 5, 100))

    def chance(self) -> bool:
        return self._dice.random() < 0.5

    def one_of(self, items: Any) -> Any:
        return self._dice.choice(items)

    def _compare(self, name: str) -> Compare:
        values = self._values[name]
        kinds = ["eq", "in_"]
        if name in {"placed_at", "total"}:
            kinds += ["gt", "gte", "lt", "lte"]
        if name in {"number", "country"}:
            kinds += ["starts_with", "contains"]
        given: dict[str, Any] = {}
        for kind in self._dice.sample(kinds, self._dice.choice((1, 1, 2))):
            value = self._dice.choice(values)
            if kind == "in_":
                given[kind] = self._dice.sample(values, self._dice.randint(0, min(3, len(values))))
            elif kind in {"starts_with", "contains"}:
                given[kind] = value[: self._dice.randint(1, len(value))]
            else:
                given[kind] = value
        return Compare(**given)


def place(order: Order, sort: Sort) -> tuple[Any, UUID]:
    known = {"PLACED_AT": order.placed_at, "NUMBER": order.number, "TOTAL": order.total.amount}
    return known[sort.field], order.id


async def make_shop(database: Database) -> tuple[list[UUID], list[Actor], list[tuple[UUID, Actor | None]]]:
    """The customers, who looks, and of each order its key and who may see it beside the clerk."""
    ada, bob = await make_user(database, "adah"), await make_user(database, "bobby")
    clerk = await make_user(database, "clerk", Scope.ORDERS_READ)
    customers = [await make_customer(database, "Ada", ada), await make_customer(database, "Bob", bob)]
    owned: list[tuple[UUID, Actor | None]] = []
    for index, number in enumerate(NUMBERS):
        owner = (ada, bob, None)[index % 3]
        key = await make_order(
            database,
            number,
            # Of some it is known who bought, of others who placed them.
            customer=customers[index % 3] if owner and index % 2 else None,
            placed_by=owner if index % 2 == 0 else None,
            status=list(OrderStatus)[index % len(OrderStatus)],
            placed_at=SPRING + timedelta(hours=index % 5),
            country=COUNTRIES[index % len(COUNTRIES)],
            total=TOTALS[index % len(TOTALS)],
        )
        owned.append((key, owner))
    return customers, [ada, bob, clerk, Actor.system(), Actor.anonymous()], owned


async def test_random_lists_hold_what_their_filters_say_whoever_looks(database: Database):
    customers, viewers, owned = await make_shop(database)
    reader = OrderReader(database)
    known = await reader.by_ids(Actor.system(), [key for key, _ in owned])
    dice, found = Dice(4711, customers), 0

    for run in range(120):
        viewer, filters, sort = dice.one_of(viewers), dice.filters(), dice.sort()
        sees_all = viewer.has(Scope.ORDERS_READ)
        seen = [known[key] for key, owner in owned if sees_all or owner == viewer]
        wanted = [order for order in seen if passes(filters, facts(order))]
        wanted.sort(key=lambda order: place(order, sort), reverse=sort.descending)
        told = (run, viewer, filters, sort)

        whole = await reader.page(viewer, filters, sort, PageRequest(100))

        assert list(whole.items) == wanted, told
        assert await reader.count(viewer, filters) == len(wanted), told
        assert (whole.has_next, whole.has_previous) == (False, False), told
        first, last = sorted(dice.one_of(range(len(wanted) + 1)) for _ in range(2))
        after = whole.cursors[first - 1] if first else None
        before = whole.cursors[last] if last < len(wanted) else None
        size, backwards = dice.size(), dice.chance()
        between = wanted[first:last]
        part = await reader.page(viewer, filters, sort, PageRequest(size, after, before, backwards))
        assert list(part.items) == (between[-size:] if backwards else between[:size]), told
        assert list(part.cursors) == [whole.cursors[wanted.index(order)] for order in part.items], told
        found += len(wanted)
    assert found > 200


async def test_cursors_are_a_sequence_of_the_rows(database: Database):
    for number in ("A", "B", "C"):
        await make_order(database, number)
    reader, by_number = OrderReader(database), Sort("NUMBER")

    cursors = (await reader.page(Actor.system(), {}, by_number, PageRequest(3))).cursors

    assert (len(cursors), len(set(cursors))) == (3, 3)
    assert [cursors[0], cursors[1], cursors[-1]] == list(cursors)
    assert list(cursors[1:]) == list(cursors)[1:]
    after = [await reader.page(Actor.system(), {}, by_number, PageRequest(3, cursor)) for cursor in cursors]
    assert ["".join(order.number for order in page.items) for page in after] == ["BC", "C", ""]
