"""Maps by hand for an event: an error region from a form, a file by its address."""

from uuid import UUID

from too_common.contracts.ingest import AlertKind, LocalizationOrigin
from too_common.errors import InvalidError, NotFoundError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_ingest import store_events
from too_ingest.clients.maps import MapRefusedError, check_address
from too_ingest.localization_plan import MAP_RANK, region_cone
from too_ingest.notices import ErrorRegion
from too_ingest.settings import IngestSettings
from too_ingest.tables import Event, Localization
from too_ingest.usecases.make_map import request_map


async def add_upload(
    uow: UnitOfWork,
    event_id: UUID,
    *,
    file_sha256: str | None = None,
    url: str | None = None,
    cone: dict[str, object] | None = None,
) -> Localization:
    """Add a person's localization; it goes before what was there when it came.

    Raises
    ------
    NotFoundError
        If there is no such event.
    """
    event: Event | None = await store_events.lock_root(uow.session, event_id)
    if event is None:
        raise NotFoundError(f"there is no event {event_id}")
    others = await store_events.localizations_of_root(uow.session, event.id)
    row = Localization(
        id=uuid7(),
        event_id=event.id,
        origin=LocalizationOrigin.UPLOAD,
        label="",
        mission="",
        rank=max([MAP_RANK, *(other.rank for other in others)]),
        state="pending",
        reason="",
        file_sha256=file_sha256,
        url=url,
        cone=cone,
        notice_at=max(uow.now, event.latest_notice_at),
        received_at=uow.now,
        alert_kind=AlertKind.UPDATE,
        revision=1,
        attempts=0,
    )
    uow.session.add(row)
    await uow.session.flush()
    await request_map(uow, row)
    return row


async def add_region(
    uow: UnitOfWork, event_id: UUID, position: tuple[float, float], region: ErrorRegion
) -> Localization:
    """Add an error region to an event.

    Raises
    ------
    InvalidError
        If nothing can be made of the region.
    """
    cone = region_cone(*position, region)
    if cone is None:
        raise InvalidError("no map can be made of this region", code="no_region")
    return await add_upload(uow, event_id, cone=cone.to_row())


def check_map_address(uow: UnitOfWork, url: str) -> str:
    """An address that maps may be fetched from.

    Raises
    ------
    InvalidError
        If it is none; the text names the servers that are allowed.
    """
    settings: IngestSettings = uow.ctx.settings
    try:
        return check_address(
            url.strip(),
            hosts=settings.map_hosts,
            extra_hosts=settings.extra_hosts_of(uow.ctx.common.profile),
        )
    except MapRefusedError as error:
        allowed = ", ".join(settings.map_hosts)
        raise InvalidError(
            f"{error}. Maps are fetched from: {allowed}. From elsewhere, upload the file.",
            code="address_refused",
        ) from error


async def add_address(uow: UnitOfWork, event_id: UUID, url: str) -> Localization:
    """Have a map file fetched for an event; one that is not there yet is asked for for a day."""
    return await add_upload(uow, event_id, url=check_map_address(uow, url))
