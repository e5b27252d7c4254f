"""Registering, signing in, and staying signed in."""

import asyncio
from typing import Any
from uuid import uuid4

from factories.people import make_admin, make_user
from sqlalchemy import text
from support.log import logged
from support.shop import Shop

from domain.actor import Actor

REGISTER = """
mutation ($input: UserRegisterInput!) {
  userRegister(input: $input) {
    user { id username email isAdmin roles scopes lastLoginAt } userErrors { code field message }
  }
}
"""
SIGN_IN = """
mutation ($username: String!, $password: String!) {
  tokenCreate(input: {username: $username, password: $password}) {
    accessToken refreshToken expiresIn user { username lastLoginAt } userErrors { code field message }
  }
}
"""
REFRESH = """
mutation ($token: String!) {
  tokenRefresh(input: {refreshToken: $token}) {
    accessToken refreshToken expiresIn user { username } userErrors { code field message }
  }
}
"""
PASSWORD = "correct horse"


async def register(
    shop: Shop, username: str = "hedwig", email: str | None = None, password: str = PASSWORD, **more: Any
) -> Any:
    given = {"username": username, "email": email or f"{username}@example.com", "password": password, **more}
    return (await shop.get(REGISTER, input=given))["userRegister"]


async def sign_in(shop: Shop, username: str = "hedwig", password: str = PASSWORD) -> Any:
    return (await shop.get(SIGN_IN, username=username, password=password))["tokenCreate"]


async def refresh(shop: Shop, token: str) -> Any:
    return (await shop.get(REFRESH, token=token))["tokenRefresh"]


async def test_a_new_user_has_no_rights_and_is_recorded(shop: Shop):
    payload = await register(shop, "Hedwig")

    assert payload["user"] | {"id": ""} == {
        "id": "",
        "username": "Hedwig",
        "email": "Hedwig@example.com",
        "isAdmin": False,
        "roles": ["customer"],
        "scopes": [],
        "lastLoginAt": None,
    }
    [event] = await logged(shop.database, "kind, sequence, payload, actor_id, request_id")
    told = {"username": "Hedwig", "isAdmin": False, "roles": ["customer"]}
    assert event == ("USER_REGISTERED", 1, told, None, "test-request")
    assert (await shop.scalar("SELECT password_hash FROM users")).startswith("$argon2id$")


NAME = "A username has 4 to 20 letters (A-Z, a-z) or digits."
EMAIL = "This is not an e-mail address."
LENGTH = "A password has 8 to 256 characters."


BROKEN = [
    ("abc", "a@b.co", PASSWORD, [("username", NAME)]),
    ("a" * 21, "a@b.co", PASSWORD, [("username", NAME)]),
    ("hedwig\n", "a@b.co", PASSWORD, [("username", NAME)]),
    ("hédwig", "a@b.co", PASSWORD, [("username", NAME)]),
    ("hedwig", "a@b", PASSWORD, [("email", EMAIL)]),
    ("hedwig", "a b@c.de", PASSWORD, [("email", EMAIL)]),
    ("hedwig", "a@" + "b" * 250 + ".de", PASSWORD, [("email", EMAIL)]),
    ("hedwig", "a@b.co", "1234567", [("password", LENGTH)]),
    ("hedwig", "a@b.co", "x" * 257, [("password", LENGTH)]),
    ("no", "no", "no", [("username", NAME), ("email", EMAIL), ("password", LENGTH)]),
]
"""Names, addresses and passwords, and what is said of each field."""


async def test_every_broken_rule_is_named_and_nothing_is_stored(shop: Shop):
    payloads = [await register(shop, *given) for *given, _ in BROKEN]

    assert [payload["user"] for payload in payloads] == [None] * len(BROKEN)
    assert [payload["userErrors"] for payload in payloads] == [
        [{"code": "BAD_INPUT", "field": ["input", field], "message": message} for field, message in broken]
        for *_, broken in BROKEN
    ]
    counts = await shop.counts()
    assert (counts["users"], counts["events"]) == (0, 0)


async def test_a_name_and_an_address_are_taken_regardless_of_case(shop: Shop):
    await register(shop, "hedwig", "h@example.com")

    name = await register(shop, "HEDWIG", "other@example.com")
    address = await register(shop, "other", "H@Example.com")

    assert name["userErrors"] == [
        {"code": "USERNAME_TAKEN", "field": ["input", "username"], "message": "This username is taken."}
    ]
    assert address["userErrors"] == [
        {"code": "EMAIL_TAKEN", "field": ["input", "email"], "message": "This e-mail address is taken."}
    ]
    assert (await shop.counts())["users"] == 1


async def test_of_five_who_race_for_a_name_one_gets_it(shop: Shop):
    names = ["hedwig", "Hedwig", "HEDWIG", "hEdwig", "heDwig"]

    payloads = await asyncio.gather(*(register(shop, name, f"{index}@example.com") for index, name in enumerate(names)))

    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert codes == ["USERNAME_TAKEN"] * 4
    counts = await shop.counts()
    assert (counts["users"], counts["events"]) == (1, 1)


async def test_signing_in_regardless_of_case_notes_the_time(shop: Shop):
    await register(shop)

    tokens = await sign_in(shop, "HedWig")

    actor = shop.process.services.issuer.actor(tokens["accessToken"])
    assert (actor.username, actor.is_admin, actor.scopes) == ("hedwig", False, frozenset())
    assert (tokens["expiresIn"], tokens["userErrors"]) == (900, [])
    me = await shop.get("{ me { username lastLoginAt } }", actor)
    assert me["me"] == tokens["user"]
    assert me["me"]["lastLoginAt"] is not None


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(shop: Shop):
    await register(shop)

    answers = [await sign_in(shop, "hedwig", "wrong horse"), await sign_in(shop, "nobody")]

    error = {
        "code": "INVALID_CREDENTIALS",
        "field": ["input"],
        "message": "The username or the password is wrong.",
    }
    nothing = dict.fromkeys(("accessToken", "refreshToken", "expiresIn", "user"))
    assert answers == [{**nothing, "userErrors": [error]}] * 2
    assert await shop.scalar("SELECT last_login_at FROM users") is None
    assert (await shop.counts())["refresh_tokens"] == 0


async def test_nobody_signs_in_where_the_stored_hash_is_none(shop: Shop):
    await make_user(shop.database, "hedwig")

    assert [error["code"] for error in (await sign_in(shop, "hedwig", "-"))["userErrors"]] == ["INVALID_CREDENTIALS"]


async def test_me_is_null_while_nobody_is_signed_in(shop: Shop):
    assert await shop.get("{ me { id } }") == {"me": None}


REFUSED = {
    **dict.fromkeys(("accessToken", "refreshToken", "expiresIn", "user")),
    "userErrors": [
        {
            "code": "INVALID_TOKEN",
            "field": ["input", "refreshToken"],
            "message": "This refresh token is not valid, or no longer. Sign in again.",
        }
    ],
}


async def test_a_refresh_token_is_traded_once_for_a_new_one(shop: Shop):
    await register(shop)
    tokens = await sign_in(shop)

    second = await refresh(shop, tokens["refreshToken"])
    third = await refresh(shop, second["refreshToken"])

    assert (second["user"], second["userErrors"], third["userErrors"]) == ({"username": "hedwig"}, [], [])
    assert len({each["refreshToken"] for each in (tokens, second, third)}) == 3
    assert await shop.scalar("SELECT count(DISTINCT family) FROM refresh_tokens") == 1
    assert (
        await shop.scalar("SELECT count(*) FROM refresh_tokens WHERE digest = :token", token=third["refreshToken"]) == 0
    )


async def test_using_a_token_twice_ends_its_whole_family_and_no_other(shop: Shop):
    await register(shop)
    first, elsewhere = await sign_in(shop), await sign_in(shop)
    second = await refresh(shop, first["refreshToken"])

    stolen = await refresh(shop, first["refreshToken"])
    newest = await refresh(shop, second["refreshToken"])
    other = await refresh(shop, elsewhere["refreshToken"])

    assert (stolen, newest) == (REFUSED, REFUSED)
    assert other["userErrors"] == []


async def test_of_two_who_race_with_one_token_one_wins_and_the_family_ends(shop: Shop):
    await register(shop)
    tokens = await sign_in(shop)

    answers = await asyncio.gather(*(refresh(shop, tokens["refreshToken"]) for _ in range(2)))

    [winner] = [answer for answer in answers if not answer["userErrors"]]
    assert await refresh(shop, winner["refreshToken"]) == REFUSED


async def test_an_expired_and_an_unknown_token_are_refused(shop: Shop):
    await register(shop)
    tokens = await sign_in(shop)
    await shop.database.execute(text("UPDATE refresh_tokens SET expires_at = now()"))

    assert await refresh(shop, tokens["refreshToken"]) == REFUSED
    assert await refresh(shop, "nonsense") == REFUSED


async def test_a_family_ends_whole_also_where_its_tokens_are_used_side_by_side(shop: Shop):
    await register(shop)

    for _ in range(5):
        first = (await sign_in(shop))["refreshToken"]
        second = (await refresh(shop, first))["refreshToken"]
        answers = await asyncio.gather(refresh(shop, second), refresh(shop, first))
        tokens = [answer["refreshToken"] for answer in answers if answer["refreshToken"]]
        assert [await refresh(shop, token) for token in tokens] == [REFUSED] * len(tokens)


async def test_what_a_sign_in_tells_of_its_user_is_told_in_their_name(shop: Shop):
    await register(shop)
    await sign_in(shop)
    await shop.database.execute(text("INSERT INTO customers (user_id, name) SELECT id, 'Hedwig the Owl' FROM users"))
    query = SIGN_IN.replace("username lastLoginAt", "customer { name }")

    data = await shop.get(query, username="hedwig", password=PASSWORD)

    assert data["tokenCreate"]["user"] == {"customer": {"name": "Hedwig the Owl"}}


async def test_users_are_seen_by_themselves_and_by_those_with_the_right(shop: Shop):
    clerk, admin = await make_user(shop.database, "clerk"), await make_admin(shop.database)
    users = await shop.get("{ users(orderBy: {field: USERNAME}) { nodes { id username } } }", admin)
    [boss, _] = users["users"]["nodes"]
    query = "query ($id: ID!) { user(id: $id) { username } }"

    answers = [(await shop.get(query, viewer, id=boss["id"]))["user"] for viewer in (clerk, Actor.anonymous(), admin)]

    assert answers == [None, None, {"username": "boss"}]


async def test_registering_again_with_the_same_key_answers_with_the_same_user(shop: Shop):
    key = str(uuid4())

    first, *others = await asyncio.gather(*(register(shop, idempotencyKey=key) for _ in range(3)))

    assert first["userErrors"] == []
    assert others == [first] * 2
    counts = await shop.counts()
    assert (counts["users"], counts["events"]) == (1, 1)


async def test_another_registration_under_the_same_key_is_refused(shop: Shop):
    key = str(uuid4())
    await register(shop, idempotencyKey=key)

    others = [
        await register(shop, "errol", idempotencyKey=key),
        await register(shop, email="other@example.com", idempotencyKey=key),
        await register(shop, password="another one", idempotencyKey=key),
    ]

    codes = [error["code"] for payload in others for error in payload["userErrors"]]
    assert codes == ["IDEMPOTENCY_CONFLICT"] * 3
    assert (await shop.counts())["users"] == 1
