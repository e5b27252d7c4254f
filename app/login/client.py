"""The conversation with one provider: where it is, what it answers, and whether that can be believed.

The rules are Authlib's: authorization code with state, nonce and PKCE, and the checks of the ID token (OpenID Connect
Core 1.0, section 3.1.3.7). What is added here is what a provider may not do to us: answer for another issuer, choose
how it is checked, or keep us waiting.
"""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import StarletteIntegration, StarletteOAuth2App
from joserfc.errors import JoseError

from app.login.errors import CodeError, ProviderError
from app.login.settings import Provider
from domain.identities.model import LoginAttempt, Profile, usable_email

ALGORITHMS = ("ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512")
"""What an ID token may be signed with: never by nothing, nor by a secret that is shared."""

FRESH = 3600.0
"""Seconds for which a provider's description is believed. Its keys are read anew whenever one is unknown, too."""

LEEWAY = 60
"""Seconds by which the provider's clock may differ."""

SUBJECT_MAX = 255
ERROR = re.compile(r"[a-z_]{1,64}")


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser is sent, and what must be kept until it is back."""

    url: str
    state: str
    nonce: str
    verifier: str


class ProviderClient:
    """Speaks to one provider, and remembers its description and its keys."""

    def __init__(self, provider: Provider, patience: float) -> None:
        """`patience` is how many seconds each step may take."""
        self.provider = provider
        self._patience = patience
        secret = provider.client_secret
        self._http: dict[str, Any] = {"timeout": patience, "verify": _certificates()}
        # Authlib has no types.
        self._app: Any = cast("Any", _App)(
            StarletteIntegration(provider.name),
            client_id=provider.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            # A token is used at once, however short its life.
            client_kwargs={"scope": provider.scope, "code_challenge_method": "S256", "leeway": 0, **self._http},
        )
        self._app.describe = self._describe
        self._description: dict[str, Any] = {}
        self._described_at = -FRESH

    async def depart(self, redirect_uri: str) -> Departure:
        """The page of the provider, with a new state, nonce and challenge.

        Raises:
            ProviderError: it cannot be had.
        """
        async with self._conversation():
            begun: dict[str, str] = await self._app.create_authorization_url(redirect_uri)
        return Departure(begun["url"], begun["state"], begun["nonce"], begun["code_verifier"])

    async def answers_for(self, issuer: str | None) -> bool:
        """Whether an answer of the provider names it as it must (RFC 9207); many name nobody.

        Raises:
            ProviderError: whether it must cannot be had.
        """
        if issuer is not None:
            return issuer == self.provider.issuer
        async with self._conversation():
            described = await self._describe()
        return described.get("authorization_response_iss_parameter_supported") is not True

    async def arrive(self, attempt: LoginAttempt, code: str) -> Profile:
        """Whom the code stands for.

        Raises:
            CodeError: the provider does not take it.
            ProviderError: what it answers cannot be believed, or it does not answer.
        """
        async with self._conversation():
            token: dict[str, Any] = await self._app.fetch_access_token(
                redirect_uri=attempt.redirect_uri, code=code, code_verifier=attempt.verifier
            )
            claims = await self._claims(token, attempt.nonce)
        subject = _text(claims, "sub", SUBJECT_MAX)
        if subject is None:
            raise ProviderError("the subject is no text")
        verified = claims.get("email_verified") is True
        email = usable_email(_text(claims, "email")) if verified else None
        return Profile(self.provider.name, subject, email, _text(claims, "preferred_username"))

    async def _claims(self, token: dict[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of the ID token, checked, and those that the provider tells only when asked for them."""
        options = {
            "iss": {"essential": True, "value": self.provider.issuer},
            "aud": {"essential": True, "value": self.provider.client_id},
        }
        claims: dict[str, Any] | None = await self._app.parse_id_token(token, nonce, options, leeway=LEEWAY)
        if claims is None:
            raise ProviderError("there is no ID token")
        described = await self._describe()
        if "email" in claims or "userinfo_endpoint" not in described:
            return claims
        told: dict[str, Any] = await self._app.userinfo(token=token)
        # It is protected by the access token alone (OpenID Connect Core 1.0, section 5.3.2).
        if told.get("sub") != claims["sub"]:
            raise ProviderError("user info of another subject")
        # That an address is verified is said beside the address, not elsewhere.
        return {**claims, "email_verified": None, **told}

    async def _describe(self) -> dict[str, Any]:
        """What the provider says of itself, not older than an hour."""
        if time.monotonic() - self._described_at > FRESH:
            url = f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            async with httpx2.AsyncClient(**self._http) as http:
                response = await http.get(url)
                self._description = _understood(response.raise_for_status().json(), self.provider)
            self._described_at = time.monotonic()
        return self._description

    @asynccontextmanager
    async def _conversation(self) -> AsyncGenerator[None]:
        """Bounds what is said to the provider, and makes whatever goes wrong with it the provider's fault."""
        try:
            async with asyncio.timeout(self._patience):
                yield
        except ProviderError:
            raise
        except AuthlibBaseError as error:
            if error.error == "invalid_grant":
                raise CodeError from error
            raise ProviderError(_reason(error)) from error
        except (JoseError, httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise ProviderError(_reason(error)) from error
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            # What is no JSON, no object, or has a list where a number belongs, shows in many ways.
            raise ProviderError(f"nonsense: {type(error).__name__}") from error


class _App(StarletteOAuth2App):
    """Authlib's client, which takes of a provider's description what it understands and nothing else.

    As it comes, everything in the description becomes an argument of the HTTP client, `verify` and `timeout` included.
    """

    describe: Callable[[], Awaitable[dict[str, Any]]]

    async def load_server_metadata(self) -> dict[str, Any]:
        # Authlib puts the keys beside the rest, and reads them anew where one is unknown.
        self.server_metadata = await self.describe()
        return self.server_metadata


@cache
def _certificates() -> ssl.SSLContext:
    """Whom we trust to name a server: read once, which takes longer than most requests."""
    return httpx2.create_ssl_context()


def _understood(description: dict[str, Any], provider: Provider) -> dict[str, Any]:
    """What we need of a provider's description.

    Raises:
        ProviderError: it is the description of another issuer (OpenID Connect Discovery 1.0, section 4.3), or it leads
            out of TLS.
    """
    issuer = provider.issuer
    if description.get("issuer") != issuer:
        raise ProviderError("the description is of another issuer")
    understood: dict[str, Any] = {"issuer": issuer}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        url = description.get(name)
        if url is None and name == "userinfo_endpoint":
            continue
        if not isinstance(url, str) or not url.startswith(("https://", issuer.partition("//")[0] + "//")):
            raise ProviderError(f"no {name}")
        understood[name] = url
    signed = description.get("id_token_signing_alg_values_supported") or ["RS256"]
    understood["id_token_signing_alg_values_supported"] = [each for each in ALGORITHMS if each in signed]
    methods = description.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if provider.client_secret and "client_secret_basic" not in methods and "client_secret_post" in methods:
        understood["token_endpoint_auth_method"] = "client_secret_post"  # noqa: S105  (the name of a method)
    is_named = "authorization_response_iss_parameter_supported"
    understood[is_named] = description.get(is_named) is True
    return understood


def _text(claims: Mapping[str, Any], name: str, most: int = 254) -> str | None:
    """A claim, where it is a text that can be kept and shown."""
    value = claims.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= most and value.isprintable() else None


def _reason(error: Exception) -> str:
    """What to log of an error: kinds alone, for its text may be the provider's and may repeat what is secret."""
    if isinstance(error, httpx2.HTTPStatusError):
        return f"HTTP status {error.response.status_code}"
    told = getattr(error, "error", None)
    detail = f": {told}" if isinstance(told, str) and ERROR.fullmatch(told) else ""
    return f"{type(error).__name__}{detail}"
