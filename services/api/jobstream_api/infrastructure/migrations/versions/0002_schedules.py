"""Schedules."""

from alembic import op

from jobstream_api.infrastructure.migrations.beside import run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP TABLE schedule_fires, schedules")
