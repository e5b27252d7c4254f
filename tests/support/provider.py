"""A provider of OpenID Connect: a process of its own, strict with its clients, and unruly where a test wants it so.

The first part of a path says how it describes itself; `honest` is what it should be. What a test sends along to the
page where a person would sign in says who that is, and how the provider goes on from there.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "orderwire-tests"
CLIENT_SECRET = "known-to-client-and-provider"

DESCRIPTIONS: dict[str, dict[str, Any]] = {
    "halved": {"token_endpoint": None},
    "unsafe": {"token_endpoint": "ftp://127.0.0.1/token"},
    "naming": {"authorization_response_iss_parameter_supported": True},
    "lax": {"id_token_signing_alg_values_supported": ["none", "HS256", "RS256"]},
    "meddling": {"verify": False, "timeout": None, "code_challenge_method": "plain", "client_id": "x", "scope": "x"},
    "open": {"token_endpoint_auth_methods_supported": ["none", "client_secret_post"]},
    "posting": {"token_endpoint_auth_methods_supported": ["client_secret_post"]},
}
"""What some say of themselves beside what all say."""

ANSWERS: dict[str, tuple[int, str]] = {
    "failing": (500, "Internal Server Error"),
    "mumbling": (200, "token=yes"),
    "refusing": (400, '{"error": "unauthorized_client", "error_description": "secret-of-the-provider"}'),
    "listing": (200, "[1, 2]"),
    "odd": (200, '{"access_token": [1], "expires_in": {}, "id_token": 7}'),
}
"""What the token endpoint answers, whatever it is asked."""


class Provider:
    """The endpoints, the keys, and what waits to be fetched."""

    def __init__(self) -> None:
        self.base = ""
        self.keys: dict[str, Any] = {}
        for algorithm in ("RS256", "ES256"):
            self.renew(algorithm)
        self.foreign = RSAKey.generate_key(2048)
        self.codes: dict[str, dict[str, Any]] = {}
        self.people: dict[str, dict[str, Any]] = {}

    def renew(self, algorithm: str) -> None:
        named: Any = {"kid": secrets.token_hex(4), "use": "sig"}
        is_rsa = algorithm == "RS256"
        self.keys[algorithm] = RSAKey.generate_key(2048, named) if is_rsa else ECKey.generate_key("P-256", named)

    def issuer(self, request: Request) -> str:
        return f"{self.base}/{request.path_params['kind']}"

    async def describe(self, request: Request) -> Response:
        kind, issuer = request.path_params["kind"], self.issuer(request)
        description: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        }
        description |= DESCRIPTIONS.get(kind, {})
        if kind == "pretending":
            description["issuer"] = f"{self.base}/honest"
        await asyncio.sleep(600 if kind == "slow" else 0)
        if kind == "mumbling":
            return PlainTextResponse("<html>Bad gateway</html>")
        return JSONResponse([description] if kind == "listing" else description, 503 if kind == "away" else 200)

    async def jwks(self, request: Request) -> Response:
        keys = KeySet(list(self.keys.values()))
        return JSONResponse(keys.as_dict(private=False))

    async def authorize(self, request: Request) -> Response:
        """Whoever sends the browser here has signed in."""
        asked = dict(request.query_params)
        person: dict[str, Any] = json.loads(asked.pop("person"))
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        answer = {"state": asked["state"], **person.pop("answer", {})}
        if "error" not in answer:
            code = secrets.token_urlsafe(16)
            self.codes[code] = {**asked, "person": person, "kind": request.path_params["kind"]}
            answer = {"code": code, **answer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        is_sound = (
            asked is not None
            and form["grant_type"] == "authorization_code"
            and form["redirect_uri"] == asked["redirect_uri"]
            and base64.urlsafe_b64encode(challenge).decode().rstrip("=") == asked["code_challenge"]
        )
        if asked is None or not is_sound:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if not self._is_client(request, form, asked["kind"]):
            return JSONResponse({"error": "invalid_client"}, 401)
        person = asked["person"]
        if person.get("token") in ANSWERS:
            status, content = ANSWERS[person["token"]]
            return PlainTextResponse(content, status)
        await asyncio.sleep(600 if person.get("token") == "slow" else 0)
        access_token = secrets.token_urlsafe(16)
        self.people[access_token] = person
        answer = {"access_token": access_token, "token_type": "Bearer", "expires_in": 60}
        if person.get("token") != "bare":
            answer["id_token"] = self._id_token(request, asked, access_token)
        return JSONResponse(answer)

    def _is_client(self, request: Request, form: dict[str, str], kind: str) -> bool:
        if kind == "open":
            return form.get("client_id") == CLIENT_ID and "client_secret" not in form
        if kind == "posting":
            return form.get("client_secret") == CLIENT_SECRET
        given = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {given}"

    def _id_token(self, request: Request, asked: dict[str, Any], access_token: str) -> str:
        person, moment = asked["person"], int(time.time())
        algorithm = person.get("alg", "RS256")
        digest = hashlib.sha256(access_token.encode()).digest()
        claims = {
            "iss": self.issuer(request),
            "aud": CLIENT_ID,
            "iat": moment,
            "exp": moment + 300,
            "nonce": asked["nonce"],
            "at_hash": base64.urlsafe_b64encode(digest[:16]).decode().rstrip("="),
            **person["claims"],
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if person.get("renews"):
            self.renew(algorithm)
        key = self.keys.get(algorithm)
        header = {"alg": algorithm, **({"kid": key.kid} if key else {})}
        match person.get("signs"):
            case "nothing":
                encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in ({"alg": "none"}, claims))
                return b".".join((*(each.rstrip(b"=") for each in encoded), b"")).decode()
            case "secret":
                key, header = OctKey.import_key(CLIENT_SECRET), {"alg": "HS256"}
            case "other key":
                key = self.foreign
            case "unknown key":
                header["kid"] = "nobody's"
        return jwt.encode(header, claims, key, registry=JWSRegistry(algorithms=["RS256", "ES256", "HS256"]))

    async def userinfo(self, request: Request) -> Response:
        person = self.people[request.headers["authorization"].removeprefix("Bearer ")]
        told = {"sub": person["claims"]["sub"], **person.get("info", {})}
        # Escaped, so that it can hold what is no text.
        return PlainTextResponse(json.dumps(told), media_type="application/json")


def make_app(provider: Provider) -> Starlette:
    return Starlette(
        routes=[
            Route("/{kind}/.well-known/openid-configuration", provider.describe),
            Route("/{kind}/authorize", provider.authorize),
            Route("/{kind}/token", provider.token, methods=["POST"]),
            Route("/{kind}/jwks", provider.jwks),
            Route("/{kind}/userinfo", provider.userinfo),
        ]
    )


@contextmanager
def running_provider() -> Generator[str]:
    """The URL of such a process, which ends with the block."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    provider = Provider()
    config = uvicorn.Config(make_app(provider), log_level="error", ws="none", lifespan="off")
    listener = socket.create_server(("127.0.0.1", 0))
    provider.base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    sys.stdout.write(f"{provider.base}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
