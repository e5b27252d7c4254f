"""Changing a password, resetting a forgotten one by mail, and what is refused to those who guess."""

import asyncio
import re
from collections.abc import Generator, MutableMapping
from dataclasses import replace
from typing import Any

import pytest
from factories.people import make_user
from sqlalchemy import text
from structlog.testing import capture_logs
from support.log import logged
from support.shop import Shop
from support.waiting import until

from domain.actor import Actor
from domain.users.ports import PasswordHasher

OLD, NEW = "correct horse", "battery staple"
REGISTER = """
mutation ($username: String!, $email: String!) {
  userRegister(input: {username: $username, email: $email, password: "correct horse"}) {
    userErrors { code ... on TooManyAttempts { retryAfter } }
  }
}
"""
SIGN_IN = """
mutation ($username: String!, $password: String!) {
  tokenCreate(input: {username: $username, password: $password}) {
    accessToken refreshToken userErrors { code field message ... on TooManyAttempts { retryAfter } }
  }
}
"""
REFRESH = "mutation ($token: String!) { tokenRefresh(input: {refreshToken: $token}) { userErrors { code } } }"
CHANGE = """
mutation ($current: String!, $new: String!) {
  passwordChange(input: {currentPassword: $current, newPassword: $new}) {
    user { username } userErrors { code field message ... on TooManyAttempts { retryAfter } }
  }
}
"""
REQUEST = """
mutation ($who: String!) {
  passwordResetRequest(input: {usernameOrEmail: $who}) {
    userErrors { __typename code ... on TooManyAttempts { retryAfter } }
  }
}
"""
RESET = """
mutation ($token: String!, $new: String!) {
  passwordReset(input: {token: $token, newPassword: $new}) { username userErrors { code field message } }
}
"""
NOT_VALID = {
    "username": None,
    "userErrors": [
        {
            "code": "INVALID_TOKEN",
            "field": ["input", "token"],
            "message": "This token is not valid, or no longer. Ask for a new mail.",
        }
    ],
}

Logs = list[MutableMapping[str, Any]]


@pytest.fixture
def logs() -> Generator[Logs]:
    """What is logged; in development, mails among it."""
    with capture_logs() as found:
        yield found


async def register(shop: Shop, username: str = "hedwig") -> None:
    given = {"username": username, "email": f"{username}@example.com"}
    assert (await shop.get(REGISTER, **given))["userRegister"]["userErrors"] == []


async def sign_in(shop: Shop, password: str = OLD, username: str = "hedwig") -> Any:
    return (await shop.get(SIGN_IN, username=username, password=password))["tokenCreate"]


async def is_refreshed(shop: Shop, tokens: Any) -> bool:
    return (await shop.get(REFRESH, token=tokens["refreshToken"]))["tokenRefresh"]["userErrors"] == []


async def change(shop: Shop, actor: Actor | None, current: str = OLD, new: str = NEW) -> Any:
    return (await shop.get(CHANGE, actor, current=current, new=new))["passwordChange"]


async def request(shop: Shop, who: str = "hedwig") -> Any:
    return (await shop.get(REQUEST, who=who))["passwordResetRequest"]["userErrors"]


async def reset(shop: Shop, token: str, new: str = NEW) -> Any:
    return (await shop.get(RESET, token=token, new=new))["passwordReset"]


def mails(logs: Logs) -> Logs:
    return [line for line in logs if line["event"] == "mail"]


async def mailed_token(shop: Shop, logs: Logs, who: str = "hedwig") -> str:
    """The token of the mail that a request has sent."""
    known = len(mails(logs))
    assert await request(shop, who) == []
    await until(lambda: len(mails(logs)) > known)
    return re.findall(r"^([\w-]{43})$", mails(logs)[-1]["text"], re.MULTILINE)[0]


def actor_of(shop: Shop, tokens: Any) -> Actor:
    return shop.process.services.issuer.actor(tokens["accessToken"])


def codes(payload: Any) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_a_changed_password_is_the_only_one(shop: Shop):
    await register(shop)
    here = await sign_in(shop)

    payload = await change(shop, actor_of(shop, here))
    answers = [await sign_in(shop, password) for password in (OLD, NEW)]

    assert payload == {"user": {"username": "hedwig"}, "userErrors": []}
    assert [codes(each) for each in answers] == [["INVALID_CREDENTIALS"], []]
    assert (await shop.scalar("SELECT password_hash FROM users")).startswith("$argon2id$")


async def test_a_change_ends_every_other_session(shop: Shop):
    await register(shop)
    here, there = await sign_in(shop), await sign_in(shop)

    await change(shop, actor_of(shop, here))

    assert (await is_refreshed(shop, here), await is_refreshed(shop, there)) == (True, False)
    assert actor_of(shop, here).username == "hedwig"
    answer = await shop.run("{ me { username } }", actor_of(shop, here))
    assert answer.data == {"me": {"username": "hedwig"}}
    with pytest.raises(Exception, match="not valid"):
        actor_of(shop, there)


async def test_a_change_is_on_record(shop: Shop):
    await register(shop)
    actor = actor_of(shop, await sign_in(shop))
    await change(shop, actor)

    [event] = await logged(
        shop.database, "payload, actor_id, aggregate_id, request_id, host(address)", "kind = 'PASSWORD_CHANGED'"
    )
    assert event == ({}, actor.user_id, actor.user_id, "test-request", "192.0.2.1")


async def test_a_change_takes_the_current_password(shop: Shop):
    await register(shop)
    actor = actor_of(shop, await sign_in(shop))
    before = await shop.contents()

    payloads = [await change(shop, actor, "wrong horse") for _ in range(6)]

    wrong = {
        "code": "INVALID_CREDENTIALS",
        "field": ["input", "currentPassword"],
        "message": "The current password is wrong.",
    }
    assert payloads[:5] == [{"user": None, "userErrors": [wrong]}] * 5
    assert codes(payloads[5]) == ["TOO_MANY_ATTEMPTS"]
    assert codes(await change(shop, actor)) == ["TOO_MANY_ATTEMPTS"]
    assert codes(await sign_in(shop)) == ["TOO_MANY_ATTEMPTS"]
    assert await shop.contents() == before


@pytest.mark.parametrize("new", ["seven77", "x" * 257, ""])
async def test_a_new_password_keeps_the_rules(shop: Shop, logs: Logs, new: str):
    await register(shop)
    actor = actor_of(shop, await sign_in(shop))
    token = await mailed_token(shop, logs)

    errors = [(await change(shop, actor, new=new))["userErrors"], (await reset(shop, token, new))["userErrors"]]

    message = "A password has 8 to 256 characters."
    expected = {"code": "BAD_INPUT", "field": ["input", "newPassword"], "message": message}
    assert errors == [[expected], [expected]]
    assert codes(await reset(shop, token)) == []


async def test_nobody_changes_a_password_without_signing_in(shop: Shop):
    machine = await make_user(shop.database, "machine")
    await shop.database.execute(text("UPDATE users SET password_hash = NULL"))

    assert codes(await change(shop, None)) == ["UNAUTHENTICATED"]
    assert codes(await change(shop, Actor(user_id=machine.user_id, username="machine"))) == ["INVALID_CREDENTIALS"]
    assert await shop.scalar("SELECT password_hash FROM users") is None


async def test_a_password_that_is_changed_while_it_is_compared_lets_nobody_in(shop: Shop):
    await register(shop)
    services = shop.process.services

    class Slow:
        """Compares, and then is so slow that somebody else is faster."""

        def __init__(self, hasher: PasswordHasher) -> None:
            self._hasher = hasher
            self.hash = hasher.hash

        async def check(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
            found = await self._hasher.check(password, hashed)
            await shop.database.execute(
                text("UPDATE users SET password_hash = :hash"), {"hash": await self._hasher.hash(NEW)}
            )
            return found

    slow = Shop(replace(shop.process, services=replace(services, hasher=Slow(services.hasher))))

    assert codes(await sign_in(slow)) == ["INVALID_CREDENTIALS"]
    assert (await shop.counts())["refresh_tokens"] == 0


async def test_a_reset_sets_a_new_password_and_ends_all_sessions(shop: Shop, logs: Logs):
    await register(shop)
    before = await sign_in(shop)
    token = await mailed_token(shop, logs)

    payload = await reset(shop, token)
    answers = [await sign_in(shop, password) for password in (OLD, NEW)]

    assert payload == {"username": "hedwig", "userErrors": []}
    assert [codes(each) for each in answers] == [["INVALID_CREDENTIALS"], []]
    assert not await is_refreshed(shop, before)
    events = await logged(shop.database, "kind, payload, actor_id, request_id, host(address)", "kind LIKE 'PASSWORD%'")
    assert events == [
        (kind, {}, None, "test-request", "192.0.2.1") for kind in ("PASSWORD_RESET_REQUESTED", "PASSWORD_RESET")
    ]


async def test_a_reset_proves_the_address_and_nothing_else_does(shop: Shop, logs: Logs):
    await register(shop)
    verified = "SELECT email_verified_at IS NOT NULL FROM users"
    token = await mailed_token(shop, logs)
    before = await shop.scalar(verified)

    await reset(shop, token)

    assert (before, await shop.scalar(verified)) == (False, True)


async def test_the_mail_goes_to_the_user_and_holds_what_is_not_stored(shop: Shop, logs: Logs):
    await register(shop)

    token = await mailed_token(shop, logs, "HEDWIG@example.COM")

    [mail] = mails(logs)
    assert (mail["to"], mail["subject"]) == ("hedwig@example.com", "A new password")
    assert mail["text"] == (
        "Hello hedwig,\n\nsomebody, hopefully you, asked for a new password. Choose one within 30 minutes:\n\n"
        f"{token}\n\nIt works once. If it was not you, do nothing: your password stays as it is.\n"
    )
    assert all(token not in row for rows in (await shop.contents()).values() for row in rows)
    left = await shop.scalar("SELECT extract(epoch FROM expires_at - now()) FROM password_resets")
    assert 1700 < left <= 1800


async def test_nobody_is_told_whether_a_user_exists(shop: Shop, logs: Logs):
    await register(shop)
    await make_user(shop.database, "machine")
    await shop.database.execute(text("UPDATE users SET email = NULL WHERE username = 'machine'"))

    answers = [await request(shop, who) for who in ("nobody", "nobody@example.com", "machine", "", "%", "hedwig")]
    await until(lambda: mails(logs))

    assert answers == [[]] * 6
    assert [mail["to"] for mail in mails(logs)] == ["hedwig@example.com"]
    assert (await shop.counts())["password_resets"] == 1
    assert [line for line in logs if line["log_level"] in {"warning", "error"}] == []


async def test_the_answer_does_not_wait_for_what_is_done_for_a_known_user(shop: Shop, logs: Logs):
    await register(shop)
    async with shop.database.transaction() as connection:
        # Whoever looks for users waits; so would an answer that waited for them.
        await connection.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
        assert await request(shop) == []
        assert mails(logs) == []
    await until(lambda: mails(logs))


async def test_a_token_works_once(shop: Shop, logs: Logs):
    await register(shop)
    token = await mailed_token(shop, logs)

    answers = await asyncio.gather(*(reset(shop, token, f"{NEW} {number}") for number in range(3)))

    assert sorted(map(codes, answers)) == [[], ["INVALID_TOKEN"], ["INVALID_TOKEN"]]
    assert await reset(shop, token) == NOT_VALID
    assert (await shop.counts())["password_resets"] == 0


async def test_a_newer_request_ends_an_older_one(shop: Shop, logs: Logs):
    await register(shop)
    older, newer = [await mailed_token(shop, logs) for _ in range(2)]

    assert await reset(shop, older) == NOT_VALID
    assert codes(await reset(shop, newer)) == []


async def test_a_token_ends(shop: Shop, logs: Logs):
    await register(shop)
    token = await mailed_token(shop, logs)
    await shop.database.execute(text("UPDATE password_resets SET expires_at = now()"))

    assert await reset(shop, token) == NOT_VALID
    await shop.process.chores.do_all()
    assert (await shop.counts())["password_resets"] == 0


async def test_a_change_ends_the_token_of_a_mail(shop: Shop, logs: Logs):
    await register(shop)
    token = await mailed_token(shop, logs)

    await change(shop, actor_of(shop, await sign_in(shop)))

    assert await reset(shop, token) == NOT_VALID


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 100_000, "' OR 1=1 --", "\u00e9"])
async def test_what_is_no_token_resets_nothing(shop: Shop, logs: Logs, token: str):
    await register(shop)
    await mailed_token(shop, logs)

    assert await reset(shop, token) == NOT_VALID


async def test_one_user_s_token_is_not_another_s(shop: Shop, logs: Logs):
    await register(shop)
    await register(shop, "errol")
    for_errol = await mailed_token(shop, logs, "errol")
    await mailed_token(shop, logs, "hedwig")

    assert (await reset(shop, for_errol))["username"] == "errol"
    assert codes(await sign_in(shop, OLD)) == []


async def test_changes_and_resets_at_once_come_to_an_end(shop: Shop, logs: Logs):
    await register(shop)
    actor = actor_of(shop, await sign_in(shop))
    token = await mailed_token(shop, logs)

    async with asyncio.timeout(10):
        answers = await asyncio.gather(
            change(shop, actor), reset(shop, token, "another one"), request(shop), return_exceptions=True
        )

    assert [each for each in answers if isinstance(each, BaseException)] == []
    working = [password for password in (OLD, NEW, "another one") if not codes(await sign_in(shop, password))]
    assert len(working) == 1


async def test_a_fourth_mail_within_an_hour_is_refused_whether_or_not_there_is_such_a_user(shop: Shop, logs: Logs):
    await register(shop)

    answers = {who: [await request(shop, who) for _ in range(4)] for who in ("hedwig", "nobody")}

    for refused in answers.values():
        assert refused[:3] == [[], [], []]
        [error] = refused[3]
        assert (error["__typename"], error["code"]) == ("TooManyAttempts", "TOO_MANY_ATTEMPTS")
        assert 3500 < error["retryAfter"] <= 3600
    await until(lambda: len(mails(logs)) == 3)


@pytest.mark.parametrize("username", ["hedwig", "nobody"])
async def test_guesses_are_refused_after_five_without_a_look_at_the_password(shop: Shop, username: str):
    await register(shop)

    guesses = [await sign_in(shop, f"guess {number}", username) for number in range(6)]
    right = await sign_in(shop, OLD, username)

    assert [codes(each) for each in guesses] == [["INVALID_CREDENTIALS"]] * 5 + [["TOO_MANY_ATTEMPTS"]]
    [error] = right["userErrors"]
    assert right["accessToken"] is None
    assert error | {"retryAfter": 0} == {
        "code": "TOO_MANY_ATTEMPTS",
        "field": None,
        "message": f"Too many attempts. Try again in {error['retryAfter']} seconds.",
        "retryAfter": 0,
    }
    assert 50 <= error["retryAfter"] <= 60


async def test_a_reset_lets_in_whose_account_was_guessed_at(shop: Shop, logs: Logs):
    await register(shop)
    elsewhere = Shop(shop.process)
    elsewhere.address = "198.51.100.7"
    for number in range(5):
        await sign_in(elsewhere, f"guess {number}")
    assert codes(await sign_in(shop)) == ["TOO_MANY_ATTEMPTS"]

    await reset(shop, await mailed_token(shop, logs))

    assert codes(await sign_in(shop, NEW)) == []


async def test_the_eleventh_registration_within_an_hour_is_refused(shop: Shop):
    for number in range(10):
        await register(shop, f"user{number}")

    payload = (await shop.get(REGISTER, username="user10", email="user10@example.com"))["userRegister"]

    [error] = payload["userErrors"]
    assert error["code"] == "TOO_MANY_ATTEMPTS"
    assert 3500 < error["retryAfter"] <= 3600
    assert (await shop.counts())["users"] == 10
