"""News of coincidences go to the channel; paging is for the programs that ask for it."""

from too_common.contracts.base import Mode
from too_common.contracts.ingest import CoincidenceFound, CoincidenceState
from too_common.uow import UnitOfWork

from too_notify.store import events as store
from too_notify.usecases.plan_delivery import post_news

DRILL = "DRILL "


async def tell_coincidence(uow: UnitOfWork, data: CoincidenceFound) -> None:
    """Post a coincidence, its better numbers, or that it is withdrawn; once for the pair.

    A test is told to nobody, as its notices are.
    """
    row = await store.event(uow.session, data.event_id)
    if not data.leads or uow.cause.mode not in {Mode.LIVE, Mode.DRILL}:
        return
    if row is not None and (row.data.get("is_test") or row.data.get("is_replay")):
        return
    names = f"{data.event_name} and {data.other_name}"
    if data.state is CoincidenceState.WITHDRAWN:
        text = f"No coincidence any more of {names}: {data.reason}"
    else:
        text = f"Coincidence of {names}: {data.meaning}"
    if uow.cause.mode is Mode.DRILL:
        text = f"{DRILL}{text}"
    await post_news(uow, text, thread_key=f"event:{data.event_id}", mode=uow.cause.mode)
