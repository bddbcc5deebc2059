"""The core tables."""

from jobstream_api.infrastructure.migrations.beside import run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    raise RuntimeError("the first migration is not undone; drop the schema instead")
