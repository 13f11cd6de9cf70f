"""Load a galaxy catalogue, publish its snapshot, rank it for an event."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from too_common.cause import Cause
from too_common.context import Context
from too_common.contracts.base import BlobRef
from too_common.contracts.vetting_api import CataloguePublished
from too_common.errors import NotFoundError, PermanentError, UnavailableError
from too_common.jobs import JobPayload
from too_common.uow import UnitOfWork

from too_vetting_api.catalogues.ranking import RankedList
from too_vetting_api.resources import Resources
from too_vetting_api.store import catalogues as store
from too_vetting_api.tables import Catalogue
from too_vetting_api.usecases.rank_candidates import preferred_localization
from too_vetting_api.worker_tasks import build_catalogue, rank_catalogue

LOAD_DEADLINE_S = 3600.0
"""23 million rows of text take many minutes."""
RANK_DEADLINE_S = 120.0


class LoadCatalogue(JobPayload):
    """Read a catalogue's file into a snapshot."""

    TYPE: ClassVar[str] = "load_catalogue"
    form: str
    upload: str | None = None
    """Name of the received file in the folder of uploads; None for the embedded sample."""
    version: str | None = None


def catalogue_event(row: Catalogue) -> CataloguePublished:
    """What the planner learns."""
    return CataloguePublished(
        name=row.name,
        version=row.version,
        rows=row.rows,
        credit=row.credit,
        snapshot=BlobRef(
            uri=f"/api/vetting-api/v1/catalogues/{row.name}/{row.sha256}",
            owner="vetting-api",
            sha256=row.sha256,
            size_bytes=row.size_bytes,
        ),
    )


def snapshot_path(ctx: Context, sha256: str) -> Path:
    """File of a snapshot."""
    resources: Resources = ctx.resources
    return resources.catalogue_dir / f"{sha256}.npy"


async def load(ctx: Context, job: LoadCatalogue, cause: Cause) -> None:
    """Read in a worker, then record and publish."""
    resources: Resources = ctx.resources
    upload = None if job.upload is None else resources.catalogue_dir / "uploads" / job.upload
    try:
        facts = await ctx.workers.run(
            build_catalogue,
            job.form,
            None if upload is None else str(upload),
            job.version,
            str(resources.catalogue_dir),
            deadline_s=LOAD_DEADLINE_S,
        )
    except (ValueError, OSError) as error:
        raise PermanentError(f"the catalogue file cannot be read: {error}") from error
    async with ctx.unit_of_work(cause) as uow:
        await record(uow, facts)
    if upload is not None:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(upload.unlink)


async def record(uow: UnitOfWork, facts: dict[str, Any]) -> Catalogue:
    """Make a snapshot the current one of its name; the same snapshot again changes nothing."""
    row = await uow.session.get(Catalogue, facts["sha256"])
    if row is not None and row.is_current:
        return row
    before = await store.current(uow.session, facts["name"])
    await store.retire(uow.session, facts["name"])
    revision = 1 if before is None else before.revision + 1
    if row is None:
        row = Catalogue(**facts, is_current=True, revision=revision, loaded_at=uow.now)
        uow.session.add(row)
    else:
        row.is_current, row.revision = True, revision
    await uow.session.flush()
    uow.publish(catalogue_event(row), key=f"catalogue:{row.name}", revision=row.revision)
    return row


async def ranked_list(
    ctx: Context, event_id: UUID, catalogue: str | None
) -> tuple[RankedList, Catalogue, str]:
    """The ranking of a catalogue for an event's map, computed now if it is not there yet.

    Raises
    ------
    NotFoundError
        If there is no map yet, or no such catalogue.
    UnavailableError
        If the snapshot's file is not here.
    """
    async with ctx.unit_of_work() as uow:
        row = await store.current(uow.session, catalogue)
        localization = await preferred_localization(uow, event_id)
    if row is None:
        raise NotFoundError(f"no catalogue {catalogue or 'is loaded yet'}", code="no_catalogue")
    if localization is None:
        raise NotFoundError("the event has no sky map yet", code="no_map")
    snapshot = snapshot_path(ctx, row.sha256)
    if not snapshot.exists():
        raise UnavailableError(f"the file of catalogue {row.name} is not at hand")
    ref = localization.map
    resources: Resources = ctx.resources
    target = resources.catalogue_dir / "rankings" / f"{ref.sha256[:24]}-{row.sha256[:24]}.npy"
    lock = resources.ranking_locks.setdefault(str(target), asyncio.Lock())
    async with lock:
        if not target.exists():
            map_path = await ctx.services.fetch_blob_file(ref)
            await ctx.workers.run(
                rank_catalogue,
                str(map_path),
                str(snapshot),
                str(target),
                deadline_s=RANK_DEADLINE_S,
            )
    return await asyncio.to_thread(RankedList, target, snapshot), row, ref.sha256
