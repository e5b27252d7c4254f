"""On the oldest PostgreSQL that is promised all is as on the newest: what differs, and tests from elsewhere, run again.

Those come by their names, with the fixtures of their modules, and meet the server of this folder.
"""
# ruff: noqa: F401  (imported to be run)

import platform
import sys
from importlib.util import find_spec

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from support.documents import document

from app import doctor
from db.engine import OLDEST, Database
from db.online_retail_keys import keys_and_indexes_put_aside
from tests.db.test_constraints import filled, test_a_row_that_breaks_a_rule_is_refused_by_the_constraint_of_that_rule
from tests.db.test_demo import full, seeded, test_the_books_agree
from tests.db.test_migrations import (
    test_events_that_did_not_tell_who_buys_are_completed_from_their_orders,
    test_every_foreign_key_has_an_index,
    test_rights_that_users_had_before_there_were_roles_follow_from_roles,
    test_the_migrations_make_what_the_tables_say,
)
from tests.db.test_online_retail import (
    csv,
    test_each_kind_of_line_becomes_what_it_is,
    test_the_sample_is_imported_to_the_line,
)
from tests.db.test_online_retail_keys import (
    WITHOUT_ORDER,
    test_after_an_import_the_keys_are_as_they_were,
    test_in_a_shop_that_has_articles_nobody_has_to_wait,
)
from tests.execution.test_shop import (
    test_each_event_of_a_subscription_is_told_by_the_same_plan,
    test_what_the_database_writes_is_what_is_read,
)
from tests.graph.test_contract import (
    test_order_approve,
    test_order_place_costs_the_same_for_one_line_as_for_twenty,
    test_order_stats,
    test_order_status_changed,
    test_orders_page_tells_everything_of_an_order,
    test_products_and_stock_levels,
    test_sales_report_and_top_products,
    test_stock_receive_and_stock_adjust,
    test_user_register_and_token_create,
)
from tests.graph.test_look_ups import (
    test_they_go_together_for_those_with_the_same_rights_and_show_each_what_is_theirs,
)
from tests.graph.test_orders_races import test_of_twenty_buyers_ten_get_the_last_ten_units
from tests.graph.test_reports import (
    boss,
    test_inventory_summary_and_low_stock,
    test_sales_by_country,
    test_top_products_by_units_and_by_revenue_without_services,
)
from tests.graph.test_rights import test_every_list_holds_what_the_viewer_may_see_and_counts_no_more, town
from tests.graph.test_roles import test_what_a_user_holds_is_the_sum_of_their_roles

HAS_WHEEL = sys.version_info < (3, 13) and (sys.platform != "linux" or platform.machine() == "x86_64")
"""Whether there is one, as requirements/dev.in says. Where there is, it is a failure that it is not installed."""

pytestmark = pytest.mark.skipif(
    not HAS_WHEEL and find_spec("pgserver") is None,
    reason="there is no wheel of PostgreSQL 16 for this Python and machine",
)


async def test_the_server_is_the_oldest_that_is_promised(fresh_url: str):
    database = Database(fresh_url, 1)
    [(version,)] = await database.read(text("SHOW server_version"))
    findings = await doctor._database(fresh_url)
    await database.close()

    assert version.partition(".")[0] == str(OLDEST)
    assert f"PostgreSQL {OLDEST} or newer" in document("docs/operating.md").text
    assert {finding.what: finding.is_fine for finding in findings} == {"database": True, "migrations": True}


async def test_keys_that_cannot_be_put_aside_are_checked_for_each_row(database: Database):
    async with database.transaction() as connection, keys_and_indexes_put_aside(connection):
        with pytest.raises(IntegrityError, match="order_lines_order_id_fkey"):
            async with connection.savepoint():
                await connection.count(text(WITHOUT_ORDER))


async def test_ids_made_by_the_database_are_of_version_seven_and_tell_when(database: Database):
    """Within a millisecond they need not grow, as they do where the database brings uuidv7() along."""
    clock = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    rows = await database.read(text(f"SELECT {clock} AS before, uuidv7() AS id, {clock} FROM generate_series(1, 100)"))

    assert {(row.id.version, row.id.variant) for row in rows} == {(7, "specified in RFC 4122")}
    assert all(before <= made.int >> 80 <= after for before, made, after in rows)
    assert len({row.id for row in rows}) == 100
