"""What the user commands need from the outside."""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.reading import Reader
from domain.unit_of_work import UnitOfWork
from domain.users.model import Credentials, User


class PasswordHasher(Protocol):
    """Hashes and checks passwords without blocking the event loop.

    Raises:
        Refused: BUSY, more passwords wait than are worth waiting for.
    """

    def must_have_room(self) -> None:
        """Refuse here what would be refused below, before anything is looked up for it."""
        ...

    async def hash(self, password: str) -> str:
        """A salted hash that carries its own parameters."""
        ...

    async def check(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Whether they match, and if so a new hash where the old one is not what would be made today.

        None (no such user, or one without a password) takes as long as a real check and does not match.
        """
        ...


class UserStore(Protocol):
    """Users, for commands."""

    async def add(
        self,
        username: str,
        email: str | None,
        password_hash: str | None,
        *,
        is_admin: bool = False,
        scopes: Collection[str] = (),
    ) -> User:
        """Store a new user, who holds the role of an admin or that of a customer; without a hash they cannot sign in
        by password. Whoever is given scopes of their own is a machine, and holds no role.

        Raises:
            Refused: the username (regardless of case) or the e-mail address is taken.
        """
        ...

    async def credentials(self, username: str) -> Credentials | None:
        """The user of that name, regardless of case, with the password hash."""
        ...

    async def get(self, user_id: UUID) -> User | None: ...

    async def of_email(self, email: str) -> User | None:
        """The user who has an e-mail address, regardless of case."""
        ...

    async def lock(self, user_id: UUID, viewer: Actor | None = None) -> User | None:
        """The user, whom nobody else changes until the end of the transaction; nor their sessions.

        None where there is none, or where `viewer` may not see them.
        """
        ...

    async def set_password(self, user_id: UUID, password_hash: str, *, instead_of: str | None = None) -> bool:
        """Lock the user and replace the hash; with `instead_of` only where it is still that one. Whether it was."""
        ...

    async def verify_email(self, user_id: UUID) -> None:
        """Note that mail to the user's address was proved to reach them."""
        ...

    async def next_version(self, user_id: UUID) -> int:
        """Lock the user and count one more event of theirs; returns its sequence."""
        ...

    async def logged_in(self, user_id: UUID) -> User:
        """Lock the user, note the time of a successful sign-in, and return the user as they are now."""
        ...


class UsersUnitOfWork(UnitOfWork, Protocol):
    """The transaction of a user command."""

    @property
    def users(self) -> UserStore: ...


UserReader = Reader[User]
