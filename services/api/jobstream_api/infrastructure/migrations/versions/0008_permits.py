"""Permits: which of them may come back, and who came late."""

from alembic import op

from jobstream_api.infrastructure.migrations.beside import run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP INDEX jobs_strict")
    op.execute("ALTER TABLE jobs DROP COLUMN late")
    op.execute("ALTER TABLE limit_usage DROP COLUMN full_at")
