"""Access tokens: JWTs signed with a key of our own; and refresh tokens, which are random."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError

from app.access.keys import ALGORITHM, LEEWAY, KeyRing
from app.settings import Settings
from db.base import new_id
from domain.actor import Actor
from domain.refusals import ErrorCode, Refusal, Refused
from domain.secret import digest_of, new_secret
from domain.tokens.model import Tokens
from domain.tokens.revocations import Revocations
from domain.users.model import User

TYPE = "at+jwt"
"""The `typ` of an access token (RFC 9068, section 2.1): no other JWT can be taken for one."""
ISSUER = "orderwire"
AUDIENCE = "orderwire"
KNOWN = 4_000
"""How many tokens are remembered whose signature was good: to check it takes longer than to answer a small query."""

NOT_VALID = "The access token is not valid, or no longer. Sign in again, or leave it out."


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a token names whose signature was good."""

    actor: Actor
    kid: str
    """The id of the key that signed it."""
    ends: float


class JwtIssuer:
    """Issues and checks access tokens (RFC 9068 in spirit: typed, signed, short-lived, with an audience)."""

    def __init__(self, settings: Settings, keys: KeyRing, revocations: Revocations) -> None:
        self.lifetime = settings.access_token_seconds
        self._refresh_days = settings.refresh_token_days
        self._issuer = settings.public_url or ISSUER
        self._keys, self._revocations = keys, revocations
        # By the hash: what is remembered opens no door.
        self._known: OrderedDict[str, Vouched] = OrderedDict()
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            jti={"essential": True},
            sid={"essential": True},
        )

    def access_token(self, user: User, session: UUID) -> str:
        issued = datetime.now(UTC)
        key = self._keys.signing
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(user.id),
            "username": user.username,
            "is_admin": user.is_admin,
            "scopes": list(user.scopes),
            "iat": int(issued.timestamp()),
            "exp": int((issued + timedelta(seconds=self.lifetime)).timestamp()),
            "jti": str(new_id()),
            "sid": str(session),
        }
        return jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}, claims, key.key)

    def actor(self, access_token: str) -> Actor:
        try:
            actor = self._read(access_token)
        except (JoseError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise Refused(Refusal(ErrorCode.UNAUTHENTICATED, NOT_VALID)) from error
        if self._revocations.is_revoked(actor):
            raise Refused(Refusal(ErrorCode.UNAUTHENTICATED, NOT_VALID))
        return actor

    def _read(self, access_token: str) -> Actor:
        """Whom a token names. What cannot change is looked at once; its key and its end, which can, every time."""
        digest = digest_of(access_token)
        vouched = self._known.get(digest) or self._verified(access_token)
        # An id of a key is its thumbprint: what has the same is the same.
        self._keys.get(vouched.kid)
        if vouched.ends <= time.time() - LEEWAY:
            raise ValueError("too old")
        self._known[digest] = vouched
        self._known.move_to_end(digest)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return vouched.actor

    def _verified(self, access_token: str) -> Vouched:
        token = jwt.decode(access_token, lambda signed: self._keys.get(signed.headers()["kid"]), algorithms=[ALGORITHM])
        if token.header["typ"] != TYPE:
            raise ValueError("another type of token")
        claims: dict[str, Any] = token.claims
        self._claims.validate(claims)
        # No token outlives the present setting, whatever it was when the token was signed: by it revocations are kept.
        ends = min(claims["exp"], claims["iat"] + self.lifetime)
        actor = Actor(
            user_id=UUID(claims["sub"]),
            username=claims["username"],
            is_admin=claims["is_admin"] is True,
            scopes=frozenset(claims["scopes"]),
            expires_at=datetime.fromtimestamp(ends, UTC),
            token_id=UUID(claims["jti"]),
            session=UUID(claims["sid"]),
        )
        return Vouched(actor, token.header["kid"], ends)

    def last_end(self) -> datetime:
        # Once for a clock that is ahead where it is checked, once for one that was ahead where it was signed.
        return datetime.now(UTC) + timedelta(seconds=self.lifetime + 2 * LEEWAY)

    def refresh_token(self) -> tuple[str, str, datetime]:
        token = new_secret()
        return token, digest_of(token), datetime.now(UTC) + timedelta(days=self._refresh_days)


def as_body(tokens: Tokens) -> dict[str, Any]:
    """Tokens as RFC 6749 (section 5.1) tells them. What was granted is always told: it may be less than was asked."""
    body = {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
        "scope": " ".join(tokens.user.as_actor().held),
    }
    return body | ({"refresh_token": tokens.refresh_token} if tokens.refresh_token else {})
