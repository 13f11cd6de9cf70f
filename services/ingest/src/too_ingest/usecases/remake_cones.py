"""Make the maps of error circles again once it is known what the Earth hid.

GBM's ground and final positions do not say where the spacecraft was; the trigger and the flight
position do, and may come after them. The map of a circle that was made without it serves until
the one without the Earth is there, which then takes its place.
"""

from collections.abc import Sequence

import structlog
from too_common.contracts.ingest import LocalizationOrigin
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_ingest.notices import ParsedNotice
from too_ingest.notices.fermi_gbm import SPACECRAFT_LATITUDE, SPACECRAFT_LONGITUDE
from too_ingest.tables import Event, Localization
from too_ingest.usecases.make_map import request_map

log = structlog.get_logger(__name__)

MISSION = "fermi_gbm"
"""Whose detectors look from the place that the facts of an event hold."""


def knows_place(event: Event) -> bool:
    """Tell whether a notice of the event said where the spacecraft was."""
    extra = (event.state.get("facts") or {}).get("extra") or {}
    named = SPACECRAFT_LONGITUDE in extra and SPACECRAFT_LATITUDE in extra
    return named and event.event_time is not None


def brings_place(notice: ParsedNotice) -> bool:
    """Tell whether a notice says where the spacecraft was."""
    extra = notice.facts.extra
    return SPACECRAFT_LONGITUDE in extra and SPACECRAFT_LATITUDE in extra


def _is_cone(row: Localization) -> bool:
    return row.origin == LocalizationOrigin.CONE and row.mission == MISSION


def without_the_earth(rows: Sequence[Localization]) -> list[Localization]:
    """Finished maps of circles that were made in ignorance of the Earth, once per notice."""
    made = [row for row in rows if _is_cone(row)]
    return [
        row
        for row in made
        if row.state == "ready"
        and (row.facts or {}).get("earth_ra_deg") is None
        # made a second time already: nothing is made a third time
        and sum(other.notice_id == row.notice_id for other in made) == 1
    ]


async def remake_cones(uow: UnitOfWork, event: Event, rows: Sequence[Localization]) -> int:
    """Ask for maps of the circles in which the Earth is still left in.

    Parameters
    ----------
    event
        The event, or the one that it is part of; locked.
    rows
        All its localizations.

    Returns
    -------
    int
        How many maps were asked for.
    """
    if not knows_place(event):
        return 0
    wanted = without_the_earth(rows)
    for row in wanted:
        again = Localization(
            id=uuid7(),
            event_id=row.event_id,
            notice_id=row.notice_id,
            mission=row.mission,
            origin=row.origin,
            label=row.label,
            rank=row.rank,
            state="pending",
            reason="made again: where the spacecraft was came after the position",
            cone=row.cone,
            notice_at=row.notice_at,
            received_at=row.received_at,
            alert_kind=row.alert_kind,
            revision=1,
            attempts=0,
        )
        uow.session.add(again)
        await uow.session.flush()
        await request_map(uow, again)
        log.info("cone_made_again", event_name=event.name, localization_id=str(again.id))
    return len(wanted)


def retire(rows: Sequence[Localization], made: Localization) -> None:
    """Let the map of a circle without the Earth take the place of the one with it."""
    if not _is_cone(made) or (made.facts or {}).get("earth_ra_deg") is None:
        return
    for row in rows:
        if row is made or not _is_cone(row) or row.notice_id != made.notice_id:
            continue
        if row.state == "ready" and (row.facts or {}).get("earth_ra_deg") is None:
            row.state = "repeated"
            row.reason = "made again without what the Earth hid"
