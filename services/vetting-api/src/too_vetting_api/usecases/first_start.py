"""What a new installation needs: a first account, and the sample catalogue."""

from pathlib import Path

import structlog
from too_common.context import Context

from too_vetting_api.store import catalogues
from too_vetting_api.usecases import accounts
from too_vetting_api.usecases.catalogues import LoadCatalogue

log = structlog.get_logger(__name__)


SAMPLE = "openngc"


async def first_start(ctx: Context, folder: Path) -> None:
    """Make the bootstrap account and load the sample, each if there is none of its kind."""
    settings = ctx.settings
    if settings.bootstrap_username and settings.bootstrap_password is not None:
        username = settings.bootstrap_username
        hashed = await accounts.hashed(settings.bootstrap_password.get_secret_value(), username)
        async with ctx.unit_of_work() as uow:
            made = await accounts.bootstrap(
                uow,
                username=username,
                name=settings.bootstrap_name,
                affiliation=settings.bootstrap_affiliation,
                password_hash=hashed,
            )
        if made is not None:
            log.info("first_account_made", account_id=str(made.account_id))
    if settings.load_sample_catalogue:
        async with ctx.unit_of_work() as uow:
            row = await catalogues.current(uow.session)
            # a lost file is made again: equal input gives equal bytes
            is_lost = (
                row is not None
                and row.name == SAMPLE
                and not (folder / f"{row.sha256}.npy").exists()
            )
            if row is None or is_lost:
                await uow.enqueue(LoadCatalogue(form=SAMPLE), dedupe_key="sample-catalogue")
