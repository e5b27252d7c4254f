"""Refusals of the domain, as RFC 6749 (section 5.2) tells them."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.base import invalid_error_characters
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError

from domain.refusals import Busy, ErrorCode, Refused, TooManyAttempts

ERRORS: dict[ErrorCode, type[OAuth2Error]] = {
    ErrorCode.INVALID_CREDENTIALS: InvalidGrantError,
    ErrorCode.INVALID_TOKEN: InvalidGrantError,
    ErrorCode.FORBIDDEN: InvalidScopeError,
}


class RetryLaterError(OAuth2Error):
    """Not now. RFC 6749 has no code for it at this endpoint; the one that it has elsewhere says the same."""

    error = "temporarily_unavailable"

    def __init__(self, status: int, retry_after: int, message: str) -> None:
        super().__init__(description=message, status_code=status)  # pyright: ignore[reportUnknownMemberType]
        self._retry_after = retry_after

    def get_headers(self) -> list[tuple[str, str]]:
        return [*super().get_headers(), ("Retry-After", str(self._retry_after))]


def as_error(refused: Refused) -> OAuth2Error:
    """The error that tells of a refusal."""
    match refused.refusals[0]:
        case TooManyAttempts(message=message, retry_after=seconds):
            return RetryLaterError(429, seconds, described(message))
        case Busy(message=message, retry_after=seconds):
            return RetryLaterError(503, seconds, described(message))
        case _:
            pass
    return ERRORS.get(refused.refusals[0].code, InvalidRequestError)(description=described(str(refused)))


def described(message: str) -> str:
    """A sentence in the letters that the standard allows."""
    return message.translate({ord(letter): "?" for letter in invalid_error_characters(message)})
