"""Ask for the map of a localization: the job that fits its origin."""

from typing import ClassVar
from uuid import UUID

from too_common.contracts.base import Mode
from too_common.contracts.ingest import LocalizationOrigin
from too_common.jobs import JobPayload
from too_common.uow import UnitOfWork

from too_ingest.tables import Localization


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


async def request_map(uow: UnitOfWork, localization: Localization, *, delay_s: float = 0.0) -> None:
    """Enqueue the job that makes a localization's map."""
    key = f"{localization.id}:{localization.revision}:{localization.attempts}"
    match LocalizationOrigin(localization.origin):
        case LocalizationOrigin.CONE:
            kind: type[FetchMap | NormaliseMap | BuildConeMap] = BuildConeMap
        case LocalizationOrigin.URL if localization.file_sha256 is None:
            kind = FetchMap
        case _:
            kind = NormaliseMap
    await uow.enqueue(
        kind(localization_id=localization.id, revision=localization.revision),
        delay_s=delay_s,
        dedupe_key=key,
        priority=_PRIORITY[kind] + (LIVE_PRIORITY if uow.cause.mode is Mode.LIVE else 0),
    )
