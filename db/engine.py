"""Connections: one pool, a transaction for each command, and a connection of its own for each read.

Connections are the driver's own, past SQLAlchemy's engines, cursors and results, which cost more than the statements do
(docs/decisions/0017-plain-rows.md).
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import orjson
from sqlalchemy import Executable, Table, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from db.pool import Pool, end
from db.statements import DIALECT, Record, Row, shape_of
from db.writes import Rows, Writes
from domain.refusals import Refused, TookTooLong, bad_input

NOT_TEXT = frozenset({"22021", "22P05"})
"""The SQLSTATEs of a character that PostgreSQL cannot store."""

CANCELLED = "57014"
"""The SQLSTATE of a statement that was given up, by the server because of its time-out."""

OLDEST = 16
"""The oldest version of PostgreSQL that the statements are written for, and the tests are run on."""

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


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


def statement_count() -> StatementCount | None:
    """What counts the statements of the operation that runs, if anything does."""
    return _count.get()


class Result:
    """The rows that a statement returned."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows

    def all(self) -> Sequence[Row]:
        return self._rows

    def first(self) -> Row | None:
        return self._rows[0] if self._rows else None

    def one_or_none(self) -> Row | None:
        """The only row, if there is one."""
        if len(self._rows) > 1:
            raise LookupError("More than one row.")
        return self.first()

    def one(self) -> Row:
        row = self.one_or_none()
        if row is None:
            raise LookupError("No row.")
        return row

    def scalar_one(self) -> Any:
        """The first column of the only row."""
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        """The first column of the only row, or None."""
        row = self.one_or_none()
        return None if row is None else row[0]


class Connection:
    """A connection that carries one statement at a time."""

    __slots__ = ("driver",)

    def __init__(self, driver: Any) -> None:
        """`driver` is the connection of asyncpg."""
        self.driver = driver

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> Result:
        """Run a statement; once for each of several parameters, in which case it returns no rows."""
        if isinstance(parameters, Sequence):
            await self._execute_many(statement, parameters)
            return Result(())
        shape, values = shape_of(statement)
        return Result(await self.fetch(shape.text, shape.bind(parameters, values)))

    async def count(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> int:
        """Run a statement and return how many rows it wrote; 0 for one that writes none."""
        shape, values = shape_of(statement)
        _sent()
        with _Told(shape.text):
            status: str = await self.driver.execute(shape.text, *shape.bind(parameters, values))
        rows = status.rpartition(" ")[2]
        return int(rows) if rows.isdecimal() else 0

    async def fetch(self, sql: str, arguments: Sequence[Any], *, once: bool = False) -> Sequence[Row]:
        """Run the text of a statement and return its rows.

        One that is run `once` is not kept by the driver, nor by the server, for the next time.
        """
        _sent()
        with _Told(sql):
            if once:
                # What has no name is there until the next one comes.
                statement = await self.driver.prepare(sql, name="")
                return await statement.fetch(*arguments)
            return await self.driver.fetch(sql, *arguments)

    async def _execute_many(self, statement: Executable, parameters: Sequence[Mapping[str, Any]]) -> None:
        shape, values = shape_of(statement, tuple(parameters[0]))
        _sent()
        with _Told(shape.text):
            await self.driver.executemany(shape.text, [shape.bind(each, values) for each in parameters])


class Transaction(Connection):
    """A connection in a transaction.

    What is written by `insert` and `update` goes with the next statement that is sent, or at the end: all that was
    written since the last one is one statement. What it breaks is therefore told there.
    """

    __slots__ = ("_writes",)

    def __init__(self, driver: Any) -> None:
        super().__init__(driver)
        self._writes = Writes()

    async def insert(self, table: Table, rows: Rows) -> None:
        """Store new rows, all of the same columns."""
        if rows and not self._writes.insert(table, rows):
            await self.flush()
            self._writes.insert(table, rows)

    async def update(self, table: Table, rows: Rows) -> None:
        """Change rows, each of which is given by its primary key and what it is to hold, all of the same columns."""
        if rows and not self._writes.update(table, rows):
            await self.flush()
            self._writes.update(table, rows)

    async def flush(self) -> None:
        """Send what is to be written."""
        if self._writes:
            sql, arguments = self._writes.statement()
            self._writes = Writes()
            await super().fetch(sql, arguments)

    async def count(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> int:
        await self.flush()
        return await super().count(statement, parameters)

    async def fetch(self, sql: str, arguments: Sequence[Any], *, once: bool = False) -> Sequence[Row]:
        await self.flush()
        return await super().fetch(sql, arguments, once=once)

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None]:
        """What happens in the block is undone if it raises, without the transaction around it."""
        await self.flush()
        _sent()
        async with self.driver.transaction():
            try:
                yield
                await self.flush()
            except BaseException:
                self._writes = Writes()
                raise
            _sent()

    async def _execute_many(self, statement: Executable, parameters: Sequence[Mapping[str, Any]]) -> None:
        await self.flush()
        await super()._execute_many(statement, parameters)


class Database:
    """The pool of connections to one PostgreSQL database."""

    def __init__(
        self,
        url: str,
        pool_size: int = 10,
        *,
        application_name: str = "orderwire",
        statement_seconds: float | None = None,
        page_cost: float | None = None,
        plans_anew: bool = False,
    ) -> None:
        """Connect lazily to `url` (postgresql://…), with at most `pool_size` connections at once.

        A statement that takes longer than `statement_seconds` is given up by the server, and a transaction in which
        nothing happens for as long is rolled back by it. None is for work that may take its time.

        `page_cost` is what the planner takes a page to cost that does not follow the last one, in pages that do; None
        leaves that to the server. `plans_anew` has each statement planned for the values that it is given each time,
        for those whose plan for any values would be a bad one for some.
        """
        # Compiling costs more than our statements take, and what makes them look costly are guesses.
        settings = {"application_name": application_name, "timezone": "UTC", "jit": "off"}
        if statement_seconds is not None:
            # In milliseconds.
            most = str(round(statement_seconds * 1000))
            settings |= {"statement_timeout": most, "idle_in_transaction_session_timeout": most}
        if page_cost is not None:
            settings["random_page_cost"] = str(page_cost)
        if plans_anew:
            settings["plan_cache_mode"] = "force_custom_plan"
        self.url = url
        _, given = DIALECT.create_connect_args(make_url(driver_url(url)))
        self._given: dict[str, Any] = {**given, "server_settings": settings, "record_class": Record}
        self.pool = Pool(self.connect, pool_size)

    async def read(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        """Run one reading statement on a connection of its own and return all rows."""
        shape, values = shape_of(statement)
        return await self.fetch(shape.text, shape.bind(parameters, values))

    async def fetch(self, sql: str, arguments: Sequence[Any], *, once: bool = False) -> Sequence[Row]:
        """Run the text of a reading statement on a connection of its own and return all rows.

        One that is run `once` is not kept for the next time.
        """
        async with self._connected() as connection:
            return await connection.fetch(sql, arguments, once=once)

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        """Run one statement outside any transaction."""
        async with self._connected() as connection:
            await connection.execute(statement, parameters)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        """A connection in a transaction that commits when the block ends well."""
        async with self._connected() as connected:
            connection = Transaction(connected.driver)
            transaction = connection.driver.transaction()
            with _Told("BEGIN"):
                await transaction.start()
            try:
                yield connection
                await connection.flush()
            except Exception:
                # What cannot be rolled back has come to its end with the connection.
                with suppress(*DRIVER_ERRORS, OSError):
                    await transaction.rollback()
                raise
            with _Told("COMMIT"):
                await transaction.commit()

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[Connection]:
        """One connection for several statements, each of which commits by itself.

        The block puts back what it sets. If it fails, the connection goes.
        """
        async with self._connected() as connection:
            try:
                yield connection
            except BaseException:
                await end(connection.driver)
                raise

    async def ping(self) -> None:
        """Fail unless the database answers."""
        await self.read(text("SELECT 1"))

    async def connect(self) -> Any:
        """A new connection of asyncpg, past the pool.

        Raises:
            ConnectionError: there is no server, or one that is too old.
        """
        with _Told("CONNECT"):
            driver: Any = await cast("Any", asyncpg).connect(**self._given)
            try:
                _refuse_if_too_old(driver)
                await driver.set_type_codec(
                    "jsonb", schema="pg_catalog", encoder=_jsonb_of, decoder=_of_jsonb, format="binary"
                )
            except BaseException:
                driver.terminate()
                raise
        return driver

    async def close(self) -> None:
        await self.pool.close()

    def _connected(self) -> "_Connected":
        return _Connected(self.pool)


class _Connected:
    """A connection out of the pool. It goes back as it came, which takes no round trip, or it does not go back."""

    __slots__ = ("_driver", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> Connection:
        self._driver = await self._pool.take()
        return Connection(self._driver)

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        driver = self._driver
        # Given up in the middle, or told by a server that stops that it is over.
        is_over = error is not None and (
            not isinstance(error, Exception) or isinstance(getattr(error, "orig", None), asyncpg.InternalClientError)
        )
        try:
            if is_over or (not driver.is_closed() and driver.is_in_transaction()):
                await end(driver)
        finally:
            self._pool.give_back(driver)


def driver_url(url: str) -> str:
    """The URL with SQLAlchemy's name of the driver, which users need not know."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+asyncpg{separator}{rest}" if scheme in {"postgres", "postgresql"} else url


def _jsonb_of(text: str) -> bytes:
    """JSON as PostgreSQL sends and takes it: the version of that form, which is 1, and the text."""
    return b"\x01" + text.encode()


def _of_jsonb(sent: bytes) -> Any:
    return orjson.loads(sent[1:])


def _refuse_if_too_old(driver: Any) -> None:
    # It is told with the connection, and takes no statement.
    if driver.get_server_version().major < OLDEST:
        message = f"PostgreSQL {OLDEST} or newer is needed, not {driver.get_settings().server_version}."
        raise ConnectionError(message)


def _sent() -> None:
    count = _count.get()
    if count is not None:
        count.value += 1


class _Told:
    """Says what went wrong in the domain's words where it has any, and else in SQLAlchemy's."""

    __slots__ = ("_sql",)

    def __init__(self, sql: str) -> None:
        self._sql = sql

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, DRIVER_ERRORS):
            return
        state = getattr(error, "sqlstate", None)
        if state in NOT_TEXT:
            # Any text may come from a caller and hold U+0000, in a filter as in a note: that is no fault of ours.
            raise Refused(bad_input("A text cannot contain the character U+0000.")) from None
        if state == CANCELLED:
            raise TookTooLong from None
        is_broken_rule = isinstance(error, asyncpg.IntegrityConstraintViolationError)
        kind = IntegrityError if is_broken_rule else DBAPIError
        raise kind(self._sql, None, error, hide_parameters=True) from error
