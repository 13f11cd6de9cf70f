"""The definition of vetting-api."""

from collections.abc import AsyncIterator, Sequence

from fastapi import APIRouter
from too_common.service import ServiceDefinition, SnapshotItem, job_type
from too_common.uow import UnitOfWork

from too_vetting_api import consumers, live, tables, worker_tasks
from too_vetting_api.resources import make_resources
from too_vetting_api.settings import VettingApiSettings
from too_vetting_api.store import accounts, candidates, catalogues
from too_vetting_api.usecases import catalogues as load
from too_vetting_api.usecases import rank_candidates
from too_vetting_api.usecases.accounts import account_event
from too_vetting_api.usecases.candidates import candidate_event
from too_vetting_api.web import customise


def routers() -> Sequence[APIRouter]:
    """Our own API."""
    from too_vetting_api.api import accounts as accounts_api
    from too_vetting_api.api import candidates as candidates_api
    from too_vetting_api.api import events, galaxies, world

    return [
        events.router,
        accounts_api.router,
        candidates_api.router,
        galaxies.router,
        world.router,
    ]


def root_routers() -> Sequence[APIRouter]:
    """The pages and, last, the front door to the other services."""
    from too_vetting_api import front_door, pages

    return [*pages.routers(), front_door.router]


async def snapshot(uow: UnitOfWork) -> AsyncIterator[SnapshotItem]:
    """Accounts, candidates and current catalogues."""
    for account in await accounts.all_accounts(uow.session):
        key = f"account:{account.account_id}"
        yield SnapshotItem(account_event(account), key, account.revision)
    for row in await candidates.all_candidates(uow.session):
        votes = await candidates.votes(uow.session, [row.candidate_id])
        key = str(row.event_id or f"candidate:{row.candidate_id}")
        yield SnapshotItem(candidate_event(row, votes[row.candidate_id]), key, row.revision)
    for catalogue in await catalogues.all_catalogues(uow.session):
        if catalogue.is_current:
            key = f"catalogue:{catalogue.name}"
            yield SnapshotItem(load.catalogue_event(catalogue), key, catalogue.revision)


SERVICE = ServiceDefinition(
    name="vetting-api",
    settings=VettingApiSettings,
    metadata=tables.METADATA,
    description="The central interface: pages, login, candidates, galaxies, and the one public "
    "origin of all services.",
    routers=routers,
    root_routers=root_routers,
    customise=customise,
    subscriptions=consumers.subscriptions(),
    jobs=(
        job_type(
            rank_candidates.RankCandidates, rank_candidates.rank, concurrency=1, timeout_s=300
        ),
        job_type(load.LoadCatalogue, load.load, concurrency=1, timeout_s=4000, max_attempts=3),
    ),
    resources=make_resources,
    background=(live.listen,),
    snapshot=snapshot,
    warm=worker_tasks.warm,
)
