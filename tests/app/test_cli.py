"""The command line: what each command does, says and returns."""

from pathlib import Path

import pytest
from sqlalchemy import text
from support.processes import ROOT, run

from app import cli, doctor
from app.doctor import Finding
from db import engine, migrate
from db.engine import Database

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
SALE = "536365,85123A,WHITE HOLDER,6,{date},2.55,17850,United Kingdom\n"
DATE = "2010-12-01 08:26:00"


async def column(url: str, statement: str) -> list[object]:
    database = Database(url, 1)
    rows = await database.read(text(statement))
    await database.close()
    return [row[0] for row in rows]


async def test_migrate_makes_the_database_and_brings_it_to_the_newest_migration(postgres: str, tmp_path: Path):
    url = postgres.replace("/postgres?", f"/made_{tmp_path.name[-6:]}?")

    first, second = run(tmp_path, "migrate", database_url=url), run(tmp_path, "migrate", database_url=url)

    assert (first.returncode, first.stdout) == (0, f"At migration {migrate.head()}.\n")
    assert (second.returncode, second.stdout) == (first.returncode, first.stdout)
    assert await column(url, "SELECT version_num FROM alembic_version") == [migrate.head()]


async def test_seed_fills_an_empty_shop_once(fresh_url: str, tmp_path: Path):
    first, second = run(tmp_path, "seed", database_url=fresh_url), run(tmp_path, "seed", database_url=fresh_url)

    assert (first.returncode, first.stdout) == (0, "The demo shop is in.\n")
    assert (second.returncode, second.stderr) == (1, "The shop is not empty: nothing was added.\n")
    assert await column(fresh_url, "SELECT count(*) FROM orders") == [2000]


async def test_create_admin_makes_one_who_can_sign_in(fresh_url: str, tmp_path: Path):
    arguments = ("create-admin", "keeper", "--password", "password1")

    made = run(tmp_path, *arguments, database_url=fresh_url)
    short = run(tmp_path, "create-admin", "me", "--password", "short", database_url=fresh_url)

    assert (made.returncode, made.stdout) == (0, "keeper is an admin now.\n")
    assert short.returncode == 2
    assert short.stderr == "A username has 4 to 20 letters (A-Z, a-z) or digits. A password has 8 to 256 characters.\n"
    admins = "SELECT username FROM users JOIN user_roles ON user_id = id WHERE role = 'admin'"
    assert await column(fresh_url, admins) == ["keeper"]


@pytest.mark.check
def test_schema_prints_the_committed_schema(tmp_path: Path):
    result = run(tmp_path, "schema")

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (ROOT / "schema.graphql").read_text()


def test_doctor_finds_everything_in_order(fresh_url: str, valkey: str, tmp_path: Path):
    result = run(tmp_path, "doctor", database_url=fresh_url, broadcast_url=valkey)

    found = {line.split()[1]: line.split()[0] for line in result.stdout.splitlines()}
    assert found.keys() == {"python", "playground", "database", "migrations", "broadcaster"}
    assert {what for what, state in found.items() if state == "BAD"} <= {"playground"}


def test_doctor_names_what_is_missing(tmp_path: Path):
    away = {"database_url": "postgresql://nobody:hush@127.0.0.1:1/x", "broadcast_url": "redis://:hush@127.0.0.1:1"}

    result = run(tmp_path, "doctor", **away)

    assert result.returncode == 1
    bad = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("BAD")]
    assert [name for name in bad if name != "playground"] == ["database", "broadcaster"]
    assert "hush" not in result.stdout + result.stderr


async def test_a_postgresql_that_is_too_old_is_refused_before_anything_is_done(
    fresh_url: str, monkeypatch: pytest.MonkeyPatch
):
    [version] = await column(fresh_url, "SHOW server_version")
    monkeypatch.setattr(engine, "OLDEST", 99)
    message = f"PostgreSQL 99 or newer is needed, not {version}."

    with pytest.raises(ConnectionError) as refused:
        await migrate.upgrade(Database(fresh_url, 1))

    assert cli._explain(refused.value) == (f"The database cannot be used: {message}", 1)
    assert await doctor._database(fresh_url) == [Finding("database", is_fine=False, detail=message)]


async def test_import_brings_a_file_in_and_prints_its_counts(fresh_url: str, tmp_path: Path):
    file = tmp_path / "small.csv"
    file.write_text(HEADER + SALE.format(date=DATE))

    result = run(tmp_path, "import", "online-retail", file, database_url=fresh_url)

    assert result.returncode == 0, result.stderr
    assert any(line.split() == ["orders", "1"] for line in result.stdout.splitlines()), result.stdout
    assert await column(fresh_url, "SELECT number FROM orders") == ["536365"]


async def test_import_names_line_and_column_of_what_is_wrong(fresh_url: str, tmp_path: Path):
    file = tmp_path / "bad.csv"
    file.write_text(HEADER + SALE.format(date=DATE) + SALE.format(date="yesterday"))

    result = run(tmp_path, "import", "online-retail", file, database_url=fresh_url)

    assert (result.returncode, result.stdout) == (2, "")
    assert "line 3, column InvoiceDate" in result.stderr
    assert await column(fresh_url, "SELECT number FROM orders") == []


def test_import_of_a_file_that_is_not_there_is_refused(fresh_url: str, tmp_path: Path):
    result = run(tmp_path, "import", "online-retail", tmp_path / "none.csv", database_url=fresh_url)

    assert result.returncode == 2
    assert "none.csv" in result.stderr
    assert "Traceback" not in result.stderr


def test_help_lists_the_commands(tmp_path: Path):
    result = run(tmp_path, "--help")

    assert result.returncode == 0
    commands = (
        "serve",
        "migrate",
        "seed",
        "import",
        "inventory",
        "events",
        "clients",
        "keys",
        "schema",
        "create-admin",
        "doctor",
    )
    assert all(name in result.stdout for name in commands)
