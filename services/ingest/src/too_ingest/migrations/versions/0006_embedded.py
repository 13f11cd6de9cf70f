"""A map file that a notice carries is not stored a second time: its row names the notice."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("map_files", "body", nullable=True, schema="ingest")
    op.add_column("map_files", sa.Column("raw_id", sa.Uuid(), nullable=True), schema="ingest")
    op.create_foreign_key(
        op.f("fk_map_files_raw_id"),
        "map_files",
        "raw_notices",
        ["raw_id"],
        ["id"],
        source_schema="ingest",
        referent_schema="ingest",
    )


def downgrade() -> None:
    # files inside notices are lost to the older version: it asks for them by hash
    op.execute("DELETE FROM ingest.map_files WHERE body IS NULL")
    op.drop_constraint(op.f("fk_map_files_raw_id"), "map_files", schema="ingest")
    op.drop_column("map_files", "raw_id", schema="ingest")
    op.alter_column("map_files", "body", nullable=False, schema="ingest")
