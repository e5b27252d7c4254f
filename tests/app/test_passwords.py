"""Passwords: the same work for everybody, old hashes accepted and replaced."""

import asyncio
from typing import Any

import bcrypt
import pytest
from factories.people import make_user
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher
from sqlalchemy import text
from support.server import Server

from app.access.hashing import Hashing
from app.access.passwords import LoneHasher, ResetTokens
from app.settings import Settings
from domain.secret import digest_of

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
PASSWORD = "password1"
SETTINGS = Settings()


class Recording(Argon2Hasher):
    """Argon2id at the least cost, which notes what it was asked to do."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.work: list[str] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.work.append("hash")
        return super().hash(password, salt=salt)

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:
        # What decides on the time it takes: kind, version, memory, passes and lanes; and the lengths of the rest.
        *costs, salt, digest = str(hash).split("$")
        self.work.append(f"verify {costs} {len(salt)} {len(digest)}")
        return super().verify(password, hash)


def weak(**costs: int) -> PasswordHash:
    return PasswordHash((Argon2Hasher(**{"time_cost": 1, "memory_cost": 32, "parallelism": 1, **costs}),))


async def test_queries_are_answered_while_a_password_is_hashed(server: Server):
    await server.get(REGISTER, username="buyer")
    sign_ins = [asyncio.create_task(server.post(SIGN_IN, username="buyer", password=PASSWORD)) for _ in range(8)]

    answered = 0
    while not all(sign_in.done() for sign_in in sign_ins):
        await server.http.get("/health")
        answered += 1

    assert answered > 5
    assert all(each.result()["data"]["tokenCreate"]["accessToken"] for each in sign_ins)


@pytest.mark.parametrize("time_cost", [1, 2])
def test_a_wrong_password_an_unknown_name_and_a_user_without_one_take_the_same_work(time_cost: int):
    recording = Recording(time_cost)
    hashing = Hashing(PasswordHash((recording,)))
    real = hashing.hash(PASSWORD)
    hashing.check("anything", None)  # the first of all has the hash of nobody made

    recording.work.clear()
    assert hashing.check("wrong", real) == (False, None)
    for_known = list(recording.work)
    recording.work.clear()
    assert hashing.check("wrong", None) == (False, None)

    assert len(for_known) == 1
    assert f"t={time_cost}" in for_known[0]
    assert recording.work == for_known


@pytest.mark.parametrize("is_known", [True, False])
def test_the_first_of_a_process_takes_the_same_work_too(is_known: bool):
    recording = Recording()
    hashing = Hashing(PasswordHash((recording,)))
    real = Recording().hash(PASSWORD)

    hashing.check("wrong", real if is_known else None)

    assert [each.split()[0] for each in recording.work] == ["hash", "verify"]


def test_what_matches_nobody_is_a_secret_of_each_process():
    hashing = Hashing(weak())

    assert hashing.check("", None) == (False, None)
    assert hashing.check("x" * 100_000, None) == (False, None)


async def test_hashes_are_made_as_the_settings_say():
    settings = Settings(password_time_cost=2, password_memory_kib=19_456, password_parallelism=1)

    assert (await LoneHasher.of(settings).hash(PASSWORD)).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("name", "value"), [("password_time_cost", 1), ("password_memory_kib", 19_455), ("password_parallelism", 0)]
)
def test_parameters_that_protect_nobody_are_refused(name: str, value: int):
    with pytest.raises(ValueError, match=name):
        Settings.model_validate({name: value})


@pytest.mark.parametrize("prefix", ["2b", "2a", "2y"])
def test_a_hash_of_bcrypt_is_accepted_and_replaced(prefix: str):
    hashing = Hashing(PasswordHash((Recording(), BcryptHasher())))
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", f"${prefix}$")

    matches, renewed = hashing.check(PASSWORD, old)

    assert matches
    assert renewed is not None
    assert renewed.startswith("$argon2id$")
    assert hashing.check(PASSWORD, renewed) == (True, None)
    assert hashing.check("wrong", old) == (False, None)


def test_a_long_password_matches_what_bcrypt_kept_of_it_and_is_renewed_whole():
    hashing = Hashing(PasswordHash((Recording(), BcryptHasher())))
    password = "é" * 50  # 100 bytes, of which bcrypt took 72
    old = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()

    matches, renewed = hashing.check(password, old)

    assert matches
    assert hashing.check(password, renewed) == (True, None)
    assert hashing.check("é" * 36, renewed) == (False, None)


@pytest.mark.parametrize("other", [{"time_cost": 2}, {"memory_cost": 64}, {"parallelism": 2}])
def test_a_hash_of_other_parameters_is_replaced(other: dict[str, int]):
    matches, renewed = Hashing(weak(**other)).check(PASSWORD, weak().hash(PASSWORD))

    assert matches
    assert renewed is not None
    assert Hashing(weak(**other)).check(PASSWORD, renewed) == (True, None)


@pytest.mark.parametrize("hashed", ["-", "", "$2x$99$nonsense", "$argon2id$v=19$m=8,t=1,p=1$$", "plain", PASSWORD])
def test_a_hash_of_an_unknown_kind_matches_nothing(hashed: str):
    hashing = Hashing(PasswordHash((Recording(), BcryptHasher())))

    assert hashing.check(PASSWORD, hashed) == (False, None)


async def test_a_user_of_old_is_upgraded_by_signing_in(server: Server):
    actor = await make_user(server.process.database, "veteran")
    await make_user(server.process.database, "client")
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    hashes = text("SELECT username, password_hash FROM users ORDER BY username")
    await server.process.database.execute(
        text("UPDATE users SET password_hash = CASE id WHEN :id THEN :hash END"), {"id": actor.user_id, "hash": old}
    )

    wrong = (await server.get(SIGN_IN, username="veteran", password="wrong"))["tokenCreate"]
    before = dict(await server.process.database.read(hashes))
    answers: list[Any] = [
        (await server.get(SIGN_IN, username=name, password=PASSWORD))["tokenCreate"]
        for name in ("veteran", "veteran", "client")
    ]
    after = dict(await server.process.database.read(hashes))

    refused = {
        "accessToken": None,
        "userErrors": [
            {"code": "INVALID_CREDENTIALS", "message": "The username or the password is wrong.", "field": ["input"]}
        ],
    }
    assert (wrong, answers[2]) == (refused, refused)
    assert before == {"client": None, "veteran": old}
    assert [each["userErrors"] for each in answers[:2]] == [[], []]
    assert after["client"] is None
    assert after["veteran"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_guesses_at_the_token_endpoint_are_told_when_to_come_again(server: Server):
    async def guess(password: str) -> Any:
        form = {"grant_type": "password", "username": "boss", "password": password}
        return await server.http.post("/oauth/token", data=form)

    guesses = [await guess(f"guess {number}") for number in range(6)]
    in_graphql = (await server.get(SIGN_IN, username="boss", password=PASSWORD))["tokenCreate"]["userErrors"]

    assert [each.status_code for each in guesses] == [400] * 5 + [429]
    assert guesses[0].json()["error"] == "invalid_grant"
    assert guesses[5].json()["error"] == "temporarily_unavailable"
    assert 50 <= int(guesses[5].headers["retry-after"]) <= 60
    assert guesses[5].headers["cache-control"] == "no-store"
    assert [error["code"] for error in in_graphql] == ["TOO_MANY_ATTEMPTS"]


def test_tokens_of_resets_are_long_random_and_stored_as_digests():
    tokens = ResetTokens(Settings(password_reset_url="https://shop.example/reset?token={token}&a=b"))

    made = [tokens.make() for _ in range(20)]

    assert len({token for token, _, _ in made}) == 20
    assert all(len(token) == 43 and token not in digest for token, digest, _ in made)
    assert all(digest == digest_of(token) for token, digest, _ in made)
    assert tokens.way_in("x") == "https://shop.example/reset?token=x&a=b"
    assert ResetTokens(SETTINGS).way_in("x") == "x"
