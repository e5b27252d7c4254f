"""Refusals of the domain, as RFC 6749 (section 5.2) tells them."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.base import invalid_error_characters
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError

from domain.refusals import ErrorCode, Refused

ERRORS: dict[ErrorCode, type[OAuth2Error]] = {
    ErrorCode.INVALID_CREDENTIALS: InvalidGrantError,
    ErrorCode.INVALID_TOKEN: InvalidGrantError,
    ErrorCode.FORBIDDEN: InvalidScopeError,
}


def as_error(refused: Refused) -> OAuth2Error:
    """The error that tells of a refusal."""
    return ERRORS.get(refused.refusals[0].code, InvalidRequestError)(description=described(str(refused)))


def described(message: str) -> str:
    """A sentence in the letters that the standard allows."""
    return message.translate({ord(letter): "?" for letter in invalid_error_characters(message)})
