"""What a sign-in hands out."""

from dataclasses import dataclass

from domain.users.model import User


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in hands out. `expires_in` is the life of the access token in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    user: User
