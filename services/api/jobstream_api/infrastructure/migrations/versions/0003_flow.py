"""Flow control."""

from alembic import op

from jobstream_api.infrastructure.migrations.beside import run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP TABLE flow, queues, limit_usage, limits")
    op.execute("ALTER TABLE job_types DROP COLUMN limits, DROP COLUMN strict_order, DROP COLUMN paused")
    op.execute("ALTER TABLE jobs DROP COLUMN lane, DROP COLUMN rank_at, DROP COLUMN seq, DROP COLUMN priority")
    op.execute("DROP SEQUENCE jobs_seq")
