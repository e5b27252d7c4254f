"""Statements past SQLAlchemy's execution: written once, bound in order, read back as what they are."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from factories.goods import make_variant
from factories.orders import make_order
from sqlalchemy import ARRAY, Select, insert, select, text, union_all
from support.waiting import until

from db import schema as _schema  # noqa: F401  (every table)
from db.base import any_of, metadata
from db.engine import Database
from db.events import pending_events
from db.orders import order_lines, orders, visible_to
from db.statements import DIALECT, compiled_once, shape_of, with_keys
from domain.actor import Actor

NUMERIC = 1700
"""The oid of PostgreSQL's exact numbers; no other type of ours looks at it."""

SESSION = text("""
SELECT (SELECT count(*) FROM pg_settings WHERE source = 'session') AS settings,
  (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory') AS locks,
  (SELECT count(*) FROM pg_class WHERE relpersistence = 't') AS temporary,
  (SELECT count(*) FROM pg_cursors WHERE name <> '' AND is_holdable) AS cursors,
  (SELECT count(*) FROM pg_listening_channels()) AS channels
""")
"""What a connection could leave to whoever has it next; an open transaction shows in its own way."""


def point(status: str, most: int) -> Select[Any]:
    return select(orders.c.id, orders.c.total).where(orders.c.status == status).limit(most)


def test_statements_of_one_shape_are_written_once_and_take_their_own_values():
    (first, values), (second, others) = shape_of(point("PENDING", 3)), shape_of(point("SHIPPED", 9))

    assert first is second
    assert first.text == (
        "SELECT orders.id, orders.total \nFROM orders \nWHERE orders.status = $1::VARCHAR \n LIMIT $2::INTEGER"
    )
    assert [first.bind(None, values), first.bind(None, others)] == [["PENDING", 3], ["SHIPPED", 9]]


def test_what_is_inserted_is_bound_by_its_name_as_postgresql_takes_it():
    shape, values = shape_of(insert(pending_events), ("payload", "kind"))

    assert shape.text.startswith("INSERT INTO pending_events (kind, payload) VALUES ($1::VARCHAR, $2::JSONB)")
    assert shape.bind({"kind": "IMPORTED", "payload": {"a": 1}}, values) == ["IMPORTED", '{"a":1}']


def test_a_list_that_would_be_written_into_the_statement_is_refused():
    with pytest.raises(NotImplementedError, match="any_of"):
        shape_of(select(orders).where(orders.c.status.in_(["PENDING"])))


def test_keys_may_stand_in_several_places_or_in_none():
    @compiled_once
    def both(viewer: Actor) -> Any:
        one = select(orders.c.id).where(with_keys(orders.c.id), orders.c.number == "OW-1")
        return union_all(one, one) if viewer.is_admin else select(orders.c.id).where(text("false"))

    keys = {"keys": [uuid4()]}
    (twice, bound), (never, nothing) = both(Actor.system(), keys), both(Actor.anonymous(), keys)

    assert (twice.count("ANY ($1"), never.count("ANY"), nothing) == (2, 0, [])
    assert sorted(map(str, bound)) == sorted(map(str, [keys["keys"], "OW-1"]))


def test_a_statement_is_written_once_for_each_set_of_rights_and_bound_to_who_looks():
    built: list[tuple[frozenset[str], str]] = []

    @compiled_once
    def own(viewer: Actor, country: str) -> Any:
        built.append((viewer.scopes, country))
        return select(orders.c.id).where(visible_to(viewer), orders.c.country == country, with_keys(orders.c.id))

    ada, bob, clerk = Actor(uuid4(), "ada"), Actor(uuid4(), "bob"), Actor(uuid4(), scopes=frozenset({"orders:read"}))
    keys = [uuid4()]
    asked = [(ada, "GB"), (bob, "GB"), (clerk, "GB"), (ada, "FR"), (bob, "FR"), (clerk, "GB")]
    statements = [own(viewer, {"keys": keys}, country) for viewer, country in asked]

    nobody, clerks = frozenset[str](), clerk.scopes
    assert built == [(nobody, "GB"), (clerks, "GB"), (nobody, "FR")]
    assert [arguments for _, arguments in statements] == [
        [ada.user_id, ada.user_id, "GB", keys],
        [bob.user_id, bob.user_id, "GB", keys],
        ["GB", keys],
        [ada.user_id, ada.user_id, "FR", keys],
        [bob.user_id, bob.user_id, "FR", keys],
        ["GB", keys],
    ]
    assert statements[0][0] == statements[1][0] == statements[3][0] != statements[2][0]
    with pytest.raises(KeyError):
        own(ada, {}, "GB")


def test_no_type_of_ours_needs_sqlalchemy_to_convert_what_the_driver_returns():
    """But for arrays, which it only copies."""
    columns = [column for table in metadata.sorted_tables for column in table.columns]
    kinds = {type(column.type): column.type for column in columns if not isinstance(column.type, ARRAY)}

    converters = {kind: each.dialect_impl(DIALECT).result_processor(DIALECT, NUMERIC) for kind, each in kinds.items()}

    assert [kind for kind, converter in converters.items() if converter is not None] == []
    assert len(kinds) > 6


async def test_rows_are_found_by_place_and_by_name_and_hold_exact_values(database: Database):
    mug = await make_variant(database, "MUG")
    order = await make_order(database, lines=[(mug, 3, "0.001")])

    [line] = await database.read(select(order_lines))
    [stored] = await database.read(select(orders).where(orders.c.id == order))
    [json] = await database.read(select(text("CAST('{\"a\": [1]}' AS jsonb) AS payload")))

    assert (line[0], line.order_id, line.unit_price) == (order, order, Decimal("0.001"))
    # The driver has a class of UUIDs of its own.
    assert hash(stored.id) == hash(UUID(str(order)))
    assert isinstance(stored.id, UUID)
    assert stored.placed_at.astimezone(UTC) == stored.placed_at
    assert isinstance(stored.placed_at, datetime)
    assert json.payload == {"a": [1]}
    with pytest.raises(AttributeError):
        _ = json.nothing


async def test_many_keys_are_one_statement_text(database: Database):
    texts = {shape_of(select(orders).where(any_of(orders.c.id, [uuid4()] * count)))[0].text for count in (1, 9)}

    assert len(texts) == 1
    assert await database.read(select(orders).where(any_of(orders.c.id, [uuid4(), uuid4()]))) == []


async def test_a_changed_table_does_not_stop_statements_that_are_prepared(fresh_url: str):
    ours, other = Database(fresh_url, 1), Database(fresh_url, 1)
    before = await ours.read(text("SELECT * FROM warehouses"))
    await other.execute(text("ALTER TABLE warehouses ADD COLUMN floor int"))
    await other.execute(text("INSERT INTO warehouses (code, name, floor) VALUES ('LON', 'London', 2)"))

    [after] = await ours.read(text("SELECT * FROM warehouses"))
    async with ours.transaction() as connection:
        again = (await connection.execute(text("SELECT * FROM warehouses"))).one()

    assert (before, after.floor, again.floor) == ([], 2, 2)
    await asyncio.gather(ours.close(), other.close())


async def test_whoever_gives_up_leaves_nothing_behind(fresh_url: str):
    """Not a setting, not a lock, not a transaction, not the connection; and the server stops what nobody waits for."""
    process = text("SELECT pg_backend_pid()")
    ours, other = Database(fresh_url, 1), Database(fresh_url, 1)
    asleep = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()")

    async def read() -> None:
        await ours.read(text("SELECT pg_sleep(60)"))

    async def command() -> None:
        async with ours.transaction() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '7s'"))
            await connection.execute(text("INSERT INTO products (name) VALUES ('A chair')"))
            await connection.execute(text("SELECT pg_sleep(60)"))

    async def session() -> None:
        async with ours.session() as connection:
            await connection.execute(text("SET lock_timeout = '7s'"))
            await connection.execute(text("SELECT pg_advisory_lock(4711)"))
            await connection.execute(text("CREATE TEMPORARY TABLE held (n int)"))
            await connection.execute(text("SELECT pg_sleep(60)"))

    async def has_begun() -> bool:
        return await other.read(asleep) == [(1,)]

    async def is_over() -> bool:
        return await other.read(asleep) == [(0,)]

    for work in (read, command, session):
        before = await ours.read(process)
        task = asyncio.create_task(work())

        await until(has_begun)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(is_over)
        assert await ours.read(process) != before, work.__name__
        assert await ours.read(SESSION) == [(0, 0, 0, 0, 0)], work.__name__
        assert await ours.read(text("SELECT * FROM products")) == []
    await asyncio.gather(ours.close(), other.close())


async def test_a_transaction_that_is_left_open_does_not_reach_the_next(fresh_url: str, database: Database):
    ours = Database(fresh_url, 1)

    await ours.execute(text("BEGIN"))
    await ours.execute(text("INSERT INTO products (name) VALUES ('A chair')"))

    assert await database.read(text("SELECT name FROM products")) == [("A chair",)]
    await ours.close()


def test_parameters_are_written_as_the_driver_takes_them():
    assert DIALECT.paramstyle == "numeric_dollar"
