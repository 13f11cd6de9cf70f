"""Record what became of a localization: its map, a file for it, or that there will be none."""

from collections.abc import Collection, Sequence
from uuid import UUID

import structlog
from too_common.astro.tasks import NormalisedMap
from too_common.contracts.ingest import LocalizationOrigin
from too_common.uow import UnitOfWork

from too_ingest import store, store_events
from too_ingest.tables import Event, Localization
from too_ingest.usecases.find_coincidences import mark_for_review
from too_ingest.usecases.remake_cones import remake_cones, retire
from too_ingest.usecases.tell_localizations import chosen_of, tell_new

log = structlog.get_logger(__name__)


async def locked(
    uow: UnitOfWork,
    localization_id: UUID,
    revision: int,
    states: Collection[str] = ("pending",),
) -> tuple[Event, Localization] | None:
    """Lock event and localization; None if the result in hand is not wanted any more.

    The event is the one that it is part of, if it has been merged.
    """
    row = await uow.session.get(Localization, localization_id)
    if row is None:
        return None
    event = await store_events.lock_root(uow.session, row.event_id)
    await uow.session.refresh(row)
    if event is None or row.revision != revision or row.state not in states:
        return None
    return event, row


async def record_localization(
    uow: UnitOfWork, *, localization_id: UUID, revision: int, result: NormalisedMap
) -> bool:
    """Record a map and publish it; False if the localization has moved on meanwhile."""
    found = await locked(uow, localization_id, revision)
    if found is None:
        log.info("map_dropped", localization_id=str(localization_id))
        return False
    event, row = found
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
        for other in await store_events.localizations_of_root(uow.session, event.id)
        if other.state == "ready" and other.id != row.id
    ]
    same = _same_version(others, row, result.sha256, event.preferred_localization_id)
    if same is not None:
        await _repeat(uow, event, row, same)
        return True
    row.map_sha256, row.facts = result.sha256, result.facts
    row.state, row.reason, row.ready_at = "ready", "", uow.now
    row.is_first = not others
    row.sequence = 1 + sum(1 for other in others if other.notice_at <= row.notice_at)
    retire(others, row)
    await uow.session.flush()
    before = event.preferred_localization_id
    await tell_new(uow, event, row)
    if event.preferred_localization_id != before:
        mark_for_review(uow, event)
    await remake_cones(uow, event, await store_events.localizations_of_root(uow.session, event.id))
    await uow.clear_alarm(alarm_id=f"map:{event.id}")
    return True


def _same_version(
    others: Sequence[Localization], row: Localization, sha256: str, preferred_id: UUID | None
) -> Localization | None:
    """The localization that already is this map: versions are keyed by content.

    A person's upload of a map that is known but not the preferred one is a choice, hence new.
    """
    is_upload = row.origin == LocalizationOrigin.UPLOAD
    for other in others:
        if other.map_sha256 != sha256:
            continue
        if is_upload and (other.origin == row.origin or other.id == preferred_id):
            return other
        alike = (other.mission, other.label) == (row.mission, row.label)
        if not is_upload and alike and other.origin != LocalizationOrigin.UPLOAD:
            return other
    return None


async def _repeat(uow: UnitOfWork, event: Event, row: Localization, same: Localization) -> None:
    """A notice (or file) says again what is known: no version of its own, but it counts as newer.

    It is told only if that makes the map the preferred one.
    """
    row.state, row.ready_at = "repeated", uow.now
    row.reason = f"the same map as localization {same.sequence}"
    row.file_sha256 = row.file_sha256 or same.file_sha256
    if (row.rank, row.notice_at) > (same.rank, same.notice_at):
        same.rank, same.notice_at, same.notice_id = row.rank, row.notice_at, row.notice_id
        same.alert_kind, same.received_at = row.alert_kind, row.received_at
    await uow.session.flush()
    rows = await store_events.localizations_of_root(uow.session, event.id)
    choice = chosen_of(rows)
    if choice is not None and choice.item.id != event.preferred_localization_id:
        await tell_new(uow, event, choice.item)
        mark_for_review(uow, event)
    await uow.clear_alarm(alarm_id=f"map:{event.id}")


async def postpone_map(
    uow: UnitOfWork, *, localization_id: UUID, revision: int, reason: str
) -> bool:
    """Note that a map is not there yet; the cone serves meanwhile."""
    found = await locked(uow, localization_id, revision)
    if found is None:
        return False
    _, row = found
    row.attempts += 1
    row.reason = reason[:500]
    return True


async def fail_localization(
    uow: UnitOfWork, *, localization_id: UUID, revision: int, reason: str
) -> bool:
    """Give a localization up; a person is told if the event has no other map."""
    found = await locked(uow, localization_id, revision)
    if found is None:
        return False
    event, row = found
    row.state, row.reason = "failed", reason[:500]
    log.warning(
        "map_failed", localization_id=str(row.id), event_name=event.name, reason=reason[:200]
    )
    others = await store_events.localizations_of_root(uow.session, event.id)
    if not any(other.state != "failed" for other in others):
        await uow.alarm(
            alarm_id=f"map:{event.id}",
            code="map_failed",
            summary=f"{event.name}: no usable map ({reason[:300]})",
            event_id=event.id,
        )
    return True
