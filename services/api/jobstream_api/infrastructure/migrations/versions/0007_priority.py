"""What a step of priority is worth."""

from alembic import op

from jobstream_api.infrastructure.migrations.beside import run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("ALTER TABLE flow DROP COLUMN priority_step_s")
