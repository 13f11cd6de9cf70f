"""What the service does before it takes part: bring the telescopes up to date with the files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from too_common.context import Context

from too_planner.render_cache import RenderCache
from too_planner.usecases import telescopes

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PlannerResources:
    """Objects of the running service."""

    renders: RenderCache
    """Charts and files that were made already."""


@asynccontextmanager
async def make_resources(ctx: Context) -> AsyncIterator[PlannerResources]:
    """Load the telescope files."""
    async with ctx.unit_of_work() as uow:
        changed = await telescopes.load_files(uow, ctx.settings.telescopes_dir)
    if changed:
        log.info("planner.telescopes_loaded", telescopes=changed)
    yield PlannerResources(renders=RenderCache())
