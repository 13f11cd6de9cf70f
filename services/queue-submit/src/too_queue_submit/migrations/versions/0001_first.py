"""First tables of queue-submit, with the bus's and the job queue's.

Audit, exchanges, approvals and attempts only grow: triggers refuse anything else, whoever asks.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from too_common.db.foundation import create_v1
from too_common.db.metadata import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    """
    CREATE FUNCTION queue_submit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% only grows', TG_TABLE_NAME;
    END $$
    """,
    """
    CREATE FUNCTION queue_submit.end_attempt_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.ended_at IS NOT NULL
            OR (OLD.stage = 'acting' AND NEW.stage <> 'acting')
            OR (OLD.attempt_id, OLD.submission_id, OLD.facility, OLD.facility_mode, OLD.kind,
                OLD.fencing, OLD.payload_sha256, OLD.started_at)
            IS DISTINCT FROM
               (NEW.attempt_id, NEW.submission_id, NEW.facility, NEW.facility_mode, NEW.kind,
                NEW.fencing, NEW.payload_sha256, NEW.started_at)
        THEN
            RAISE EXCEPTION 'an attempt gets its outcome once';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION queue_submit.drop_approval_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.dropped_at IS NOT NULL
            OR (to_jsonb(OLD) - 'dropped_at' - 'dropped_reason')
            <> (to_jsonb(NEW) - 'dropped_at' - 'dropped_reason')
        THEN
            RAISE EXCEPTION 'an approval ends once, and is never changed';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION queue_submit.keep_payload() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.payload, OLD.payload_sha256, OLD.external_name, OLD.window_begin, OLD.window_end,
            OLD.event_label, OLD.idempotency_key)
            IS DISTINCT FROM
           (NEW.payload, NEW.payload_sha256, NEW.external_name, NEW.window_begin, NEW.window_end,
            NEW.event_label, NEW.idempotency_key)
        THEN
            RAISE EXCEPTION 'the bytes of a submission never change';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON queue_submit.audit
    FOR EACH ROW EXECUTE FUNCTION queue_submit.refuse_change()
    """,
    """
    CREATE TRIGGER exchanges_only_grow BEFORE UPDATE OR DELETE ON queue_submit.exchanges
    FOR EACH ROW EXECUTE FUNCTION queue_submit.refuse_change()
    """,
    """
    CREATE TRIGGER attempts_stay BEFORE DELETE ON queue_submit.attempts
    FOR EACH ROW EXECUTE FUNCTION queue_submit.refuse_change()
    """,
    """
    CREATE TRIGGER attempts_end_once BEFORE UPDATE ON queue_submit.attempts
    FOR EACH ROW EXECUTE FUNCTION queue_submit.end_attempt_once()
    """,
    """
    CREATE TRIGGER approvals_stay BEFORE DELETE ON queue_submit.approvals
    FOR EACH ROW EXECUTE FUNCTION queue_submit.refuse_change()
    """,
    """
    CREATE TRIGGER approvals_end_once BEFORE UPDATE ON queue_submit.approvals
    FOR EACH ROW EXECUTE FUNCTION queue_submit.drop_approval_once()
    """,
    """
    CREATE TRIGGER submissions_keep_payload BEFORE UPDATE ON queue_submit.submissions
    FOR EACH ROW EXECUTE FUNCTION queue_submit.keep_payload()
    """,
)


def upgrade() -> None:
    create_v1("queue_submit")
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
        schema="queue_submit",
    )
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=True),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=True),
        sa.Column("submission_id", sa.UUID(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit")),
        schema="queue_submit",
    )
    op.create_index(
        op.f("ix_audit_submission_id"),
        "audit",
        ["submission_id"],
        unique=False,
        schema="queue_submit",
    )
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.UUID(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("program_name", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("submission", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decisions")),
        schema="queue_submit",
    )
    op.create_table(
        "events",
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("-1"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("is_retracted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_stale", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_replay", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("mode", sa.Text(), server_default=sa.text("'live'"), nullable=False),
        sa.Column("map_sha256", sa.Text(), nullable=True),
        sa.Column("map_told_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_events")),
        schema="queue_submit",
    )
    op.create_table(
        "facilities",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), server_default=sa.text("'off'"), nullable=False),
        sa.Column("is_stopped", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("fencing", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_holder", sa.UUID(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True, comment="wall time"),
        sa.Column("is_reachable", sa.Boolean(), nullable=True),
        sa.Column("contact_at", UtcDateTime(), nullable=True, comment="last answer, stack time"),
        sa.Column("contact_error", sa.Text(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=True),
        sa.Column("changed_by", sa.UUID(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facilities")),
        schema="queue_submit",
    )
    op.create_table(
        "plans",
        sa.Column("plan_id", sa.UUID(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=True),
        sa.Column("telescope", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cause", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True, comment="why no draft could be made"),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_plans")),
        schema="queue_submit",
    )
    op.create_index(
        op.f("ix_plans_event_id"), "plans", ["event_id"], unique=False, schema="queue_submit"
    )
    op.create_table(
        "switches",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_stopped", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=True),
        sa.Column("changed_by", sa.UUID(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_switches_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_switches")),
        schema="queue_submit",
    )
    op.create_table(
        "telescopes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_telescopes")),
        schema="queue_submit",
    )
    op.create_table(
        "submissions",
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("facility_mode", sa.Text(), server_default=sa.text("'off'"), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=True),
        sa.Column("event_label", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.UUID(), nullable=False),
        sa.Column("decision_id", sa.UUID(), nullable=True),
        sa.Column("is_manual", sa.Boolean(), nullable=False),
        sa.Column("map_sha256", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("external_name", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("payload_sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("window_begin", UtcDateTime(), nullable=False),
        sa.Column("window_end", UtcDateTime(), nullable=False),
        sa.Column("exposures_planned", sa.BigInteger(), nullable=False),
        sa.Column(
            "exposures_executed", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "exposures_matched", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("total_time_s", sa.Float(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("plan_made_at", UtcDateTime(), nullable=False),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("is_automatic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "acknowledged_newer_map", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("lane", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("supersedes", sa.UUID(), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column(
            "cancel_notice_at",
            UtcDateTime(),
            nullable=True,
            comment="when the notice for people was left beside a file that was taken",
        ),
        sa.Column(
            "cancel_certain",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="the attempt's outcome was known when withdrawn",
        ),
        sa.Column("send_attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fencing", sa.BigInteger(), nullable=True),
        sa.Column("approved_by", sa.UUID(), nullable=True),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("accepted_at", UtcDateTime(), nullable=True),
        sa.Column("verified_at", UtcDateTime(), nullable=True),
        sa.Column("cancelled_at", UtcDateTime(), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True, comment="a person says: loaded"),
        sa.Column("confirmed_by", sa.UUID(), nullable=True),
        sa.Column("looked_at", UtcDateTime(), nullable=True),
        sa.Column("progress_at", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True, comment="next look, stack time"),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("cause", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("lane IN (0, 1)", name=op.f("ck_submissions_lane")),
        sa.ForeignKeyConstraint(
            ["facility"], ["queue_submit.facilities.name"], name=op.f("fk_submissions_facility")
        ),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_submissions")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_submissions_idempotency_key")),
        schema="queue_submit",
    )
    op.create_index(
        "ix_submissions_due_at",
        "submissions",
        ["due_at"],
        unique=False,
        schema="queue_submit",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_submissions_event_id"),
        "submissions",
        ["event_id"],
        unique=False,
        schema="queue_submit",
    )
    op.create_index(
        op.f("ix_submissions_facility"),
        "submissions",
        ["facility"],
        unique=False,
        schema="queue_submit",
    )
    op.create_index(
        op.f("ix_submissions_plan_id"),
        "submissions",
        ["plan_id"],
        unique=False,
        schema="queue_submit",
    )
    op.create_index(
        "ix_submissions_sending",
        "submissions",
        ["facility"],
        unique=False,
        schema="queue_submit",
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "uq_submissions_active",
        "submissions",
        ["event_id", "facility", "lane"],
        unique=True,
        schema="queue_submit",
        postgresql_where=sa.text(
            "state IN ('accepted', 'active', 'approved', 'cancel_requested', 'delivered', 'sending', 'unknown')"
        ),
    )
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.UUID(), nullable=False),
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("payload_sha256", sa.Text(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=True, comment="null: by the program's policy"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("acknowledged_newer_map", sa.Boolean(), nullable=False),
        sa.Column("policy", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("approved_at", UtcDateTime(), nullable=False),
        sa.Column("dropped_at", UtcDateTime(), nullable=True),
        sa.Column("dropped_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["queue_submit.submissions.submission_id"],
            name=op.f("fk_approvals_submission_id"),
        ),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approvals")),
        schema="queue_submit",
    )
    op.create_index(
        op.f("ix_approvals_submission_id"),
        "approvals",
        ["submission_id"],
        unique=False,
        schema="queue_submit",
    )
    op.create_table(
        "attempts",
        sa.Column("attempt_id", sa.UUID(), nullable=False),
        sa.Column("submission_id", sa.UUID(), nullable=True),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("facility_mode", sa.Text(), nullable=False),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="send | verify | reconcile | withdraw"
        ),
        sa.Column("fencing", sa.BigInteger(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False, comment="intent | acting"),
        sa.Column("payload_sha256", sa.Text(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["queue_submit.submissions.submission_id"],
            name=op.f("fk_attempts_submission_id"),
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_attempts")),
        schema="queue_submit",
    )
    op.create_index(
        op.f("ix_attempts_submission_id"),
        "attempts",
        ["submission_id"],
        unique=False,
        schema="queue_submit",
    )
    op.create_table(
        "exposures",
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("exposure_id", sa.Text(), nullable=False),
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("start", UtcDateTime(), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["queue_submit.submissions.submission_id"],
            name=op.f("fk_exposures_submission_id"),
        ),
        sa.PrimaryKeyConstraint(
            "facility", "exposure_id", "submission_id", name=op.f("pk_exposures")
        ),
        schema="queue_submit",
    )
    op.create_table(
        "exchanges",
        sa.Column("exchange_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("attempt_id", sa.UUID(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False, comment="wall time"),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("response", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["queue_submit.attempts.attempt_id"],
            name=op.f("fk_exchanges_attempt_id"),
        ),
        sa.PrimaryKeyConstraint("exchange_id", name=op.f("pk_exchanges")),
        schema="queue_submit",
    )
    op.create_index(
        op.f("ix_exchanges_attempt_id"),
        "exchanges",
        ["attempt_id"],
        unique=False,
        schema="queue_submit",
    )
    for statement in APPEND_ONLY:
        op.execute(statement)
