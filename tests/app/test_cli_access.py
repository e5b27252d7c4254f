"""`orderwire clients` and `orderwire keys`: what they say, change and return."""

from pathlib import Path

from joserfc.jwk import ECKey
from sqlalchemy import text
from support.processes import run

from db.engine import Database


async def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    database = Database(url, 1)
    found = await database.read(text(statement))
    await database.close()
    return [tuple(row) for row in found]


async def test_a_client_is_made_listed_and_revoked_and_its_secret_is_told_once(fresh_url: str, tmp_path: Path):
    scopes = ("--scope", "orders:read", "--scope", "inventory:read")

    made = run(tmp_path, "clients", "create", "The [red] till", *scopes, database_url=fresh_url)
    (_, client_id), (_, secret), *_ = [line.split() for line in made.stdout.splitlines()]
    listed = run(tmp_path, "clients", "list", database_url=fresh_url)
    revoked = run(tmp_path, "clients", "revoke", client_id, database_url=fresh_url)
    again = run(tmp_path, "clients", "list", database_url=fresh_url)

    assert (made.returncode, listed.returncode, revoked.returncode) == (0, 0, 0), made.stderr + revoked.stderr
    assert client_id in listed.stdout
    assert "The [red] till  inventory:read orders:read" in listed.stdout
    assert secret not in listed.stdout
    assert listed.stdout.count("UTC") == 1
    assert revoked.stdout == "The [red] till may sign in no more.\n"
    assert again.stdout.count("UTC") == 2
    assert await rows(fresh_url, "SELECT username, password_hash, scopes FROM users") == [
        (client_id, None, ["inventory:read", "orders:read"])
    ]
    assert secret not in str(await rows(fresh_url, "SELECT * FROM clients"))


def test_what_breaks_a_rule_and_what_is_not_there_is_told(fresh_url: str, tmp_path: Path):
    made = run(tmp_path, "clients", "create", "The till", "--scope", "everything", database_url=fresh_url)
    revoked = run(tmp_path, "clients", "revoke", "nobody", database_url=fresh_url)

    assert (made.returncode, made.stdout) == (2, "")
    assert made.stderr.startswith("No such scope: everything. There are: orders:read, orders:write,")
    assert (revoked.returncode, revoked.stderr) == (2, "No such client.\n")


async def test_keys_are_rotated_and_listed_and_that_is_on_record(fresh_url: str, tmp_path: Path):
    first = run(tmp_path, "keys", "list")
    rotated = run(tmp_path, "keys", "rotate", database_url=fresh_url)
    second = run(tmp_path, "keys", "list")

    assert [line.split()[1] for line in first.stdout.splitlines()] == ["state", "signs"]
    assert [line.split()[1] for line in second.stdout.splitlines()] == ["state", "signs", "shown"]
    kid = second.stdout.splitlines()[2].split()[0]
    assert rotated.stdout.startswith(f"{kid} signs from 20")
    told = "SELECT kind, aggregate_type, sequence, payload, actor_id, address FROM pending_events"
    assert await rows(fresh_url, told) == [("KEY_ROTATED", "KEY", 1, {"kid": kid}, None, None)]


def test_without_the_database_no_key_is_rotated(tmp_path: Path):
    run(tmp_path, "keys", "list")
    rotated = run(tmp_path, "keys", "rotate", database_url="postgresql://127.0.0.1:1/nowhere")

    assert (rotated.returncode, rotated.stdout) == (1, "")
    assert rotated.stderr.startswith("The database cannot be used")
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["1.pem"]


def test_keys_that_are_given_are_listed_and_rotated_where_they_are_given(tmp_path: Path):
    given = ECKey.generate_key("P-256").as_pem(private=True).decode()

    listed = run(tmp_path, "keys", "list", signing_key=given)
    rotated = run(tmp_path, "keys", "rotate", signing_key=given)

    assert "signs  given by the settings" in listed.stdout
    assert (rotated.returncode, rotated.stdout) == (2, "")
    assert rotated.stderr == "ORDERWIRE_SIGNING_KEY: the keys are given, so it is there that they are rotated\n"
