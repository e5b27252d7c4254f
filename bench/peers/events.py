"""Writes events straight into the log, as a second process of the shop would that had moved orders: for fan_out.py.

Each line of standard input is a number of events, which are committed together, get their places and are rung for, by
the parts of the server that do so; `occurredAt` is stamped just before. What it costs to move orders is in no figure.
"""

import asyncio
import itertools
import json
import random
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uvloop
from sqlalchemy import text

from app.live.doorbell import Doorbell
from app.live.sequencing import Sequencing
from db.engine import Database
from db.event_sequencer import EventSequencer
from domain.events.model import EventKind

POLL = 60.0

ORDERS = text("SELECT id FROM orders ORDER BY number LIMIT 1000")
WRITE = text(f"""
INSERT INTO pending_events (aggregate_type, aggregate_id, sequence, kind, payload, occurred_at)
SELECT 'ORDER', id, 1000, '{EventKind.ORDER_STATUS_CHANGED}',
  '{{"from": "PENDING", "to": "APPROVED"}}', CAST(:now AS timestamptz) + n * interval '1 microsecond'
FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS told (id, n)
""")


async def main(url: str) -> None:
    """Write until standard input ends."""
    database = Database(url, 3)
    sequencing = Sequencing(EventSequencer(database), POLL)
    doorbell = Doorbell(url, lambda: None)
    sequencing.on_news = doorbell.ring
    ids: list[UUID] = [row.id for row in await database.read(ORDERS)]
    random.Random(1).shuffle(ids)
    orders = itertools.cycle(ids)
    await doorbell.start()
    await sequencing.start()
    _say("ready")
    while line := await asyncio.to_thread(sys.stdin.readline):
        told = list(itertools.islice(orders, int(line)))
        given: dict[str, Any] = {"ids": told, "now": datetime.now(UTC)}
        await database.execute(WRITE, given)
        sequencing.nudge()
        _say("written")
    await sequencing.stop()
    await doorbell.stop()
    await database.close()


def _say(what: str) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
