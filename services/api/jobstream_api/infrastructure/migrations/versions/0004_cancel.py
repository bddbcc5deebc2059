"""Deadlines for the start of jobs."""

from alembic import op

from jobstream_api.infrastructure.migrations.beside import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("ALTER TABLE jobs DROP COLUMN start_before")
