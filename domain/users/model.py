"""What a user is, and the rules of a username, an e-mail address and a password."""

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Self
from uuid import UUID

from domain.actor import Actor
from domain.refusals import Refusal, bad_input
from domain.roles.model import ADMIN
from domain.value import value

USERNAME = re.compile(r"[A-Za-z0-9]{4,20}")
# Deliberately loose: one @, no blanks, a dot in the domain. Whether mail arrives, the mail server knows.
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
EMAIL_MAX = 254
PASSWORD_MIN = 8
PASSWORD_MAX = 256


@value
class User:
    """Somebody who can sign in. `email_verified_at` is when they proved that mail to their address reaches them.

    `scopes` are all that follow from `roles`, and those that were granted directly, as machines are.
    """

    id: UUID
    username: str
    email: str | None
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    created_at: datetime
    last_login_at: datetime | None
    email_verified_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.roles

    def as_actor(self) -> Actor:
        """The user as somebody who acts."""
        return Actor(self.id, self.username, self.is_admin, frozenset(self.scopes))

    def limited_to(self, scopes: Collection[str]) -> Self:
        """The user with no more than some scopes."""
        return replace(self, roles=(), scopes=tuple(scope for scope in self.scopes if scope in scopes))

    def backs(self, actor: Actor) -> bool:
        """Whether every right that a token says this user holds is still theirs."""
        return self.is_admin or (not actor.is_admin and actor.scopes <= set(self.scopes))


@value
class Credentials:
    """A user together with the hash of their password; None for one who cannot sign in by password."""

    user: User
    password_hash: str | None


def is_email(text: str) -> bool:
    """Whether a text may be an e-mail address."""
    return len(text) <= EMAIL_MAX and EMAIL.fullmatch(text) is not None


def check_registration(username: str, email: str | None, password: str) -> list[Refusal]:
    """Every written rule that a registration breaks, each with its field; empty if it breaks none."""
    refusals: list[Refusal] = []
    if not USERNAME.fullmatch(username):
        refusals.append(bad_input("A username has 4 to 20 letters (A-Z, a-z) or digits.", "input", "username"))
    if email is not None and not is_email(email):
        refusals.append(bad_input("This is not an e-mail address.", "input", "email"))
    return refusals + check_password(password, "input", "password")


def check_password(password: str, *field: str) -> list[Refusal]:
    """The written rule that a new password breaks, if it breaks it."""
    if PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        return []
    return [bad_input(f"A password has {PASSWORD_MIN} to {PASSWORD_MAX} characters.", *field)]
