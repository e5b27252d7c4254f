"""Changing a password, and what is refused to those who guess."""

from dataclasses import replace

import pytest
from factories.people import make_user
from sqlalchemy import text
from support.log import logged
from support.passwords import NEW, OLD, REGISTER, actor_of, change, codes, is_refreshed, register, sign_in
from support.shop import Shop

from domain.actor import Actor
from domain.users.ports import PasswordHasher


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
            self.hash, self.must_have_room = hasher.hash, hasher.must_have_room

        async def check(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
            found = await self._hasher.check(password, hashed)
            await shop.database.execute(
                text("UPDATE users SET password_hash = :hash"), {"hash": await self._hasher.hash(NEW)}
            )
            return found

    slow = Shop(replace(shop.process, services=replace(services, hasher=Slow(services.hasher))))

    assert codes(await sign_in(slow)) == ["INVALID_CREDENTIALS"]
    assert (await shop.counts())["refresh_tokens"] == 0


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


async def test_the_sixty_first_registration_within_an_hour_is_refused(shop: Shop):
    for number in range(60):
        await register(shop, f"user{number}")

    payload = (await shop.get(REGISTER, username="user60", email="user60@example.com"))["userRegister"]

    [error] = payload["userErrors"]
    assert error["code"] == "TOO_MANY_ATTEMPTS"
    assert 3500 < error["retryAfter"] <= 3600
    assert (await shop.counts())["users"] == 60
