"""Access tokens over HTTP: who is let in, and what is answered to a token that is not valid."""

import base64
import hmac
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from factories.people import make_admin
from joserfc import jwt
from joserfc.jwk import ECKey
from support.server import Server
from support.waiting import until

from app.access.keys import LEEWAY, Key, KeyRing
from app.access.tokens import JwtIssuer
from app.settings import Settings
from db.base import new_id
from domain.refusals import Refused
from domain.secret import digest_of
from domain.tokens.revocations import Revocations
from domain.users.model import User

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = (f"user{number}" for number in itertools.count(1))
MESSAGE = "The access token is not valid, or no longer. Sign in again, or leave it out."


def encoded(value: object) -> str:
    data = value if isinstance(value, bytes) else orjson.dumps(value)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a valid token of an admin, some of them changed or, with None, left out."""
    moment = int(datetime.now(UTC).timestamp())
    sound = {
        "iss": "orderwire",
        "aud": "orderwire",
        "sub": "0199a2a4-0000-7000-8000-000000000000",
        "username": "boss",
        "is_admin": True,
        "scopes": [],
        "iat": moment,
        "exp": moment + 60,
        "jti": "0199a2a4-0000-7000-8000-000000000001",
        "sid": "0199a2a4-0000-7000-8000-000000000002",
    }
    return {name: value for name, value in {**sound, **changed}.items() if value is not None}


def signed(key: Key, header: dict[str, Any] | None = None, by: ECKey | None = None, **changed: Any) -> str:
    """A valid token, but for what was changed in it."""
    sound = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid, **(header or {})}
    given = {name: value for name, value in sound.items() if value is not None}
    return jwt.encode(given, claims(**changed), by or key.key, default_type=None)


def now(seconds: int = 0) -> int:
    return int(datetime.now(UTC).timestamp()) + seconds


def changed(token: str) -> str:
    """A token with other claims than were signed."""
    header, _, signature = token.split(".")
    return f"{header}.{encoded(claims(username='other'))}.{signature}"


def hashed(key: Key) -> str:
    """A token that takes the public key for a shared secret."""
    secret = key.key.as_pem(private=False)
    content = f"{encoded({'alg': 'HS256', 'typ': 'at+jwt', 'kid': key.kid})}.{encoded(claims())}"
    return f"{content}.{encoded(hmac.digest(secret, content.encode(), 'sha256'))}"


FORGERIES: dict[str, Callable[[Key], str]] = {
    "nothing": lambda key: "",
    "no token": lambda key: "nonsense",
    "dots": lambda key: "..",
    "five parts": lambda key: "a.b.c.d.e",
    "other letters": lambda key: "\xe9\xff.\xe9.\xe9",
    "huge": lambda key: f"{encoded({'alg': 'ES256', 'kid': key.kid, 'typ': 'at+jwt'})}.{'A' * 30_000}.x",
    "header not JSON": lambda key: f"{encoded(b'x')}.{encoded(claims())}.x",
    "header a list": lambda key: f"{encoded([])}.{encoded(claims())}.x",
    "header nested too deeply": lambda key: f"{encoded(b'[' * 20_000)}.{encoded(claims())}.x",
    "no signature": lambda key: signed(key).rpartition(".")[0] + ".",
    "changed claims": lambda key: changed(signed(key)),
    "alg none": lambda key: f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': key.kid})}.{encoded(claims())}.",
    "alg HS256 with the public key": hashed,
    "another key": lambda key: signed(key, by=ECKey.generate_key("P-256")),
    "another kid": lambda key: signed(key, {"kid": ECKey.generate_key("P-256").thumbprint()}),
    "no kid": lambda key: signed(key, {"kid": None}),
    "kid a path": lambda key: signed(key, {"kid": "../../../dev/null"}),
    "key in the header": lambda key: signed(key, {"jwk": key.key.as_dict(private=False)}, ECKey.generate_key("P-256")),
    "another type": lambda key: signed(key, {"typ": "JWT"}),
    "no type": lambda key: signed(key, {"typ": None}),
    "another audience": lambda key: signed(key, aud="elsewhere"),
    "no audience": lambda key: signed(key, aud=None),
    "another issuer": lambda key: signed(key, iss="elsewhere"),
    "no issuer": lambda key: signed(key, iss=None),
    "expired": lambda key: signed(key, exp=now(-60)),
    "expired as long ago as clocks may differ": lambda key: signed(key, exp=now(-LEEWAY)),
    "no end": lambda key: signed(key, exp=None),
    "not yet valid": lambda key: signed(key, nbf=now(60)),
    "issued in the future": lambda key: signed(key, iat=now(60), exp=now(120)),
    "no moment of issue": lambda key: signed(key, iat=None),
    "older than any token may be": lambda key: signed(key, iat=now(-900 - LEEWAY), exp=now(3600)),
    "no subject": lambda key: signed(key, sub=None),
    "subject no UUID": lambda key: signed(key, sub="1"),
    "no id": lambda key: signed(key, jti=None),
    "id no UUID": lambda key: signed(key, jti="1"),
    "no session": lambda key: signed(key, sid=None),
    "session a number": lambda key: signed(key, sid=5),
    "scopes a number": lambda key: signed(key, scopes=5),
    "end beyond all years": lambda key: signed(key, exp=10**20, iat=10**20),
    "end no number": lambda key: signed(key, exp="tomorrow"),
    "end not a number": lambda key: signed(key, exp=float("nan")),
}


def key_of(server: Server) -> Key:
    return server.process.keys.signing


@pytest.mark.parametrize("kind", FORGERIES)
async def test_a_token_that_is_not_valid_is_refused(lasting: Server, kind: str):
    token = FORGERIES[kind](key_of(lasting))
    headers = {"Authorization": f"Bearer {token}".rstrip().encode("latin-1")}

    response = await lasting.http.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert response.json() == {"errors": [{"message": MESSAGE, "extensions": {"code": "UNAUTHENTICATED"}}]}


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
async def test_another_scheme_is_refused(lasting: Server, scheme: str):
    headers = {"Authorization": f"{scheme} {signed(key_of(lasting))}".lstrip()}

    response = await lasting.http.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)

    assert response.status_code == 401


async def test_a_valid_token_names_the_viewer(lasting: Server):
    admin = await make_admin(lasting.process.database, next(NAMES))

    assert await lasting.get("{ me { username isAdmin } }", admin) == {
        "me": {"username": admin.username, "isAdmin": True}
    }


async def test_a_token_carries_exactly_the_claims_of_the_design(lasting: Server):
    register = """mutation ($name: String!) {
      userRegister(input: {username: $name, email: "claims@example.com", password: "password1"}) { userErrors { code } }
      tokenCreate(input: {username: $name, password: "password1"}) { accessToken expiresIn user { id } }
    }"""

    made = (await lasting.get(register, name="claimant"))["tokenCreate"]

    decoded = jwt.decode(made["accessToken"], key_of(lasting).key, algorithms=["ES256"])
    told = decoded.claims
    assert decoded.header == {"alg": "ES256", "typ": "at+jwt", "kid": key_of(lasting).kid}
    assert told.keys() == {"sub", "username", "is_admin", "scopes", "exp", "iat", "jti", "iss", "aud", "sid"}
    assert (told["username"], told["is_admin"], told["scopes"]) == ("claimant", False, [])
    assert (told["iss"], told["aud"], told["exp"] - told["iat"]) == ("orderwire", "orderwire", made["expiresIn"])


async def test_each_token_has_an_id_of_its_own(lasting: Server):
    admin = await make_admin(lasting.process.database, next(NAMES))
    key = key_of(lasting).key

    ids = {jwt.decode(lasting.token(admin), key, algorithms=["ES256"]).claims["jti"] for _ in range(20)}

    assert len(ids) == 20


async def test_clocks_may_differ_a_little_and_no_more(lasting: Server):
    issuer, key = lasting.process.services.issuer, key_of(lasting)

    for forgiven in ({"exp": now(-3)}, {"nbf": now(3)}, {"iat": now(3)}):
        assert issuer.actor(signed(key, **forgiven)).username == "boss"
    for refused in ({"exp": now(-30)}, {"nbf": now(30)}, {"iat": now(30)}):
        with pytest.raises(Refused):
            issuer.actor(signed(key, **refused))


async def test_a_token_that_was_signed_for_longer_lives_no_longer_than_tokens_do_now(lasting: Server):
    issued = now(-10)

    actor = lasting.process.services.issuer.actor(signed(key_of(lasting), iat=issued, exp=issued + 86_400))

    assert actor.expires_at == datetime.fromtimestamp(issued + 900, UTC)


async def test_the_address_of_the_server_is_the_issuer_where_it_is_set(tmp_path: Path):
    issuers = [
        JwtIssuer(settings, KeyRing(settings), Revocations())
        for settings in (Settings(data_dir=tmp_path), Settings(data_dir=tmp_path, public_url="https://shop.example"))
    ]
    user = User(new_id(), "boss", None, ("admin",), (), datetime.now(UTC), None)

    tokens = [issuer.access_token(user, new_id()) for issuer in issuers]

    assert [orjson.loads(decoded(token.split(".")[1]))["iss"] for token in tokens] == [
        "orderwire",
        "https://shop.example",
    ]
    for issuer, token in zip(issuers, reversed(tokens), strict=True):
        with pytest.raises(Refused):
            issuer.actor(token)


@pytest.mark.parametrize("count", [1, 3])
async def test_refresh_tokens_cannot_be_guessed_from_what_is_stored(lasting: Server, count: int):
    issuer = lasting.process.services.issuer

    made = [issuer.refresh_token() for _ in range(count)]

    assert len({token for token, _, _ in made}) == count
    assert all(digest == digest_of(token) and token not in digest for token, digest, _ in made)


async def test_a_token_that_was_good_before_is_refused_once_it_ends_is_revoked_or_loses_its_key(lasting: Server):
    ring, revocations = KeyRing(lasting.process.settings), Revocations()
    issuer = JwtIssuer(lasting.process.settings, ring, revocations)
    short, long = signed(ring.signing, exp=now(1 - LEEWAY)), signed(ring.signing, exp=now(60), jti=str(new_id()))

    def is_refused(token: str) -> bool:
        try:
            issuer.actor(token)
        except Refused:
            return True
        return False

    assert [is_refused(token) for token in (short, long, short, long)] == [False] * 4
    await until(lambda: is_refused(short))
    kept, ring._keys = ring._keys, []
    assert is_refused(long)
    ring._keys = kept
    assert not is_refused(long)
    token_id = issuer.actor(long).token_id
    assert token_id is not None
    revocations.add({token_id: datetime.now(UTC)})
    assert is_refused(long)


async def test_so_many_tokens_are_remembered_and_no_more(lasting: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.access.tokens.KNOWN", 2)
    issuer: Any = JwtIssuer(lasting.process.settings, lasting.process.keys, Revocations())

    for number in range(4):
        issuer.actor(signed(key_of(lasting), username=f"user{number}"))
    with pytest.raises(Refused):
        issuer.actor(changed(signed(key_of(lasting))))

    assert [known.actor.username for known in issuer._known.values()] == ["user2", "user3"]
