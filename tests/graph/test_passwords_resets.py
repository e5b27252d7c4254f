"""Resetting a forgotten password by mail."""

import asyncio
from collections.abc import Generator

import pytest
from factories.people import make_user
from sqlalchemy import text
from structlog.testing import capture_logs
from support.log import logged
from support.passwords import (
    NEW,
    NOT_VALID,
    OLD,
    Logs,
    actor_of,
    change,
    codes,
    is_refreshed,
    mailed_token,
    mails,
    register,
    request,
    reset,
    sign_in,
)
from support.shop import Shop
from support.waiting import PATIENCE, until


@pytest.fixture
def logs() -> Generator[Logs]:
    """What is logged; in development, mails among it."""
    with capture_logs() as found:
        yield found


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


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 50_000, "' OR 1=1 --", "\u00e9"])
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

    async with asyncio.timeout(PATIENCE):
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


async def test_an_address_that_only_looks_the_same_in_lower_case_asks_for_no_mail(shop: Shop, logs: Logs):
    await register(shop)

    # The database makes an `i` of the first, which would be counted as another account.
    for who in ("hedw\u0130g@example.com", "HEDWIG@example.com"):
        assert await request(shop, who) == []

    await until(lambda: mails(logs))
    await shop.process.services.resetting.later.stop(5)
    assert len(mails(logs)) == 1


async def test_a_reset_lets_in_whose_account_was_guessed_at(shop: Shop, logs: Logs):
    await register(shop)
    elsewhere = Shop(shop.process)
    elsewhere.address = "198.51.100.7"
    for number in range(5):
        await sign_in(elsewhere, f"guess {number}")
    assert codes(await sign_in(shop)) == ["TOO_MANY_ATTEMPTS"]

    await reset(shop, await mailed_token(shop, logs))

    assert codes(await sign_in(shop, NEW)) == []
