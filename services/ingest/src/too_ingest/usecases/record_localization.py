"""Record what became of a localization: its map, a file for it, or that there will be none."""

from uuid import UUID

import structlog
from too_common.astro.tasks import NormalisedMap
from too_common.contracts.base import BlobRef
from too_common.contracts.ingest import (
    AlertKind,
    LocalizationOrigin,
    LocalizationReady,
    MapFacts,
)
from too_common.uow import UnitOfWork

from too_ingest import store
from too_ingest.localization_plan import preferred, reason_of
from too_ingest.tables import Event, Localization
from too_ingest.usecases.make_map import request_map

log = structlog.get_logger(__name__)

MAP_PATH = "/api/ingest/v1/maps/"


async def _locked(
    uow: UnitOfWork, localization_id: UUID, revision: int
) -> tuple[Event, Localization] | None:
    """Lock event and localization; None if the result in hand is not wanted any more."""
    row = await uow.session.get(Localization, localization_id)
    if row is None:
        return None
    event = await store.lock_event(uow.session, row.event_id)
    await uow.session.refresh(row)
    if event is None or row.revision != revision or row.state != "pending":
        return None
    return event, row


async def record_localization(
    uow: UnitOfWork, *, localization_id: UUID, revision: int, result: NormalisedMap
) -> bool:
    """Record a map and publish it; False if the localization has moved on meanwhile."""
    found = await _locked(uow, localization_id, revision)
    if found is None:
        log.info("map_dropped", localization_id=str(localization_id))
        return False
    event, row = found
    facts = MapFacts.model_validate(result.facts)
    await store.put_map(
        uow.session,
        {
            "sha256": result.sha256,
            "body": result.fits,
            "size_bytes": len(result.fits),
            "facts": result.facts,
            "contours": result.contours,
            "file_sha256": row.file_sha256,
        },
    )
    others = [
        other
        for other in await store.localizations_of(uow.session, event.id)
        if other.state == "ready" and other.id != row.id
    ]
    row.map_sha256, row.facts = result.sha256, result.facts
    row.state, row.reason, row.ready_at = "ready", "", uow.now
    row.is_first = not others
    row.sequence = 1 + sum(1 for other in others if other.notice_at <= row.notice_at)
    best = preferred([*others, row])
    is_preferred = best is row
    if is_preferred:
        event.preferred_localization_id = row.id
    event.revision += 1
    event.changed_at = uow.now
    origin = LocalizationOrigin(row.origin)
    ready = LocalizationReady(
        localization_id=row.id,
        event_id=event.id,
        event_revision=event.revision,
        map=BlobRef(
            uri=f"{MAP_PATH}{result.sha256}",
            owner="ingest",
            sha256=result.sha256,
            size_bytes=len(result.fits),
        ),
        origin=origin,
        rank=row.rank,
        is_preferred=is_preferred,
        preferred_reason=reason_of(origin, row.rank, is_preferred=is_preferred),
        is_first=row.is_first,
        sequence=row.sequence,
        notice_id=row.notice_id,
        alert_kind=AlertKind(row.alert_kind),
        notice_at=row.notice_at,
        received_at=row.received_at,
        facts=facts,
    )
    row.message = ready.model_dump(mode="json")
    uow.publish(ready, key=event.id, revision=event.revision)
    await uow.clear_alarm(alarm_id=f"map:{event.id}")
    return True


async def record_file(
    uow: UnitOfWork, *, localization_id: UUID, revision: int, file_sha256: str, body: bytes
) -> bool:
    """Keep a fetched file and ask for its normalisation."""
    found = await _locked(uow, localization_id, revision)
    if found is None:
        return False
    _, row = found
    await store.put_map_file(uow.session, file_sha256, body)
    row.file_sha256 = file_sha256
    await request_map(uow, row)
    return True


async def postpone_map(
    uow: UnitOfWork, *, localization_id: UUID, revision: int, delay_s: float, reason: str
) -> bool:
    """Ask again later for a map that is not there yet; the cone serves meanwhile."""
    found = await _locked(uow, localization_id, revision)
    if found is None:
        return False
    _, row = found
    row.attempts += 1
    row.reason = reason[:500]
    await request_map(uow, row, delay_s=delay_s)
    return True


async def fail_localization(
    uow: UnitOfWork, *, localization_id: UUID, revision: int, reason: str
) -> bool:
    """Give a localization up; a person is told if the event has no other map."""
    found = await _locked(uow, localization_id, revision)
    if found is None:
        return False
    event, row = found
    row.state, row.reason = "failed", reason[:500]
    log.warning(
        "map_failed", localization_id=str(row.id), event_name=event.name, reason=reason[:200]
    )
    others = await store.localizations_of(uow.session, event.id)
    if not any(other.state != "failed" for other in others):
        await uow.alarm(
            alarm_id=f"map:{event.id}",
            code="map_failed",
            summary=f"{event.name}: no usable map ({reason[:300]})",
            event_id=event.id,
        )
    return True
