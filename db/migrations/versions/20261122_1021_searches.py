"""Parts of texts are found by indexes, where PostgreSQL has pg_trgm, and lets us have it."""

from alembic import op
from sqlalchemy import text

from db.migrations import run

revision = "202611221021"
down_revision = "202611221020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.scalar(text(IS_OFFERED)):
        run("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    # It may be there where we do not look for it, or was brought by somebody with more rights.
    if connection.scalar(text(IS_THERE)):
        run(DDL)


IS_OFFERED = """
SELECT has_database_privilege(current_database(), 'CREATE')
  AND EXISTS (SELECT FROM pg_available_extension_versions WHERE name = 'pg_trgm' AND trusted)
"""

IS_THERE = "SELECT EXISTS (SELECT FROM pg_opclass WHERE opcname = 'gin_trgm_ops' AND pg_opclass_is_visible(oid))"

DDL = """
CREATE INDEX customers_search_idx ON customers
  USING gin (name gin_trgm_ops, reference gin_trgm_ops, email gin_trgm_ops);
CREATE INDEX orders_search_idx ON orders USING gin (number gin_trgm_ops);
CREATE INDEX products_search_idx ON products USING gin (name gin_trgm_ops);
CREATE INDEX returns_search_idx ON returns USING gin (number gin_trgm_ops);
CREATE INDEX users_search_idx ON users USING gin (username gin_trgm_ops);
CREATE INDEX variants_search_idx ON variants USING gin (sku gin_trgm_ops, name gin_trgm_ops);
"""
