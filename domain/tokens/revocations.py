"""Which tokens were revoked before their time, as one process knows it: asked for each request, so kept in memory."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from uuid import UUID

from domain.actor import Actor


class Revocations:
    """The ids of revoked tokens and sessions, each until the last access token with it has ended.

    This is the one place that says whether a token still holds: a request, a socket and each event of a subscription
    ask here. What it knows only grows; while the database is away, the last that was known stands.
    """

    def __init__(self) -> None:
        self._until: dict[UUID, datetime] = {}
        self._listeners: list[Callable[[Collection[UUID]], None]] = []

    def __len__(self) -> int:
        return len(self._until)

    def listen(self, listener: Callable[[Collection[UUID]], None]) -> None:
        """Call a listener with the ids that become known from here on."""
        self._listeners.append(listener)

    def add(self, revoked: Mapping[UUID, datetime]) -> None:
        """Learn of revoked ids, and until when each must be known."""
        new = revoked.keys() - self._until.keys()
        self._until.update(revoked)
        if new:
            for listener in self._listeners:
                listener(new)

    def forget(self, moment: datetime) -> None:
        """Forget the ids whose tokens have all ended by a moment."""
        self._until = {key: until for key, until in self._until.items() if until > moment}

    def has_ended(self, actor: Actor) -> bool:
        """Whether the access token behind an actor has expired or was revoked."""
        is_expired = actor.expires_at is not None and actor.expires_at <= datetime.now(UTC)
        return is_expired or self.is_revoked(actor)

    def is_revoked(self, actor: Actor) -> bool:
        """Whether the access token behind an actor, or its session, was revoked."""
        return actor.token_id in self._until or actor.session in self._until
