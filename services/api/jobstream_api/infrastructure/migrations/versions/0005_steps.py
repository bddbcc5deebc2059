"""Steps of consumers."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL lock_timeout TO '30s'")
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)


def downgrade() -> None:
    op.execute(
        "DELETE FROM consumer_offsets AS o USING consumer_offsets AS later WHERE o.consumer = later.consumer "
        "AND o.topic = later.topic AND o.partition = later.partition AND o.after_offset < later.after_offset"
    )
    op.execute(
        "ALTER TABLE consumer_offsets DROP CONSTRAINT consumer_offsets_pkey, DROP COLUMN after_offset, "
        "ADD PRIMARY KEY (consumer, topic, partition)"
    )
