"""`/auth/login/{provider}` sends the browser to a provider; `/auth/callback/{provider}` is where it comes back."""

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.access.callers import origin_of
from app.access.tokens import as_body
from app.graphql.answer import error_response
from app.graphql.request import PARAMETERS_MAX
from app.login.errors import CodeError, ProviderError
from app.settings import Settings
from app.wiring import Process
from domain.actor import Actor
from domain.identities.commands import begin_login, may_begin_login, sign_in, sign_in_for_code, take_attempt
from domain.identities.model import ATTEMPT_SECONDS, LoginAttempt
from domain.refusals import ErrorCode, Refused, TooManyAttempts, bad_input, not_found
from domain.secret import new_secret
from graph.context import Services, ShopUnitOfWork

if TYPE_CHECKING:
    from app.login.client import ProviderClient

log = structlog.get_logger("orderwire.login")

BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")
# No blank, no backslash and nothing beyond ASCII: browsers disagree with us on what those mean in a URL.
RETURN = re.compile(r"[!-\[\]-~]{1,1000}")
DENIED = frozenset(
    {"access_denied", "login_required", "interaction_required", "consent_required", "account_selection_required"}
)
"""Errors by which a provider says that the person, not itself, did not go on (OpenID Connect Core 1.0, 3.1.2.6)."""

FAILED = frozenset(
    {"invalid_request", "invalid_scope", "server_error", "temporarily_unavailable", "unauthorized_client"}
)
"""Other errors that end a sign-in (RFC 6749, section 4.1.2.1): few enough to be logged as they come."""

STATUS = {
    ErrorCode.BAD_INPUT: 400,
    ErrorCode.REGISTRATION_CLOSED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.EMAIL_NOT_VERIFIED: 409,
    ErrorCode.EMAIL_TAKEN: 409,
    ErrorCode.TOO_MANY_ATTEMPTS: 429,
}


class LoginError(Exception):
    """A sign-in ends here; `reason` is for the log."""

    def __init__(self, status: int, code: str, message: str, reason: str) -> None:
        super().__init__(message)
        self.status, self.code, self.reason = status, code, reason


class Logins:
    """The two endpoints, for every provider of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients = _clients(settings) if settings.oidc_providers else {}

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/auth/login/{provider}", _answering(self._start), methods=["GET"]),
            Route("/auth/callback/{provider}", _answering(self._finish), methods=["GET"]),
        ]

    async def _start(self, request: Request) -> Response:
        """Remember an attempt, and send the browser to the provider."""
        client = self._client(request)
        return_to = request.query_params.get("return_to")
        if return_to is not None and not may_return_to(return_to, self._settings.origins):
            message = "`return_to` is a path of this server, or a URL of one of ORDERWIRE_ALLOWED_ORIGINS."
            raise Refused(bad_input(message, "return_to"))
        base = self._settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
        redirect_uri = f"{base}/auth/callback/{client.provider.name}"
        unit_of_work, throttle = _unit_of_work(request), _services(request).throttle
        await may_begin_login(unit_of_work, throttle)
        departure = await client.depart(redirect_uri)
        attempt = LoginAttempt(client.provider.name, departure.nonce, departure.verifier, redirect_uri, return_to)
        # One browser may sign in from two windows at once: the secret names the browser, the state the attempt.
        browser = self._browser(request) or new_secret()
        await begin_login(unit_of_work, departure.state, browser, attempt)
        response = RedirectResponse(departure.url, status_code=302)
        response.set_cookie(
            self._cookie(request),
            browser,
            max_age=ATTEMPT_SECONDS,
            secure=self._is_secure(request),
            httponly=True,
            # Strict would keep it back when the provider sends the browser here.
            samesite="lax",
        )
        return response

    async def _finish(self, request: Request) -> Response:
        """Find the attempt that the provider answers, ask it who came, and sign them in."""
        client = self._client(request)
        attempt = await self._attempt(request, client)
        code = await _code(request, client)
        try:
            profile = await client.arrive(attempt, code)
        except CodeError:
            raise _invalid("the code is not taken") from None
        registers, unit_of_work = self._settings.oidc_registration, _unit_of_work(request)
        services = _services(request)
        if attempt.return_to is not None:
            handed = await sign_in_for_code(unit_of_work, services.throttle, profile, registers=registers)
            return RedirectResponse(str(URL(attempt.return_to).include_query_params(code=handed)), status_code=303)
        tokens = await sign_in(unit_of_work, services.throttle, services.issuer, profile, registers=registers)
        return JSONResponse(as_body(tokens))

    async def _attempt(self, request: Request, client: "ProviderClient") -> LoginAttempt:
        """The attempt that the request goes on with; it cannot be gone on with again."""
        state, browser = request.query_params.get("state"), self._browser(request)
        if not state:
            raise _invalid("no state")
        if browser is None:
            raise _invalid("no cookie")
        attempt = await take_attempt(_unit_of_work(request), state, browser, client.provider.name)
        if attempt is None:
            raise _invalid("no such attempt of this browser")
        return attempt

    def _client(self, request: Request) -> "ProviderClient":
        client = self._clients.get(request.path_params["provider"])
        if client is None:
            raise Refused(not_found("provider"))
        return client

    def _browser(self, request: Request) -> str | None:
        """The secret that names the browser, where it holds one."""
        # As it was set, without quotes: the framework takes seconds to undo those of a cookie of 64 kB.
        pairs = (each.partition("=") for line in request.headers.getlist("cookie") for each in line.split(";"))
        held = {name.strip(): value.strip() for name, _, value in pairs}.get(self._cookie(request), "")
        return held if BROWSER.fullmatch(held) else None

    def _cookie(self, request: Request) -> str:
        # The prefix keeps neighbours below the same domain from setting it (RFC 6265bis, section 4.1.3.2).
        return "__Host-orderwire-login" if self._is_secure(request) else "orderwire-login"

    def _is_secure(self, request: Request) -> bool:
        return (self._settings.public_url or request.url.scheme).startswith("https")


def may_return_to(target: str, origins: tuple[str, ...]) -> bool:
    """Whether the browser may be sent there after a sign-in: to a path of this server, or to an allowed origin."""
    if not RETURN.fullmatch(target):
        return False
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    if target.startswith("/"):
        return not target.startswith("//")
    return f"{parts.scheme}://{parts.netloc}" in origins


def _clients(settings: Settings) -> "dict[str, ProviderClient]":
    # Imported here, for most servers have no provider, and what speaks to one is large.
    from app.login.client import ProviderClient

    return {each.name: ProviderClient(each, settings.oidc_timeout_seconds) for each in settings.oidc_providers}


async def _code(request: Request, client: "ProviderClient") -> str:
    """The code that the provider gave, unless it gave another's answer or told of an error."""
    given = request.query_params
    if not await client.answers_for(given.get("iss")):
        raise _invalid("the answer names another issuer")
    error = given.get("error")
    if error in DENIED:
        message = "The sign-in was not completed at the provider."
        raise LoginError(403, "LOGIN_DENIED", message, error)
    if error is not None:
        raise ProviderError(f"it told of {error}" if error in FAILED else "it told of an unknown error")
    code = given.get("code")
    if not code:
        raise _invalid("no code")
    return code


def _answering(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The handler with JSON for whatever ends a sign-in, and a line in the log."""

    async def answer(request: Request) -> Response:
        try:
            _must_be_short(request)
            return await handler(request)
        except (Refused, LoginError, ProviderError) as error:
            return _ended(request, error)

    return answer


def _must_be_short(request: Request) -> None:
    # Providers add parameters of their own, but not so many; to read thousands takes long.
    if request.scope["query_string"].count(b"&") >= PARAMETERS_MAX:
        raise Refused(bad_input(f"The address has more than {PARAMETERS_MAX} parameters."))


def _ended(request: Request, error: Refused | LoginError | ProviderError) -> Response:
    """What a sign-in that ends without a user is answered."""
    provider = request.path_params["provider"]
    match error:
        case Refused():
            code = error.refusals[0].code
            status, message, reason = STATUS.get(code, 400), str(error), code.lower()
        case LoginError():
            status, code, message, reason = error.status, error.code, str(error), error.reason
        case ProviderError():
            status, code, reason = 502, "PROVIDER_FAILED", str(error)
            message = "The provider cannot be reached, or its answer cannot be believed. Try again later."
    log.warning("login_failed", provider=provider, code=str(code), reason=reason)
    response = error_response(status, str(code), message)
    if isinstance(error, Refused) and isinstance(error.refusals[0], TooManyAttempts):
        response.headers["Retry-After"] = str(error.refusals[0].retry_after)
    return response


def _invalid(reason: str) -> LoginError:
    """The answer of a provider that belongs to no attempt; the browser is not told why."""
    message = "This sign-in was not begun in this browser, took too long, or was completed before. Begin it anew."
    return LoginError(400, "LOGIN_INVALID", message, reason)


def _services(request: Request) -> Services:
    process: Process = request.app.state.process
    return process.services


def _unit_of_work(request: Request) -> ShopUnitOfWork:
    return _services(request).begin(Actor.anonymous(), origin_of(request.scope))
