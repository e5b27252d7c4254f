"""Passwords: Argon2id, off the event loop."""

from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

NOBODY = f"$argon2id$v=19$m=65536,t=3,p=4${'A' * 22}${'A' * 43}"
"""What an unknown user's password is checked against, so that both answers take the same time. It is nobody's."""


class Argon2Hasher:
    """Argon2id in threads, a few at once: a flood of sign-ins must not stall the queries."""

    def __init__(self, at_once: int, password_hash: PasswordHash | None = None) -> None:
        self._hash = password_hash or PasswordHash.recommended()
        self._limiter = CapacityLimiter(at_once)

    async def hash(self, password: str) -> str:
        return await to_thread.run_sync(self._hash.hash, password, limiter=self._limiter)

    async def verify(self, password: str, hashed: str | None) -> bool:
        matches = await to_thread.run_sync(self._verify, password, hashed or NOBODY, limiter=self._limiter)
        return matches and hashed is not None

    def _verify(self, password: str, hashed: str) -> bool:
        try:
            return self._hash.verify(password, hashed)
        except UnknownHashError:
            return False
