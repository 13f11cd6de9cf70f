"""First tables of planner, with the bus's and the job queue's."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from too_common.db.foundation import create_v1
from too_common.db.metadata import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_v1("planner")
    op.create_table(
        "catalogues",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_catalogues")),
        schema="planner",
    )
    op.create_table(
        "coverage",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("telescope", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("map_sha256", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "telescope", "filter", name=op.f("pk_coverage")),
        schema="planner",
    )
    op.create_table(
        "decisions",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "program_id", name=op.f("pk_decisions")),
        schema="planner",
    )
    op.create_table(
        "documents",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_documents")),
        schema="planner",
    )
    op.create_table(
        "events",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_retracted", sa.Boolean(), nullable=False),
        sa.Column("event_time", UtcDateTime(), nullable=True),
        sa.Column("cause", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_events")),
        schema="planner",
    )
    op.create_table(
        "executed",
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("telescope", sa.Text(), nullable=True),
        sa.Column("exposures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_executed")),
        schema="planner",
    )
    op.create_index(
        op.f("ix_executed_event_id"), "executed", ["event_id"], unique=False, schema="planner"
    )
    op.create_table(
        "field_references",
        sa.Column("telescope", sa.Text(), nullable=False),
        sa.Column("field_id", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "telescope", "field_id", "filter", name=op.f("pk_field_references")
        ),
        schema="planner",
    )
    op.create_table(
        "grids",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_grids")),
        schema="planner",
    )
    op.create_table(
        "localizations",
        sa.Column("localization_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("is_preferred", sa.Boolean(), nullable=False),
        sa.Column("map_sha256", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("localization_id", name=op.f("pk_localizations")),
        schema="planner",
    )
    op.create_index(
        op.f("ix_localizations_event_id"),
        "localizations",
        ["event_id"],
        unique=False,
        schema="planner",
    )
    op.create_table(
        "plans",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("has_event", sa.Boolean(), nullable=False),
        sa.Column("event_revision", sa.BigInteger(), nullable=False),
        sa.Column("event_name", sa.Text(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("program_name", sa.Text(), nullable=True),
        sa.Column("localization_id", sa.Uuid(), nullable=True),
        sa.Column("map_sha256", sa.Text(), nullable=True),
        sa.Column("telescope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("is_manual", sa.Boolean(), nullable=False),
        sa.Column("wanted_key", sa.Text(), nullable=False),
        sa.Column("request", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("window_begin", UtcDateTime(), nullable=False),
        sa.Column("window_end", UtcDateTime(), nullable=False),
        sa.Column("statistics", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("difference", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("document_sha256", sa.Text(), nullable=True),
        sa.Column("document_bytes", sa.BigInteger(), nullable=True),
        sa.Column("superseded_by", sa.Uuid(), nullable=True),
        sa.Column("submission_policy", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "waits_for_galaxies", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("made_by", sa.Text(), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("cause", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_plans")),
        schema="planner",
    )
    op.create_index(
        "ix_plans_current",
        "plans",
        ["event_id", "telescope", "state"],
        unique=False,
        schema="planner",
    )
    op.create_index(
        "uq_plans_wanted",
        "plans",
        ["event_id", "telescope", "wanted_key"],
        unique=True,
        schema="planner",
        postgresql_where=sa.text("NOT is_manual"),
    )
    op.create_table(
        "telescopes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("grid_sha256", sa.Text(), nullable=True),
        sa.Column("grid_info", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "references_loaded", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_telescopes")),
        schema="planner",
    )
