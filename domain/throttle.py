"""What keeps people from trying again and again: passwords, registrations, sign-ins elsewhere, requests for mail."""

from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

from domain.actor import Origin
from domain.refusals import Busy, ErrorCode, TooManyAttempts


class Act(StrEnum):
    """What is limited whether it succeeds or not."""

    REGISTRATION = "registration"
    LOGIN = "login"
    RESET_REQUEST = "reset-request"


class Attempt(Protocol):
    """A password under test; one of the two is called before it is over."""

    async def failed(self, username: str | None = None) -> None:
        """Count it against the account and the address. `username` is that of the user, where there is one."""
        ...

    async def succeeded(self) -> None:
        """Forget the failures of the account; those of the address stay, or a thief would clear them by signing in."""
        ...


class Throttle(Protocol):
    """Counts by account, known or not, and by network address. An origin of None is the process itself."""

    def attempt(self, account: str, origin: Origin | None) -> AbstractAsyncContextManager[Attempt]:
        """Try a password. Attempts at one account, or from one address, are made one after the other.

        Raises:
            Refused: TOO_MANY_ATTEMPTS: too many have failed; BUSY: too many wait. Nothing was tried.
        """
        ...

    async def take(self, act: Act, origin: Origin | None, account: str | None = None) -> None:
        """Count an act before it is done.

        Raises:
            Refused: TOO_MANY_ATTEMPTS; such an attempt counts no further.
        """
        ...

    async def forgive(self, account: str) -> None:
        """Forget the failures of an account."""
        ...


def too_many_attempts(retry_after: int) -> TooManyAttempts:
    """Others have to wait for so many seconds too: it does not tell whether the account exists."""
    message = f"Too many attempts. Try again in {retry_after} seconds."
    return TooManyAttempts(ErrorCode.TOO_MANY_ATTEMPTS, message, retry_after=retry_after)


def busy(retry_after: int = 1) -> Busy:
    """The server has as much of this to do as it takes on."""
    return Busy(ErrorCode.BUSY, "The server is busy. Try again in a moment.", retry_after=retry_after)
