"""Sign-in with a provider: where the browser is sent, and what a front end is handed."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text
from support.browser import Browser, browser, refusal, somebody
from support.logins import FRONT_END, TRADE, login_settings, rows, whoami
from support.server import Server, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(module_url: str, provider: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Server]:
    """A server that knows the provider under several names."""
    async with serving(login_settings(module_url, provider, tmp_path_factory.mktemp("login"))) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(shop: Server) -> AsyncGenerator[Browser]:
    async with browser(shop) as visitor:
        yield visitor


async def test_a_front_end_is_handed_a_code_that_it_trades_for_tokens(shop: Server, visitor: Browser):
    person = somebody()

    back = await visitor.sign_in(person, return_to=f"{FRONT_END}/done?state=mine&code=old#there")

    assert back.status_code == 303
    assert (back.headers["cache-control"], back.headers["referrer-policy"]) == ("no-store", "no-referrer")
    target = httpx.URL(back.headers["location"])
    assert str(target.copy_with(query=None)) == f"{FRONT_END}/done#there"
    assert target.params.keys() == {"state", "code"}
    traded = (await shop.get(TRADE, code=target.params["code"]))["tokenFromLogin"]
    assert traded["user"] == {"username": person["preferred_username"], "email": person["email"]}
    assert traded["userErrors"] == []
    assert (await whoami(shop, traded["accessToken"]))["username"] == person["preferred_username"]


async def code_for(visitor: Browser) -> str:
    return code_in(await visitor.sign_in(somebody(), return_to="/done"))


def code_in(back: httpx.Response) -> str:
    target = httpx.URL(back.headers["location"])
    assert target.path == "/done"
    assert not target.host
    return target.params["code"]


NOTHING = {"accessToken": None, "refreshToken": None, "expiresIn": None, "user": None}
REFUSED = {**NOTHING, "userErrors": [{"code": "INVALID_TOKEN", "field": ["input", "code"]}]}


async def test_a_code_is_traded_once_even_by_many_at_once(shop: Server, visitor: Browser):
    code = await code_for(visitor)

    answers = await asyncio.gather(*(shop.get(TRADE, code=code) for _ in range(5)))

    assert sorted(answer["tokenFromLogin"]["accessToken"] is None for answer in answers) == [False] + [True] * 4
    assert (await shop.get(TRADE, code=code))["tokenFromLogin"] == REFUSED


async def test_a_code_lives_a_minute_and_is_kept_as_a_digest(shop: Server, visitor: Browser):
    code = await code_for(visitor)
    life = "SELECT round(extract(epoch FROM max(expires_at) - now())) BETWEEN 50 AND 60 FROM login_codes"
    assert await rows(shop, life) == [(True,)]
    assert await rows(shop, "SELECT 1 FROM login_codes WHERE code = :code", code=code) == []

    await shop.process.database.execute(text("UPDATE login_codes SET expires_at = now()"))

    assert (await shop.get(TRADE, code=code))["tokenFromLogin"] == REFUSED


REVOKE_ALL = "mutation { sessionsRevokeAll(input: {}) { sessions userErrors { code } } }"


async def revoke_all(shop: Server, access_token: str) -> Any:
    headers = {"Authorization": f"Bearer {access_token}"}
    answer = await shop.http.post("/graphql", json={"query": REVOKE_ALL}, headers=headers)
    return answer.json()["data"]["sessionsRevokeAll"]


async def test_who_ends_all_sessions_ends_those_that_nobody_has_traded_a_code_for(shop: Server, visitor: Browser):
    person = somebody()
    signed_in = (await visitor.sign_in(person)).json()
    code = code_in(await visitor.sign_in(person, return_to="/done"))

    revoked = await revoke_all(shop, signed_in["access_token"])

    assert revoked == {"sessions": 1, "userErrors": []}
    assert (await shop.get(TRADE, code=code))["tokenFromLogin"] == REFUSED
    again = code_in(await visitor.sign_in(person, return_to="/done"))
    assert (await shop.get(TRADE, code=again))["tokenFromLogin"]["userErrors"] == []


async def test_a_code_that_is_traded_while_all_sessions_end_leaves_none(shop: Server, visitor: Browser):
    person = somebody()
    for _ in range(5):
        signed_in = (await visitor.sign_in(person)).json()
        code = code_in(await visitor.sign_in(person, return_to="/done"))

        traded, revoked = await asyncio.gather(shop.get(TRADE, code=code), revoke_all(shop, signed_in["access_token"]))

        assert revoked["userErrors"] == []
        going = "SELECT 1 FROM refresh_tokens t JOIN identities i USING (user_id) WHERE subject = :subject"
        assert await rows(shop, f"{going} AND ended_at IS NULL", subject=person["sub"]) == []
        assert traded["tokenFromLogin"]["userErrors"] in ([], REFUSED["userErrors"])


@pytest.mark.parametrize("code", ["", "nonsense", "\x00", "x" * 10_000])
async def test_what_is_no_code_is_refused(shop: Server, code: str):
    assert (await shop.get(TRADE, code=code))["tokenFromLogin"] == REFUSED


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "http://shop.example/",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "https://shop.example:443@evil.example/",
        "https://evil.example\\@shop.example/",
        "https://shop.example:8443/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\/evil.example/",
        "/\t/evil.example/",
        " https://evil.example/",
        "\nhttps://evil.example/",
        "https:evil.example",
        "https:///evil.example/",
        "https://[::1",
        "javascript:alert(1)",
        "data:text/html,x",
        "done",
        "?x",
        "",
        "/" + "x" * 1000,
        "/\u2044evil",
    ],
)
async def test_the_browser_is_sent_nowhere_else(visitor: Browser, target: str):
    assert refusal(await visitor.start(return_to=target)) == (400, "BAD_INPUT")


async def test_an_unknown_provider_is_not_found(visitor: Browser):
    assert refusal(await visitor.start("nobody")) == (404, "NOT_FOUND")
    assert refusal(await visitor.http.get("/auth/callback/nobody?state=x&code=y")) == (404, "NOT_FOUND")


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(shop: Server, visitor: Browser):
    plain = (await visitor.start()).headers["set-cookie"]
    async with browser(shop, **{"X-Forwarded-Proto": "https", "Host": "api.shop.example"}) as behind_proxy:
        started = await behind_proxy.start()

    name, attributes = plain.split("=", 1)[0], {part.strip() for part in plain.split(";")[1:]}
    assert (name, attributes) == ("orderwire-login", {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax"})
    safe = started.headers["set-cookie"]
    assert safe.startswith("__Host-orderwire-login=")
    assert {part.strip() for part in safe.split(";")[1:]} == {*attributes, "Secure"}
    asked = httpx.URL(started.headers["location"]).params
    assert asked["redirect_uri"] == "https://api.shop.example/auth/callback/honest"


async def test_the_public_address_is_what_providers_are_told(shop: Server):
    public = shop.process.settings.model_copy(update={"public_url": "https://api.shop.example"})

    async with serving(public) as server, browser(server, Host="evil.example") as visitor:
        started = await visitor.start()

    asked = httpx.URL(started.headers["location"]).params
    assert asked["redirect_uri"] == "https://api.shop.example/auth/callback/honest"
    assert started.headers["set-cookie"].startswith("__Host-")
    assert (asked["response_type"], asked["scope"]) == ("code", "openid email profile")
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 20
