import sqlalchemy as sa
from alembic import op
from too_common.db import foundation
from too_common.db.metadata import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    foundation.create_v1("circulars")
    op.create_table(
        "seen",
        sa.Column("n", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("stream", sa.Text),
        sa.Column("reason", sa.Text),
        schema="circulars",
    )
    op.create_table(
        "timers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("due_at", UtcDateTime()),
        sa.Column("done_at", UtcDateTime()),
        schema="circulars",
    )
