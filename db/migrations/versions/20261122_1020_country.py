"""Orders of a country are found by an index, in the order in which they were placed."""

from db.migrations import run

revision = "202611221020"
down_revision = "202611211019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
CREATE INDEX orders_country_idx ON orders (country, placed_at, id) WHERE country IS NOT NULL;
"""
