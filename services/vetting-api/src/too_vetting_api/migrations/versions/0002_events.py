"""What the pages show of coincidences, streams and circulars."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column(
        "candidates",
        sa.Column("origin_event_id", sa.Uuid(), nullable=True),
        schema="vetting_api",
    )
    op.create_index(
        "ix_candidates_origin_event_id", "candidates", ["origin_event_id"], schema="vetting_api"
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_candidates_origin_event_id", table_name="candidates", schema="vetting_api")
    op.drop_column("candidates", "origin_event_id", schema="vetting_api")
