"""Liveness of streams, backfills, drills and circulars of others."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from too_common.db.metadata import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())


def _reference(column: str, target: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"ingest.{target}"], name=op.f(f"fk_{table}_{column}")
    )


def upgrade() -> None:
    op.add_column("raw_notices", sa.Column("origin_id", sa.Uuid(), nullable=True), schema="ingest")
    op.create_index(
        "ix_raw_notices_origin",
        "raw_notices",
        ["origin_id"],
        schema="ingest",
        postgresql_where=sa.text("origin_id IS NOT NULL"),
    )
    op.add_column(
        "streams", sa.Column("last_seen_at", UtcDateTime(), nullable=True), schema="ingest"
    )
    op.add_column(
        "dead_letters",
        sa.Column("settled_reason", sa.Text(), server_default="", nullable=False),
        schema="ingest",
    )
    op.create_table(
        "backfills",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("topics", JSONB, nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("progress", JSONB, nullable=False),
        sa.Column("read", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("new", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("known", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("cause", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfills")),
        schema="ingest",
    )
    op.create_table(
        "drills",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_event_id", sa.Uuid(), nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        sa.Column("speed", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column("anchor_at", UtcDateTime(), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("cause", JSONB, nullable=False),
        _reference("source_event_id", "events.id", "drills"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drills")),
        schema="ingest",
    )
    op.create_table(
        "drill_messages",
        sa.Column("drill_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("notice_type", sa.Text(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("sent_raw_id", sa.Uuid(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        _reference("drill_id", "drills.id", "drill_messages"),
        _reference("raw_id", "raw_notices.id", "drill_messages"),
        sa.PrimaryKeyConstraint("drill_id", "position", name=op.f("pk_drill_messages")),
        schema="ingest",
    )
    op.create_index(
        "ix_drill_messages_due",
        "drill_messages",
        ["due_at"],
        schema="ingest",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    _circulars()
    op.create_table(
        "cross_checks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("compared", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cross_checks")),
        schema="ingest",
    )
    op.create_table(
        "missed_events",
        sa.Column("catalogue", sa.Text(), nullable=False),
        sa.Column("native_id", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("missed_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), server_default="missing", nullable=False),
        sa.Column("notices", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("catalogue", "native_id", name=op.f("pk_missed_events")),
        schema="ingest",
    )


def _circulars() -> None:
    op.create_table(
        "circulars",
        sa.Column("circular_id", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("submitter", sa.Text(), nullable=False),
        sa.Column("event_name", sa.Text(), nullable=True),
        sa.Column("event_types", JSONB, nullable=False),
        sa.Column("text_format", sa.Text(), nullable=False),
        sa.Column("bibcode", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("edited_at", UtcDateTime(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("is_news", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        _reference("raw_id", "raw_notices.id", "circulars"),
        sa.PrimaryKeyConstraint("circular_id", name=op.f("pk_circulars")),
        schema="ingest",
    )
    op.create_index("ix_circulars_created", "circulars", ["created_at"], schema="ingest")
    op.create_index("ix_circulars_event_name", "circulars", ["event_name"], schema="ingest")
    op.create_table(
        "circular_references",
        sa.Column("circular_id", sa.Double(), nullable=False),
        sa.Column("native_id", sa.Text(), nullable=False),
        sa.Column("missions", JSONB, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        _reference("circular_id", "circulars.circular_id", "circular_references"),
        sa.PrimaryKeyConstraint("circular_id", "native_id", name=op.f("pk_circular_references")),
        schema="ingest",
    )
    op.create_index(
        "ix_circular_references_native_id", "circular_references", ["native_id"], schema="ingest"
    )
    op.create_table(
        "circular_links",
        sa.Column("circular_id", sa.Double(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("named", sa.Text(), nullable=False),
        _reference("circular_id", "circulars.circular_id", "circular_links"),
        _reference("event_id", "events.id", "circular_links"),
        sa.PrimaryKeyConstraint("circular_id", "event_id", name=op.f("pk_circular_links")),
        schema="ingest",
    )
    op.create_index(
        op.f("ix_circular_links_event_id"), "circular_links", ["event_id"], schema="ingest"
    )
    op.create_table(
        "event_names",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("circular_id", sa.Double(), nullable=False),
        _reference("event_id", "events.id", "event_names"),
        _reference("circular_id", "circulars.circular_id", "event_names"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_event_names")),
        schema="ingest",
    )


def downgrade() -> None:
    for table in (
        "missed_events",
        "cross_checks",
        "event_names",
        "circular_links",
        "circular_references",
        "circulars",
        "drill_messages",
        "drills",
        "backfills",
    ):
        op.drop_table(table, schema="ingest")
    op.drop_column("dead_letters", "settled_reason", schema="ingest")
    op.drop_column("streams", "last_seen_at", schema="ingest")
    op.drop_index("ix_raw_notices_origin", "raw_notices", schema="ingest")
    op.drop_column("raw_notices", "origin_id", schema="ingest")
