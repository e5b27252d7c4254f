"""Passwords and tokens: Argon2id off the event loop, and JWTs signed with a key of our own."""

import hashlib
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

from app.settings import Settings
from db.base import new_id
from domain.actor import Actor
from domain.refusals import ErrorCode, Refusal, Refused
from domain.users.model import User

ALGORITHM = "ES256"
ISSUER = "orderwire"
AUDIENCE = "orderwire"
NOT_VALID = "The access token is not valid, or no longer. Sign in again, or leave it out."
LEEWAY = 10
"""Seconds by which the clocks of two hosts may differ."""

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


class SettingError(Exception):
    """A setting cannot be used; the message begins with its name."""


class JwtIssuer:
    """Issues and checks access tokens (RFC 9068 in spirit: signed, short-lived, with an audience)."""

    def __init__(self, settings: Settings) -> None:
        self.lifetime = settings.access_token_seconds
        self._refresh_days = settings.refresh_token_days
        self._key = signing_key(settings)
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )

    def access_token(self, user: User) -> str:
        issued = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user.id),
            "username": user.username,
            "is_admin": user.is_admin,
            "scopes": list(user.scopes),
            "iat": int(issued.timestamp()),
            "exp": int((issued + timedelta(seconds=self.lifetime)).timestamp()),
            "jti": str(new_id()),
        }
        return jwt.encode({"alg": ALGORITHM, "typ": "JWT"}, claims, self._key)

    def actor(self, access_token: str) -> Actor:
        try:
            claims = jwt.decode(access_token, self._key, algorithms=[ALGORITHM]).claims
            self._claims.validate(claims)
            return Actor(
                user_id=UUID(claims["sub"]),
                username=claims["username"],
                is_admin=claims["is_admin"] is True,
                scopes=frozenset(claims["scopes"]),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except (JoseError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise Refused(Refusal(ErrorCode.UNAUTHENTICATED, NOT_VALID)) from error

    def refresh_token(self) -> tuple[str, str, datetime]:
        token = secrets.token_urlsafe(32)
        return token, self.digest(token), datetime.now(UTC) + timedelta(days=self._refresh_days)

    def digest(self, refresh_token: str) -> str:
        # The token is 256 random bits: a plain hash cannot be guessed backwards.
        return hashlib.sha256(refresh_token.encode()).hexdigest()


def signing_key(settings: Settings) -> ECKey:
    """The key from the settings, else the one in the data directory, made at the first start.

    Raises:
        SettingError: the settings hold something else.
    """
    if settings.signing_key is not None:
        try:
            return ECKey.import_key(settings.signing_key.get_secret_value())
        except (JoseError, ValueError):
            raise SettingError("ORDERWIRE_SIGNING_KEY: not a private key (P-256) in PEM form") from None
    path = settings.data_dir / "signing-key.pem"
    if not path.exists():
        write_secret(path, ECKey.generate_key("P-256").as_pem(private=True).decode())
    return ECKey.import_key(path.read_text())


def write_secret(path: Path, content: str) -> None:
    """Write a file that only its owner may read; whoever writes first wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hosts may share the directory, and in containers everybody has the same process number.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
