"""What the commands and queries of roles need from the outside."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.clients.ports import ClientsUnitOfWork
from domain.roles.model import Role


class RoleStore(Protocol):
    """Roles and who holds them, for commands."""

    async def lock(self, name: str) -> Role | None:
        """The role of that name; until the end of the transaction nobody else changes who holds it."""
        ...

    async def holders(self, name: str) -> int:
        """How many users hold a role."""
        ...

    async def grant(self, user_id: UUID, name: str, granted_by: UUID | None) -> None:
        """Give a role to a user who does not hold it."""
        ...

    async def revoke(self, user_id: UUID, name: str) -> None:
        """Take a role from a user."""
        ...


class RolesUnitOfWork(ClientsUnitOfWork, Protocol):
    """The transaction of a role command."""

    @property
    def roles(self) -> RoleStore: ...


class RoleReader(Protocol):
    """Roles, for queries."""

    async def all(self, viewer: Actor) -> Sequence[Role]:
        """Every role that the viewer may see, by name."""
        ...
