"""What happens to a user, on record."""

from typing import Any
from uuid import UUID

from domain.events.model import AggregateType, EventKind, NewEvent
from domain.users.model import User
from domain.users.ports import UsersUnitOfWork


async def record(uow: UsersUnitOfWork, user_id: UUID, kind: EventKind, **payload: Any) -> None:
    """Record an event of a user, who stays locked until the end of the transaction."""
    sequence = await uow.users.next_version(user_id)
    uow.record(NewEvent(kind, AggregateType.USER, user_id, sequence, payload))


def record_registration(uow: UsersUnitOfWork, user: User) -> None:
    """Record the first event of a user who has just been made."""
    payload = {"username": user.username, "isAdmin": user.is_admin, "roles": list(user.roles)}
    uow.record(NewEvent(EventKind.USER_REGISTERED, AggregateType.USER, user.id, 1, payload))
