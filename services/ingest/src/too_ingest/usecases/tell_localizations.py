"""Choose an event's preferred localization, and tell of localizations."""

from collections.abc import Sequence

from too_common.contracts.base import BlobRef
from too_common.contracts.ingest import (
    AlertKind,
    LocalizationOrigin,
    LocalizationReady,
    MapFacts,
)
from too_common.uow import UnitOfWork

from too_ingest import store, store_events
from too_ingest.preference import Choice, choose, why_not
from too_ingest.tables import Event, Localization

MAP_PATH = "/api/ingest/v1/maps/"


def chosen_of(rows: Sequence[Localization]) -> Choice[Localization] | None:
    """The preferred one of an event's localizations."""
    return choose([row for row in rows if row.state == "ready"])


async def _tell(
    uow: UnitOfWork, event: Event, row: Localization, choice: Choice[Localization]
) -> None:
    skymap = await store.get_map(uow.session, row.map_sha256) if row.map_sha256 else None
    if skymap is None:
        raise LookupError("a localization without a map cannot be told")
    event.revision += 1
    event.changed_at = uow.now
    is_preferred = row is choice.item
    ready = LocalizationReady(
        localization_id=row.id,
        event_id=event.id,
        event_revision=event.revision,
        map=BlobRef(
            uri=f"{MAP_PATH}{skymap.sha256}",
            owner="ingest",
            sha256=skymap.sha256,
            size_bytes=skymap.size_bytes,
        ),
        origin=LocalizationOrigin(row.origin),
        rank=row.rank,
        is_preferred=is_preferred,
        preferred_reason=choice.reason if is_preferred else why_not(row, choice),
        is_first=row.is_first,
        sequence=row.sequence or 1,
        notice_id=row.notice_id,
        alert_kind=AlertKind(row.alert_kind),
        notice_at=row.notice_at,
        received_at=row.received_at,
        facts=MapFacts.model_validate(row.facts),
    )
    row.message = ready.model_dump(mode="json")
    uow.publish(ready, key=event.id, revision=event.revision)


async def tell_new(uow: UnitOfWork, event: Event, row: Localization) -> None:
    """Tell of a localization whose map has just been made, and of the one that is preferred now.

    That may be a third one: a new stage of one mission may be coarser than what another has.
    """
    rows = await store_events.localizations_of_root(uow.session, event.id)
    choice = chosen_of(rows)
    if choice is None:
        raise LookupError("there is no localization with a map")
    before = event.preferred_localization_id
    event.preferred_localization_id = choice.item.id
    await _tell(uow, event, row, choice)
    if choice.item.id not in {row.id, before}:
        await _tell(uow, event, choice.item, choice)


async def tell_all(uow: UnitOfWork, event: Event) -> None:
    """Tell all localizations of an event whose parts have changed, the preferred one last."""
    rows = await store_events.localizations_of_root(uow.session, event.id)
    choice = chosen_of(rows)
    event.preferred_localization_id = choice.item.id if choice else None
    if choice is None:
        return
    for row in rows:
        if row.state == "ready" and row is not choice.item:
            await _tell(uow, event, row, choice)
    await _tell(uow, event, choice.item, choice)
