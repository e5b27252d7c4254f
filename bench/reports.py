"""What a report takes of PostgreSQL: CPU time of its backend for each report, over two years.

The baseline, in the same run, adds the same figures up from the orders themselves.

    .venv/bin/python bench/reports.py ../shared/data/online-retail/online-retail.csv.xz
"""

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

from sqlalchemy import text

from db import migrate
from db.embedded import database_url, embedded_server
from db.engine import Database
from db.online_retail import import_online_retail
from db.reports import SqlReports
from domain.reports.model import Period, ReportInterval, TopProductsBy

CALLS = 200
ROUNDS = 5
TICK = 1000 / os.sysconf("SC_CLK_TCK")

BASELINE = text("""
SELECT (hour AT TIME ZONE 'Europe/London')::date AS day,
       sum(orders), sum(units), sum(gross), sum(returns), sum(adjustments)
FROM sales_facts WHERE currency = 'GBP' AND hour >= '2010-01-01' AND hour < '2012-01-01' GROUP BY 1
""")


def main() -> None:
    """Import the file into a fresh database, and print the median CPU time of each report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    with tempfile.TemporaryDirectory() as directory, embedded_server(Path(directory) / "pg") as server:
        asyncio.run(_measure(database_url(server, "bench"), file))


async def _measure(url: str, file: Path) -> None:
    # One connection, so one backend, whose CPU time is the statement's alone.
    database = Database(url, 1)
    await migrate.upgrade(database)
    await import_online_retail(database, file, lambda *_: None)
    await database.execute(text("VACUUM ANALYZE"))
    version, backend = (await database.read(text("SELECT current_setting('server_version'), pg_backend_pid()")))[0]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, PostgreSQL {version}")
    reports, period = SqlReports(database, "GBP"), Period(date(2010, 1, 1), date(2011, 12, 31), "Europe/London")
    elsewhere = Period(period.start, period.end, "Asia/Kolkata")
    for name, calls, call in (
        ("sales by day", CALLS, lambda: reports.sales(period, ReportInterval.DAY)),
        ("sales by month", CALLS, lambda: reports.sales(period, ReportInterval.MONTH)),
        ("sales by day, Kolkata", CALLS, lambda: reports.sales(elsewhere, ReportInterval.DAY)),
        ("orderStats", CALLS, lambda: reports.order_stats(None)),
        ("topProducts", CALLS // 10, lambda: reports.top_products(period, TopProductsBy.UNITS, 10)),
        ("salesByCountry", CALLS // 10, lambda: reports.sales_by_country(period)),
        ("baseline: sales from the orders", CALLS // 40, lambda: database.read(BASELINE)),
    ):
        taken = [await _cpu(backend, calls, call) for _ in range(ROUNDS)]
        print(f"{name:<33}{statistics.median(taken):8.2f} ms  ({min(taken):.2f} to {max(taken):.2f})")
    await database.close()


async def _cpu(backend: int, calls: int, call: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds of CPU that a backend took for each call."""
    await call()
    before = _ticks(backend)
    for _ in range(calls):
        await call()
    return (_ticks(backend) - before) * TICK / calls


def _ticks(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


if __name__ == "__main__":
    main()
