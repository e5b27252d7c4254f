"""Who gets what: the readers, stores, signers and live events of one process, made from its settings."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from app.access.keys import KeyRing
from app.access.passwords import Hasher, ResetTokens
from app.access.revocations import RevocationWatch
from app.access.throttle import Throttle
from app.access.tokens import JwtIssuer
from app.chores import Chores
from app.graphql.limits import budgets_of, limits_of
from app.later import Later
from app.live.doorbell import Doorbell
from app.live.hub import Hub
from app.live.sequencing import Sequencing
from app.mail import mailer
from app.rollups import RollUps
from app.settings import Settings
from db.catalog import ProductReader, VariantReader
from db.customers import CustomerReader
from db.engine import Database, count_statements
from db.event_reader import EventReader
from db.event_sequencer import EventSequencer
from db.events import EventLog
from db.housekeeping import Housekeeping
from db.inventory import StockLevelReader, StockMovementReader, WarehouseReader
from db.orders import OrderReader
from db.reports import SqlReports
from db.returns import AdjustmentReader, OrderReturnReader
from db.roles import RoleReader
from db.tokens import RevokedTokens
from db.unit_of_work import SqlUnitOfWork
from db.users import UserReader
from db.writer import SqlWriter
from domain.actor import Actor, Origin
from domain.passwords.commands import Resetting
from domain.tokens.revocations import Revocations
from graph.context import Services
from graph.limits.desk import Desk
from graph.limits.turns import WAITING, Turns
from graph.live.streams import Streams
from graph.readers import Readers

if TYPE_CHECKING:
    from app.valkey import Valkey

LOG_CONNECTIONS = 4
"""How many connections of a process serve the log, the revocations and the chores."""

SEARCH_CONNECTIONS = 4
"""How many connections of a process serve lists that are filtered by what their order does not follow."""

REPORT_CONNECTIONS = 2
"""How many connections of a process serve reports, which take long and must not leave all else without any."""

PAGE_COST = 1.1
"""Requests read few rows, which lie in memory. PostgreSQL's own guess is 4, for disks that turn: by that it would
sooner read the whole catalog than find a customer's forty variants in it."""

PATIENCE = 5.0
"""Seconds that an operation waits while as many of its caller are being executed as may be."""


@dataclass(frozen=True, slots=True)
class Process:
    """What a running process holds."""

    settings: Settings
    database: Database
    doorbell: Doorbell
    chores: Chores
    services: Services
    keys: KeyRing


@dataclass(frozen=True, slots=True)
class _Databases:
    """The pools of a process, so that nobody takes all connections from somebody else."""

    requests: Database
    searching: Database
    reports: Database
    log: Database
    """Commands may wait for each other's locks on every connection that there is; the log goes on."""

    @classmethod
    def of(cls, url: str, settings: Settings) -> Self:
        seconds = settings.operation_seconds
        return cls(
            Database(url, settings.database_pool_size, statement_seconds=seconds, page_cost=PAGE_COST),
            Database(url, SEARCH_CONNECTIONS, statement_seconds=seconds, page_cost=PAGE_COST, plans_anew=True),
            Database(url, REPORT_CONNECTIONS, statement_seconds=settings.report_seconds),
            Database(url, LOG_CONNECTIONS),
        )

    async def close(self) -> None:
        for each in (self.log, self.reports, self.searching, self.requests):
            await each.close()


@asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[Process]:
    """Everything a process needs, connected on entry and closed on exit.

    The settings must name a database, which is at its newest migration.
    """
    url = settings.database_url
    if url is None:
        raise ValueError("ORDERWIRE_DATABASE_URL is not set.")
    databases = _Databases.of(url, settings)
    database, log_database = databases.requests, databases.log
    poll = settings.live_poll_seconds
    sequencer = EventSequencer(log_database)
    sequencing = Sequencing(sequencer, poll)
    hub = Hub(EventLog(log_database), sequencing.settle, poll)
    doorbell = Doorbell(settings.broadcast_url or url, hub.wake)
    sequencing.on_news = doorbell.ring

    revocations = Revocations()
    watch = RevocationWatch(revocations, RevokedTokens(log_database))
    keys = KeyRing(settings)

    def begin(actor: Actor, origin: Origin | None) -> SqlUnitOfWork:
        return SqlUnitOfWork(database, actor, origin, sequencing.nudge, revocations.add)

    chores = Chores(settings, Housekeeping(log_database), lambda: begin(Actor.system(), None), sequencer.retain)
    valkey = _valkey(settings.shared_limits_url)
    later = Later()
    roll_ups = RollUps(log_database)
    streams = Streams(hub, UserReader(log_database), revocations, settings.live_queue)
    hasher = Hasher(settings)
    services = Services(
        readers=_readers(databases, settings.currency),
        begin=begin,
        feed=hub,
        streams=streams,
        hasher=hasher,
        throttle=Throttle(settings, valkey),
        resetting=Resetting(ResetTokens(settings), mailer(settings), later),
        issuer=JwtIssuer(settings, keys, revocations),
        revocations=revocations,
        limits=limits_of(settings),
        budgets=budgets_of(settings, valkey),
        turns=Turns(settings.max_operations, PATIENCE),
        desk=Desk(WAITING * settings.max_operations, PATIENCE),
        count_statements=count_statements,
        max_line_quantity=settings.max_line_quantity,
        expose_statements=settings.exposes_statements,
    )
    try:
        keys.start()
        await watch.start()
        await sequencing.start()
        await hub.start()
        await doorbell.start()
        chores.start()
        roll_ups.start()
        yield Process(settings, database, doorbell, chores, services, keys)
    finally:
        await later.stop(settings.shutdown_seconds)
        await roll_ups.stop()
        await chores.stop()
        await sequencing.stop()
        await doorbell.stop()
        await streams.stop()
        await hub.stop()
        if valkey is not None:
            await valkey.close()
        hasher.close()
        await watch.stop()
        await keys.stop()
        await databases.close()


def system_unit_of_work(database: Database) -> SqlUnitOfWork:
    """A transaction of the process itself, for the command line. Running servers find its events by themselves."""
    return SqlUnitOfWork(database, Actor.system(), None, lambda: None)


def system_issuer(settings: Settings) -> JwtIssuer:
    """What issues tokens, for the command line."""
    return JwtIssuer(settings, KeyRing(settings), Revocations())


def _valkey(url: str | None) -> "Valkey | None":
    if url is None:
        return None
    # Imported here, for most servers count in their own memory.
    from app.valkey import Valkey

    return Valkey(url)


def _readers(databases: _Databases, currency: str) -> Readers:
    database = databases.requests
    return Readers(
        users=UserReader(database),
        customers=CustomerReader(database),
        products=ProductReader(database),
        variants=VariantReader(database),
        warehouses=WarehouseReader(database),
        stock_levels=StockLevelReader(database),
        stock_movements=StockMovementReader(database),
        orders=OrderReader(database),
        returns=OrderReturnReader(database),
        adjustments=AdjustmentReader(database),
        events=EventReader(database),
        roles=RoleReader(database),
        reports=SqlReports(databases.reports, currency),
        writer=SqlWriter(database, databases.searching),
    )
