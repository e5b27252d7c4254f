"""The proofs: a few seconds each in `make test`, as many minutes as you give in `make torture`.

A proof puts the real server under load and then counts. What it counted goes, by `record_property`, into a table
below the results.
"""

import os
from collections.abc import Generator

import pytest
from rich.console import Console
from rich.table import Table

MINUTES = float(os.environ.get("ORDERWIRE_TORTURE_MINUTES", "0"))
"""Minutes that each proof under load goes on in the long mode; 0 is the short mode."""

SHORT = 2.0


@pytest.fixture
def seconds() -> float:
    """How long load goes on."""
    return MINUTES * 60 or SHORT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What each proof has counted."""
    table = Table(title="Proofs", title_justify="left")
    for heading in ("proof", "result", "counted"):
        table.add_column(heading)
    for proof, result, counted in _rows(terminalreporter):
        table.add_row(proof, result, counted)
    if table.row_count:
        terminalreporter.write_line("")
        Console(width=160).print(table)


def _rows(terminalreporter: pytest.TerminalReporter) -> Generator[tuple[str, str, str]]:
    for result in ("passed", "failed"):
        for report in terminalreporter.getreports(result):
            if "tests/proofs/" in report.nodeid and (result == "failed" or report.user_properties):
                counted = ", ".join(f"{name} {value}" for name, value in report.user_properties)
                yield report.nodeid.removeprefix("tests/proofs/"), result, counted
