"""Steps of consumers."""

from alembic import op

from jobstream_api.infrastructure.migrations.beside import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute(
        "DELETE FROM consumer_offsets AS o USING consumer_offsets AS later WHERE o.consumer = later.consumer "
        "AND o.topic = later.topic AND o.partition = later.partition AND o.after_offset < later.after_offset"
    )
    op.execute(
        "ALTER TABLE consumer_offsets DROP CONSTRAINT consumer_offsets_pkey, DROP COLUMN after_offset, "
        "ADD PRIMARY KEY (consumer, topic, partition)"
    )
