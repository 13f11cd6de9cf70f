"""Try criteria on past events: which would have fired, when, and why not."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from too_common.contracts.ingest import AlertKind
from too_common.contracts.notify import ClauseResult, Verdict
from too_common.uow import UnitOfWork

from too_notify.criteria import Criteria, Judgement, Latch, judge
from too_notify.store import events as store


class Trial(BaseModel):
    """What criteria would have said of one past event."""

    event_id: UUID
    name: str
    mission: str
    is_test: bool
    is_retracted: bool
    pictures: int
    would_have_fired: bool
    fired_at: datetime | None = None
    fired_on: AlertKind | None = None
    verdict: Verdict
    clauses: tuple[ClauseResult, ...]


async def try_criteria(
    uow: UnitOfWork, criteria: Criteria, *, limit: int, offset: int
) -> list[Trial]:
    """Judge past events, newest first, picture by picture as they came."""
    trials = []
    for event_id in await store.past_events(uow.session, limit=limit, offset=offset):
        latch: Latch | None = None
        fired: tuple[datetime, AlertKind] | None = None
        judgement: Judgement | None = None
        pictures = await store.pictures(uow.session, event_id)
        for at, picture in pictures:
            judgement = judge(criteria, picture, latch)
            latch = judgement.latch
            if fired is None and judgement.verdict is Verdict.WANTED:
                fired = (at, picture.alert_kind)
        if judgement is None:
            continue
        last = pictures[-1][1]
        trials.append(
            Trial(
                event_id=event_id,
                name=last.name,
                mission=last.mission,
                is_test=last.is_test,
                is_retracted=last.is_retracted,
                pictures=len(pictures),
                would_have_fired=fired is not None,
                fired_at=None if fired is None else fired[0],
                fired_on=None if fired is None else fired[1],
                verdict=judgement.verdict,
                clauses=judgement.clauses,
            )
        )
    return trials
