"""Caps on backlogs over all lanes, and every earlier job that is the same."""

from alembic import op

from jobstream_api.infrastructure.migrations.beside import run_sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP TABLE unique_earlier")
    op.execute("DROP INDEX jobs_delayed")
    op.execute("DROP TABLE backlog_lanes")
