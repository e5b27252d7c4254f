"""Keys of access tokens: kept and given, shown before they sign, verifying until the last of their tokens has ended."""

import asyncio
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey
from support.server import Server, complaints
from support.waiting import until

from app.access.keys import LEEWAY, SHOWN, KeyRing, KeyState, SettingError, rotate, write_secret
from app.settings import Settings
from db.base import new_id
from domain.actor import Actor


def pem(curve: str = "P-256", *, private: bool = True) -> str:
    return ECKey.generate_key(curve).as_pem(private=private).decode()


def states(settings: Settings) -> list[str]:
    ring = KeyRing(settings)
    return [ring.state(key).value for key in ring.all()]


def age(settings: Settings, number: int, seconds: float) -> None:
    """Make a key so many seconds old."""
    moment = time.time() - seconds
    os.utime(settings.data_dir / "keys" / f"{number}.pem", (moment, moment))


def test_a_secret_is_readable_by_its_owner_only_and_leaves_no_draft(tmp_path: Path):
    path = tmp_path / "deep" / "secret"

    assert write_secret(path, "hush") is True

    assert path.read_text() == "hush"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_of_those_who_write_a_secret_at_once_the_first_wins(tmp_path: Path):
    path = tmp_path / "secret"

    def write(number: int) -> tuple[bool, str]:
        return write_secret(path, f"secret {number}" * 1000), path.read_text()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(write, range(64)))

    assert len({read for _, read in answers}) == 1
    assert [won for won, _ in answers].count(True) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_the_first_key_is_made_once_signs_at_once_and_survives_a_restart(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)

    keys = {KeyRing(settings).signing.key.as_pem(private=True) for _ in range(3)}

    assert keys == {(tmp_path / "keys" / "1.pem").read_bytes()}
    assert stat.S_IMODE((tmp_path / "keys" / "1.pem").stat().st_mode) == 0o600
    assert states(settings) == ["signs"]


def test_the_one_key_there_was_before_becomes_the_first(tmp_path: Path):
    former = pem()
    (tmp_path / "signing-key.pem").write_text(former)

    ring = KeyRing(Settings(data_dir=tmp_path))

    assert ring.signing.key.as_pem(private=True).decode() == former
    assert [path.name for path in tmp_path.rglob("*.pem")] == ["1.pem"]


def test_a_key_goes_by_its_thumbprint_and_shows_nothing_private(tmp_path: Path):
    ring = KeyRing(Settings(data_dir=tmp_path))

    [shown] = ring.as_public()["keys"]

    key = ring.signing.key
    public = key.as_dict(private=False)
    assert shown == {
        **{name: public[name] for name in ("kty", "crv", "x", "y")},
        "kid": key.thumbprint(),
        "use": "sig",
        "alg": "ES256",
    }


def test_a_new_key_is_shown_then_signs_and_the_old_one_verifies_until_its_last_token_has_ended(tmp_path: Path):
    settings = Settings(data_dir=tmp_path, access_token_seconds=300)
    KeyRing(settings)
    age(settings, 1, 9999)

    rotate(settings)
    seen = [states(settings)]
    for seconds in (SHOWN - 5, SHOWN, SHOWN + 300 + LEEWAY, SHOWN + 300 + 2 * LEEWAY):
        age(settings, 2, seconds)
        seen.append(states(settings))

    assert seen == [
        ["signs", "shown"],
        ["signs", "shown"],
        ["verifies", "signs"],
        ["verifies", "signs"],
        ["retired", "signs"],
    ]


def test_a_retired_key_verifies_nothing_is_not_shown_and_goes_with_the_next_rotation(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)
    first = KeyRing(settings).signing
    age(settings, 1, 9999)
    second = rotate(settings)
    age(settings, 2, 5000)
    ring = KeyRing(settings)

    with pytest.raises(KeyError):
        ring.get(first.kid)
    shown = [key["kid"] for key in ring.as_public()["keys"]]
    third = rotate(settings)

    assert shown == [second.kid]
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["2.pem", "3.pem"]
    assert [key["kid"] for key in KeyRing(settings).as_public()["keys"]] == [second.kid, third.kid]


def test_of_many_rotations_at_once_each_makes_a_key(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)
    KeyRing(settings)

    with ThreadPoolExecutor(8) as threads:
        made = {key.kid for key in threads.map(lambda _: rotate(settings), range(16))}

    assert len(made) == 16
    assert len(KeyRing(settings).all()) == 17
    assert states(settings)[0] == "signs"


def test_a_key_that_is_taken_away_is_replaced_by_the_one_that_is_shown(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)
    ring = KeyRing(settings)
    second = rotate(settings)

    (tmp_path / "keys" / "1.pem").unlink()
    ring.look()

    assert (ring.signing.kid, len(ring.all())) == (second.kid, 1)


def test_a_key_that_is_looked_at_while_the_directory_is_read_again_is_the_same_key(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)
    ring = KeyRing(settings)
    rotate(settings)
    ring.look()
    first, second = ring.all()

    ring.look()
    again = [ring.state(key) for key in (first, second)]
    second.path.unlink()
    ring.look()

    assert again == [KeyState.SIGNS, KeyState.SHOWN]
    assert [ring.state(key) for key in (first, second)] == [KeyState.SIGNS, KeyState.RETIRED]


def test_keys_that_are_given_are_kept_out_of_the_data_directory_and_the_first_signs(tmp_path: Path):
    first, second = pem(), pem()

    settings = Settings(data_dir=tmp_path / "none", signing_key=f"{first}\n{second}")

    ring = KeyRing(settings)
    assert [key.key.as_pem(private=True).decode() for key in ring.all()] == [first, second]
    assert states(settings) == [KeyState.SIGNS, KeyState.VERIFIES]
    assert not (tmp_path / "none").exists()
    assert first not in repr(settings)
    with pytest.raises(SettingError, match="ORDERWIRE_SIGNING_KEY: the keys are given"):
        rotate(settings)


UNFIT = {
    "nothing of the kind": "hush-hush",
    "another curve": pem("P-384"),
    "a public key": pem(private=False),
    "another kind of key": RSAKey.generate_key(2048, auto_kid=False).as_pem(private=True).decode(),
    "one that is broken behind one that is not": pem() + pem()[:60],
    "one of another curve behind one that fits": pem() + pem("P-384"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_setting_that_holds_something_else_is_refused_without_being_told(tmp_path: Path, kind: str):
    with pytest.raises(SettingError) as caught:
        KeyRing(Settings(data_dir=tmp_path, signing_key=UNFIT[kind]))

    assert str(caught.value).startswith("ORDERWIRE_SIGNING_KEY: not a private key")
    assert UNFIT[kind][:40] not in str(caught.value)


async def test_a_running_server_shows_a_new_key_then_signs_with_it_and_takes_the_tokens_of_both(server: Server):
    settings, keys, issuer = server.process.settings, server.process.keys, server.process.services.issuer
    boss = Actor(new_id(), "boss")

    async def shown() -> list[str]:
        return [key["kid"] for key in (await server.http.get("/.well-known/jwks.json")).json()["keys"]]

    [first] = await shown()
    old = server.token(boss)
    second = (await asyncio.to_thread(rotate, settings)).kid
    await until(lambda: len(keys.all()) == 2)
    before = keys.signing.kid
    age(settings, 2, SHOWN)
    await until(lambda: keys.signing.kid == second)
    new = server.token(boss)

    assert (before, await shown()) == (first, [first, second])
    assert [issuer.actor(token).username for token in (old, new)] == ["boss"] * 2
    assert (await server.http.get("/.well-known/jwks.json")).headers["cache-control"] == "public, max-age=30"


async def test_while_the_directory_cannot_be_read_the_keys_that_are_known_stand(
    server: Server, caplog: pytest.LogCaptureFixture
):
    known = server.process.keys.signing.kid

    (server.process.settings.data_dir / "keys" / "2.pem").write_text("nonsense")
    await until(lambda: any("keys_unreadable" in complaint for complaint in complaints(caplog)))

    assert server.process.keys.signing.kid == known
