"""What the OAuth 2 endpoints answer to what nobody should send: an error as RFC 6749 says, and never a fault."""

import base64
from typing import Any

import pytest
from support.clients import FORM, ask, make_machine
from support.server import Server, serving

from app.choices import LogLevel
from app.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDPOINTS = ("token", "revoke", "introspect")
LETTERS = set(map(chr, (0x20, 0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F))))
"""What an error may be told with (RFC 6749, section 5.2)."""


def basic(content: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(content).decode()}"}


BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", FORM),
    "JSON": (b'{"grant_type": "password"}', {"Content-Type": "application/json"}),
    "no content type": (b"grant_type=password", {}),
    "a form in parts": (b"--x\r\n\r\n--x--", {"Content-Type": "multipart/form-data; boundary=x"}),
    "binary": (bytes(range(256)), FORM),
    "no UTF-8 behind percents": (b"grant_type=password&username=%ff%fe&password=%80&token=%ff", FORM),
    "a parameter twice": (b"grant_type=password&grant_type=password&token=x&token=y", FORM),
    "hundreds of parameters": (b"&".join(b"a%d=1" % number for number in range(500)), FORM),
    "empty values": (b"grant_type=&username=&password=&token=", FORM),
    "another character set": (b"grant_type=\xff\xfe", {"Content-Type": f"{FORM['Content-Type']}; charset=utf-16"}),
    "only separators": (b"&&&===&&&", FORM),
    "Basic and a secret": (b"grant_type=client_credentials&client_id=a&client_secret=b&token=x", FORM | basic(b"a:b")),
}
HEADERS = {
    "Basic that is no base64": {"Authorization": "Basic ????"},
    "Basic of other letters": {"Authorization": "Basic \xe9\xe9\xe9\xe9"},
    "Basic that is no UTF-8": basic(b"\xff\xfe:\x80"),
    "Basic without a secret": basic(b"client"),
    "Basic with U+0000": basic(b"a\0b:\0"),
    "Basic with nothing": {"Authorization": "Basic"},
    "Basic that is huge": basic(b"x" * 20_000),
    "an unknown scheme": {"Authorization": "Negotiate abcdef"},
    "Bearer with nonsense": {"Authorization": "Bearer a.b.c"},
}


def check(response: Any) -> None:
    """An error as section 5.2 of RFC 6749 says."""
    assert response.status_code in {400, 401, 413}, response.text
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    told = response.json()
    assert set(told) <= {"error", "error_description"}
    assert set(told["error"] + told.get("error_description", "")) <= LETTERS
    assert (response.status_code == 401) is (told["error"] == "invalid_client")
    if response.status_code == 401:
        assert response.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("kind", BODIES)
async def test_a_body_that_is_no_form_of_ours_is_told_so(lasting: Server, endpoint: str, kind: str):
    body, headers = BODIES[kind]

    response = await lasting.http.post(f"/oauth/{endpoint}", content=body, headers=headers)

    check(response)
    if endpoint == "token":
        assert response.json()["error"] == "invalid_request"


@pytest.mark.parametrize("kind", HEADERS)
async def test_a_header_that_says_nothing_of_use_is_no_client(lasting: Server, kind: str):
    headers = {**FORM, **HEADERS[kind]}
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}

    for endpoint, body in (("token", b"grant_type=client_credentials"), ("introspect", b"token=x")):
        response = await lasting.http.post(f"/oauth/{endpoint}", content=body, headers=encoded)
        check(response)
        # PostgreSQL holds no U+0000: that is a request which cannot be right.
        assert response.json()["error"] == ("invalid_request" if "U+0000" in kind else "invalid_client")


FORMS: dict[str, tuple[dict[str, str], str]] = {
    "no grant": ({"username": "a", "password": "b"}, "invalid_request"),
    "an unknown grant": ({"grant_type": 'é"\\\n'}, "unsupported_grant_type"),
    "the grant of a code": ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
    "no password": ({"grant_type": "password", "username": "hedwig"}, "invalid_request"),
    "no username": ({"grant_type": "password", "password": "x"}, "invalid_request"),
    "U+0000 in the username": ({"grant_type": "password", "username": "a\0", "password": "x"}, "invalid_request"),
    "no refresh token": ({"grant_type": "refresh_token"}, "invalid_request"),
    "a refresh token of another": ({"grant_type": "refresh_token", "refresh_token": "x" * 10_000}, "invalid_grant"),
    "an unknown scope": (
        {"grant_type": "password", "username": "hedwig", "password": "x", "scope": "everything"},
        "invalid_scope",
    ),
    "an unknown scope to refresh": (
        {"grant_type": "refresh_token", "refresh_token": "x", "scope": "\0é"},
        "invalid_scope",
    ),
}


@pytest.mark.parametrize("kind", FORMS)
async def test_a_form_that_lacks_something_or_asks_too_much_is_told_so(lasting: Server, kind: str):
    form, error = FORMS[kind]

    response = await ask(lasting, "token", **form)

    check(response)
    assert (response.status_code, response.json()["error"]) == (400, error)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_only_post_is_answered(lasting: Server, endpoint: str):
    answers = [await lasting.http.request(method, f"/oauth/{endpoint}") for method in ("GET", "PUT", "DELETE")]

    assert [answer.status_code for answer in answers] == [405] * 3


async def test_a_body_that_grows_too_large_on_the_way_is_refused(lasting: Server):
    async def growing(chunks: int) -> Any:
        for _ in range(chunks):
            yield b"grant_type=" + b"x" * 10_000

    answers = [await lasting.http.post("/oauth/token", content=growing(chunks), headers=FORM) for chunks in (2, 50)]

    for response in answers:
        check(response)
        assert response.status_code == 413
        assert response.json()["error_description"] == "The form has more than 16384 bytes."


@pytest.mark.parametrize("host", ["", "a b", "[::1", "shop.example:x", "<script>", "x" * 5000, "\xe9"])
async def test_a_host_of_any_kind_is_no_fault(lasting: Server, host: str):
    response = await lasting.http.get(
        "/.well-known/oauth-authorization-server", headers={"Host": host.encode("latin-1")}
    )

    assert response.status_code in {200, 400}


@pytest.mark.asyncio(loop_scope="function")
async def test_no_token_and_no_secret_reaches_the_log(settings: Settings, capsys: pytest.CaptureFixture[str]):
    async with serving(settings.model_copy(update={"log_level": LogLevel.DEBUG})) as server:
        machine = await make_machine(server)
        token = (await ask(server, "token", machine.basic, grant_type="client_credentials")).json()["access_token"]
        await ask(server, "token", grant_type="password", username="hedwig", password="hush-hush")
        await ask(server, "introspect", machine.basic, token=token)
        await ask(server, "revoke", **machine.body, token=token)

    written = capsys.readouterr().err
    assert "/oauth/revoke" in written
    assert '"level": "debug"' in written
    assert [secret for secret in (machine.secret, token, "hush-hush") if secret in written] == []
