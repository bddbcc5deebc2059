"""Uniqueness and retention."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL lock_timeout TO '30s'")
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE jobs DROP COLUMN result_expired")
    op.execute("ALTER TABLE job_types DROP COLUMN uniqueness")
    op.execute("DROP TABLE unique_claims")
