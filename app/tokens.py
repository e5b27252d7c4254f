"""Access tokens: JWTs signed with a key of our own; and refresh tokens, which are random."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError

from app.keys import signing_key
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
