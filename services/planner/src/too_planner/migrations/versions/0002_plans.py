"""Bounds, costs and networks of plans."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from too_common.db.metadata import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _json() -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    """Bounds, networks and proposals of plans; submissions and others' pointings."""
    op.add_column("plans", sa.Column("bound", sa.Float(), nullable=True), schema="planner")
    op.add_column("plans", sa.Column("network", _json(), nullable=True), schema="planner")
    for name in ("network_id", "proposal_of"):
        op.add_column("plans", sa.Column(name, sa.Uuid(), nullable=True), schema="planner")
        op.create_index(f"ix_plans_{name}", "plans", [name], schema="planner")
    op.create_table(
        "networks",
        sa.Column("network_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("localization_id", sa.Uuid(), nullable=False),
        sa.Column("map_sha256", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("telescopes", _json(), nullable=False),
        sa.Column("result", _json(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("network_id", name=op.f("pk_networks")),
        schema="planner",
    )
    op.create_index("ix_networks_event_id", "networks", ["event_id"], schema="planner")
    op.create_table(
        "submissions",
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("telescope", sa.Text(), nullable=True),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("window_begin", UtcDateTime(), nullable=False),
        sa.Column("window_end", UtcDateTime(), nullable=False),
        sa.Column("exposures_planned", sa.Integer(), nullable=False),
        sa.Column("exposures_executed", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_submissions")),
        schema="planner",
    )
    for name in ("event_id", "plan_id"):
        op.create_index(f"ix_submissions_{name}", "submissions", [name], schema="planner")
    op.create_table(
        "foreign_pointings",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("pointings", _json(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "source", name=op.f("pk_foreign_pointings")),
        schema="planner",
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("foreign_pointings", schema="planner")
    op.drop_table("submissions", schema="planner")
    op.drop_table("networks", schema="planner")
    for name in ("proposal_of", "network_id"):
        op.drop_index(f"ix_plans_{name}", table_name="plans", schema="planner")
        op.drop_column("plans", name, schema="planner")
    for name in ("network", "bound"):
        op.drop_column("plans", name, schema="planner")
