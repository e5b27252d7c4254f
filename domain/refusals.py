"""Refusals: what the shop answers when it understands a request and will not do it.

A refusal is data: a public code, a sentence for a person, the place in the input it speaks of, and the facts
a program needs. `Refused` carries one or more of them through a command, which rolls its transaction back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

FieldPath = tuple[str, ...]


class ErrorCode(StrEnum):
    """Every code a refusal may carry. Each has a heading in docs/errors.md."""

    BAD_INPUT = "BAD_INPUT"
    BUSY = "BUSY"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    EMAIL_NOT_VERIFIED = "EMAIL_NOT_VERIFIED"
    EMAIL_TAKEN = "EMAIL_TAKEN"
    FORBIDDEN = "FORBIDDEN"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    ILLEGAL_TRANSITION = "ILLEGAL_TRANSITION"
    INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    INVALID_CURSOR = "INVALID_CURSOR"
    INVALID_TOKEN = "INVALID_TOKEN"  # noqa: S105  (a code, not a secret)
    LAST_ADMIN = "LAST_ADMIN"
    MIXED_CURRENCIES = "MIXED_CURRENCIES"
    NOT_FOUND = "NOT_FOUND"
    ON_HAND_CONFLICT = "ON_HAND_CONFLICT"
    REGISTRATION_CLOSED = "REGISTRATION_CLOSED"
    RESYNC = "RESYNC"
    RETURN_EXCEEDS = "RETURN_EXCEEDS"
    ROLE_EXCEEDS = "ROLE_EXCEEDS"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNKNOWN_SKU = "UNKNOWN_SKU"
    USERNAME_TAKEN = "USERNAME_TAKEN"
    VERSION_CONFLICT = "VERSION_CONFLICT"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason for saying no.

    `field` is the path to the argument it speaks of, `("input", "lines", "0", "quantity")`, or None where it
    speaks of the whole request.
    """

    code: ErrorCode
    message: str
    field: FieldPath | None = None


@dataclass(frozen=True, slots=True)
class IllegalTransition(Refusal):
    """The order is in a state from which the wanted state cannot be reached."""

    from_status: str = ""
    to_status: str = ""
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionConflict(Refusal):
    """The thing changed since the caller read it; `current` is its version now."""

    current: int = 0


@dataclass(frozen=True, slots=True)
class InsufficientStock(Refusal):
    """Less is available than is asked for: by an order over all its lines of that SKU, or of one warehouse."""

    sku: str = ""
    requested: int = 0
    available: int = 0


@dataclass(frozen=True, slots=True)
class OnHandConflict(Refusal):
    """The level changed since the caller counted; `current` is how many units are on hand now."""

    current: int = 0


@dataclass(frozen=True, slots=True)
class ReturnExceeds(Refusal):
    """More of an order line was to come back than was ordered and has not come back yet."""

    position: int = 0
    requested: int = 0
    returnable: int = 0


@dataclass(frozen=True, slots=True)
class RoleExceeds(Refusal):
    """The role has scopes that whoever was to grant or take it lacks: `missing`."""

    role: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnknownSku(Refusal):
    """No variant has this SKU."""

    sku: str = ""


@dataclass(frozen=True, slots=True)
class IdempotencyConflict(Refusal):
    """The idempotency key was used before for another input."""

    key: UUID | None = None


@dataclass(frozen=True, slots=True)
class TooManyAttempts(Refusal):
    """The same was tried too often; `retry_after` is in seconds."""

    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class Busy(Refusal):
    """Too many others wait for the same at this moment; `retry_after` is in seconds."""

    retry_after: int = 0


class Refused(Exception):
    """Carries refusals out of a command; whatever the command did is rolled back."""

    def __init__(self, *refusals: Refusal, **extensions: str) -> None:
        """`extensions` are facts for a caller who is told by an error instead of a payload."""
        super().__init__(" ".join(refusal.message for refusal in refusals))
        self.refusals: Sequence[Refusal] = refusals
        self.extensions = extensions


class TookTooLong(Exception):
    """Something was given up because it took longer than it may. What it belonged to is rolled back."""


def bad_input(message: str, *field: str) -> Refusal:
    """The input is well-formed but breaks a written rule."""
    return Refusal(ErrorCode.BAD_INPUT, message, field or None)


def not_found(what: str, *field: str) -> Refusal:
    """No such thing, or the actor may not know of it: the two look the same."""
    return Refusal(ErrorCode.NOT_FOUND, f"No such {what}.", field or None)


def idempotency_conflict(key: UUID | None) -> IdempotencyConflict:
    """One key, two inputs."""
    message = "This idempotency key was used before for another input."
    return IdempotencyConflict(ErrorCode.IDEMPOTENCY_CONFLICT, message, ("input", "idempotencyKey"), key)


def unauthenticated() -> Refusal:
    """Nobody is signed in."""
    return Refusal(ErrorCode.UNAUTHENTICATED, "Sign in first: the request carries no valid access token.")


def forbidden(act: str) -> Refusal:
    """The actor is known and may not do this."""
    return Refusal(ErrorCode.FORBIDDEN, f"You may not {act}.")
