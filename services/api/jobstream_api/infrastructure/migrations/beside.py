"""What migrations share: the statements of each stand in a file beside it."""

from pathlib import Path

from alembic import op

_LOCK_TIMEOUT = "30s"


def run_sql(migration: str) -> None:
    """Run the ``.sql`` file beside a migration, statement by statement; each ends with a semicolon at a line's end.

    Args:
        migration: its ``__file__``.
    """
    connection = op.get_bind()
    connection.exec_driver_sql(f"SET LOCAL lock_timeout TO '{_LOCK_TIMEOUT}'")
    for statement in Path(migration).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
