"""Returns get numbers of their own."""

from db.migrations import run

revision = "202611211010"
down_revision = "202611211009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


# The demo shop has given out numbers of this series; the next one follows the highest.
DDL = """
CREATE SEQUENCE return_numbers;
SELECT setval(
  'return_numbers',
  coalesce((SELECT max(substring(number FROM 4)::bigint) FROM returns WHERE number ~ '^RT-[0-9]{1,18}$'), 0) + 1,
  false
);
"""
