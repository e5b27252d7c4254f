"""`orderwire events status`: the gauges of the log, for people and for programs."""

import json
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text
from support.log import settle
from support.processes import run

from app.cli import LATE
from db.engine import Database

WAITING = """
INSERT INTO pending_events (aggregate_type, aggregate_id, sequence, kind, occurred_at)
VALUES ('ORDER', :key, 1, 'ORDER_LINES_RETURNED', now() - make_interval(secs => :age))
"""


async def test_a_log_that_keeps_up_is_told_of_in_a_table(database: Database, fresh_url: str, tmp_path: Path):
    for age in (9000, 0):
        await database.execute(text(WAITING), {"key": uuid4(), "age": age})
    await settle(database)
    await database.execute(text("UPDATE event_log SET swept = 7"))

    result = run(tmp_path, "events", "status", database_url=fresh_url)

    assert (result.returncode, result.stderr) == (0, "")
    told = [line.rsplit(maxsplit=1) for line in result.stdout.splitlines()]
    assert [[name.strip(), value] for name, value in told if "oldest" not in name] == [
        ["waiting for a place", "0"],
        ["newest position", "2"],
        ["dropped up to", "0"],
        ["partitions", "2"],
        ["room up to", "200,000"],
        ["found by sweeps", "7"],
    ]


async def test_a_log_that_lags_ends_with_1_and_says_so_to_programs(database: Database, fresh_url: str, tmp_path: Path):
    for age in (LATE + 30, 0):
        await database.execute(text(WAITING), {"key": uuid4(), "age": age})

    result = run(tmp_path, "events", "status", "--json", database_url=fresh_url)

    gauges = json.loads(result.stdout)
    assert LATE < gauges.pop("oldest_pending") < LATE + 90
    assert gauges == {"pending": 2, "head": 0, "low": 0, "partitions": 0, "partitioned_to": 0, "swept": 0, "late": True}
    assert result.returncode == 1
    assert result.stderr == "An event has waited for more than 60 seconds. Is a server running?\n"
