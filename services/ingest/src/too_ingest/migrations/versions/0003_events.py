"""Merges, splits and coincidences of events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from too_common.db.metadata import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _json() -> postgresql.JSONB:
    return postgresql.JSONB(none_as_null=True, astext_type=sa.Text())


def upgrade() -> None:
    """Make the change."""
    op.add_column("events", sa.Column("root_id", sa.Uuid(), nullable=True), schema="ingest")
    op.execute("UPDATE ingest.events SET root_id = id")
    op.alter_column("events", "root_id", nullable=False, schema="ingest")
    op.add_column("events", sa.Column("merged_into", sa.Uuid(), nullable=True), schema="ingest")
    op.add_column("events", sa.Column("merge_id", sa.Uuid(), nullable=True), schema="ingest")
    op.add_column(
        "events",
        sa.Column("is_review_due", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="ingest",
    )
    op.create_index(
        "ix_events_review_due",
        "events",
        ["id"],
        schema="ingest",
        postgresql_where=sa.text("is_review_due"),
    )
    op.create_foreign_key(
        op.f("fk_events_merged_into_events"),
        "events",
        "events",
        ["merged_into"],
        ["id"],
        source_schema="ingest",
        referent_schema="ingest",
    )
    op.create_index("ix_events_mission_time", "events", ["mission", "event_time"], schema="ingest")
    op.create_index("ix_events_root_id", "events", ["root_id"], schema="ingest")
    op.add_column("notices", sa.Column("stream", sa.Text(), nullable=True), schema="ingest")
    op.create_index(
        "ix_notices_stream",
        "notices",
        ["stream", "event_time"],
        schema="ingest",
        postgresql_where=sa.text("stream IS NOT NULL"),
    )
    op.add_column(
        "localizations",
        sa.Column("mission", sa.Text(), server_default="", nullable=False),
        schema="ingest",
    )
    op.execute(
        "UPDATE ingest.localizations l SET mission = n.mission "
        "FROM ingest.notices n WHERE n.id = l.notice_id"
    )
    op.create_table(
        "event_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("into_id", sa.Uuid(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("made_by_name", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", _json(), nullable=False),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.Column("undone_by_name", sa.Text(), server_default="", nullable=False),
        sa.Column("undo_reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["from_id"], ["ingest.events.id"], name=op.f("fk_event_changes_from_id_events")
        ),
        sa.ForeignKeyConstraint(
            ["into_id"], ["ingest.events.id"], name=op.f("fk_event_changes_into_id_events")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_changes")),
        schema="ingest",
    )
    for name in ("from_id", "into_id"):
        op.create_index(op.f(f"ix_event_changes_{name}"), "event_changes", [name], schema="ingest")
    op.create_table(
        "events_apart",
        sa.Column("one_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["one_id"], ["ingest.events.id"], name=op.f("fk_events_apart_one_id_events")
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["ingest.events.id"], name=op.f("fk_events_apart_other_id_events")
        ),
        sa.PrimaryKeyConstraint("one_id", "other_id", name=op.f("pk_events_apart")),
        schema="ingest",
    )
    op.create_index(op.f("ix_events_apart_other_id"), "events_apart", ["other_id"], schema="ingest")
    op.create_table(
        "coincidences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("one_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("numbers", _json(), nullable=False),
        sa.Column("found_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["one_id"], ["ingest.events.id"], name=op.f("fk_coincidences_one_id_events")
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["ingest.events.id"], name=op.f("fk_coincidences_other_id_events")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coincidences")),
        sa.UniqueConstraint("one_id", "other_id", name="uq_coincidences_pair"),
        schema="ingest",
    )
    op.create_index(op.f("ix_coincidences_other_id"), "coincidences", ["other_id"], schema="ingest")
    op.create_index(
        "ix_coincidences_standing",
        "coincidences",
        ["one_id"],
        schema="ingest",
        postgresql_where=sa.text("state = 'found'"),
    )


def downgrade() -> None:
    """Take it back. Merged events are events by themselves again."""
    for name in ("coincidences", "events_apart", "event_changes"):
        op.drop_table(name, schema="ingest")
    op.drop_column("localizations", "mission", schema="ingest")
    op.drop_index("ix_notices_stream", table_name="notices", schema="ingest")
    op.drop_column("notices", "stream", schema="ingest")
    op.drop_index("ix_events_mission_time", table_name="events", schema="ingest")
    op.drop_index("ix_events_root_id", table_name="events", schema="ingest")
    op.drop_index("ix_events_review_due", table_name="events", schema="ingest")
    for name in ("is_review_due", "merge_id", "merged_into", "root_id"):
        op.drop_column("events", name, schema="ingest")
