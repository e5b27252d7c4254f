"""The ledger: whatever is asked in whatever order, the shop answers as a plain model does, and every unit is found."""

import asyncio
import copy
import itertools
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from factories.goods import make_variant, make_warehouse
from factories.people import make_admin
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from support.ledger_model import WAREHOUSES, Model
from support.shop import Shop

from app.settings import Settings
from app.wiring import running
from db.inventory_verify import find_differences
from domain.actor import Actor

LEVELS = """
SELECT sku, code, on_hand, reserved FROM stock_levels l
JOIN variants v ON v.id = l.variant_id JOIN warehouses w ON w.id = l.warehouse_id WHERE sku LIKE :mine
"""
ORDERS = (
    "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Order { status version allowedActions { action allowed } } } }"
)

SKUS = st.sampled_from("ABC")
CODES = st.sampled_from(WAREHOUSES)
UNITS = st.integers(1, 4)
WAYS = st.sampled_from(["once", "once", "twice", "rehearsed"])
"""How a request is sent: as it is, twice with one key, or as a dry run."""

Way = str
Run = Callable[[Any], Any]


@pytest.fixture
def shop_and_run(fresh_url: str, tmp_path: Path) -> Generator[tuple[Shop, Actor, Run]]:
    """A shop with three warehouses, an admin, and an event loop that goes on between the steps of a machine."""
    given = Settings(database_url=fresh_url, broadcast_url="memory://", data_dir=tmp_path, live_poll_seconds=60)
    with asyncio.Runner() as runner:
        process = running(given)
        shop = Shop(runner.run(process.__aenter__()))
        for priority, code in enumerate(WAREHOUSES):
            runner.run(make_warehouse(shop.database, code, priority))
        try:
            yield shop, runner.run(make_admin(shop.database)), runner.run
        finally:
            runner.run(process.__aexit__(None, None, None))


class Ledger(RuleBasedStateMachine):
    """The shop beside its model; each example has three variants of its own, C of which is promised ahead."""

    shop: Shop
    admin: Actor
    run: Run
    examples = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"X{next(self.examples)}-"
        self.model = Model(ahead=self.sku("C"))
        self.ids: list[str] = []
        for letter, stock in (("A", {"LON": 2, "YRK": 2, "HUL": 4}), ("B", {"YRK": 4}), ("C", {"LON": 2})):
            sku = self.sku(letter)
            key = self.run(make_variant(self.shop.database, sku, **stock))
            if letter == "C":
                allow = text("UPDATE variants SET allow_backorder = true WHERE id = :key")
                self.run(self.shop.database.execute(allow, {"key": key}))
            for code, units in stock.items():
                self.model.receive((sku, code), units)

    def sku(self, letter: str) -> str:
        return f"{self.prefix}{letter}"

    def send(self, way: Way, name: str, given: dict[str, Any], judge: Callable[[Model], list[str]]) -> dict[str, Any]:
        """Send a request in some way; what it is answered must be what the model says."""
        expected = judge(copy.deepcopy(self.model) if way == "rehearsed" else self.model)
        extra = {"once": {}, "twice": {"idempotencyKey": str(uuid4())}, "rehearsed": {"dryRun": True}}[way]
        wanted = "order { id }" if name.startswith("order") else ""
        answer = f"{{ {wanted} userErrors {{ code }} }}"
        query = f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {answer} }}"
        for _ in range(2 if way == "twice" else 1):
            payload = self.run(self.shop.get(query, self.admin, input=given | extra))[name]
            assert [error["code"] for error in payload["userErrors"]] == expected
        return payload

    @initialize(back=st.integers(1, 4))
    def something_has_left_three_warehouses_and_some_came_back(self, back: int):
        wanted = [(self.sku("A"), 4), (self.sku("A"), 2), (self.sku("B"), 1)]
        self.buy("once", wanted)
        for action in ("approve", "ship"):
            name, given = f"order{action.capitalize()}", {"id": self.ids[0]}
            self.send("once", name, given, lambda model, action=action: model.move(action, 0))
        given = {"id": self.ids[0], "lines": [{"position": 1, "quantity": back}]}
        self.send("once", "orderReturn", given, lambda model: model.take_back(0, [(1, back)], restock=True))

    def buy(self, way: Way, wanted: list[tuple[str, int]]) -> None:
        given = {"lines": [{"sku": sku, "quantity": units} for sku, units in wanted]}
        payload = self.send(way, "orderPlace", given, lambda model: model.place(wanted))
        if payload["order"]:
            self.ids.append(payload["order"]["id"])

    @rule(lines=st.lists(st.tuples(SKUS, UNITS), min_size=1, max_size=4), twice=st.booleans())
    def place(self, lines: list[tuple[str, int]], twice: bool):
        self.buy("twice" if twice else "once", [(self.sku(letter), units) for letter, units in lines])

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), action=st.sampled_from(["approve", "reject", "cancel", "ship", "deliver"]), way=WAYS)
    def move(self, data: st.DataObject, action: str, way: Way):
        index = data.draw(st.integers(0, len(self.ids) - 1))
        given = {"id": self.ids[index]}
        self.send(way, f"order{action.capitalize()}", given, lambda model: model.move(action, index))

    @precondition(
        lambda self: any("deliver" in order.allowed or "return" in order.allowed for order in self.model.orders)
    )
    @rule(data=st.data(), way=WAYS, restock=st.booleans())
    def take_back(self, data: st.DataObject, way: Way, restock: bool):
        there = [index for index, order in enumerate(self.model.orders) if "return" in order.allowed]
        self.return_some(data, data.draw(st.sampled_from(there)), way, restock=restock)

    def return_some(self, data: st.DataObject, index: int, way: Way, *, restock: bool) -> None:
        positions = st.integers(1, len(self.model.orders[index].lines))
        some = st.lists(st.tuples(positions, UNITS), min_size=1, max_size=3, unique_by=lambda line: line[0])
        lines = data.draw(st.one_of(some, some, st.none()))
        named = {"lines": [{"position": position, "quantity": units} for position, units in lines]} if lines else {}
        given = {"id": self.ids[index], "restock": restock, **named}
        self.send(way, "orderReturn", given, lambda model: model.take_back(index, lines, restock=restock))

    @rule(data=st.data(), way=WAYS)
    def ship_what_is_pending(self, data: st.DataObject, way: Way):
        """Several moves in one step, so that goods leave and come back often enough."""
        pending = [index for index, order in enumerate(self.model.orders) if order.status == "PENDING"]
        if pending:
            index = data.draw(st.sampled_from(pending))
            for action, how in (("approve", "once"), ("ship", way)):
                given = {"id": self.ids[index]}
                self.send(how, f"order{action.capitalize()}", given, lambda model, a=action: model.move(a, index))
            if self.model.orders[index].status == "SHIPPED" and data.draw(st.booleans()):
                self.return_some(data, index, way, restock=True)

    @rule(letter=SKUS, code=CODES, units=UNITS, way=WAYS)
    def receive(self, letter: str, code: str, units: int, way: Way):
        sku = self.sku(letter)
        given = {"sku": sku, "warehouse": code, "quantity": units}
        self.send(way, "stockReceive", given, lambda model: model.receive((sku, code), units))

    @rule(
        letter=SKUS, code=CODES, delta=st.integers(-4, 4).filter(bool), counted=st.sampled_from([None, 0, 1]), way=WAYS
    )
    def adjust(self, letter: str, code: str, delta: int, counted: int | None, way: Way):
        """`counted` is how far the expected number is from the true one."""
        place = self.sku(letter), code
        level = self.model.levels.get(place)
        expected = None if counted is None else counted + (level.on_hand if level else 0)
        given = {"sku": place[0], "warehouse": code, "delta": delta, "reason": "Count.", "expectedOnHand": expected}
        self.send(way, "stockAdjust", given, lambda model: model.adjust(place, delta, expected))

    @rule(letter=SKUS, start=CODES, end=CODES, units=UNITS, way=WAYS)
    def transfer(self, letter: str, start: str, end: str, units: int, way: Way):
        sku = self.sku(letter)
        given = {"sku": sku, "from": start, "to": end, "quantity": units}
        self.send(way, "stockTransfer", given, lambda model: model.transfer(sku, start, end, units))

    @invariant()
    def levels_are_those_of_the_model(self):
        rows = self.run(self.shop.database.read(text(LEVELS), {"mine": f"{self.prefix}%"}))
        found = {(row.sku, row.code): (row.on_hand, row.reserved) for row in rows}
        assert found == {place: (level.on_hand, level.reserved) for place, level in self.model.levels.items()}
        for (sku, _), (on_hand, reserved) in found.items():
            assert on_hand >= 0
            assert reserved >= 0
            assert reserved <= on_hand or sku == self.model.ahead

    @invariant()
    def every_unit_is_accounted_for(self):
        assert self.run(find_differences(self.shop.database)) == []

    @invariant()
    def orders_are_those_of_the_model(self):
        nodes = self.run(self.shop.get(ORDERS, self.admin, ids=self.ids[:50]))["nodes"]
        found = [
            (
                node["status"],
                node["version"],
                {each["action"].lower() for each in node["allowedActions"] if each["allowed"]},
            )
            for node in nodes
        ]
        assert found == [(order.status, order.version, order.allowed) for order in self.model.orders]


def test_the_shop_answers_as_the_model_does(
    shop_and_run: tuple[Shop, Actor, Run], seconds: float, record_property: Any
):
    shop, admin, run = shop_and_run

    class Machine(Ledger):
        pass

    Machine.shop, Machine.admin, Machine.run = shop, admin, staticmethod(run)
    is_long = seconds > 10
    size = settings(
        max_examples=100 if is_long else 10,
        stateful_step_count=50 if is_long else 16,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    end = time.monotonic() + seconds
    while True:
        run_state_machine_as_test(Machine, settings=size)
        if not is_long or time.monotonic() > end:
            break
    orders = run(shop.scalar("SELECT count(*) FROM orders"))
    assert orders > 0
    record_property("orders", orders)
    record_property("movements", run(shop.scalar("SELECT count(*) FROM stock_movements")))
