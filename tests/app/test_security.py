"""Passwords, keys and secrets: hashed off the event loop, the same time for everybody, readable by their owner only."""

import asyncio
import stat
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.server import Server

from app.keys import signing_key, write_secret
from app.passwords import NOBODY, Argon2Hasher
from app.settings import Settings
from app.tokens import JwtIssuer

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


def test_a_secret_is_readable_by_its_owner_only_and_leaves_no_draft(tmp_path: Path):
    path = tmp_path / "deep" / "secret"

    write_secret(path, "hush")

    assert path.read_text() == "hush"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_of_those_who_write_a_secret_at_once_the_first_wins(tmp_path: Path):
    path = tmp_path / "secret"

    def write(number: int) -> str:
        write_secret(path, f"secret {number}" * 1000)
        return path.read_text()

    with ThreadPoolExecutor(8) as threads:
        read = set(threads.map(write, range(64)))

    assert len(read) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_the_signing_key_survives_a_restart(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)

    keys = {signing_key(settings).as_pem(private=True) for _ in range(3)}

    assert keys == {(tmp_path / "signing-key.pem").read_bytes()}
    assert stat.S_IMODE((tmp_path / "signing-key.pem").stat().st_mode) == 0o600


def test_a_key_that_is_given_is_kept_out_of_the_data_directory(tmp_path: Path):
    given = signing_key(Settings(data_dir=tmp_path / "one")).as_pem(private=True).decode()

    settings = Settings(data_dir=tmp_path / "two", signing_key=given)

    assert signing_key(settings).as_pem(private=True).decode() == given
    assert not (tmp_path / "two").exists()
    assert given not in repr(settings)


@pytest.mark.parametrize("count", [1, 3])
def test_refresh_tokens_cannot_be_guessed_from_what_is_stored(tmp_path: Path, count: int):
    issuer = JwtIssuer(Settings(data_dir=tmp_path))

    made = [issuer.refresh_token() for _ in range(count)]

    assert len({token for token, _, _ in made}) == count
    assert all(digest == issuer.digest(token) and token not in digest for token, digest, _ in made)
