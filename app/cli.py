"""The command line: `orderwire --help`."""

import gc
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from app.cli_access import clients, keys
from app.settings import Settings
from app.terminal import BAD_INPUT, err, fail, out, with_database

app = typer.Typer(help="Orderwire: the back office of a shop as one GraphQL server.", no_args_is_help=True)
importer = typer.Typer(help="Bring in data from elsewhere.", no_args_is_help=True)
app.add_typer(importer, name="import")
inventory = typer.Typer(help="Look after the stock.", no_args_is_help=True)
app.add_typer(inventory, name="inventory")

events = typer.Typer(help="Look after the log of events.", no_args_is_help=True)
app.add_typer(events, name="events")

app.add_typer(clients, name="clients")
app.add_typer(keys, name="keys")
reports = typer.Typer(help="Look after the figures of the reports.", no_args_is_help=True)
app.add_typer(reports, name="reports")

LATE = 60
"""Seconds that an event may wait for its place in the log; a server that runs needs a moment."""


def main() -> None:
    """Run the command line; a wrong setting or an unreachable server is one line, not a traceback."""
    try:
        app()
    except Exception as error:
        told = _explain(error)
        if told is None:
            raise
        message, code = told
        err.print(message)
        sys.exit(code)


def _explain(error: Exception) -> tuple[str, int] | None:
    """What to tell of an error that is not a fault of the program, and the exit code."""
    # Imported here, for a command that ends well may need none of them.
    from sqlalchemy.exc import ArgumentError, DBAPIError

    from app.access.keys import SettingError
    from app.graphql.documents import ManifestError
    from domain.refusals import Refused

    match error:
        case ValidationError():
            return "\n".join(map(_problem, error.errors())), BAD_INPUT
        case Refused() | SettingError() | ManifestError():
            return str(error), BAD_INPUT
        case ArgumentError():
            return "ORDERWIRE_DATABASE_URL: not a URL like postgresql://user:password@host:5432/database", BAD_INPUT
        case DBAPIError() | ConnectionError():
            return f"The database cannot be used: {getattr(error, 'orig', None) or error}", 1
        case OSError():
            return f"{error.filename}: {error.strerror}. ORDERWIRE_DATA_DIR must be a directory that can be written.", 1
        case _:
            return None


def _problem(problem: Any) -> str:
    """A wrong setting, by the name that it has in the environment."""
    said = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return said
    name, *place = problem["loc"]
    within = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return f"ORDERWIRE_{name.upper()}{within}: {said}"


@app.command()
def serve() -> None:
    """Prepare what is missing and serve until Ctrl-C."""
    # What is made until it serves stays, as what is imported does: app/main.py has the collector begin then.
    gc.disable()
    from app.serve import AddressInUseError
    from app.serve import serve as run

    try:
        run(Settings())
    except AddressInUseError as error:
        fail(str(error), code=1)


@app.command()
def migrate() -> None:
    """Bring the database to the newest migration; creates it where it does not exist."""
    from db import migrate as migrations

    async def work(database: Any) -> None:
        await migrations.upgrade(database)

    with_database(work)
    out.print(f"At migration {migrations.head()}.")


@app.command()
def seed() -> None:
    """Fill an empty shop with the demo shop."""
    from app.access.passwords import LoneHasher
    from app.prepare import seed as fill

    async def work(database: Any) -> bool:
        settings = Settings()
        return await fill(database, LoneHasher.of(settings), settings.currency)

    if not with_database(work):
        fail("The shop is not empty: nothing was added.", code=1)
    out.print("The demo shop is in.")


@app.command("create-admin")
def create_admin(
    username: Annotated[str, typer.Argument(help="4 to 20 letters or digits.")],
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="8 to 256 characters.")
    ],
) -> None:
    """Make another admin."""
    from app.access.passwords import LoneHasher
    from app.wiring import system_unit_of_work
    from domain.users.commands import register_user

    async def work(database: Any) -> None:
        uow = system_unit_of_work(database)
        await register_user(uow, LoneHasher.of(Settings()), username, None, password, throttle=None, is_admin=True)

    with_database(work)
    out.print(f"{username} is an admin now.")


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from graph.schema import build_schema

    sys.stdout.write(f"{build_schema().as_str()}\n")


@importer.command("online-retail")
def import_online_retail(
    file: Annotated[Path, typer.Argument(help="A .csv file, or one packed as .gz or .xz.")],
) -> None:
    """Import an Online Retail file: invoices, returns, write-offs and adjustments of a real shop."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from db.online_retail import import_online_retail as load
    from domain.online_retail import ImportRefused

    columns = (TextColumn("{task.description:<12}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int | None) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=total)
            progress.update(bars[stage], completed=done, total=total)

        try:
            result = with_database(lambda database: load(database, file, tell))
        except (ImportRefused, OSError) as error:
            progress.stop()
            fail(f"{error}\nNothing of the file was kept.", code=BAD_INPUT)
    if Settings().currency != "GBP":
        err.print("The file is in pounds: reports, which are in ORDERWIRE_CURRENCY, do not count it.")
    for name, count in asdict(result).items():
        out.print(f"{name.replace('_', ' '):<22}{count:>12,}")


@inventory.command("verify")
def verify_inventory(
    repair: Annotated[
        bool, typer.Option("--repair", help="Write the movements that are missing, then compare again.")
    ] = False,
) -> None:
    """Compare each stock level with its movements and reservations; exit code 1 where they differ."""
    from app.wiring import system_unit_of_work
    from db.inventory_verify import count_levels, find_differences
    from domain.inventory.verify import repair_levels

    async def work(database: Any) -> tuple[int, int, Any]:
        found = await find_differences(database)
        _tell_differences(found)
        repaired = 0
        if repair and found:
            repaired = await repair_levels(system_unit_of_work(database), found)
            found = await find_differences(database)
        return await count_levels(database), repaired, found

    levels, repaired, left = with_database(work)
    if repaired:
        out.print(f"Repaired: {repaired}.")
    if left:
        remedy = " Count what more is reserved than on hand, and adjust it." if repair else ""
        fail(f"{len(left)} of {levels} levels differ from their movements or reservations.{remedy}", code=1)
    out.print(f"{levels} levels agree with their movements and reservations.")


@events.command("status")
def events_status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object, with `late`.")] = False,
) -> None:
    """Tell how the log does; exit code 1 where an event has waited for its place for more than 60 seconds."""
    from db.event_sequencer import EventSequencer

    gauges = with_database(lambda database: EventSequencer(database).gauges())
    is_late = gauges.oldest_pending > LATE
    if as_json:
        sys.stdout.write(f"{json.dumps({**asdict(gauges), 'late': is_late})}\n")
    else:
        table = Table(box=None, pad_edge=False, show_header=False)
        for meaning, value in (
            ("waiting for a place", f"{gauges.pending:,}"),
            ("the oldest of them", f"{gauges.oldest_pending:,.1f} s"),
            ("newest position", f"{gauges.head:,}"),
            ("dropped up to", f"{gauges.low:,}"),
            ("partitions", f"{gauges.partitions:,}"),
            ("room up to", f"{gauges.partitioned_to:,}"),
            ("found by sweeps", f"{gauges.swept:,}"),
        ):
            table.add_row(meaning, Text(value, justify="right"))
        out.print(table)
    if is_late:
        fail(f"An event has waited for more than {LATE} seconds. Is a server running?", code=1)


@reports.command("rebuild")
def rebuild_reports() -> None:
    """Recompute what the reports read from the orders, lines, returns and adjustments themselves. Servers may run."""
    from db.sales import correct

    async def work(database: Any) -> int:
        async with database.transaction() as connection:
            return await correct(connection)

    wrong = with_database(work)
    out.print(f"Corrected: {wrong} rows." if wrong else "The reports agree with the orders.")


@app.command()
def doctor() -> None:
    """Look whether everything that a server needs is in place; exit code 1 where something is not."""
    from app.doctor import examine

    findings = examine(Settings())
    for finding in findings:
        out.print(f"{'ok ' if finding.is_fine else 'BAD'}  {finding.what:<12} {finding.detail}", markup=False)
    if not all(finding.is_fine for finding in findings):
        raise typer.Exit(1)


def _tell_differences(differences: Any) -> None:
    if not differences:
        return
    on_hand, reserved = ("on hand", "by movements"), ("reserved", "by movements", "by reservations")
    table = Table("SKU", "warehouse", box=None, pad_edge=False)
    for name in (*on_hand, *reserved):
        table.add_column(name, justify="right")
    for each in differences:
        numbers = each.on_hand, each.tally.on_hand, each.reserved, each.tally.reserved, each.tally.held
        table.add_row(escape(each.sku), escape(each.warehouse), *map(str, numbers))
    out.print(table)
