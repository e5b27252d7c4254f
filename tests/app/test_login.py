"""Sign-in with a provider: who is let in, and as whom."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from factories.people import make_user
from sqlalchemy import text
from support.browser import Browser, browser, refusal, somebody
from support.log import logged
from support.logins import login_settings, rows, whoami
from support.server import Server, serving

from db.engine import Database

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


async def verify_address(database: Database, username: str) -> None:
    statement = text("UPDATE users SET email_verified_at = now() WHERE username = :username")
    await database.execute(statement, {"username": username})


async def test_somebody_new_becomes_a_user_and_is_signed_in(shop: Server, visitor: Browser):
    person = somebody(preferred_username="ada", email="ada@example.com")

    answer = await visitor.sign_in(person)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    username = (await whoami(shop, tokens["access_token"]))["username"]
    assert username == "userada"
    found = "SELECT email, password_hash, email_verified_at IS NOT NULL FROM users WHERE username = :name"
    assert await rows(shop, found, name=username) == [("ada@example.com", None, True)]
    found = "SELECT provider, email FROM identities WHERE subject = :subject"
    assert await rows(shop, found, subject=person["sub"]) == [("honest", "ada@example.com")]


async def test_each_step_is_told_in_the_log(shop: Server, visitor: Browser):
    person = somebody()
    await visitor.sign_in(person)
    await visitor.sign_in(person)

    mine = f"aggregate_id = (SELECT user_id FROM identities WHERE subject = '{person['sub']}')"
    told = await logged(shop.process.database, "kind, sequence, payload, host(address) AS address", mine)

    assert [(event.kind, event.sequence) for event in told] == [
        ("USER_REGISTERED", 1),
        ("IDENTITY_LINKED", 2),
        ("USER_SIGNED_IN", 3),
        ("USER_SIGNED_IN", 4),
    ]
    assert told[0].payload == {"username": person["preferred_username"], "isAdmin": False, "roles": ["customer"]}
    assert told[1].payload == {"provider": "honest"}
    assert [event.payload["by"] for event in told[2:]] == ["honest", "honest"]
    assert {event.address for event in told} == {"127.0.0.1"}


async def test_whoever_comes_again_is_the_same_user_whatever_else_changed(shop: Server, visitor: Browser):
    person = somebody()
    first = (await visitor.sign_in(person)).json()
    again = (await visitor.sign_in({**person, "preferred_username": "other", "email": "new@example.com"})).json()

    assert await whoami(shop, again["access_token"]) == await whoami(shop, first["access_token"])


async def test_the_refresh_token_works(shop: Server, visitor: Browser):
    tokens = (await visitor.sign_in(somebody())).json()

    query = "mutation ($t: String!) { tokenRefresh(input: {refreshToken: $t}) { accessToken userErrors { code } } }"
    refreshed = (await shop.get(query, t=tokens["refresh_token"]))["tokenRefresh"]

    assert refreshed["userErrors"] == []
    assert await whoami(shop, refreshed["accessToken"]) == await whoami(shop, tokens["access_token"])


async def test_nobody_signs_in_by_password_who_has_none(shop: Server, visitor: Browser):
    person = somebody()
    await visitor.sign_in(person)

    query = 'mutation ($u: String!) { tokenCreate(input: {username: $u, password: "-"}) { userErrors { code } } }'
    answer = await shop.get(query, u=person["preferred_username"])

    assert answer["tokenCreate"]["userErrors"] == [{"code": "INVALID_CREDENTIALS"}]


@pytest.mark.parametrize(
    "person", [{"alg": "ES256"}, {"alg": "RS256"}, {"renews": True}, {"renews": True, "alg": "ES256"}]
)
async def test_each_algorithm_and_each_new_key_is_understood(visitor: Browser, person: dict[str, Any]):
    assert (await visitor.sign_in(somebody(), **person)).status_code == 200


@pytest.mark.parametrize("kind", ["posting", "open", "meddling"])
async def test_a_provider_is_spoken_to_as_it_can_and_not_as_it_likes(visitor: Browser, kind: str):
    # `meddling` asks for things that are ours to decide; the provider insists on PKCE.
    assert (await visitor.sign_in(somebody(), kind)).status_code == 200


async def test_an_address_that_is_told_only_when_asked_for_is_asked_for(shop: Server, visitor: Browser):
    person = somebody(email=None, email_verified=None)
    info = {"email": "asked@example.com", "email_verified": True}

    tokens = (await visitor.sign_in(person, info=info)).json()

    assert (await whoami(shop, tokens["access_token"]))["email"] == "asked@example.com"


async def test_an_address_is_verified_only_where_it_is_told(shop: Server, visitor: Browser):
    person = somebody(email=None, email_verified=True)

    tokens = (await visitor.sign_in(person, info={"email": "elsewhere@example.com"})).json()

    assert (await whoami(shop, tokens["access_token"]))["email"] is None


async def test_what_is_no_text_is_left_out(shop: Server, visitor: Browser):
    info = {"email": "\ud800@example.com", "email_verified": True, "preferred_username": "\ud800"}

    tokens = (await visitor.sign_in({"sub": "odd"}, info=info)).json()

    assert (await whoami(shop, tokens["access_token"]))["email"] is None


async def test_two_who_are_called_alike_get_two_names(shop: Server, visitor: Browser):
    names = set()
    for _ in range(2):
        tokens = (await visitor.sign_in(somebody(preferred_username="Grace Hopper"))).json()
        names.add((await whoami(shop, tokens["access_token"]))["username"])

    [first, second] = sorted(names, key=len)
    assert first == "GraceHopper"
    assert second.removeprefix(first).isdigit()


async def test_who_comes_back_twice_at_once_is_one_user(shop: Server):
    person = somebody()
    async with browser(shop) as one, browser(shop) as other:
        ways = [await each.at_provider(await each.start(), person) for each in (one, other)]
        answers = await asyncio.gather(*(each.http.get(way) for each, way in zip((one, other), ways, strict=True)))

    assert [answer.status_code for answer in answers] == [200, 200]
    assert await rows(shop, "SELECT count(*) FROM users WHERE email = :email", email=person["email"]) == [(1,)]


async def test_a_sign_in_that_one_process_began_another_completes(shop: Server):
    async with serving(shop.process.settings) as other, browser(shop) as visitor:
        way = await visitor.at_provider(await visitor.start(), somebody())
        completed = await visitor.http.get(httpx.URL(way).copy_with(port=other.port))
        again = await visitor.http.get(way)

    assert completed.status_code == 200
    assert refusal(again) == (400, "LOGIN_INVALID")


async def test_two_windows_of_one_browser_may_sign_in_at_once(visitor: Browser):
    started = [await visitor.start() for _ in range(2)]
    ways = [await visitor.at_provider(each, somebody()) for each in started]

    answers = [await visitor.http.get(way) for way in ways]

    assert [answer.status_code for answer in answers] == [200, 200]


# Which user is meant.


async def test_a_user_of_the_same_verified_address_is_linked(shop: Server, visitor: Browser):
    await make_user(shop.process.database, "verified")
    await verify_address(shop.process.database, "verified")

    tokens = (await visitor.sign_in(somebody(email="Verified@Example.com"))).json()

    assert (await whoami(shop, tokens["access_token"]))["username"] == "verified"


async def test_who_registered_with_the_address_of_another_shares_nothing_with_them(shop: Server, visitor: Browser):
    await make_user(shop.process.database, "squatter")
    person = somebody(email="squatter@example.com")

    answer = await visitor.sign_in(person)

    assert refusal(answer) == (409, "EMAIL_NOT_VERIFIED")
    assert await rows(shop, "SELECT 1 FROM identities WHERE subject = :subject", subject=person["sub"]) == []


async def test_after_the_address_is_proved_the_same_person_is_let_in(shop: Server, visitor: Browser):
    await make_user(shop.process.database, "latecomer")
    person = somebody(email="latecomer@example.com")
    assert refusal(await visitor.sign_in(person)) == (409, "EMAIL_NOT_VERIFIED")

    await verify_address(shop.process.database, "latecomer")
    tokens = (await visitor.sign_in(person)).json()

    assert (await whoami(shop, tokens["access_token"]))["username"] == "latecomer"


@pytest.mark.parametrize("verified", [False, None, "true", 1])
async def test_an_address_that_the_provider_has_not_verified_says_nothing(
    shop: Server, visitor: Browser, verified: object
):
    name = f"owner{verified}"
    await make_user(shop.process.database, name)
    await verify_address(shop.process.database, name)

    tokens = (await visitor.sign_in(somebody(email=f"{name}@example.com", email_verified=verified))).json()

    me = await whoami(shop, tokens["access_token"])
    assert me["username"] != name
    assert me["email"] is None


async def test_an_address_that_only_looks_the_same_in_lower_case_is_another(shop: Server, visitor: Browser):
    await make_user(shop.process.database, "kelvin")
    await verify_address(shop.process.database, "kelvin")

    answer = await visitor.sign_in(somebody(email="\N{KELVIN SIGN}elvin@example.com"))

    # The database takes the two for equal; a mailbox on another's name must not open their account.
    assert refusal(answer) == (409, "EMAIL_NOT_VERIFIED")


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "no address"},
        {"email": "a\x00b@example.com"},
        {"email": ["a@example.com"]},
        {"email": "a" * 300 + "@example.com"},
        {"preferred_username": 7, "email": None},
        {"preferred_username": "\u0000\u202e", "email": None},
        {"preferred_username": "x" * 5000},
        {"preferred_username": "admin"},
    ],
    ids=lambda claims: repr(claims)[:40],
)
async def test_odd_claims_make_a_user_of_the_rules(shop: Server, visitor: Browser, claims: dict[str, Any]):
    tokens = (await visitor.sign_in(somebody(**claims))).json()

    assert (await whoami(shop, tokens["access_token"]))["isAdmin"] is False


async def test_registration_may_be_closed(module_url: str, shop: Server, provider: str, visitor: Browser):
    known = somebody()
    await visitor.sign_in(known)
    closed = shop.process.settings.model_copy(update={"oidc_registration": False})

    async with serving(closed) as server, browser(server) as newcomer:
        assert refusal(await newcomer.sign_in(somebody())) == (403, "REGISTRATION_CLOSED")
        assert (await newcomer.sign_in(known)).status_code == 200


async def test_what_one_address_begins_and_registers_is_limited(module_url: str, shop: Server, visitor: Browser):
    known = somebody()
    await visitor.sign_in(known)
    strict = shop.process.settings.model_copy(update={"logins_per_address": 4, "registrations_per_address": 1})

    async with serving(strict) as server, browser(server) as newcomer:
        first, second = [await newcomer.sign_in(somebody()) for _ in range(2)]
        assert (first.status_code, refusal(second)) == (200, (429, "TOO_MANY_ATTEMPTS"))
        # Whoever is known registers nobody.
        assert (await newcomer.sign_in(known)).status_code == 200
        await newcomer.start()
        fifth = await newcomer.start()

    assert refusal(fifth) == (429, "TOO_MANY_ATTEMPTS")
    assert [3590 < int(refused.headers["retry-after"]) <= 3600 for refused in (second, fifth)] == [True] * 2
