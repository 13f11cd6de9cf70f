"""What a map and its retries are kept with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from too_common.db.metadata import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "map_requests",
        sa.Column("localization_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("mission", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("waiting_since", UtcDateTime(), nullable=False),
        sa.Column("there_since", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("cause", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["localization_id"],
            ["ingest.localizations.id"],
            name=op.f("fk_map_requests_localization_id"),
        ),
        sa.PrimaryKeyConstraint("localization_id", name=op.f("pk_map_requests")),
        schema="ingest",
    )
    op.create_index(
        "ix_map_requests_due",
        "map_requests",
        ["due_at"],
        schema="ingest",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_map_requests_url", "map_requests", ["url"], schema="ingest")
    # maps that were being waited for go on being asked for, by the new table
    op.execute(
        "INSERT INTO ingest.map_requests (localization_id, url, mission, due_at, waiting_since,"
        " attempts, cause)"
        " SELECT l.id, l.url, coalesce(n.mission, ''), now(), l.wait_since, l.attempts, r.cause"
        " FROM ingest.localizations l JOIN ingest.notices n ON n.id = l.notice_id"
        " JOIN ingest.raw_notices r ON r.id = n.raw_id"
        " WHERE l.state = 'pending' AND l.url IS NOT NULL AND l.file_sha256 IS NULL"
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_map_requests_url", table_name="map_requests", schema="ingest")
    op.drop_index("ix_map_requests_due", table_name="map_requests", schema="ingest")
    op.drop_table("map_requests", schema="ingest")
