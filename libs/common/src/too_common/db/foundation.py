"""The foundation's part of every service's first migration, frozen as version 1.

Later changes of the bus's tables get functions of their own (``upgrade_v2``), called from a
migration of each service; this one is never edited.
"""

import sqlalchemy as sa
from alembic import op
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from pgqueuer.domain.settings import DBSettings
from sqlalchemy.dialects.postgresql import UUID

from too_common.db.metadata import UtcDateTime


def job_settings(schema: str) -> DBSettings:
    """Names of the job tables of a service; a channel is heard in the whole database."""
    return DBSettings(db_schema=schema, channel=f"too_jobs_{schema}")


def create_v1(schema: str) -> None:
    """Create outbox, inbox, parked messages, relay state, alarms and the job queue."""
    now = sa.text("now()")
    op.create_table(
        "outbox",
        sa.Column("message_id", UUID(as_uuid=True), nullable=False),
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False, server_default=now),
        sa.Column("published_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("message_id", name="pk_outbox"),
        schema=schema,
    )
    op.create_index(
        "ix_outbox_unpublished",
        "outbox",
        ["seq"],
        schema=schema,
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.create_index("ix_outbox_created_at", "outbox", ["created_at"], schema=schema)
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("message_id", UUID(as_uuid=True), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False, server_default=now),
        sa.PrimaryKeyConstraint("consumer", "message_id", name="pk_inbox"),
        schema=schema,
    )
    op.create_table(
        "parked",
        sa.Column("id", UUID(as_uuid=True), nullable=False),
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("message_id", UUID(as_uuid=True)),
        sa.Column("type", sa.Text),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("is_behind", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'parked'")),
        sa.Column("parked_at", UtcDateTime(), nullable=False, server_default=now),
        sa.Column("settled_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_parked"),
        schema=schema,
    )
    op.create_index(
        "ix_parked_open",
        "parked",
        ["consumer", "key"],
        schema=schema,
        postgresql_where=sa.text("state = 'parked'"),
    )
    op.create_table(
        "relay_state",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("cluster_id", sa.Text, nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False, server_default=now),
        sa.PrimaryKeyConstraint("id", name="pk_relay_state"),
        schema=schema,
    )
    op.create_table(
        "alarms",
        sa.Column("alarm_id", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("event_id", UUID(as_uuid=True)),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("alarm_id", name="pk_alarms"),
        schema=schema,
    )
    ddl = QueryBuilderEnvironment(job_settings(schema)).build_install_query(create_schema=False)
    connection = op.get_bind()
    for statement in split_sql(ddl):
        connection.exec_driver_sql(statement)


def split_sql(script: str) -> list[str]:
    """Split a script at semicolons outside of dollar quotes (asyncpg prepares one at a time)."""
    statements: list[str] = []
    current: list[str] = []
    quoted = False
    for line in script.splitlines():
        if line.count("$$") % 2:
            quoted = not quoted
        current.append(line)
        if not quoted and line.rstrip().endswith(";"):
            statements.append("\n".join(current).strip())
            current = []
    rest = "\n".join(current).strip()
    if rest:
        statements.append(rest)
    return [item for item in statements if _has_code(item)]


def _has_code(statement: str) -> bool:
    return any(
        line.strip() and not line.strip().startswith("--") for line in statement.splitlines()
    )
