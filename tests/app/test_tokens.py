"""Access tokens over HTTP: who is let in, and what is answered to a token that is not valid."""

import base64
import hmac
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from factories.people import make_admin
from joserfc import jwt
from joserfc.jwk import ECKey
from support.server import Server

from app.keys import signing_key
from domain.refusals import Refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = (f"user{number}" for number in itertools.count(1))
MESSAGE = "The access token is not valid, or no longer. Sign in again, or leave it out."


def encoded(value: object) -> str:
    data = value if isinstance(value, bytes) else orjson.dumps(value)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


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
        "jti": "1",
    }
    return {name: value for name, value in {**sound, **changed}.items() if value is not None}


def signed(key: ECKey, **changed: Any) -> str:
    return jwt.encode({"alg": "ES256", "typ": "JWT"}, claims(**changed), key)


def changed(token: str) -> str:
    """A token with other claims than were signed."""
    header, _, signature = token.split(".")
    return f"{header}.{encoded(claims(username='other'))}.{signature}"


def hashed(secret: bytes) -> str:
    """A token that takes the public key for a shared secret."""
    content = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims())}"
    return f"{content}.{encoded(hmac.digest(secret, content.encode(), 'sha256'))}"


FORGERIES: dict[str, Callable[[ECKey], str]] = {
    "nothing": lambda key: "",
    "no token": lambda key: "nonsense",
    "dots": lambda key: "..",
    "five parts": lambda key: "a.b.c.d.e",
    "other letters": lambda key: "\xe9\xff.\xe9.\xe9",
    "header not JSON": lambda key: f"{encoded(b'x')}.{encoded(claims())}.x",
    "header a list": lambda key: f"{encoded([])}.{encoded(claims())}.x",
    "header nested too deeply": lambda key: f"{encoded(b'[' * 20_000)}.{encoded(claims())}.x",
    "no signature": lambda key: signed(key).rpartition(".")[0] + ".",
    "changed claims": lambda key: changed(signed(key)),
    "alg none": lambda key: f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims())}.",
    "alg HS256 with the public key": lambda key: hashed(key.as_pem(private=False)),
    "another key": lambda key: signed(ECKey.generate_key("P-256")),
    "another audience": lambda key: signed(key, aud="elsewhere"),
    "no audience": lambda key: signed(key, aud=None),
    "another issuer": lambda key: signed(key, iss="elsewhere"),
    "expired": lambda key: signed(key, exp=int(datetime.now(UTC).timestamp()) - 60),
    "no end": lambda key: signed(key, exp=None),
    "no subject": lambda key: signed(key, sub=None),
    "subject no UUID": lambda key: signed(key, sub="1"),
    "scopes a number": lambda key: signed(key, scopes=5),
    "end beyond all years": lambda key: signed(key, exp=10**20),
}


@pytest.mark.parametrize("kind", FORGERIES)
async def test_a_token_that_is_not_valid_is_refused(lasting: Server, kind: str):
    token = FORGERIES[kind](signing_key(lasting.process.settings))
    headers = {"Authorization": f"Bearer {token}".rstrip().encode("latin-1")}

    response = await lasting.http.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert response.json() == {"errors": [{"message": MESSAGE, "extensions": {"code": "UNAUTHENTICATED"}}]}


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
async def test_another_scheme_is_refused(lasting: Server, scheme: str):
    headers = {"Authorization": f"{scheme} {signed(signing_key(lasting.process.settings))}".lstrip()}

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

    decoded = jwt.decode(made["accessToken"], signing_key(lasting.process.settings), algorithms=["ES256"])
    told = decoded.claims
    assert decoded.header == {"alg": "ES256", "typ": "JWT"}
    assert told.keys() == {"sub", "username", "is_admin", "scopes", "exp", "iat", "jti", "iss", "aud"}
    assert (told["username"], told["is_admin"], told["scopes"]) == ("claimant", False, [])
    assert (told["iss"], told["aud"], told["exp"] - told["iat"]) == ("orderwire", "orderwire", made["expiresIn"])


async def test_each_token_has_an_id_of_its_own(lasting: Server):
    admin = await make_admin(lasting.process.database, next(NAMES))
    key = signing_key(lasting.process.settings)

    ids = {jwt.decode(lasting.token(admin), key, algorithms=["ES256"]).claims["jti"] for _ in range(20)}

    assert len(ids) == 20


async def test_a_clock_that_is_a_little_ahead_is_forgiven(lasting: Server):
    issuer, key = lasting.process.services.issuer, signing_key(lasting.process.settings)
    moment = int(datetime.now(UTC).timestamp())

    assert issuer.actor(signed(key, exp=moment - 3)).username == "boss"
    with pytest.raises(Refused):
        issuer.actor(signed(key, exp=moment - 30))
