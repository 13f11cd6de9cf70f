"""What the service does before it takes part: bring the telescopes up to date with the files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from too_common.context import Context

from too_planner.usecases import telescopes

log = structlog.get_logger(__name__)


@asynccontextmanager
async def make_resources(ctx: Context) -> AsyncIterator[None]:
    """Load the telescope files; the service keeps no object of its own."""
    async with ctx.unit_of_work() as uow:
        changed = await telescopes.load_files(uow, ctx.settings.telescopes_dir)
    if changed:
        log.info("planner.telescopes_loaded", telescopes=changed)
    yield None
