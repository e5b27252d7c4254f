"""What the client commands need from the outside."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from domain.clients.model import Client
from domain.tokens.ports import TokensUnitOfWork


class ClientStore(Protocol):
    """Machine clients, for commands."""

    async def add(self, user_id: UUID, name: str, secret_digest: str) -> None: ...

    async def find(self, client_id: str) -> Client | None:
        """The client, be it revoked."""
        ...

    async def all(self) -> Sequence[Client]:
        """Every client, the oldest first, those that were revoked among them."""
        ...

    async def revoke(self, user_id: UUID) -> None:
        """Let the client of a user sign in no more."""
        ...


class ClientsUnitOfWork(TokensUnitOfWork, Protocol):
    """The transaction of a client command."""

    @property
    def clients(self) -> ClientStore: ...
