"""Connections: one pool, a transaction for each command, and a connection of its own for each read."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import ExceptionContext, Executable, Row, event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.refusals import Refused, TookTooLong, bad_input

NOT_TEXT = frozenset({"22021", "22P05"})
"""The SQLSTATEs of a character that PostgreSQL cannot store."""

CANCELLED = "57014"
"""The SQLSTATE of a statement that was given up, by the server because of its time-out."""


class StatementCount:
    """How many statements an operation has sent; shared by all tasks that the operation starts."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


_count: ContextVar[StatementCount | None] = ContextVar("statement_count", default=None)


def count_statements() -> StatementCount:
    """Count the statements sent from here on, by this task and those it starts."""
    count = StatementCount()
    _count.set(count)
    return count


class Database:
    """The pool of connections to one PostgreSQL database."""

    def __init__(
        self,
        url: str,
        pool_size: int = 10,
        *,
        application_name: str = "orderwire",
        statement_seconds: float | None = None,
    ) -> None:
        """Connect lazily to `url` (postgresql://…), with at most `pool_size` connections at once.

        A statement that takes longer than `statement_seconds` is given up by the server, and a transaction in which
        nothing happens for as long is rolled back by it. None is for work that may take its time.
        """
        # Compiling costs more than our statements take, and what makes them look costly are guesses.
        settings = {"application_name": application_name, "timezone": "UTC", "jit": "off"}
        if statement_seconds is not None:
            # In milliseconds.
            most = str(round(statement_seconds * 1000))
            settings |= {"statement_timeout": most, "idle_in_transaction_session_timeout": most}
        self.engine: AsyncEngine = create_async_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=0,
            # An error goes to the log; what was bound to the statement may be a secret.
            hide_parameters=True,
            connect_args={"server_settings": settings},
        )
        # Reads are single statements: without BEGIN and COMMIT they take one round trip instead of three.
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(self.engine.sync_engine, "before_cursor_execute", _count_statement)
        event.listen(self.engine.sync_engine, "checkout", _refuse_closed)
        event.listen(self.engine.sync_engine, "handle_error", _translate)

    async def read(self, statement: Executable, parameters: Any = None) -> Sequence[Row[Any]]:
        """Run one reading statement on a connection of its own and return all rows."""
        async with self._autocommit.connect() as connection:
            return (await connection.execute(statement, parameters)).all()

    async def execute(self, statement: Executable, parameters: Any = None) -> None:
        """Run one statement outside any transaction."""
        async with self._autocommit.connect() as connection:
            await connection.execute(statement, parameters)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        """A connection in a transaction that commits when the block ends well."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[AsyncConnection]:
        """One connection for several statements, each of which commits by itself."""
        async with self._autocommit.connect() as connection:
            yield connection

    async def ping(self) -> None:
        """Fail unless the database answers."""
        await self.read(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


def driver_url(url: str) -> str:
    """The URL with SQLAlchemy's name of the driver, which users need not know."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+asyncpg{separator}{rest}" if scheme in {"postgres", "postgresql"} else url


def _count_statement(*_: object) -> None:
    count = _count.get()
    if count is not None:
        count.value += 1


def _refuse_closed(connection: Any, *_: object) -> None:
    """Have the pool replace a connection that died with a restarted server, at no cost to the others.

    The driver knows at once when its socket closes; asking the server each time would take a round trip.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _translate(context: ExceptionContext) -> None:
    """Say what the domain has a word for."""
    state = getattr(context.original_exception, "sqlstate", None)
    if state in NOT_TEXT:
        # Any text may come from a caller and hold U+0000, in a filter as in a note: that is no fault of ours.
        raise Refused(bad_input("A text cannot contain the character U+0000.")) from None
    if state == CANCELLED:
        raise TookTooLong from None
