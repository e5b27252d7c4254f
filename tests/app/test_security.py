"""Keys and secrets: readable by their owner only."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.keys import signing_key, write_secret
from app.settings import Settings
from app.tokens import JwtIssuer


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
