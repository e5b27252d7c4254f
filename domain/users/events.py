"""What happens to a user, on record."""

from typing import Any
from uuid import UUID

from domain.events.model import AggregateType, EventKind, NewEvent
from domain.users.ports import UsersUnitOfWork


async def record(uow: UsersUnitOfWork, user_id: UUID, kind: EventKind, **payload: Any) -> None:
    """Record an event of a user, who stays locked until the end of the transaction."""
    sequence = await uow.users.next_version(user_id)
    uow.record(NewEvent(kind, AggregateType.USER, user_id, sequence, payload))
