"""While the broker is away, alarms reach notify over HTTP, so that a person hears of them.

The rows stay in the outbox and leave over the bus as well once the broker is back; notify joins the
two by the alarm's id.
"""

import json
from uuid import UUID

import structlog
from sqlalchemy import select

from too_common.context import Context
from too_common.db.metadata import bus_table
from too_common.errors import RefusedError, TransientError

log = structlog.get_logger(__name__)

AWAY_S = 30.0
"""A broker that restarts is back sooner; nobody is woken for that."""
WATCHMAN = "ingest"
"""The one service that raises the alarm that the broker is away (each would be five pages)."""
ALARM_ID = "broker_away"


class AlarmCourier:
    """Carries a service's unpublished alarms to notify."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._carried: set[UUID] = set()
        self._away_since: float | None = None

    async def broker_failed(self, now_s: float) -> None:
        """The relay could not reach the broker; ``now_s`` is the event loop's time.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            If the database is away too (the caller goes on).
        """
        if self._away_since is None:
            self._away_since = now_s
        if now_s - self._away_since < AWAY_S or self._ctx.service == "notify":
            return
        if self._ctx.service == WATCHMAN:
            async with self._ctx.unit_of_work() as uow:
                await uow.alarm(
                    alarm_id=ALARM_ID,
                    code=ALARM_ID,
                    summary="the message broker does not answer: events wait in the outboxes",
                    severity="critical",
                )
        await self._carry()

    async def broker_answers(self) -> None:
        """The relay runs again."""
        was_away, self._away_since = self._away_since, None
        self._carried.clear()
        if was_away is not None and self._ctx.service == WATCHMAN:
            async with self._ctx.unit_of_work() as uow:
                await uow.clear_alarm(alarm_id=ALARM_ID)

    async def _carry(self) -> None:
        outbox = bus_table(self._ctx.metadata, "outbox")
        async with self._ctx.unit_of_work() as uow:
            rows = (
                await uow.session.execute(
                    select(outbox.c.message_id, outbox.c.payload)
                    .where(
                        outbox.c.published_at.is_(None),
                        outbox.c.type.endswith(".alarm_changed"),
                    )
                    .order_by(outbox.c.seq)
                )
            ).all()
        for row in rows:
            if row.message_id in self._carried:
                continue
            try:
                await self._ctx.services.request(
                    "POST", "notify", "/alarms", json=json.loads(row.payload)["data"]
                )
            except (TransientError, RefusedError) as error:
                log.warning("alarm_not_carried", error=str(error)[:200])
                return
            self._carried.add(row.message_id)
            log.info("alarm_carried_by_http", message_id=str(row.message_id))
