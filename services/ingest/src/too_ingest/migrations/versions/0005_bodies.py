"""Bytes of notices and maps are kept as they are: PostgreSQL does not try to compress them.

Map files are compressed or dense already; pglz only takes processor time from the intake.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = ("raw_notices", "map_files", "maps", "sample_messages")


def upgrade() -> None:
    for table in _TABLES:
        op.execute(f"ALTER TABLE ingest.{table} ALTER COLUMN body SET STORAGE EXTERNAL")


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"ALTER TABLE ingest.{table} ALTER COLUMN body SET STORAGE EXTENDED")
