"""Sign-ins that go wrong: by somebody's malice, or by a provider that is away, slow or not to be believed."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text
from support.browser import Browser, browser, refusal, somebody
from support.provider import CLIENT_ID, CLIENT_SECRET
from support.server import Server, complaints, serving
from support.waiting import PATIENCE

from app.choices import LogLevel
from app.login.settings import Provider
from app.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

KINDS = (
    "away",
    "halved",
    "honest",
    "lax",
    "listing",
    "mumbling",
    "naming",
    "pretending",
    "slow",
    "unsafe",
)
DOWN = "http://127.0.0.1:9"
INVALID = (400, "LOGIN_INVALID")
FAILED = (502, "PROVIDER_FAILED")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(module_url: str, provider: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Server]:
    """A server that knows good and bad providers, and logs all it can."""
    client: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    known = [Provider(name=kind, issuer=f"{provider}/{kind}", **client) for kind in KINDS]
    known += [Provider(name="down", issuer=DOWN, **client)]
    known += [Provider(name="stranger", issuer=f"{provider}/stranger", client_id=CLIENT_ID, client_secret="wrong")]
    settings = Settings(
        database_url=module_url,
        broadcast_url="memory://",
        data_dir=tmp_path_factory.mktemp("faults"),
        oidc_providers=tuple(known),
        log_level=LogLevel.DEBUG,
    )
    async with serving(settings) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(shop: Server) -> AsyncGenerator[Browser]:
    async with browser(shop) as visitor:
        yield visitor


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nobody_is_let_in(shop: Server) -> AsyncGenerator[None]:
    """None of these tests makes a user or a session."""

    async def counted() -> Any:
        query = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM refresh_tokens)"
        return tuple((await shop.process.database.read(text(query)))[0])

    before = await counted()
    yield
    assert await counted() == before


# What others try.


async def test_a_callback_that_nobody_began_is_refused(visitor: Browser):
    for query in ("", "?code=x", "?state=x", "?state=x&code=y", "?state=&code=", "?state=%00&code=%ff", "?error=x"):
        assert refusal(await visitor.http.get(f"/auth/callback/honest{query}")) == INVALID


async def test_another_browser_cannot_go_on_and_does_not_spoil_it(shop: Server, visitor: Browser):
    way = await visitor.at_provider(await visitor.start(), somebody(), token="refusing")

    async with browser(shop) as stranger:
        assert refusal(await stranger.http.get(way)) == INVALID
        await stranger.start()
        assert refusal(await stranger.http.get(way)) == INVALID

    # The attempt is still that of the first one: it gets as far as the provider.
    assert refusal(await visitor.http.get(way)) == FAILED


async def test_a_victim_who_is_given_the_way_back_of_another_is_not_signed_in(shop: Server, visitor: Browser):
    async with browser(shop) as attacker:
        way = await attacker.at_provider(await attacker.start(), somebody())

    await visitor.start()
    assert refusal(await visitor.http.get(way)) == INVALID


@pytest.mark.parametrize("cookie", ["", "x", "x" * 43, "\x22" * 43, "x" * 5000])
async def test_a_cookie_of_ones_own_making_is_of_no_use(shop: Server, visitor: Browser, cookie: str):
    way = await visitor.at_provider(await visitor.start(), somebody())

    async with browser(shop, Cookie=f"orderwire-login={cookie}") as forger:
        assert refusal(await forger.http.get(way)) == INVALID


async def test_a_large_cookie_does_not_stop_the_server(shop: Server):
    async with browser(shop, Cookie='a="' + "\\" * 60_000 + '"') as forger:
        began = time.process_time()
        answer = await forger.http.get("/auth/callback/honest?state=x")

    assert refusal(answer) == INVALID
    # As the framework reads it, it took seventeen seconds.
    assert time.process_time() - began < 1


async def test_the_answer_of_one_provider_is_none_of_another(visitor: Browser):
    way = await visitor.at_provider(await visitor.start("honest"), somebody())

    assert refusal(await visitor.http.get(way.replace("/callback/honest", "/callback/lax"))) == INVALID


async def test_whoever_takes_too_long_begins_anew(shop: Server, visitor: Browser):
    way = await visitor.at_provider(await visitor.start(), somebody())
    life = "SELECT round(extract(epoch FROM max(expires_at) - now())) BETWEEN 590 AND 600 FROM login_attempts"
    assert (await shop.process.database.read(text(life)))[0][0]

    await shop.process.database.execute(text("UPDATE login_attempts SET expires_at = now()"))

    assert refusal(await visitor.http.get(way)) == INVALID


async def test_a_code_that_the_provider_did_not_give_is_refused(visitor: Browser):
    way = httpx.URL(await visitor.at_provider(await visitor.start(), somebody()))

    assert refusal(await visitor.http.get(way.copy_set_param("code", "guessed"))) == INVALID
    # That was the one try.
    assert refusal(await visitor.http.get(way)) == INVALID


async def test_a_code_of_another_attempt_does_not_fit_its_verifier(visitor: Browser):
    ways = [httpx.URL(await visitor.at_provider(await visitor.start(), somebody())) for _ in range(2)]

    mixed = ways[0].copy_set_param("code", ways[1].params["code"])

    assert refusal(await visitor.http.get(mixed)) == INVALID


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("honest", {"iss": "https://evil.example"}), ("naming", {}), ("naming", {"iss": ""})],
)
async def test_an_answer_must_name_its_issuer_rightly(visitor: Browser, kind: str, answer: dict[str, str]):
    assert refusal(await visitor.sign_in(somebody(), kind, answer=answer)) == INVALID


async def test_what_is_stored_on_the_way_gives_nobody_a_way_in(shop: Server, visitor: Browser):
    started = await visitor.start()
    asked = httpx.URL(started.headers["location"]).params
    [browser_secret] = visitor.http.cookies.values()

    [stored] = await shop.process.database.read(
        text("SELECT a::text FROM login_attempts a ORDER BY expires_at DESC LIMIT 1")
    )

    assert asked["state"] not in stored[0]
    assert browser_secret not in stored[0]


# What providers do.


@pytest.mark.parametrize("error", ["access_denied", "login_required", "interaction_required", "consent_required"])
async def test_who_does_not_go_on_at_the_provider_is_told_so(visitor: Browser, error: str):
    answer = {"error": error, "error_description": "<script>"}

    ended = await visitor.sign_in(somebody(), answer=answer)

    assert refusal(ended) == (403, "LOGIN_DENIED")
    assert "script" not in ended.text


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable", "invalid_scope", "\x00", "x" * 1000])
async def test_an_error_of_the_provider_is_the_providers(visitor: Browser, error: str):
    assert refusal(await visitor.sign_in(somebody(), answer={"error": error})) == FAILED


@pytest.mark.parametrize("kind", ["away", "down", "halved", "listing", "mumbling", "pretending", "unsafe"])
async def test_a_provider_that_does_not_describe_itself_is_not_gone_to(visitor: Browser, kind: str):
    started = await visitor.start(kind)

    assert refusal(started) == FAILED
    assert "set-cookie" not in started.headers


@pytest.mark.parametrize("token", ["failing", "mumbling", "listing", "refusing", "odd", "bare"])
async def test_a_provider_that_gives_no_token_lets_nobody_in(visitor: Browser, token: str):
    assert refusal(await visitor.sign_in(somebody(), token=token)) == FAILED


async def test_a_provider_that_does_not_answer_is_waited_for_no_longer_than_the_settings_say(shop: Server):
    hasty = shop.process.settings.model_copy(update={"oidc_timeout_seconds": 1.5})

    async with serving(hasty) as server, browser(server) as one, browser(server) as other:
        async with asyncio.timeout(PATIENCE):
            describing, giving = await asyncio.gather(one.start("slow"), other.sign_in(somebody(), token="slow"))

    assert refusal(describing) == refusal(giving) == FAILED


async def test_a_provider_that_does_not_know_us_lets_nobody_in(visitor: Browser):
    assert refusal(await visitor.sign_in(somebody(), "stranger")) == FAILED


@pytest.mark.parametrize(
    ("kind", "person"),
    [
        ("honest", {"signs": "other key"}),
        ("honest", {"signs": "unknown key"}),
        ("honest", {"signs": "nothing"}),
        ("lax", {"signs": "nothing"}),
        ("honest", {"signs": "secret"}),
        ("lax", {"signs": "secret"}),
        ("lax", {"alg": "ES256"}),
    ],
    ids=repr,
)
async def test_a_token_that_is_not_signed_by_the_provider_is_not_believed(
    visitor: Browser, kind: str, person: dict[str, Any]
):
    assert refusal(await visitor.sign_in(somebody(), kind, **person)) == FAILED


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"iss": ["https://evil.example"]},
        {"aud": "somebody-else"},
        {"aud": None},
        {"aud": []},
        {"aud": {}},
        {"aud": [CLIENT_ID, "somebody-else"]},
        {"aud": CLIENT_ID, "azp": "somebody-else"},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": []},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 99_999_999_999},
        {"iat": None},
        {"nbf": 99_999_999_999},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"at_hash": 5},
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
        {"sub": "a\x00b"},
        {"sub": "x" * 256},
    ],
    ids=repr,
)
async def test_a_token_that_says_something_wrong_is_not_believed(visitor: Browser, claims: dict[str, Any]):
    assert refusal(await visitor.sign_in(somebody(**claims))) == FAILED


@pytest.mark.parametrize("info", [{"sub": "another", "email": "e@example.com"}, {"sub": None}])
async def test_what_is_told_of_another_subject_is_not_believed(visitor: Browser, info: dict[str, Any]):
    assert refusal(await visitor.sign_in(somebody(email=None), info=info)) == FAILED


async def test_a_fault_of_ours_is_masked_and_logged(shop: Server, visitor: Browser, caplog: pytest.LogCaptureFixture):
    database = shop.process.database
    await database.execute(text("ALTER TABLE login_attempts RENAME TO elsewhere"))
    try:
        answer = await visitor.start()
    finally:
        await database.execute(text("ALTER TABLE elsewhere RENAME TO login_attempts"))

    assert refusal(answer) == (500, "INTERNAL_SERVER_ERROR")
    assert answer.headers["x-request-id"] in answer.json()["errors"][0]["message"]
    assert len(complaints(caplog)) == 1
    # The statement is told, and what was bound to it is not: the address to come back to, for one.
    assert "INSERT INTO login_attempts" in caplog.text
    assert "/auth/callback" not in caplog.text


async def test_the_log_tells_what_went_wrong_and_no_secret(
    shop: Server, visitor: Browser, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.DEBUG):
        way = httpx.URL(await visitor.at_provider(await visitor.start(), somebody(), signs="other key"))
        await visitor.http.get(way)
        await visitor.sign_in(somebody(), token="refusing")

    # The browser of the test logs where it goes; it is not the server.
    ours = [record for record in caplog.records if record.name.partition(".")[0] not in {"httpx", "httpcore"}]
    told = [record.msg for record in ours if record.name == "orderwire.login"]
    assert [(line["event"], line["provider"], line["code"], line["reason"]) for line in told] == [
        ("login_failed", "honest", "PROVIDER_FAILED", "BadSignatureError: bad_signature"),
        ("login_failed", "honest", "PROVIDER_FAILED", "OAuthError: unauthorized_client"),
    ]
    everything = "\n".join(record.getMessage() for record in ours)
    secrets = [CLIENT_SECRET, *visitor.http.cookies.values(), way.params["state"], way.params["code"], "secret-of-the"]
    assert [secret for secret in secrets if secret in everything] == []
    assert not any(record.name.startswith(("authlib", "httpx2", "httpcore2")) for record in caplog.records)
