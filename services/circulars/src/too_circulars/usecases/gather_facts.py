"""Gather what a circular may be made of."""

from statistics import median
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from too_common.contracts.ingest import EventChanged, LocalizationReady
from too_common.contracts.notify import DutyChanged, IncidentChanged
from too_common.contracts.planner import CoverageChanged, TelescopeChanged
from too_common.contracts.queue_submit import ExecutedExposure, ExposuresExecuted, SubmissionChanged
from too_common.contracts.vetting_api import AccountChanged, CandidateChanged, CandidateVerdict
from too_common.errors import NotFoundError

from too_circulars import store
from too_circulars.facts import Author, CandidateFact, Coverage, EventFact, Facts
from too_circulars.subject import canonical_name

SHOWN = (CandidateVerdict.INTERESTING, CandidateVerdict.COUNTERPART)


async def gather_facts(session: AsyncSession, event_id: UUID) -> Facts:
    """Facts of an event as they are known now.

    Raises
    ------
    NotFoundError
        If circulars has not heard of the event.
    """
    found = await store.known(session, EventChanged, str(event_id))
    if found is None:
        raise NotFoundError(f"no event {event_id}")
    event, mode = found
    preferred = await _preferred_map(session, event_id)
    candidates = await store.known_of_event(session, CandidateChanged, event_id)
    shown = [item for item in candidates if item.verdict in SHOWN]
    judged = [item for item in candidates if item.verdict != CandidateVerdict.NEW or item.votes]
    telescopes = await store.all_known(session, TelescopeChanged)
    return Facts(
        event=_event_fact(event),
        map_description=_describe(preferred),
        map_sha256=preferred.map.sha256 if preferred else None,
        coverage=await _coverage(session, event_id),
        candidates=tuple(_candidate(item) for item in shown),
        candidates_considered=len(judged),
        candidates_rejected=sum(item.verdict == CandidateVerdict.REJECTED for item in judged),
        authors=await _authors(session, event_id, candidates),
        telescope_names={
            item.name: str(item.definition.get("long_name") or item.name) for item in telescopes
        },
        mode=mode,
    )


def _event_fact(event: EventChanged) -> EventFact:
    date = f"{event.event_time:%y%m%d}" if event.event_time else None
    return EventFact(
        event_id=event.event_id,
        name=event.name,
        canonical_name=canonical_name(event.mission, event.name, date),
        mission=event.mission,
        kind=event.kind.value,
        event_time=event.event_time,
        notice_type=event.notice_type,
        notice_at=event.latest_notice_at,
        is_test=event.is_test,
        is_retracted=event.is_retracted,
    )


async def _preferred_map(session: AsyncSession, event_id: UUID) -> LocalizationReady | None:
    maps = await store.known_of_event(session, LocalizationReady, event_id)
    preferred = [item for item in maps if item.is_preferred]
    # the one that ingest named so last; those before keep their messages
    return max(preferred, key=lambda item: item.event_revision, default=None)


def _describe(preferred: LocalizationReady | None) -> str:
    if preferred is None:
        return "the localization of the notice"
    origin = {
        "embedded": "the sky map of the notice",
        "url": "the sky map referenced by the notice",
        "cone": "the error region of the notice",
        "upload": "an uploaded sky map",
    }[preferred.origin.value]
    stamp = preferred.notice_at.strftime("%Y-%m-%d %H:%M:%S")
    return f"{origin} ({preferred.alert_kind.value.replace('_', ' ')}, {stamp} UTC)"


async def _coverage(session: AsyncSession, event_id: UUID) -> tuple[Coverage, ...]:
    executed = await store.known_of_event(session, ExposuresExecuted, event_id)
    taken: dict[tuple[str, str], list[ExecutedExposure]] = {}
    for report in executed:
        for exposure in report.exposures:
            taken.setdefault((report.facility, exposure.filter), []).append(exposure)
    rows = []
    for item in await store.known_of_event(session, CoverageChanged, event_id):
        # rows that hold the union over filters have no single filter to report
        exposures = taken.get((item.telescope, item.filter))
        if not exposures:
            continue
        rows.append(
            Coverage(
                telescope=item.telescope,
                filter=item.filter,
                exposures=len(exposures),
                exposure_s=float(median(entry.exposure_s for entry in exposures)),
                fields=len(
                    {entry.field_id or (entry.ra_deg, entry.dec_deg) for entry in exposures}
                ),
                area_deg2=item.area_deg2,
                probability=item.probability,
                depth_mag=item.depth_mag,
                first_exposure_at=item.first_exposure_at,
                last_exposure_end=item.last_exposure_end,
                map_sha256=item.map_sha256,
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.telescope, row.first_exposure_at)))


def _candidate(item: CandidateChanged) -> CandidateFact:
    detections = [point for point in item.photometry if point.magnitude is not None]
    first = min(detections, key=lambda point: point.time, default=None)
    return CandidateFact(
        name=item.name,
        iau_name=item.iau_name,
        ra_deg=item.ra_deg,
        dec_deg=item.dec_deg,
        first_time=first.time if first else None,
        filter=first.filter if first else None,
        magnitude=first.magnitude if first else None,
        magnitude_error=first.error if first else None,
        redshift=item.redshift,
        host_name=item.host_name,
        credible_level_2d=item.credible_level_2d,
        map_sha256=item.map_sha256,
    )


async def _authors(
    session: AsyncSession, event_id: UUID, candidates: list[CandidateChanged]
) -> tuple[Author, ...]:
    """Those on duty who took the page, who approved, and who vetted, each named once."""
    incidents = await store.known_of_event(session, IncidentChanged, event_id)
    submissions = await store.known_of_event(session, SubmissionChanged, event_id)
    on_duty = [item.acknowledged_by for item in incidents]
    if not any(on_duty):
        on_duty = [
            account
            for duty in await store.all_known(session, DutyChanged)
            for account in duty.account_ids
        ]
    roles: dict[UUID, str] = {}
    for role, accounts in (
        ("on duty", on_duty),
        ("approver", [item.approved_by for item in submissions]),
        ("vetter", [vote.account_id for item in candidates for vote in item.votes]),
    ):
        for account in accounts:
            if account is not None:
                roles.setdefault(account, role)
    authors = []
    for account_id, role in roles.items():
        found = await store.known(session, AccountChanged, str(account_id))
        if found is not None:
            person = found[0]
            authors.append(Author(account_id, person.name, person.affiliation, role))
    return tuple(authors)
