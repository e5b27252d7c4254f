"""What a resolver may reach: the services of the process, and the viewer and loaders of one operation."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, Self
from uuid import uuid4

import strawberry

from domain.actor import Actor, Origin, caller_of
from domain.clients.ports import ClientsUnitOfWork
from domain.events.model import Event
from domain.events.ports import EventFeed
from domain.identities.ports import IdentitiesUnitOfWork
from domain.inventory.ports import InventoryUnitOfWork
from domain.orders.ports import OrdersUnitOfWork
from domain.passwords.commands import Resetting
from domain.passwords.ports import PasswordsUnitOfWork
from domain.roles.ports import RolesUnitOfWork
from domain.throttle import Throttle
from domain.tokens.ports import TokenIssuer
from domain.tokens.revocations import Revocations
from domain.users.ports import PasswordHasher
from domain.writing import Target, Writer
from graph.limits.budgets import Budgets
from graph.limits.rules import Introspection, Limits
from graph.limits.turns import Turns
from graph.loaders import Loaders
from graph.readers import Readers

if TYPE_CHECKING:
    from graph.limits.desk import Desk
    from graph.live.streams import Streams


class ShopUnitOfWork(
    OrdersUnitOfWork,
    InventoryUnitOfWork,
    RolesUnitOfWork,
    ClientsUnitOfWork,
    IdentitiesUnitOfWork,
    PasswordsUnitOfWork,
    Protocol,
):
    """The unit of work that serves every command."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the process offers to every request; made once, by app/wiring.py."""

    readers: Readers
    begin: Callable[[Actor, Origin], ShopUnitOfWork]
    """A new unit of work for an actor, and where they act from."""
    feed: EventFeed
    streams: "Streams"
    hasher: PasswordHasher
    throttle: Throttle
    resetting: Resetting
    issuer: TokenIssuer
    limits: Limits
    budgets: Budgets | None
    """What callers may spend; None where that is not counted."""
    turns: Turns
    desk: "Desk"
    revocations: Revocations
    count_statements: Callable[[], "StatementCount"]
    max_line_quantity: int
    expose_statements: bool


class StatementCount(Protocol):
    """How many statements an operation has sent to the database so far."""

    value: int


class EventSource(Protocol):
    """Where a running subscription has its events from."""

    is_new: bool
    """Whether nobody has been told anything yet: a subscription may be executed several times."""

    def events(self, info: "Info", after: str | None) -> AsyncGenerator[Event]:
        """The events behind a cursor, or behind this moment, each until it was told.

        Raises:
            Refused: the cursor is none of this log, or too old; the viewer may be told nothing more.
        """
        ...

    def begin_telling(self) -> None:
        """The last of the events is one that was asked for, and is executed now."""
        ...


@dataclass(slots=True)
class Context:
    """One operation: who asks, from where, with which loaders.

    Each request has its own. Where it is executed more than once, as a subscription is, and a query in shadow mode,
    `renewed` gives each execution loaders of its own, so that none answers with rows another has read before.
    """

    services: Services
    viewer: Actor
    origin: Origin
    source: EventSource | None = None
    takes_json: bool = False
    """Whether the answer goes out as JSON (graph/writing.py), so that parts of it may be written by the database."""
    fields: int = field(default=0, init=False)
    """How many fields its document has, once that was read."""
    prepared: int = field(default=0, init=False)
    """What was paid for preparing what the operation brought that was new (graph/limits/desk.py)."""
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.renew_loaders()

    @property
    def request_id(self) -> str:
        return self.origin.request_id

    @property
    def caller(self) -> str:
        """Who is held to account: the user, and where nobody is signed in, the network address."""
        return caller_of(self.viewer, self.origin)

    @property
    def may_introspect(self) -> bool:
        """Whether the viewer is told what the schema is like."""
        match self.services.limits.introspection:
            case Introspection.EVERYONE:
                return True
            case Introspection.SIGNED_IN:
                return self.viewer.is_signed_in
            case Introspection.NOBODY:
                return False

    @property
    def writer(self) -> Writer | None:
        """What writes parts of the answer; None where objects are wanted."""
        return self.services.readers.writer if self.takes_json else None

    @property
    def readers(self) -> Readers:
        return self.services.readers

    def renewed(self) -> Self:
        """The same viewer, and loaders that know nothing yet."""
        return replace(self)

    def reading(self, source: EventSource) -> Self:
        """The same, for the execution of a subscription over a source."""
        return replace(self, source=source)

    def shared(self, source: EventSource) -> Self:
        """The same, for an execution that others are told of as well: what goes wrong in it bears nobody's id."""
        return replace(self, source=source, origin=replace(self.origin, request_id=str(uuid4())))

    def events(self, info: "Info", after: str | None) -> AsyncGenerator[Event]:
        """The events that a subscription tells of."""
        if self.source is None:
            raise RuntimeError("A subscription runs by `stream`.")
        return self.source.events(info, after)

    def cursor(self, event: Event) -> str:
        """The cursor that resumes right after an event."""
        return self.services.feed.cursor(event.position)

    def begin_telling(self) -> None:
        """An event is to be told: what was read for the one before says nothing of it."""
        self.renew_loaders()
        if self.source is not None:
            self.source.begin_telling()

    def renew_loaders(self) -> None:
        """Forget what was read."""
        self.loaders = Loaders(self.services.readers, self.viewer)

    def unit_of_work(self) -> ShopUnitOfWork:
        """A transaction in the viewer's name."""
        return self.services.begin(self.viewer, self.origin)


class Info(strawberry.Info[Context, None]):
    """Where a resolver is."""

    target: Target | None = None
    """What is selected of each item of a list, or of what is looked up, where all of it may be written."""
