"""Flow control."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL lock_timeout TO '30s'")
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)


def downgrade() -> None:
    op.execute("DROP TABLE flow, queues, limit_usage, limits")
    op.execute("ALTER TABLE job_types DROP COLUMN limits, DROP COLUMN strict_order, DROP COLUMN paused")
    op.execute("ALTER TABLE jobs DROP COLUMN lane, DROP COLUMN rank_at, DROP COLUMN seq, DROP COLUMN priority")
    op.execute("DROP SEQUENCE jobs_seq")
