"""What a provider says of somebody, the attempt to sign in with it, and what a user may be called and linked by."""

import re
import secrets
import unicodedata
from collections.abc import Iterator

from domain.users.model import USERNAME, User, is_email
from domain.value import value

SHORTEST, LONGEST = 4, 20
"""How many characters a username has."""

TRIES = 8
"""How many names are tried for a new user: the second, with five digits, is taken once in 100,000 times."""

ATTEMPT_SECONDS = 600
"""How long somebody may take at the provider."""

CODE_SECONDS = 60
"""How long the code that a front end is handed can be traded; it does so at once."""


@value
class Profile:
    """What a provider vouches for, after all checks of its word.

    `subject` is its own name of the person, which never changes and is never given to another (OpenID Connect
    Core 1.0, section 2); `email` is one that the provider has verified, or None.
    """

    provider: str
    subject: str
    email: str | None
    preferred_username: str | None


@value
class LoginAttempt:
    """What is kept from the way to the provider until the way back.

    `nonce` and `verifier` are told to the provider as they are or as a digest, and prove that its answer belongs to
    this attempt; `return_to` is where the browser goes in the end.
    """

    provider: str
    nonce: str
    verifier: str
    redirect_uri: str
    return_to: str | None


def is_same_address(one: str, other: str) -> bool:
    """Whether two e-mail addresses are one mailbox: equal, or different in the case of ASCII letters alone.

    Other letters may become equal in lower case and still be two mailboxes, such as the sign for Kelvin and `k`.
    """
    return one == other or (one.isascii() and other.isascii() and one.lower() == other.lower())


def may_link(user: User, profile: Profile) -> bool:
    """Whether a user may be signed in by what a provider says of their address.

    Both sides must have verified it. Else somebody could register with the address of another person, wait until
    that person signs in with a provider, and share the account by the password.
    """
    if user.email is None or profile.email is None or user.email_verified_at is None:
        return False
    return is_same_address(user.email, profile.email)


def usernames(profile: Profile) -> Iterator[str]:
    """Names for a new user: what the provider calls them, as far as the rules go, then the same with five digits."""
    given = (profile.preferred_username or "").partition("@")[0] or (profile.email or "").partition("@")[0]
    plain = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9]", "", plain)[:LONGEST]
    if len(name) < SHORTEST:
        name = f"user{name}"
    if USERNAME.fullmatch(name) and name != "user":
        yield name
    for _ in range(TRIES - 1):
        yield f"{name[: LONGEST - 5]}{secrets.randbelow(100_000):05}"


def usable_email(email: str | None) -> str | None:
    """The address, where it is one by our rules."""
    return email if email is not None and is_email(email) else None
