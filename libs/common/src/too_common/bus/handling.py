"""How one message is handled: inbox, parking, handlers, all in one transaction.

No reader ever halts. A transient failure is the runner's to retry; any other failure parks the
message under its key, with an alarm, and later messages of that key are parked behind it in
order, except those with ``overrides`` (retracted, withdrawn, resolved), which are always handled.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from too_common.cause import Cause
from too_common.context import Context
from too_common.contracts.base import (
    Envelope,
    EventData,
    dlq_topic_of,
    owner_of,
    parse_envelope,
    topic_of,
)
from too_common.db.metadata import bus_table
from too_common.db.retry import is_database_away
from too_common.errors import NotFoundError, TransientError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

log = structlog.get_logger(__name__)

D = TypeVar("D", bound=EventData)
Handler = Callable[[UnitOfWork, Envelope[Any]], Awaitable[None]]


@dataclass(frozen=True)
class Subscription:
    """An event type and the function that handles it."""

    type: str
    handler: Handler

    @property
    def topic(self) -> str:
        """Topic on which the type's owner writes."""
        return topic_of(owner_of(self.type))


def subscribe(
    data: type[D], handler: Callable[[UnitOfWork, Envelope[D]], Awaitable[None]]
) -> Subscription:
    """Declare that a service handles an event type."""
    return Subscription(data.TYPE, handler)


@dataclass(frozen=True)
class Received:
    """A record as it came from the broker."""

    topic: str
    partition: int
    offset: int
    key: str
    raw: bytes


class Outcome(StrEnum):
    """What became of a message."""

    HANDLED = "handled"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    PARKED = "parked"
    PARKED_BEHIND = "parked_behind"


def is_transient(error: BaseException) -> bool:
    """True if the runner should try the message again."""
    return isinstance(error, TransientError) or is_database_away(error)


class MessageHandler:
    """Handles messages for one consumer (a service)."""

    def __init__(self, ctx: Context, subscriptions: Sequence[Subscription]) -> None:
        self._ctx = ctx
        self._handlers: dict[str, list[Handler]] = {}
        for subscription in subscriptions:
            self._handlers.setdefault(subscription.type, []).append(subscription.handler)
        self.consumer = f"too.{ctx.service}"
        self.topics = tuple(sorted({ctx.topic(item.topic) for item in subscriptions}))

    async def handle(self, message: Received) -> Outcome:
        """Handle one message to its end.

        Raises
        ------
        TransientError, sqlalchemy.exc.DBAPIError
            If trying again later may help (see `is_transient`); nothing was committed then.
        """
        try:
            envelope = parse_envelope(message.raw)
        except ValidationError as error:
            reason = f"does not fit its contract: {_first_error(error)}"
            return await self._park(message, None, reason)
        if envelope.type not in self._handlers:
            return Outcome.SKIPPED
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(
            message_id=str(envelope.id),
            correlation_id=str(envelope.correlation_id),
            type=envelope.type,
            key=envelope.key,
        ):
            try:
                outcome = await self._in_transaction(message, envelope)
            except Exception as error:
                if is_transient(error):
                    raise
                log.exception("message_parked")
                reason = f"{type(error).__name__}: {error}"[:2000]
                outcome = await self._park(message, envelope, reason)
        metrics = self._ctx.metrics
        metrics.handled.labels(envelope.type, outcome.value).inc()
        metrics.handler_seconds.labels(envelope.type).observe(time.perf_counter() - started)
        return outcome

    async def _in_transaction(self, message: Received, envelope: Envelope[Any]) -> Outcome:
        async with self._ctx.unit_of_work(Cause.of(envelope)) as uow:
            if not await self._enter(uow, envelope.id):
                return Outcome.DUPLICATE
            if not envelope.overrides and await self._is_key_parked(uow, message.key):
                await self._insert_parked(
                    uow, message, envelope, "an earlier message of this key is parked", behind=True
                )
                return Outcome.PARKED_BEHIND
            for handler in self._handlers[envelope.type]:
                await handler(uow, envelope)
            return Outcome.HANDLED

    async def _enter(self, uow: UnitOfWork, message_id: UUID) -> bool:
        inbox = bus_table(self._ctx.metadata, "inbox")
        statement = (
            pg_insert(inbox)
            .values(consumer=self.consumer, message_id=message_id)
            .on_conflict_do_nothing()
            .returning(inbox.c.message_id)
        )
        return (await uow.session.execute(statement)).one_or_none() is not None

    async def _is_key_parked(self, uow: UnitOfWork, key: str) -> bool:
        parked = bus_table(self._ctx.metadata, "parked")
        statement = (
            select(parked.c.id)
            .where(
                parked.c.consumer == self.consumer,
                parked.c.key == key,
                parked.c.state == "parked",
            )
            .limit(1)
        )
        return (await uow.session.execute(statement)).first() is not None

    async def _park(
        self, message: Received, envelope: Envelope[Any] | None, reason: str
    ) -> Outcome:
        cause = Cause.of(envelope) if envelope is not None else Cause()
        async with self._ctx.unit_of_work(cause) as uow:
            if envelope is not None and not await self._enter(uow, envelope.id):
                return Outcome.DUPLICATE
            if envelope is None and await self._is_position_parked(uow, message):
                return Outcome.DUPLICATE
            await self._insert_parked(uow, message, envelope, reason, behind=False)
            uow.publish_raw(
                topic=dlq_topic_of(self._ctx.service),
                key=message.key,
                type_="dead_letter",
                payload=message.raw,
            )
            what = envelope.type if envelope is not None else f"a message on {message.topic}"
            await uow.alarm(
                alarm_id=f"parked:{self.consumer}:{message.key}",
                code="parked_message",
                summary=f"{self._ctx.service} could not handle {what}: {reason}"[:500],
                event_id=_uuid_or_none(message.key),
                severity="critical",
            )
        self._ctx.metrics.dead_letters.labels(envelope.type if envelope else "unreadable").inc()
        return Outcome.PARKED

    async def _is_position_parked(self, uow: UnitOfWork, message: Received) -> bool:
        parked = bus_table(self._ctx.metadata, "parked")
        statement = select(parked.c.id).where(
            parked.c.consumer == self.consumer,
            parked.c.topic == message.topic,
            parked.c.partition == message.partition,
            parked.c.offset == message.offset,
        )
        return (await uow.session.execute(statement)).first() is not None

    async def _insert_parked(
        self,
        uow: UnitOfWork,
        message: Received,
        envelope: Envelope[Any] | None,
        reason: str,
        *,
        behind: bool,
    ) -> None:
        await uow.session.execute(
            insert(bus_table(self._ctx.metadata, "parked")).values(
                id=uuid7(),
                consumer=self.consumer,
                topic=message.topic,
                partition=message.partition,
                offset=message.offset,
                key=message.key,
                message_id=envelope.id if envelope else None,
                type=envelope.type if envelope else None,
                raw=message.raw,
                reason=reason,
                is_behind=behind,
            )
        )

    async def replay(self, parked_id: UUID) -> int:
        """Handle a parked message again, and then those that wait behind it, in order.

        Returns
        -------
        int
            Messages handled. Stops at the first that fails again (its reason is updated).

        Raises
        ------
        NotFoundError
            If no open parked message has this id.
        """
        parked = bus_table(self._ctx.metadata, "parked")
        async with self._ctx.unit_of_work() as uow:
            first = (
                await uow.session.execute(
                    select(parked).where(parked.c.id == parked_id, parked.c.state == "parked")
                )
            ).one_or_none()
        if first is None:
            raise NotFoundError(f"no parked message {parked_id}")
        handled = 0
        while True:
            async with self._ctx.unit_of_work() as uow:
                row = (
                    await uow.session.execute(
                        select(parked)
                        .where(
                            parked.c.consumer == first.consumer,
                            parked.c.key == first.key,
                            parked.c.state == "parked",
                        )
                        .order_by(parked.c.seq)
                        .limit(1)
                    )
                ).one_or_none()
            if row is None or not await self._replay_one(row):
                break
            handled += 1
        await self._clear_if_empty(first.key)
        return handled

    async def _replay_one(self, row: Any) -> bool:
        parked = bus_table(self._ctx.metadata, "parked")
        try:
            envelope = parse_envelope(row.raw)
            async with self._ctx.unit_of_work(Cause.of(envelope)) as uow:
                for handler in self._handlers.get(envelope.type, ()):
                    await handler(uow, envelope)
                await uow.session.execute(
                    update(parked)
                    .where(parked.c.id == row.id)
                    .values(state="replayed", settled_at=func.now())
                )
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("replay_failed", parked_id=str(row.id))
            async with self._ctx.unit_of_work() as uow:
                await uow.session.execute(
                    update(parked)
                    .where(parked.c.id == row.id)
                    .values(reason=f"{type(error).__name__}: {error}"[:2000])
                )
            return False
        return True

    async def discard(self, parked_id: UUID) -> None:
        """Give a parked message up for good; those behind it become free for replay.

        Raises
        ------
        NotFoundError
            If no open parked message has this id.
        """
        parked = bus_table(self._ctx.metadata, "parked")
        async with self._ctx.unit_of_work() as uow:
            row = (
                await uow.session.execute(
                    update(parked)
                    .where(parked.c.id == parked_id, parked.c.state == "parked")
                    .values(state="discarded", settled_at=func.now())
                    .returning(parked.c.key)
                )
            ).one_or_none()
        if row is None:
            raise NotFoundError(f"no parked message {parked_id}")
        await self._clear_if_empty(row.key)

    async def _clear_if_empty(self, key: str) -> None:
        async with self._ctx.unit_of_work() as uow:
            if not await self._is_key_parked(uow, key):
                await uow.clear_alarm(alarm_id=f"parked:{self.consumer}:{key}")


def _first_error(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "message"
    return f"{where}: {first['msg']}"


def _uuid_or_none(key: str) -> UUID | None:
    try:
        return UUID(key)
    except ValueError:
        return None
