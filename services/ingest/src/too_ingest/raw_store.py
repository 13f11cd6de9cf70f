"""Bytes into the database and back: few statements, however many messages."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Integer,
    LargeBinary,
    Row,
    Text,
    bindparam,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from too_ingest.tables import RawNotice

STATEMENT_BYTES = 1_000_000
"""Bodies that go into one statement together."""
_RAW_TYPES: dict[str, Any] = {
    "id": postgresql.UUID(),
    "topic": Text(),
    "drill_key": Text(),
    "content_sha256": Text(),
    "size_bytes": Integer(),
    "body": LargeBinary(),
    "source": Text(),
    "source_partition": Integer(),
    "source_offset": BigInteger(),
    "source_time": DateTime(timezone=True),
    "received_at": DateTime(timezone=True),
    "cause": Text(),
    "is_replay": Boolean(),
    "origin_id": postgresql.UUID(),
}
_INSERT_RAWS = text(
    f"""
    INSERT INTO ingest.raw_notices ({", ".join(_RAW_TYPES)})
    SELECT {", ".join("cause::jsonb" if name == "cause" else name for name in _RAW_TYPES)}
    FROM unnest({", ".join(f":{name}" for name in _RAW_TYPES)}) AS t({", ".join(_RAW_TYPES)})
    ON CONFLICT ON CONSTRAINT uq_raw_notices_content
    DO UPDATE SET repeats = raw_notices.repeats + 1
    RETURNING id, topic, drill_key, content_sha256, state
    """  # noqa: S608  -- names of our own columns
).bindparams(*(bindparam(name, type_=ARRAY(kind)) for name, kind in _RAW_TYPES.items()))
"""One statement for any number of rows: it is prepared once."""


def content_key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """What makes a message the same as another: topic, drill and bytes."""
    return row["topic"], row["drill_key"], row["content_sha256"]


async def insert_raws(
    session: AsyncSession, rows: Sequence[dict[str, Any]]
) -> dict[tuple[str, str, str], Row[Any]]:
    """Store bytes; gives id and state by content. Of known ones the repetition is counted."""
    once = {content_key(row): row for row in reversed(rows)}
    # in one order everywhere: two listeners may store the same messages after a rebalance
    ordered = [once[key] for key in sorted(once)]
    kept: dict[tuple[str, str, str], Row[Any]] = {}
    for group in _groups(ordered):
        columns: dict[str, Any] = {name: [row[name] for row in group] for name in _RAW_TYPES}
        columns["cause"] = [json.dumps(cause) for cause in columns["cause"]]
        found = (await session.execute(_INSERT_RAWS, columns)).all()
        kept |= {(row.topic, row.drill_key, row.content_sha256): row for row in found}
    return kept


def _groups(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows for one statement each: arrays of megabytes are slow to take apart."""
    group: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        if group and size + row["size_bytes"] > STATEMENT_BYTES:
            yield group
            group, size = [], 0
        group.append(row)
        size += row["size_bytes"]
    if group:
        yield group


async def lock_raws(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, RawNotice]:
    """Lock raw notices without their bytes."""
    statement = (
        select(RawNotice).where(RawNotice.id.in_(ids)).order_by(RawNotice.id).with_for_update()
    )
    return {row.id: row for row in (await session.execute(statement)).scalars()}


async def read_raw(session: AsyncSession, raw_id: UUID) -> tuple[bytes, str]:
    """Bytes and topic of a raw notice.

    Raises
    ------
    LookupError
        If it is gone.
    """
    statement = select(RawNotice.body, RawNotice.topic).where(RawNotice.id == raw_id)
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise LookupError(f"there is no raw notice {raw_id}")
    return row.body, row.topic
