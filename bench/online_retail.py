"""How long the import of the whole Online Retail file takes, and how much memory its process needs.

The baseline, in the same run, is the least that any import must do: unpack the file and COPY its columns as text
into one table without a key. Each measurement is a process of its own on a fresh database of the embedded server.

    .venv/bin/python bench/online_retail.py ../shared/data/online-retail/online-retail.csv.xz --runs 3
"""

import argparse
import asyncio
import csv
import lzma
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from db import migrate
from db.embedded import database_url, embedded_server
from db.engine import Database
from db.online_retail import import_online_retail

COLUMNS = ("invoice", "sku", "description", "quantity", "at", "price", "customer", "country")


def main() -> None:
    """Measure both in turn, each `--runs` times, and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one", choices=("import", "baseline"), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        asyncio.run(_measure(given.one, given.file, given.url))
        return
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as directory, embedded_server(Path(directory) / "pg") as server:
        found: dict[str, list[tuple[float, float]]] = {"baseline": [], "import": []}
        for run in range(given.runs):
            for what, measured in found.items():
                url = database_url(server, f"bench_{what}_{run}")
                measured.append(_in_a_process(what, given.file, url))
                print(f"  {what:<9} {measured[-1][0]:6.1f} s  {measured[-1][1]:6.0f} MB")
    medians = {what: [statistics.median(values) for values in zip(*runs, strict=True)] for what, runs in found.items()}
    for what, (seconds, megabytes) in medians.items():
        print(f"median {what:<9} {seconds:6.1f} s  {megabytes:6.0f} MB")
    print(f"ratio  import to baseline {medians['import'][0] / medians['baseline'][0]:.1f}")


def _in_a_process(what: str, file: Path, url: str) -> tuple[float, float]:
    asyncio.run(_prepare(url))
    command = [sys.executable, __file__, str(file), "--one", what, "--url", url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


async def _prepare(url: str) -> None:
    database = Database(url, 2)
    await migrate.upgrade(database)
    await database.close()


async def _measure(what: str, file: Path, url: str) -> None:
    database = Database(url, 2)
    started = time.perf_counter()
    if what == "import":
        await import_online_retail(database, file, lambda *_: None)
    else:
        await _copy(database, file)
    seconds = time.perf_counter() - started
    await database.close()
    print(f"{seconds:.2f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


async def _copy(database: Database, file: Path) -> None:
    async with database.transaction() as connection:
        columns = ", ".join(f"{name} text" for name in COLUMNS)
        await connection.execute(text(f"CREATE TABLE baseline ({columns})"))
        await connection.driver.copy_records_to_table("baseline", records=_records(file), columns=COLUMNS)


def _records(file: Path) -> Iterator[list[str]]:
    with lzma.open(file, "rt", encoding="utf-8", newline="") as lines:
        records = csv.reader(lines)
        next(records)
        yield from records


if __name__ == "__main__":
    main()
