"""The ledger under a crowd: orders, moves, returns, counts and transfers at random from two processes at once."""

import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from factories.goods import make_variant
from factories.orders import PLACE
from factories.people import make_admin
from factories.stock import contradictions
from sqlalchemy import text
from support.crowd import Call, Reply, crowded_shop

from db.inventory_verify import find_differences
from domain.actor import Actor

AT_ONCE = 32
AT_LEAST = 6 * AT_ONCE
SKUS = ("A", "B", "C")
CODES = ("LON", "YRK", "HUL")
REFUSALS = {"INSUFFICIENT_STOCK", "ILLEGAL_TRANSITION", "RETURN_EXCEEDS", "ON_HAND_CONFLICT", "BAD_INPUT"}

MOVE = "mutation ($input: Order%sInput!) { order%s(input: $input) { order { id } userErrors { code } } }"
RETURN = """
mutation ($input: OrderReturnInput!) {
  orderReturn(input: $input) { orderReturn { lines { quantity variant { sku } } } userErrors { code } }
}
"""
STOCK = "mutation ($input: Stock%sInput!) { stock%s(input: $input) { userErrors { code } } }"

ON_HAND = """
SELECT sku, sum(on_hand)::int AS units FROM stock_levels l JOIN variants v ON v.id = l.variant_id GROUP BY sku
"""
WITHOUT_HISTORY = """
SELECT o.number FROM orders o JOIN (
  SELECT aggregate_id, count(*) AS events, max(sequence) AS version,
    (array_agg(payload->>'to' ORDER BY sequence DESC) FILTER (WHERE kind = 'ORDER_STATUS_CHANGED'))[1] AS status
  FROM events WHERE aggregate_type = 'ORDER' GROUP BY aggregate_id
) e ON e.aggregate_id = o.id
WHERE (e.events, e.version, e.status) IS DISTINCT FROM (o.version::bigint, o.version::bigint, o.status)
UNION ALL SELECT number FROM orders o WHERE NOT EXISTS (SELECT FROM events WHERE aggregate_id = o.id)
UNION ALL SELECT aggregate_id::text FROM (
  SELECT aggregate_id, payload->>'from' AS "from", lag(payload->>'to') OVER of_order AS before
  FROM events WHERE kind = 'ORDER_STATUS_CHANGED' WINDOW of_order AS (PARTITION BY aggregate_id ORDER BY sequence)
) chain WHERE "from" IS DISTINCT FROM before
"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


class Chance:
    """Requests at random, and what those that were done must have left on hand."""

    def __init__(self, actor: Actor, seed: int) -> None:
        self.actor, self.random = actor, random.Random(seed)
        self.orders: dict[str, Counter[str]] = {}
        self.on_hand: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    def call(self) -> Call:
        first, later = [self.place, self.stock], [self.move, self.move, self.move, self.take_back]
        return self.random.choice(first if len(self.orders) < AT_ONCE else first + later)()

    def place(self) -> Call:
        lines = [{"sku": self.random.choice(SKUS), "quantity": self.random.randint(1, 3)} for _ in range(3)]
        return Call(self.actor, PLACE, {"lines": lines})

    def move(self) -> Call:
        action = self.random.choice(["Approve", "Ship", "Ship", "Deliver", "Cancel", "Reject"])
        return Call(self.actor, MOVE % (action, action), {"id": self._order()})

    def stock(self) -> Call:
        sku, code, other = self.random.choice(SKUS), *self.random.sample(CODES, 2)
        act, given = self.random.choice(
            [
                ("Receive", {"warehouse": code, "quantity": self.random.randint(1, 9)}),
                ("Adjust", {"warehouse": code, "delta": self.random.choice([-3, -2, -1, 1, 2]), "reason": "Count."}),
                ("Transfer", {"from": code, "to": other, "quantity": self.random.randint(1, 9)}),
            ]
        )
        return Call(self.actor, STOCK % (act, act), {"sku": sku, **given})

    def _order(self) -> str:
        """One of the newest, so that several callers mean the same one."""
        return self.random.choice(list(self.orders)[-AT_ONCE:])

    def take_back(self) -> Call:
        line = {"position": self.random.randint(1, 3), "quantity": self.random.randint(1, 2)}
        some = {"lines": [line]} if self.random.random() < 0.7 else {}
        given = {"id": self._order(), "restock": self.random.random() < 0.7, **some}
        return Call(self.actor, RETURN, given)

    def note(self, call: Call, reply: Reply) -> None:
        """Keep count of a request that was answered."""
        assert reply.errors == []
        self.answered["refused" if reply.codes else "done"] += 1
        assert set(reply.codes) <= REFUSALS
        if reply.codes:
            return
        given = call.input
        if call.query == PLACE:
            units: Counter[str] = Counter()
            for line in given["lines"]:
                units[line["sku"]] += line["quantity"]
            self.orders[reply.payload["order"]["id"]] = units
        elif call.query == MOVE % ("Ship", "Ship"):
            self.on_hand.subtract(self.orders[given["id"]])
        elif call.query == RETURN and given["restock"]:
            for line in reply.payload["orderReturn"]["lines"]:
                self.on_hand[line["variant"]["sku"]] += line["quantity"]
        elif "sku" in given and "from" not in given:
            self.on_hand[given["sku"]] += given.get("quantity", 0) + given.get("delta", 0)


async def test_after_a_random_mix_every_unit_and_every_move_is_accounted_for(
    fresh_url: str, tmp_path: Path, seconds: float, record_property: Any
):
    async with crowded_shop(fresh_url, tmp_path) as (shop, crowd):
        seed = random.randrange(1 << 32)
        chance = Chance(await make_admin(shop.database), seed)
        for sku in SKUS:
            await make_variant(shop.database, sku, LON=40, YRK=40, HUL=40)
            chance.on_hand[sku] = 120

        end = time.monotonic() + seconds / 2
        while time.monotonic() < end or sum(chance.answered.values()) < AT_LEAST:
            calls = [chance.call() for _ in range(AT_ONCE)]
            for call, reply in zip(calls, await crowd.call(calls), strict=True):
                chance.note(call, reply)

        record_property("seed", seed)
        for name, count in chance.answered.items():
            record_property(name, count)
        assert await find_differences(shop.database) == []
        assert await contradictions(shop) == []
        assert await shop.database.read(text(WITHOUT_HISTORY)) == []
        assert {row.sku: row.units for row in await shop.database.read(text(ON_HAND))} == dict(chance.on_hand)
        assert await shop.scalar(DEADLOCKS) == 0
