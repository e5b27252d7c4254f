"""The promise of a transaction, which every command's own unit of work extends."""

from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from domain.actor import Origin
from domain.events.model import NewEvent


class UnitOfWork(Protocol):
    """One transaction: leaving the block commits, an exception rolls back.

    Recorded events are stored by the same transaction and announced after it committed.
    """

    @property
    def origin(self) -> Origin | None:
        """Which request the command is for; None for what the process does by itself."""
        ...

    def record(self, event: NewEvent) -> None:
        """Store an event with the transaction."""
        ...

    async def claim(self, key: UUID | None, operation: str, request: object) -> UUID | None:
        """Claim an idempotency key, and return what an earlier request with that key and input made.

        None means that the caller is the first (or gave no key) and must `settle` with what it makes.
        Waits while another transaction holds the same key.

        Raises:
            Refused: the key was used for another operation or other input.
        """
        ...

    async def settle(self, key: UUID | None, result_id: UUID) -> None:
        """Remember what the claimed key made."""
        ...

    def abandon(self) -> None:
        """Have the end of the block undo everything, as if it had not been entered, and tell nobody."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
