"""Ask for the map of a localization: the job that fits its origin."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.jobs import JobPayload
from too_common.uow import UnitOfWork

from too_ingest.tables import Localization
from too_ingest.tables_maps import MapRequest


class FetchMap(JobPayload):
    """Fetch the file that a notice names."""

    TYPE: ClassVar[str] = "fetch_map"
    localization_id: UUID
    revision: int


class NormaliseMap(JobPayload):
    """Check a stored map file and bring it into the form in which it is kept."""

    TYPE: ClassVar[str] = "normalise_map"
    localization_id: UUID
    revision: int


class BuildConeMap(JobPayload):
    """Make a map of an error region."""

    TYPE: ClassVar[str] = "build_cone_map"
    localization_id: UUID
    revision: int


LIVE_PRIORITY = 10
"""A live alert never waits behind replays and drills."""
_PRIORITY: dict[type[JobPayload], int] = {NormaliseMap: 2, BuildConeMap: 1, FetchMap: 0}
"""A map in the notice is what everybody waits for; a cone is quick and serves meanwhile."""


MapJob = FetchMap | NormaliseMap | BuildConeMap


def map_job(localization: Localization, mode: Mode) -> tuple[MapJob, str, int] | None:
    """Job that makes a localization's map, its key and its priority; None: a file to fetch."""
    key = {"localization_id": localization.id, "revision": localization.revision}
    if localization.file_sha256 is None and localization.url is not None:
        return None
    job: MapJob = BuildConeMap(**key) if localization.file_sha256 is None else NormaliseMap(**key)
    name = f"{localization.id}:{localization.revision}:{localization.attempts}"
    return job, name, _PRIORITY[type(job)] + (LIVE_PRIORITY if mode is Mode.LIVE else 0)


async def enqueue_map(
    uow: UnitOfWork, job: MapJob, localization: Localization, *, cause: Cause | None = None
) -> None:
    """Put a map job into the queue, live alerts first."""
    mode = (cause or uow.cause).mode
    await uow.enqueue(
        job,
        dedupe_key=f"{localization.id}:{localization.revision}:{localization.attempts}",
        priority=_PRIORITY[type(job)] + (LIVE_PRIORITY if mode is Mode.LIVE else 0),
        cause=cause,
    )


async def request_map(uow: UnitOfWork, localization: Localization) -> None:
    """Ask for the map of a localization: its file, its normalisation, or its making."""
    key = {"localization_id": localization.id, "revision": localization.revision}
    if localization.file_sha256 is not None:
        await enqueue_map(uow, NormaliseMap(**key), localization)
    elif localization.url is not None:
        await uow.session.execute(
            insert(MapRequest)
            .values(
                localization_id=localization.id,
                url=localization.url,
                mission=localization.mission or "",
                state="waiting",
                due_at=uow.now,
                waiting_since=uow.now,
                cause=uow.cause.to_json(),
            )
            .on_conflict_do_update(
                index_elements=[MapRequest.localization_id],
                set_={"state": "waiting", "due_at": uow.now, "waiting_since": uow.now},
            )
        )
        uow.wake_due()
    else:
        await enqueue_map(uow, BuildConeMap(**key), localization)
