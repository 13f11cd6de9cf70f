"""The unit of work: one transaction that holds state, outbox rows and job rows together.

Only the three entry points (bus runner, HTTP handler, job runner) open and so commit one; use
cases take it as their first argument and never commit.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession

from too_common.cause import Cause
from too_common.contracts.alarms import ALARM_BY_SERVICE, AlarmState
from too_common.contracts.base import EventData, topic_of, wrap
from too_common.db.metadata import bus_table, schema_of
from too_common.ids import uuid7
from too_common.jobs.queue import JobPayload, enqueue

if TYPE_CHECKING:
    from too_common.context import Context


def outbox_channel(service: str) -> str:
    """NOTIFY channel that wakes the relay of a service."""
    return f"too_outbox_{schema_of(service)}"


class UnitOfWork:
    """One transaction of one service.

    Attributes
    ----------
    session
        SQLAlchemy session inside the transaction.
    cause
        Correlation, world and person; goes into every message and job made here.
    ctx
        The service's context.
    """

    def __init__(self, ctx: "Context", session: AsyncSession, cause: Cause) -> None:
        self.ctx = ctx
        self.session = session
        self.cause = cause
        self._outbox: list[dict[str, Any]] = []
        self._wakes_due: set[str] | None = None
        self._after_commit: list[Callable[[], None]] = []

    @property
    def now(self) -> datetime:
        """Stack time, aware UTC."""
        return self.ctx.clock.now()

    def publish(
        self,
        data: EventData,
        *,
        key: UUID | str,
        revision: int,
        overrides: bool = False,
        cause: Cause | None = None,
    ) -> UUID:
        """Put an event into the outbox; it leaves after the commit.

        Parameters
        ----------
        data
            One of the event types that this service owns.
        key
            Partition key: the astronomical event's internal UUID, else the aggregate.
        revision
            Of the aggregate; readers drop stale ones.
        overrides
            True where the state says retracted, withdrawn or resolved.
        cause
            Instead of this unit's own, for rows that remember theirs.

        Returns
        -------
        UUID
            Id of the message.

        Raises
        ------
        ValueError
            If the event type belongs to another service.
        """
        owner = type(data).TYPE.split(".", 1)[0]
        if owner != schema_of(self.ctx.service):
            raise ValueError(f"{self.ctx.service} may not publish {type(data).TYPE}")
        why = cause or self.cause
        message_id = uuid7()
        envelope = wrap(
            data,
            id=message_id,
            occurred_at=self.now,
            source=self.ctx.service,
            key=str(key),
            revision=revision,
            overrides=overrides,
            mode=why.mode,
            drill_id=why.drill_id,
            actor=why.actor,
            correlation_id=why.correlation_id,
            causation_id=why.causation_id,
        )
        self._outbox.append(
            {
                "message_id": message_id,
                "topic": self.ctx.topic(topic_of(self.ctx.service)),
                "key": str(key),
                "type": type(data).TYPE,
                "payload": envelope.model_dump_json().encode(),
            }
        )
        return message_id

    def publish_raw(self, *, topic: str, key: str, type_: str, payload: bytes) -> None:
        """Put bytes into the outbox (dead letters only)."""
        self._outbox.append(
            {
                "message_id": uuid7(),
                "topic": self.ctx.topic(topic),
                "key": key,
                "type": type_,
                "payload": payload,
            }
        )

    async def enqueue(
        self,
        job: JobPayload,
        *,
        delay_s: float = 0.0,
        dedupe_key: str | None = None,
        priority: int = 0,
        cause: Cause | None = None,
    ) -> None:
        """Put a job into the queue, in this transaction.

        Parameters
        ----------
        job
            What to do.
        delay_s
            Wall seconds (retries and housekeeping only; what is due in stack time is due work).
        dedupe_key
            A job with the same key that still waits makes this call do nothing (it will see this
            unit's changes); one that runs already does not.
        priority
            Higher first.
        cause
            Instead of this unit's own.
        """
        await enqueue(
            self.session,
            service=self.ctx.service,
            job=job,
            cause=cause or self.cause,
            delay_s=delay_s,
            dedupe_key=dedupe_key,
            priority=priority,
        )

    async def alarm(
        self,
        *,
        alarm_id: str,
        code: str,
        summary: str,
        event_id: UUID | None = None,
        severity: str = "warning",
    ) -> bool:
        """Raise an alarm; the same alarm with the same text is raised once.

        Returns
        -------
        bool
            True if this is news.
        """
        return await self._set_alarm(
            alarm_id=alarm_id,
            code=code,
            state=AlarmState.RAISED,
            severity=severity,
            summary=summary,
            event_id=event_id,
        )

    async def clear_alarm(self, *, alarm_id: str) -> bool:
        """Clear an alarm if it is raised; True if it was."""
        table = bus_table(self.ctx.metadata, "alarms")
        row = (
            await self.session.execute(
                select(table).where(table.c.alarm_id == alarm_id).with_for_update()
            )
        ).one_or_none()
        if row is None or row.state == AlarmState.CLEARED:
            return False
        return await self._set_alarm(
            alarm_id=alarm_id,
            code=row.code,
            state=AlarmState.CLEARED,
            severity=row.severity,
            summary=row.summary,
            event_id=row.event_id,
        )

    async def _set_alarm(
        self,
        *,
        alarm_id: str,
        code: str,
        state: AlarmState,
        severity: str,
        summary: str,
        event_id: UUID | None,
    ) -> bool:
        table = bus_table(self.ctx.metadata, "alarms")
        new = pg_insert(table).values(
            alarm_id=alarm_id,
            code=code,
            state=state.value,
            severity=severity,
            summary=summary,
            event_id=event_id,
            since=self.now,
            revision=1,
        )
        changed = (table.c.state != state.value) | (table.c.summary != summary)
        statement = new.on_conflict_do_update(
            index_elements=[table.c.alarm_id],
            set_={
                "code": code,
                "state": state.value,
                "severity": severity,
                "summary": summary,
                "event_id": event_id,
                "since": self.now,
                "revision": table.c.revision + 1,
            },
            where=changed,
        ).returning(table.c.revision, table.c.since)
        row = (await self.session.execute(statement)).one_or_none()
        if row is None:
            return False
        self.publish(
            ALARM_BY_SERVICE[self.ctx.service](
                alarm_id=alarm_id,
                code=code,
                state=state,
                severity=severity,
                summary=summary,
                event_id=event_id,
                since=row.since,
            ),
            key=f"alarm:{alarm_id}",
            revision=row.revision,
            overrides=state is AlarmState.CLEARED,
        )
        return True

    def wake_due(self, name: str = "") -> None:
        """Have due work look again after the commit (a row got an earlier time).

        Parameters
        ----------
        name
            Of the work; without one, all of the service's.
        """
        if self._wakes_due is None:
            self._wakes_due = set()
        self._wakes_due.add(name)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run something quick in this process after a successful commit."""
        self._after_commit.append(action)

    async def flush(self) -> None:
        """Write what was published so far; called by the entry point before it commits."""
        if not self._outbox:
            return
        rows, self._outbox = self._outbox, []
        await self.session.execute(insert(bus_table(self.ctx.metadata, "outbox")), rows)
        await self.session.execute(
            text("SELECT pg_notify(:channel, '')"),
            {"channel": outbox_channel(self.ctx.service)},
        )

    def committed(self) -> None:
        """Called by the entry point after the commit."""
        if self._wakes_due is not None:
            self.ctx.wake_due(() if "" in self._wakes_due else self._wakes_due)
        for action in self._after_commit:
            action()


def utc(value: datetime) -> datetime:
    """Aware UTC form of an aware time."""
    return value.astimezone(UTC)
