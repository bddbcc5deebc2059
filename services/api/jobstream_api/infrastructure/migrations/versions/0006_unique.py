"""Uniqueness and retention."""

from alembic import op

from jobstream_api.infrastructure.migrations.beside import run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("ALTER TABLE jobs DROP COLUMN result_expired")
    op.execute("ALTER TABLE job_types DROP COLUMN uniqueness")
    op.execute("DROP TABLE unique_claims")
