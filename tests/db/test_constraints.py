"""The constraints stand behind the code: each refuses the row that a mistake would write."""

from decimal import Decimal
from typing import Any

import pytest
from factories.goods import make_variant
from factories.orders import make_order, make_return
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.engine import Database
from db.reading import violated

BAD = [
    ("UPDATE stock_levels SET on_hand = -1, reserved = 0", "stock_levels_on_hand_check"),
    ("UPDATE stock_levels SET reserved = -1", "stock_levels_reserved_check"),
    ("UPDATE stock_levels SET reserved = on_hand + 1", "stock_levels_reserved_check"),
    ("UPDATE stock_levels SET reorder_point = -1", "stock_levels_reorder_point_check"),
    ("UPDATE stock_levels SET allow_backorder = true", "stock_levels_variant_id_allow_backorder_fkey"),
    (
        "INSERT INTO stock_levels (variant_id, warehouse_id) SELECT variant_id, warehouse_id FROM stock_levels",
        "stock_levels_variant_id_warehouse_id_key",
    ),
    (
        "INSERT INTO reservations (order_id, level_id, quantity) SELECT o.id, l.id, 0 FROM orders o, stock_levels l",
        "reservations_quantity_check",
    ),
    ("UPDATE stock_movements SET quantity = quantity + 1", "stock_movements_quantity_check"),
    ("UPDATE stock_movements SET kind = 'RESERVATION'", "stock_movements_quantity_check"),
    ("UPDATE stock_movements SET on_hand_after = -1, quantity = -1", "stock_movements_not_negative_check"),
    ("UPDATE stock_movements SET kind = 'GIFT'", "stock_movements_kind_check"),
    ("UPDATE order_lines SET quantity = 0", "order_lines_quantity_check"),
    ("UPDATE order_lines SET position = 0", "order_lines_position_check"),
    ("UPDATE order_lines SET currency = 'gbp'", "order_lines_currency_check"),
    ("UPDATE orders SET status = 'LOST'", "orders_status_check"),
    ("UPDATE orders SET currency = 'POUND'", "orders_currency_check"),
    ("UPDATE orders SET notes = repeat('n', 1001)", "orders_notes_check"),
    (
        "INSERT INTO orders (number, status, total, currency) SELECT number, status, total, currency FROM orders",
        "orders_number_key",
    ),
    ("UPDATE variants SET price = -0.01", "variants_price_check"),
    ("UPDATE variants SET kind = 'IDEA'", "variants_kind_check"),
    ("DELETE FROM variants", "order_lines_variant_id_fkey"),
    ("UPDATE return_lines SET order_line_position = 1", "return_lines_order_line_check"),
    ("UPDATE return_lines SET quantity = -1", "return_lines_quantity_check"),
    ("INSERT INTO users (username, password_hash) VALUES ('abc', '-')", "users_username_check"),
    ("INSERT INTO users (username, password_hash) VALUES ('with space', '-')", "users_username_check"),
    ("INSERT INTO users (username, password_hash) VALUES ('CLERK', '-')", "users_username_key"),
    (
        "INSERT INTO users (username, email, password_hash) VALUES ('other', 'CLERK@example.com', '-')",
        "users_email_key",
    ),
    (
        (
            "INSERT INTO pending_events (aggregate_type, aggregate_id, sequence, kind)"
            " VALUES ('ORDER', gen_random_uuid(), 1, 'RUMOUR')"
        ),
        "pending_events_kind_check",
    ),
]


@pytest.fixture
async def filled(database: Database) -> Database:
    """A database with a row in each table that the statements touch."""
    variant = await make_variant(database, "MUG", LON=5)
    order = await make_order(database, lines=[(variant, 1, "10")])
    await make_return(database, order=order, lines=[(variant, 1, "10")])
    for statement in (
        "INSERT INTO users (username, email, password_hash) VALUES ('clerk', 'clerk@example.com', '-')",
        (
            "INSERT INTO pending_events (aggregate_type, aggregate_id, sequence, kind)"
            " VALUES ('USER', gen_random_uuid(), 1, 'USER_REGISTERED')"
        ),
    ):
        await database.execute(text(statement))
    return database


async def test_a_row_that_breaks_a_rule_is_refused_by_the_constraint_of_that_rule(filled: Database):
    broken: list[tuple[str, Any]] = []
    for statement, _ in BAD:
        with pytest.raises(IntegrityError) as caught:
            await filled.execute(text(statement))
        broken.append((statement, violated(caught.value)))

    assert broken == BAD


async def test_what_may_be_back_ordered_may_be_reserved_beyond_the_stock(filled: Database):
    await filled.execute(text("UPDATE variants SET allow_backorder = true"))
    await filled.execute(text("UPDATE stock_levels SET reserved = 7"))

    with pytest.raises(IntegrityError) as caught:
        # The flag cannot be taken back while more is promised than there is.
        await filled.execute(text("UPDATE variants SET allow_backorder = false"))

    assert violated(caught.value) == "stock_levels_reserved_check"
    assert await filled.read(text("SELECT allow_backorder, reserved FROM stock_levels")) == [(True, 7)]


async def test_amounts_are_kept_exactly(filled: Database):
    await filled.execute(text("UPDATE variants SET price = CAST('0.0000000000000000000000000001' AS numeric)"))

    assert await filled.read(text("SELECT price FROM variants")) == [(Decimal("1e-28"),)]


async def test_ids_made_by_the_database_are_of_version_seven_and_grow(filled: Database):
    rows = await filled.read(text("SELECT uuidv7() AS id FROM generate_series(1, 100)"))

    ids = [row.id for row in rows]
    assert {each.version for each in ids} == {7}
    assert ids == sorted(ids)
