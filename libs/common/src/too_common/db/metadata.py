"""Table conventions, and the tables that the foundation keeps in every service's schema."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints, so that migrations can refer to them."""


class UtcDateTime(TypeDecorator[datetime]):
    """``timestamp with time zone`` that refuses naive values and gives UTC back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times before they reach the database."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: times must be aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give UTC, whatever the session's zone is."""
        del dialect
        return None if value is None else value.astimezone(UTC)


def schema_of(service: str) -> str:
    """Schema and role of a service: ``queue-submit`` -> ``queue_submit``."""
    return service.replace("-", "_")


def service_metadata(service: str) -> MetaData:
    """MetaData of a service's schema with the bus's tables in it.

    Returns
    -------
    MetaData
        With ``outbox``, ``inbox``, ``parked``, ``relay_state`` and ``alarms``; find them by
        ``metadata.tables["<schema>.outbox"]`` or `bus_table`.
    """
    metadata = MetaData(schema=schema_of(service), naming_convention=NAMING)
    _add_bus_tables(metadata)
    return metadata


def bus_table(metadata: MetaData, name: str) -> Table:
    """One of the foundation's tables in a service's schema."""
    return metadata.tables[f"{metadata.schema}.{name}"]


def _add_bus_tables(metadata: MetaData) -> None:
    outbox = Table(
        "outbox",
        metadata,
        Column("message_id", UUID(as_uuid=True), primary_key=True),
        Column("seq", BigInteger, Identity(always=True), nullable=False),
        Column("topic", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("created_at", UtcDateTime(), nullable=False, server_default=text("now()")),
        Column("published_at", UtcDateTime()),
    )
    Index(
        "ix_outbox_unpublished",
        outbox.c.seq,
        postgresql_where=text("published_at IS NULL"),
    )
    Index("ix_outbox_created_at", outbox.c.created_at)
    Table(
        "inbox",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("message_id", UUID(as_uuid=True), primary_key=True),
        Column("received_at", UtcDateTime(), nullable=False, server_default=text("now()")),
    )
    parked = Table(
        "parked",
        metadata,
        Column("id", UUID(as_uuid=True), primary_key=True),
        Column("seq", BigInteger, Identity(always=True), nullable=False),
        Column("consumer", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("partition", Integer, nullable=False),
        Column("offset", BigInteger, nullable=False),
        Column("key", Text, nullable=False),
        Column("message_id", UUID(as_uuid=True)),
        Column("type", Text),
        Column("raw", LargeBinary, nullable=False),
        Column("reason", Text, nullable=False),
        Column("is_behind", Boolean, nullable=False),
        Column("state", Text, nullable=False, server_default=text("'parked'")),
        Column("parked_at", UtcDateTime(), nullable=False, server_default=text("now()")),
        Column("settled_at", UtcDateTime()),
    )
    Index(
        "ix_parked_open",
        parked.c.consumer,
        parked.c.key,
        postgresql_where=text("state = 'parked'"),
    )
    Table(
        "relay_state",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("cluster_id", Text, nullable=False),
        Column("since", UtcDateTime(), nullable=False, server_default=text("now()")),
    )
    Table(
        "alarms",
        metadata,
        Column("alarm_id", Text, primary_key=True),
        Column("code", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("severity", Text, nullable=False),
        Column("summary", Text, nullable=False),
        Column("event_id", UUID(as_uuid=True)),
        Column("since", UtcDateTime(), nullable=False),
        Column("revision", Integer, nullable=False),
    )
