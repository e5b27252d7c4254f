"""Migrations: dated, one feature each. `run` is how each of them executes its DDL."""

from alembic import op


def run(ddl: str) -> None:
    """Execute the statements of a migration, each of which ends a line with a semicolon.

    Fails fast rather than queue for a lock behind a long transaction and hold up everybody else.
    """
    op.execute("SET LOCAL lock_timeout = '4s'")
    for statement in ddl.strip().split(";\n"):
        op.execute(statement)
