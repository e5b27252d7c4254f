"""What an operator says of providers."""

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/.*)?")


def _is_safe(issuer: str) -> str:
    if not issuer.startswith("https://") and not LOOPBACK.fullmatch(issuer):
        raise ValueError("an issuer is at https://…, or on this machine")
    return issuer


class Provider(BaseModel):
    """A provider of OpenID Connect, at which this server is registered as a client."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # Stands in URLs, in the log of events, and beside each subject.
    name: str = Field(pattern="^[a-z][a-z0-9-]{0,29}$")
    issuer: Annotated[str, AfterValidator(_is_safe)]
    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    scope: str = Field(default="openid email profile", pattern=r"(^| )openid( |$)")


def _read(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError as error:
        # Without what it was: that holds secrets.
        raise ValueError(f"not JSON: {error}") from None


def _names_differ(providers: tuple[Provider, ...]) -> tuple[Provider, ...]:
    names = [provider.name for provider in providers]
    if len(set(names)) < len(names):
        raise ValueError("two providers have one name")
    return providers


Providers = Annotated[tuple[Provider, ...], BeforeValidator(_read), AfterValidator(_names_differ)]
"""The providers, as objects or as a list in JSON."""
