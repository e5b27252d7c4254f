"""One command, one transaction: its stores, its events, its idempotency key."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self
from uuid import UUID

import orjson
from sqlalchemy import Column, ColumnElement, ForeignKey, Index, Table, Text, Uuid, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from db.base import metadata, timestamp
from db.catalog import SqlCatalogStore
from db.clients import SqlClientStore
from db.customers import SqlCustomerStore
from db.engine import Database, Transaction
from db.events import SqlEventWriter
from db.identities import SqlIdentityStore, SqlLoginStore
from db.inventory import SqlWarehouseStore
from db.movements import SqlMovementStore
from db.offers import SqlOfferStore
from db.orders import SqlOrderStore
from db.passwords import SqlPasswordResetStore
from db.reading import violated
from db.returns import SqlReturnStore
from db.roles import SqlRoleStore
from db.stock_guard import SqlStockGuard
from db.tokens import SqlSessionStore
from db.users import SqlUserStore
from domain.actor import Actor, Origin
from domain.events.model import NewEvent
from domain.refusals import Refused, idempotency_conflict, unauthenticated

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # A key belongs to whoever sent it: two people may choose the same one.
    Column("owner", Text, primary_key=True),
    Column("key", Uuid, primary_key=True),
    Column("actor_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("operation", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("result_id", Uuid),
    timestamp("created_at"),
    Index("idempotency_keys_created_at_idx", "created_at"),
)


ACTOR_KEYS = {
    "idempotency_keys_actor_id_fkey",
    "orders_placed_by_fkey",
    "pending_events_actor_id_fkey",
    "stock_movements_actor_id_fkey",
    "user_roles_granted_by_fkey",
}
"""The foreign keys that name whoever acts."""


class _AbandonedError(Exception):
    """Tells the connection to roll back; nobody else hears of it."""


class SqlUnitOfWork:
    """Satisfies the unit of work that each feature of the domain asks for.

    It may be entered several times, one transaction after the other.
    """

    users: SqlUserStore
    roles: SqlRoleStore
    sessions: SqlSessionStore
    password_resets: SqlPasswordResetStore
    clients: SqlClientStore
    identities: SqlIdentityStore
    logins: SqlLoginStore
    customers: SqlCustomerStore
    catalog: SqlCatalogStore
    offers: SqlOfferStore
    orders: SqlOrderStore
    returns: SqlReturnStore
    movements: SqlMovementStore
    warehouses: SqlWarehouseStore
    stock: SqlStockGuard

    def __init__(
        self,
        database: Database,
        actor: Actor,
        origin: Origin | None,
        announce: Callable[[], None],
        on_revoked: Callable[[Mapping[UUID, datetime]], None] | None = None,
    ) -> None:
        """`origin` is None for what the process does by itself.

        `announce` is called after a transaction with events has committed, `on_revoked` after one that revoked
        tokens, with their ids.
        """
        self._database, self._actor, self._origin = database, actor, origin
        self._announce, self._on_revoked = announce, on_revoked
        self._revoked: dict[UUID, datetime] = {}
        self._events: list[NewEvent] = []
        self._is_abandoned = False
        self._connection: Transaction | None = None

    async def __aenter__(self) -> Self:
        self._transaction = self._database.transaction()
        connection = await self._transaction.__aenter__()
        self._connection, self._events, self._is_abandoned = connection, [], False
        self._revoked = {}
        self.users = SqlUserStore(connection)
        self.roles = SqlRoleStore(connection)
        self.sessions = SqlSessionStore(connection, self._revoked)
        self.password_resets = SqlPasswordResetStore(connection)
        self.clients = SqlClientStore(connection)
        self.identities = SqlIdentityStore(connection)
        self.logins = SqlLoginStore(connection)
        self.customers = SqlCustomerStore(connection)
        self.catalog = SqlCatalogStore(connection)
        self.offers = SqlOfferStore(connection)
        self.orders = SqlOrderStore(connection)
        self.returns = SqlReturnStore(connection)
        self.movements = SqlMovementStore(connection)
        self.warehouses = SqlWarehouseStore(connection)
        self.stock = SqlStockGuard(connection, self._actor, self.record)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                await self._write()
            except BaseException as failure:
                await self._close(failure)
                raise
        if error is None and self._is_abandoned:
            await self._close(_AbandonedError())
            return
        await self._close(error)
        if error is None:
            if self._revoked and self._on_revoked:
                self._on_revoked(self._revoked)
            if self._events:
                self._announce()

    async def _write(self) -> None:
        """Send what is still to be written, with the events as the last of it.

        What is abandoned is sent, too: only what the database takes was done in earnest.
        """
        if self._events and not self._is_abandoned:
            await SqlEventWriter(self._running, self._actor, self._origin).write(self._events)
        await self._running.flush()

    async def _close(self, error: BaseException | None) -> None:
        """Commit, or roll back because of an error."""
        kind, trace = (type(error), error.__traceback__) if error else (None, None)
        await self._transaction.__aexit__(kind, error, trace)
        if isinstance(error, IntegrityError) and violated(error) in ACTOR_KEYS:
            # The access token outlived its user.
            raise Refused(unauthenticated()) from error

    @property
    def _running(self) -> Transaction:
        if self._connection is None:
            raise RuntimeError("Enter the unit of work before using it.")
        return self._connection

    @property
    def origin(self) -> Origin | None:
        return self._origin

    def record(self, event: NewEvent) -> None:
        self._events.append(event)

    def abandon(self) -> None:
        self._is_abandoned = True

    async def claim(self, key: UUID | None, operation: str, request: object) -> UUID | None:
        if key is None:
            return None
        digest = hashlib.sha256(orjson.dumps(request)).hexdigest()
        values = {
            "owner": self._owner,
            "key": key,
            "actor_id": self._actor.user_id,
            "operation": operation,
            "digest": digest,
        }
        # A second request with the key waits here until the first has committed or rolled back.
        claimed = await self._running.execute(
            upsert(idempotency_keys).values(values).on_conflict_do_nothing().returning(idempotency_keys.c.key)
        )
        if claimed.first() is not None:
            return None
        earlier = (await self._running.execute(select(idempotency_keys).where(self._same(key)))).one_or_none()
        if earlier is None:
            # It was old, and was forgotten between the two statements.
            return await self.claim(key, operation, request)
        if (earlier.operation, earlier.digest) != (operation, digest):
            raise Refused(idempotency_conflict(key))
        return earlier.result_id

    async def settle(self, key: UUID | None, result_id: UUID) -> None:
        if key is not None:
            values = {"owner": self._owner, "key": key, "result_id": result_id}
            await self._running.update(idempotency_keys, [values])

    def _same(self, key: UUID) -> ColumnElement[bool]:
        return (idempotency_keys.c.owner == self._owner) & (idempotency_keys.c.key == key)

    @property
    def _owner(self) -> str:
        return str(self._actor.user_id or "")
