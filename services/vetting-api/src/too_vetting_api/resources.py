"""What vetting-api keeps as long as its process lives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from too_common.auth import hash_password
from too_common.context import Context

from too_vetting_api.live import LiveHub
from too_vetting_api.rate import LoginLimit


@dataclass
class Resources:
    """Objects of this service alone."""

    login_limit: LoginLimit
    nobody_hash: str
    """Hash of a password that nobody has."""
    catalogue_dir: Path
    live: LiveHub = field(default_factory=LiveHub)
    ranking_locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    openapi: dict[str, object] = field(default_factory=dict)
    """The merged document and when it was made; see `openapi_merge`."""


@asynccontextmanager
async def make_resources(ctx: Context) -> AsyncIterator[Resources]:
    """Build them from the settings."""
    from too_vetting_api.usecases.first_start import first_start

    folder = ctx.settings.catalogue_dir or ctx.common.data_dir / "vetting-api" / "catalogues"
    await first_start(ctx, folder)
    yield Resources(
        login_limit=LoginLimit(ctx.settings.login_attempts),
        nobody_hash=await asyncio.to_thread(hash_password, "nobody has this password"),
        catalogue_dir=folder,
    )
