"""What a machine client is, and the rules of its name, its scopes and its secret."""

import hmac
import secrets
from collections.abc import Collection
from dataclasses import field
from datetime import datetime
from uuid import UUID

from domain.actor import Scope
from domain.refusals import Refusal, bad_input
from domain.secret import digest_of
from domain.value import value

NAME_MAX = 100


@value
class Client:
    """A machine that acts as a user of its own, so that audit and rights are those of anybody.

    `client_id` is the name of that user.
    """

    client_id: str
    user_id: UUID
    name: str
    scopes: tuple[str, ...]
    secret_digest: str = field(repr=False)
    created_at: datetime
    revoked_at: datetime | None

    def accepts(self, secret: str) -> bool:
        """Whether it is the client's secret; compared in constant time."""
        return self.revoked_at is None and hmac.compare_digest(self.secret_digest, digest_of(secret))


def make_client_id() -> str:
    """A new client id, which is a valid username."""
    return f"client{secrets.token_hex(6)}"


def check_client(name: str, scopes: Collection[str]) -> list[Refusal]:
    """Every written rule that a new client breaks, each with its field; empty if it breaks none."""
    refusals: list[Refusal] = []
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        refusals.append(bad_input(f"A name has 1 to {NAME_MAX} printable characters.", "name"))
    if unknown := sorted(set(scopes) - set(Scope)):
        refusals.append(bad_input(f"No such scope: {', '.join(unknown)}. There are: {', '.join(Scope)}.", "scopes"))
    if not scopes:
        refusals.append(bad_input("A client needs a scope at least, or it may do nothing.", "scopes"))
    return refusals
