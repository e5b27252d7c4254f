"""The oldest PostgreSQL that is promised, in the place of the embedded one, for all tests of this folder."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.databases import commanding, forgetful, make_template


@contextmanager
def oldest_server(data_dir: Path) -> Generator[str]:
    """Start PostgreSQL 16 in an empty directory; yields the URL of the server."""
    # Imported here, for not every Python and machine has it.
    from pgserver import get_server

    with get_server(data_dir) as server:
        yield server.get_uri()


@pytest.fixture(scope="session")
def postgres() -> Generator[str]:
    """The URL of the server; all that is made of it is made anew, for what the tests elsewhere have is on another."""
    with forgetful(oldest_server) as url:
        yield url


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    return make_template(postgres)


@pytest.fixture(scope="session")
def command(postgres: str) -> Generator[Callable[[str], None]]:
    with commanding(postgres) as command:
        yield command
