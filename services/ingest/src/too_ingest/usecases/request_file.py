"""Requests for map files that notices name: due in stack time, answered, given up, repeated."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select, update
from too_common.cause import Cause
from too_common.contracts.ingest import AlertKind
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_ingest import store
from too_ingest.clients.maps import Fetched, Known
from too_ingest.map_schedule import next_check, next_request
from too_ingest.settings import IngestSettings
from too_ingest.tables import Localization
from too_ingest.tables_maps import MapRequest
from too_ingest.usecases.make_map import FetchMap, enqueue_map, request_map
from too_ingest.usecases.record_localization import fail_localization, locked, postpone_map

log = structlog.get_logger(__name__)

LOST_AFTER = timedelta(minutes=10)
"""A request that nobody has answered for so long is made again."""
WAITING, WATCHED, DONE, GIVEN_UP, REFUSED = "waiting", "watched", "done", "given_up", "refused"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be asked for."""

    url: str
    known: Known
    is_watched: bool


async def take_due(uow: UnitOfWork) -> datetime | None:
    """Have one map asked for whose time has come; gives when to look again."""
    row = (
        await uow.session.execute(
            select(MapRequest)
            .where(MapRequest.due_at.is_not(None))
            .order_by(MapRequest.due_at, MapRequest.localization_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
    ).scalar_one_or_none()
    if row is None or row.due_at is None:
        return None
    if row.due_at > uow.now:
        return row.due_at
    localization = await uow.session.get(Localization, row.localization_id)
    if localization is None:
        row.due_at = None
        return uow.now
    row.due_at = uow.now + LOST_AFTER
    job = FetchMap(localization_id=localization.id, revision=localization.revision)
    await enqueue_map(uow, job, localization, cause=Cause.from_json(row.cause))
    return uow.now


async def wanted(uow: UnitOfWork, localization_id: UUID, revision: int) -> Wanted | None:
    """What a job is to ask for; None if it is not wanted any more."""
    row = await uow.session.get(MapRequest, localization_id)
    localization = await uow.session.get(Localization, localization_id)
    if row is None or localization is None or localization.revision != revision:
        return None
    is_watched = row.state == WATCHED
    if not is_watched and (row.state != WAITING or localization.state != "pending"):
        return None
    known = Known(row.etag, row.last_modified) if is_watched else Known()
    return Wanted(row.url, known, is_watched)


async def _row(uow: UnitOfWork, localization_id: UUID) -> MapRequest | None:
    return await uow.session.get(
        MapRequest, localization_id, with_for_update=True, populate_existing=True
    )


async def came(uow: UnitOfWork, *, localization_id: UUID, revision: int, fetched: Fetched) -> None:
    """Keep what the server gave: the file, a new version of it, or the word that it is the same."""
    found = await locked(uow, localization_id, revision, states=("pending", "ready", "repeated"))
    row = await _row(uow, localization_id)
    if row is None or found is None:
        return
    _, localization = found
    row.attempts += 1
    if row.state == WAITING and fetched.body is not None and localization.state == "pending":
        sha256 = hashlib.sha256(fetched.body).hexdigest()
        await store.put_map_file(uow.session, sha256, fetched.body)
        localization.file_sha256 = sha256
        await _leave_to(uow, row)
        row.there_since, row.content_sha256, row.reason = uow.now, sha256, ""
        _watch(uow, row, fetched.known)
        await request_map(uow, localization)
        return
    if row.state != WATCHED:
        return
    if fetched.body is not None:
        sha256 = hashlib.sha256(fetched.body).hexdigest()
        if sha256 != row.content_sha256:
            await _add_version(uow, row, localization, sha256, fetched.body)
    _watch(uow, row, fetched.known)


def _watch(uow: UnitOfWork, row: MapRequest, known: Known) -> None:
    row.etag = known.etag or row.etag
    row.last_modified = known.last_modified or row.last_modified
    since = row.there_since or uow.now
    row.due_at = next_check(row.mission, row.url, there_since=since, now=uow.now)
    row.state = WATCHED if row.due_at else DONE
    uow.wake_due()


async def _leave_to(uow: UnitOfWork, row: MapRequest) -> None:
    """Let one request watch an address: that of the newest notice."""
    await uow.session.execute(
        update(MapRequest)
        .where(
            MapRequest.url == row.url,
            MapRequest.localization_id != row.localization_id,
            MapRequest.state == WATCHED,
        )
        .values(state=DONE, due_at=None, reason="a later notice names the same address")
    )


async def _add_version(
    uow: UnitOfWork, row: MapRequest, old: Localization, sha256: str, body: bytes
) -> None:
    """Take another content of the same address for what it is: a new map of the event."""
    await store.put_map_file(uow.session, sha256, body)
    row.content_sha256 = sha256
    new = Localization(
        id=uuid7(),
        event_id=old.event_id,
        notice_id=old.notice_id,
        mission=old.mission,
        origin=old.origin,
        label=old.label,
        rank=old.rank,
        state="pending",
        reason="",
        url=old.url,
        file_sha256=sha256,
        notice_at=max(uow.now, old.notice_at),
        received_at=uow.now,
        alert_kind=AlertKind.UPDATE,
        revision=1,
        attempts=0,
    )
    uow.session.add(new)
    await uow.session.flush()
    log.info("map_changed", url=row.url, localization_id=str(new.id))
    await request_map(uow, new)


async def did_not_come(
    uow: UnitOfWork, *, localization_id: UUID, revision: int, reason: str, is_final: bool
) -> None:
    """Ask again later, or give up: after the time that settings allow, or if it was refused."""
    row = await _row(uow, localization_id)
    if row is None:
        return
    settings: IngestSettings = uow.ctx.settings
    row.attempts += 1
    row.reason = reason[:500]
    if row.state == WATCHED:
        # a file that is there stays; the next look comes in its time
        _watch(uow, row, Known())
        return
    if row.state != WAITING:
        return
    again = None
    if not is_final:
        again = next_request(
            row.mission,
            attempts=row.attempts,
            waiting_since=row.waiting_since,
            now=uow.now,
            give_up_after_s=settings.map_retry_for_s,
        )
    row.due_at = again
    if again is not None:
        await postpone_map(uow, localization_id=localization_id, revision=revision, reason=reason)
        uow.wake_due()
        return
    row.state = REFUSED if is_final else GIVEN_UP
    waited = (uow.now - row.waiting_since).total_seconds() / 3600.0
    await fail_localization(
        uow,
        localization_id=localization_id,
        revision=revision,
        reason=reason
        if is_final
        else f"not there after {waited:.1f} h and {row.attempts} requests: {reason}",
    )
