"""Signing out, of one session or all; and what a token stands for."""

import asyncio
from typing import Any

import pytest
from factories.goods import make_variant
from factories.orders import place
from factories.people import make_admin, make_user
from sqlalchemy import text
from support.log import logged
from support.shop import Shop

from domain.actor import Actor, Scope
from domain.refusals import Refused
from domain.tokens.commands import open_session
from domain.tokens.model import Tokens
from graph.node import global_id

REVOKE = "mutation ($token: String!) { tokenRevoke(input: {token: $token}) { revoked userErrors { code } } }"
VERIFY = """
mutation ($token: String!) {
  tokenVerify(input: {token: $token}) { active kind username scopes expiresAt userErrors { code } }
}
"""
REVOKE_ALL = """
mutation ($user: ID) { sessionsRevokeAll(input: {userId: $user}) { sessions userErrors { code field } } }
"""
REFRESH = """
mutation ($token: String!) {
  tokenRefresh(input: {refreshToken: $token}) { accessToken refreshToken userErrors { code } }
}
"""
WATCH = "subscription { orderStatusChanged { to } }"
INACTIVE = {**dict.fromkeys(("kind", "username", "scopes", "expiresAt")), "active": False, "userErrors": []}


async def sign_in(shop: Shop, actor: Actor) -> Tokens:
    """Tokens as a sign-in makes them, for a user who has no password."""
    assert actor.user_id is not None
    uow = shop.process.services.begin(Actor.anonymous(), shop.context().origin)
    async with uow:
        user = await uow.users.get(actor.user_id)
        assert user is not None
        return await open_session(uow, shop.process.services.issuer, user, "PASSWORD")


def refresh_token(tokens: Tokens) -> str:
    assert tokens.refresh_token is not None
    return tokens.refresh_token


def actor_of(shop: Shop, tokens: Tokens) -> Actor:
    return shop.process.services.issuer.actor(tokens.access_token)


def is_good(shop: Shop, tokens: Tokens) -> bool:
    try:
        actor_of(shop, tokens)
    except Refused:
        return False
    return True


async def refreshed(shop: Shop, token: str) -> Any:
    return (await shop.get(REFRESH, token=token))["tokenRefresh"]


async def tokens_in_the_log(shop: Shop) -> list[tuple[Any, ...]]:
    where = "kind LIKE 'TOKEN%' OR kind LIKE 'SESSION%' OR kind = 'USER_SIGNED_IN'"
    return [tuple(row) for row in await logged(shop.database, "kind, sequence, payload", where)]


@pytest.fixture
async def buyer(shop: Shop) -> Actor:
    return await make_user(shop.database, "hedwig", Scope.ORDERS_READ)


@pytest.mark.parametrize("kind", ["access", "refresh"])
async def test_revoking_either_token_ends_the_session_at_once_and_no_other(shop: Shop, buyer: Actor, kind: str):
    tokens, elsewhere = await sign_in(shop, buyer), await sign_in(shop, buyer)
    session = str(actor_of(shop, tokens).session)

    given = tokens.access_token if kind == "access" else refresh_token(tokens)
    first, second = (await shop.get(REVOKE, token=given), await shop.get(REVOKE, token=given))

    assert first["tokenRevoke"] == {"revoked": True, "userErrors": []}
    assert second["tokenRevoke"] == {"revoked": False, "userErrors": []}
    assert (is_good(shop, tokens), is_good(shop, elsewhere)) == (False, True)
    assert [error["code"] for error in (await refreshed(shop, refresh_token(tokens)))["userErrors"]] == [
        "INVALID_TOKEN"
    ]
    assert (await refreshed(shop, refresh_token(elsewhere)))["userErrors"] == []
    assert (await tokens_in_the_log(shop))[2] == ("TOKEN_REVOKED", 4, {"session": session})


async def test_what_is_no_token_of_ours_is_nothing_to_revoke(shop: Shop):
    for nonsense in ("", "nonsense", "a.b.c", "\u00e9" * 5000):
        assert (await shop.get(REVOKE, token=nonsense))["tokenRevoke"] == {"revoked": False, "userErrors": []}
        assert (await shop.get(VERIFY, token=nonsense))["tokenVerify"] == INACTIVE
    assert await tokens_in_the_log(shop) == []


async def test_a_token_tells_whose_it_is_and_what_it_may_until_it_is_used_up(shop: Shop, buyer: Actor):
    tokens = await sign_in(shop, buyer)
    ends = actor_of(shop, tokens).expires_at
    assert ends is not None

    access = (await shop.get(VERIFY, token=tokens.access_token))["tokenVerify"]
    refresh = (await shop.get(VERIFY, token=refresh_token(tokens)))["tokenVerify"]
    again = (await shop.get(VERIFY, token=refresh_token(tokens)))["tokenVerify"]
    await refreshed(shop, refresh_token(tokens))

    told = {"active": True, "username": "hedwig", "scopes": ["orders:read"], "userErrors": []}
    assert access == {**told, "kind": "ACCESS", "expiresAt": ends.isoformat().replace("+00:00", "Z")}
    assert refresh | {"expiresAt": ""} == {**told, "kind": "REFRESH", "expiresAt": ""}
    assert again == refresh
    assert (await shop.get(VERIFY, token=refresh_token(tokens)))["tokenVerify"] == INACTIVE
    await shop.get(REVOKE, token=tokens.access_token)
    assert (await shop.get(VERIFY, token=tokens.access_token))["tokenVerify"] == INACTIVE


async def test_an_admin_s_token_stands_for_every_scope(shop: Shop):
    tokens = await sign_in(shop, await make_admin(shop.database))

    verified = (await shop.get(VERIFY, token=tokens.access_token))["tokenVerify"]

    assert verified["scopes"] == [scope.value for scope in Scope]


async def test_all_sessions_of_oneself_end_with_all_that_was_refreshed_in_them(shop: Shop, buyer: Actor):
    first, second = await sign_in(shop, buyer), await sign_in(shop, buyer)
    other = await sign_in(shop, await make_user(shop.database, "errol"))
    newer = (await refreshed(shop, refresh_token(second)))["refreshToken"]

    answer = await shop.get(REVOKE_ALL, actor_of(shop, first))

    assert answer["sessionsRevokeAll"] == {"sessions": 2, "userErrors": []}
    assert [is_good(shop, each) for each in (first, second, other)] == [False, False, True]
    assert (await refreshed(shop, newer))["accessToken"] is None
    # One for the sign-in of errol lies between, and what is refused leaves nothing.
    kinds = [(kind, sequence) for kind, sequence, _ in await tokens_in_the_log(shop)]
    assert kinds[-1] == ("SESSIONS_REVOKED", 5)
    assert (await shop.get(REVOKE_ALL, buyer))["sessionsRevokeAll"]["sessions"] == 0


async def test_the_sessions_of_others_take_a_right_and_those_of_nobody_are_not_found(shop: Shop, buyer: Actor):
    tokens = await sign_in(shop, buyer)
    keeper = await make_user(shop.database, "keeper", Scope.USERS_WRITE)
    clerk = await make_user(shop.database, "clerk", Scope.USERS_READ)
    assert buyer.user_id is not None
    assert clerk.user_id is not None
    hedwig = global_id("User", buyer.user_id)
    nobody = global_id("User", shop.process.services.issuer.actor(tokens.access_token).session or clerk.user_id)

    async def answer(actor: Actor, user: str | None) -> Any:
        return (await shop.get(REVOKE_ALL, actor, user=user))["sessionsRevokeAll"]

    refused = [
        await answer(clerk, hedwig),
        await answer(Actor.anonymous(), hedwig),
        await answer(Actor.anonymous(), None),
    ]
    missing = await answer(keeper, nobody)
    kept = is_good(shop, tokens)
    done = await answer(keeper, hedwig)

    assert [each["userErrors"][0]["code"] for each in refused] == ["FORBIDDEN", "UNAUTHENTICATED", "UNAUTHENTICATED"]
    assert missing["userErrors"] == [{"code": "NOT_FOUND", "field": ["input", "userId"]}]
    assert (await answer(keeper, global_id("Order", clerk.user_id)))["userErrors"][0]["code"] == "BAD_INPUT"
    assert (kept, done) == (True, {"sessions": 1, "userErrors": []})
    assert not is_good(shop, tokens)


async def test_a_refresh_token_that_comes_twice_ends_its_session_and_is_told_in_the_log_once(shop: Shop, buyer: Actor):
    first = await sign_in(shop, buyer)
    session = {"session": str(actor_of(shop, first).session)}
    second = await refreshed(shop, refresh_token(first))

    for _ in range(3):
        assert (await refreshed(shop, refresh_token(first)))["accessToken"] is None

    assert not is_good(shop, first)
    with pytest.raises(Refused):
        shop.process.services.issuer.actor(second["accessToken"])
    assert await tokens_in_the_log(shop) == [
        ("USER_SIGNED_IN", 2, {"by": "PASSWORD", **session}),
        ("TOKEN_REFRESHED", 3, session),
        ("TOKEN_REUSED", 4, session),
    ]
    [row] = await logged(shop.database, "request_id, host(address)", "kind = 'TOKEN_REUSED'")
    assert row == ("test-request", "192.0.2.1")


async def test_of_many_who_race_with_one_token_one_wins(shop: Shop, buyer: Actor):
    token = refresh_token(await sign_in(shop, buyer))

    answers = await asyncio.gather(*(refreshed(shop, token) for _ in range(6)))

    assert sum(answer["accessToken"] is not None for answer in answers) == 1
    kinds = [kind for kind, _, _ in await tokens_in_the_log(shop)]
    assert kinds == ["USER_SIGNED_IN", "TOKEN_REFRESHED", "TOKEN_REUSED"]


async def test_no_session_escapes_where_all_are_ended_while_they_are_refreshed(shop: Shop, buyer: Actor):
    for _ in range(3):
        sessions = [await sign_in(shop, buyer) for _ in range(3)]
        answers = await asyncio.gather(
            *(refreshed(shop, refresh_token(each)) for each in sessions), shop.get(REVOKE_ALL, buyer)
        )
        newer = [answer["refreshToken"] for answer in answers[:3] if answer["refreshToken"]]
        assert [(await refreshed(shop, token))["accessToken"] for token in newer] == [None] * len(newer)
        assert not any(is_good(shop, each) for each in sessions)


async def test_a_revoked_token_ends_its_subscription_before_the_next_event_and_no_other(shop: Shop, buyer: Actor):
    await make_variant(shop.database, "MUG", LON=10)
    mine, elsewhere = [actor_of(shop, tokens) for tokens in (await sign_in(shop, buyer), await sign_in(shop, buyer))]
    tokens = await sign_in(shop, buyer)

    async with (
        shop.watching(WATCH, actor_of(shop, tokens)) as ended,
        shop.watching(WATCH, mine) as watch,
        shop.watching(WATCH, elsewhere) as other,
    ):
        executions = shop.process.services.streams.executions
        await shop.get(REVOKE, token=tokens.access_token)
        await place(shop, buyer, ("MUG", 1))
        [error] = (await ended.result()).errors
        told = [await each.next() for each in (watch, other)]

    assert executions == 1
    assert error.extensions["code"] == "UNAUTHENTICATED"
    assert "cursor" in error.extensions
    assert told == [{"orderStatusChanged": {"to": "PENDING"}}] * 2


async def test_a_subscription_does_not_begin_with_a_token_that_was_revoked_on_the_way(shop: Shop, buyer: Actor):
    tokens = await sign_in(shop, buyer)
    actor = actor_of(shop, tokens)
    await shop.get(REVOKE, token=tokens.access_token)

    async with shop.watching(WATCH, actor) as watch:
        [error] = (await watch.result()).errors

    assert error.extensions["code"] == "UNAUTHENTICATED"
    assert len(shop.process.services.streams) == 0


async def test_signing_in_and_refreshing_are_on_record_with_their_session(shop: Shop, buyer: Actor):
    tokens = await sign_in(shop, buyer)
    session = str(actor_of(shop, tokens).session)

    await refreshed(shop, refresh_token(tokens))

    assert await tokens_in_the_log(shop) == [
        ("USER_SIGNED_IN", 2, {"by": "PASSWORD", "session": session}),
        ("TOKEN_REFRESHED", 3, {"session": session}),
    ]
    assert await shop.scalar("SELECT version FROM users") == 3
    assert await shop.database.read(text("SELECT DISTINCT family FROM refresh_tokens")) == [
        (actor_of(shop, tokens).session,)
    ]
