"""What an operator says of a provider."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

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
