"""First tables of vetting-api, with the bus's and the job queue's."""

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
    create_v1("vetting_api")
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("affiliation", sa.String(length=300), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.String(length=16)), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("username", name=op.f("uq_accounts_username")),
        schema="vetting_api",
    )
    op.create_table(
        "candidates",
        sa.Column("candidate_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("iau_name", sa.String(length=50), nullable=True),
        sa.Column("ra_deg", sa.Float(precision=53), nullable=False),
        sa.Column("dec_deg", sa.Float(precision=53), nullable=False),
        sa.Column("redshift", sa.Float(precision=53), nullable=True),
        sa.Column("redshift_error", sa.Float(precision=53), nullable=True),
        sa.Column("distance_mpc", sa.Float(precision=53), nullable=True),
        sa.Column("distance_error_mpc", sa.Float(precision=53), nullable=True),
        sa.Column("classification", sa.String(length=100), nullable=True),
        sa.Column("host_name", sa.String(length=100), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("photometry", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("first_detected_at", UtcDateTime(), nullable=True),
        sa.Column("magnitude", sa.Float(precision=53), nullable=True),
        sa.Column("magnitude_error", sa.Float(precision=53), nullable=True),
        sa.Column("magnitude_filter", sa.String(length=16), nullable=True),
        sa.Column("credible_level_2d", sa.Float(precision=53), nullable=True),
        sa.Column("credible_level_3d", sa.Float(precision=53), nullable=True),
        sa.Column("density_2d_per_sr", sa.Float(precision=53), nullable=True),
        sa.Column("map_sha256", sa.String(length=64), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("verdict_by", sa.Uuid(), nullable=True),
        sa.Column("verdict_reason", sa.Text(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("candidate_id", name=op.f("pk_candidates")),
        sa.UniqueConstraint(
            "event_id",
            "name",
            name="uq_candidates_event_id_name",
            postgresql_nulls_not_distinct=True,
        ),
        schema="vetting_api",
    )
    op.create_index(
        "ix_candidates_event_id_candidate_id",
        "candidates",
        ["event_id", "candidate_id"],
        unique=False,
        schema="vetting_api",
    )
    op.create_table(
        "catalogues",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("loaded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_catalogues")),
        schema="vetting_api",
    )
    op.create_index(
        op.f("ix_catalogues_name"), "catalogues", ["name"], unique=False, schema="vetting_api"
    )
    op.create_table(
        "event_aliases",
        sa.Column("mission", sa.Text(), nullable=False),
        sa.Column("native_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("mission", "native_id", name=op.f("pk_event_aliases")),
        schema="vetting_api",
    )
    op.create_index(
        op.f("ix_event_aliases_event_id"),
        "event_aliases",
        ["event_id"],
        unique=False,
        schema="vetting_api",
    )
    op.create_table(
        "events",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mission", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("is_retracted", sa.Boolean(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("is_subthreshold", sa.Boolean(), nullable=False),
        sa.Column("sort_at", UtcDateTime(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_events")),
        schema="vetting_api",
    )
    op.create_index(op.f("ix_events_name"), "events", ["name"], unique=False, schema="vetting_api")
    op.create_index(
        "ix_events_newest", "events", ["sort_at", "event_id"], unique=False, schema="vetting_api"
    )
    op.create_table(
        "milestones",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "event_id", "correlation_id", "step", "subject", name=op.f("pk_milestones")
        ),
        schema="vetting_api",
    )
    op.create_table(
        "projections",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("kind", "item_id", name=op.f("pk_projections")),
        schema="vetting_api",
    )
    op.create_index(
        "ix_projections_kind_event_id",
        "projections",
        ["kind", "event_id"],
        unique=False,
        schema="vetting_api",
    )
    op.create_table(
        "candidate_votes",
        sa.Column("candidate_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("vote", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"],
            ["vetting_api.candidates.candidate_id"],
            name=op.f("fk_candidate_votes_candidate_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("candidate_id", "account_id", name=op.f("pk_candidate_votes")),
        schema="vetting_api",
    )
    op.create_table(
        "personal_tokens",
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.String(length=16)), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["vetting_api.accounts.account_id"],
            name=op.f("fk_personal_tokens_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_personal_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_personal_tokens_token_hash")),
        schema="vetting_api",
    )
    op.create_index(
        op.f("ix_personal_tokens_account_id"),
        "personal_tokens",
        ["account_id"],
        unique=False,
        schema="vetting_api",
    )
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("csrf_token", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["vetting_api.accounts.account_id"],
            name=op.f("fk_sessions_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
        schema="vetting_api",
    )
    op.create_index(
        op.f("ix_sessions_account_id"),
        "sessions",
        ["account_id"],
        unique=False,
        schema="vetting_api",
    )
    op.create_index(
        op.f("ix_sessions_expires_at"),
        "sessions",
        ["expires_at"],
        unique=False,
        schema="vetting_api",
    )
