"""Passwords: hashed off the event loop, and the same time for everybody."""

import asyncio
import statistics
import time

from support.server import Server

from app.passwords import NOBODY, Argon2Hasher

SIGN_IN = """
mutation ($username: String!, $password: String!) {
  tokenCreate(input: {username: $username, password: $password}) { accessToken userErrors { code message field } }
}
"""
REGISTER = """
mutation ($username: String!) {
  userRegister(input: {username: $username, email: "a@example.com", password: "password1"}) { userErrors { code } }
}
"""
REFUSED = {
    "accessToken": None,
    "userErrors": [
        {"code": "INVALID_CREDENTIALS", "message": "The username or the password is wrong.", "field": ["input"]}
    ],
}


async def test_the_loop_goes_on_while_passwords_are_hashed():
    hasher = Argon2Hasher(2)
    gaps: list[float] = []

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    ticking = asyncio.create_task(tick())
    started = time.perf_counter()
    hashes = await asyncio.gather(*(hasher.hash("password1") for _ in range(4)))
    took = time.perf_counter() - started
    ticking.cancel()

    assert len(set(hashes)) == 4
    assert all(each.startswith("$argon2id$") for each in hashes)
    assert len(gaps) > 100
    assert max(gaps) < took / 2


async def test_sign_ins_do_not_hold_up_queries(server: Server):
    await server.get(REGISTER, username="buyer")
    sign_ins = [asyncio.create_task(server.post(SIGN_IN, username="buyer", password="password1")) for _ in range(4)]

    answered = 0
    while not all(sign_in.done() for sign_in in sign_ins):
        await server.http.get("/health")
        answered += 1

    assert answered > 5
    assert all(each.result()["data"]["tokenCreate"]["accessToken"] for each in sign_ins)


async def test_an_unknown_name_and_a_wrong_password_look_the_same(server: Server):
    await server.get(REGISTER, username="buyer")
    took: dict[str, list[float]] = {"buyer": [], "nobody": []}

    for _ in range(5):
        for username, times in took.items():
            started = time.perf_counter()
            answer = await server.get(SIGN_IN, username=username, password="wrong-password")
            times.append(time.perf_counter() - started)
            assert answer == {"tokenCreate": REFUSED}

    known, unknown = (statistics.median(times) for times in took.values())
    assert 0.5 < known / unknown < 2


async def test_the_hash_of_nobody_costs_what_a_real_one_does():
    real = await Argon2Hasher(1).hash("password1")

    *costs, salt, digest = real.split("$")
    *nobodys, no_salt, no_digest = NOBODY.split("$")
    assert nobodys == costs
    assert (len(no_salt), len(no_digest)) == (len(salt), len(digest))


async def test_a_hash_of_an_unknown_kind_matches_nothing():
    hasher = Argon2Hasher(1)

    assert await hasher.verify("-", "-") is False
    assert await hasher.verify("", None) is False
