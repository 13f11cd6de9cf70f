"""First tables of ingest, with the bus's and the job queue's."""

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
    create_v1("ingest")
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mission", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("drill_key", sa.Text(), server_default="", nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event_time", UtcDateTime(), nullable=True),
        sa.Column("latest_notice_at", UtcDateTime(), nullable=False),
        sa.Column("is_retracted", sa.Boolean(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("is_subthreshold", sa.Boolean(), nullable=False),
        sa.Column("is_replay", sa.Boolean(), nullable=False),
        sa.Column("is_stale", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("preferred_localization_id", sa.Uuid(), nullable=True),
        sa.Column(
            "state", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        schema="ingest",
    )
    op.create_index("ix_events_event_time", "events", ["event_time"], unique=False, schema="ingest")
    op.create_index(
        "ix_events_latest", "events", ["latest_notice_at"], unique=False, schema="ingest"
    )
    op.create_table(
        "map_files",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_map_files")),
        schema="ingest",
    )
    op.create_table(
        "maps",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column(
            "facts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "contours", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_maps")),
        schema="ingest",
    )
    op.create_table(
        "raw_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("drill_key", sa.Text(), server_default="", nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_partition", sa.Integer(), nullable=True),
        sa.Column("source_offset", sa.BigInteger(), nullable=True),
        sa.Column("source_time", UtcDateTime(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("stored_at", UtcDateTime(), server_default=sa.text("now()"), nullable=False),
        sa.Column("state", sa.Text(), server_default="received", nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=True),
        sa.Column(
            "cause", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("is_replay", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("repeats", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raw_notices")),
        sa.UniqueConstraint("topic", "drill_key", "content_sha256", name="uq_raw_notices_content"),
        schema="ingest",
    )
    op.create_index(
        "ix_raw_notices_sha256", "raw_notices", ["content_sha256"], unique=False, schema="ingest"
    )
    op.create_index(
        "ix_raw_notices_waiting",
        "raw_notices",
        ["stored_at"],
        unique=False,
        schema="ingest",
        postgresql_where=sa.text("state = 'received'"),
    )
    op.create_table(
        "sample_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.Column("native_id", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_messages")),
        schema="ingest",
    )
    op.create_index(
        "ix_sample_messages_due",
        "sample_messages",
        ["due_at"],
        unique=False,
        schema="ingest",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "streams",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("last_notice_at", UtcDateTime(), nullable=True),
        sa.Column("notices", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_streams")),
        schema="ingest",
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["raw_id"], ["ingest.raw_notices.id"], name=op.f("fk_dead_letters_raw_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
        schema="ingest",
    )
    op.create_index(
        "ix_dead_letters_open",
        "dead_letters",
        ["created_at"],
        unique=False,
        schema="ingest",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        op.f("ix_dead_letters_raw_id"), "dead_letters", ["raw_id"], unique=False, schema="ingest"
    )
    op.create_table(
        "event_ids",
        sa.Column("mission", sa.Text(), nullable=False),
        sa.Column("native_id", sa.Text(), nullable=False),
        sa.Column("drill_key", sa.Text(), server_default="", nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", UtcDateTime(), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["ingest.events.id"], name=op.f("fk_event_ids_event_id")
        ),
        sa.PrimaryKeyConstraint("mission", "native_id", "drill_key", name=op.f("pk_event_ids")),
        schema="ingest",
    )
    op.create_index(
        op.f("ix_event_ids_event_id"), "event_ids", ["event_id"], unique=False, schema="ingest"
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("drill_key", sa.Text(), server_default="", nullable=False),
        sa.Column("mission", sa.Text(), nullable=False),
        sa.Column("notice_type", sa.Text(), nullable=False),
        sa.Column("alert_kind", sa.Text(), nullable=False),
        sa.Column("event_time", UtcDateTime(), nullable=True),
        sa.Column("notice_time", UtcDateTime(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("is_stale", sa.Boolean(), nullable=False),
        sa.Column("is_replay", sa.Boolean(), nullable=False),
        sa.Column(
            "parsed", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["ingest.events.id"], name=op.f("fk_notices_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["raw_id"], ["ingest.raw_notices.id"], name=op.f("fk_notices_raw_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("content_sha256", "drill_key", name="uq_notices_content"),
        schema="ingest",
    )
    op.create_index(
        op.f("ix_notices_event_id"), "notices", ["event_id"], unique=False, schema="ingest"
    )
    op.create_index(op.f("ix_notices_raw_id"), "notices", ["raw_id"], unique=False, schema="ingest")
    op.create_index(
        "ix_notices_received_at", "notices", ["received_at"], unique=False, schema="ingest"
    )
    op.create_table(
        "localizations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column(
            "cone", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("notice_at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("alert_kind", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("wait_since", UtcDateTime(), server_default=sa.text("now()"), nullable=False),
        sa.Column("map_sha256", sa.Text(), nullable=True),
        sa.Column(
            "facts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("is_first", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("ready_at", UtcDateTime(), nullable=True),
        sa.Column(
            "message", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["ingest.events.id"], name=op.f("fk_localizations_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["ingest.notices.id"], name=op.f("fk_localizations_notice_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_localizations")),
        schema="ingest",
    )
    op.create_index(
        op.f("ix_localizations_event_id"),
        "localizations",
        ["event_id"],
        unique=False,
        schema="ingest",
    )
    op.create_index(
        "ix_localizations_open",
        "localizations",
        ["event_id"],
        unique=False,
        schema="ingest",
        postgresql_where=sa.text("state = 'pending'"),
    )
