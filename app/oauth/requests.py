"""A form that came with a request, as Authlib wants to see it."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from starlette.exceptions import HTTPException
from starlette.requests import Request

FORM = "application/x-www-form-urlencoded"
PARAMETERS_MAX = 20
"""No request of ours has as many; the longest has four."""

BYTES_MAX = 16_384
"""More than the longest password and the longest token take, however they are written."""

ANYWHERE = "https://orderwire.invalid/"
"""The library refuses plain HTTP by the address that a request names. Anybody may name any, and TLS ends at what
stands in front of the server: whether it is there is for the operator to see to."""


class FormRequest(OAuth2Request):
    """The parameters and the headers of a request."""

    def __init__(self, form: dict[str, str], headers: Mapping[str, str]) -> None:
        super().__init__("POST", ANYWHERE, headers=headers)  # pyright: ignore[reportUnknownMemberType]
        self._form = form
        self.payload = BasicOAuth2Payload(form)

    @property
    def form(self) -> dict[str, str]:
        return self._form

    @property
    def authorization(self) -> str:
        """The header of that name."""
        return (self.headers or {}).get("Authorization", "")

    @property
    def has_basic(self) -> bool:
        """Whether a client authenticates by HTTP Basic."""
        return self.authorization.lower().startswith("basic ")


async def read(request: Request) -> FormRequest:
    """The form of a request.

    Raises:
        InvalidRequestError: it is no form, or not one that RFC 6749 (section 3.2) allows.
        InvalidClientError: HTTP Basic that cannot be decoded.
        HTTPException: it is too long.
    """
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != FORM:
        raise InvalidRequestError(f"Send the parameters as {FORM}.")
    read = FormRequest(_parsed(await _body(request)), request.headers)
    try:
        extract_basic_authorization({"Authorization": read.authorization})
    except ValueError:
        raise InvalidClientError("The header Authorization cannot be decoded.", status_code=401) from None
    if read.has_basic and "client_secret" in read.form:
        raise InvalidRequestError("A client authenticates in one way at a time.")
    return read


async def _body(request: Request) -> bytes:
    """The body, which is refused as soon as it is too long for a form of ours."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BYTES_MAX:
            raise HTTPException(413, f"The form has more than {BYTES_MAX} bytes.")
    return bytes(body)


def _parsed(body: bytes) -> dict[str, str]:
    """The parameters; those without a value count as left out, and none may come twice."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX)
    except ValueError:
        raise InvalidRequestError("The form cannot be decoded, or has too many parameters.") from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise InvalidRequestError("A parameter is repeated.")
    return {name: value for name, value in pairs if value}
