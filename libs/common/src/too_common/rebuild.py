"""Fill a reader's projections from the snapshots of the owners.

Every owner serves its current state as envelopes; they go through the reader's own handlers, as if
they had come from the bus, so that there is one way in. What the reader knows already in that
revision or a later one stays.
"""

import json
from collections.abc import Iterable
from typing import Any

import structlog

from too_common.bus.handling import MessageHandler, Outcome, Received
from too_common.context import Context
from too_common.contracts.base import owner_of, topic_of
from too_common.errors import InvalidError
from too_common.settings import SERVICES

log = structlog.get_logger(__name__)

PAGE = 200
_NO_PARTITION = -1
"""Such a message has no place in a topic."""


async def rebuild(ctx: Context, owners: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
    """Read the snapshots of other services and handle what they hold.

    Parameters
    ----------
    ctx
        The reader.
    owners
        Whose snapshots; those of all services that the reader listens to if left out.

    Returns
    -------
    dict
        For each owner, how many items were handled, skipped or parked.

    Raises
    ------
    InvalidError
        If a name is no service.
    TransientError
        If an owner does not answer; what was handled by then stays.
    """
    handler: MessageHandler = ctx.state["handler"]
    heard = [name for name in SERVICES if ctx.topic(topic_of(name)) in handler.topics]
    wanted = list(owners) if owners else heard
    unknown = sorted(set(wanted) - set(SERVICES))
    if unknown:
        raise InvalidError(
            f"no service named {', '.join(unknown)}; there are {', '.join(SERVICES)}"
        )
    counts: dict[str, dict[str, int]] = {}
    for owner in wanted:
        counts[owner] = await _from_owner(ctx, handler, owner)
        log.info("projections_rebuilt", owner=owner, **counts[owner])
    return counts


async def _from_owner(ctx: Context, handler: MessageHandler, owner: str) -> dict[str, int]:
    counts = dict.fromkeys((item.value for item in Outcome), 0)
    offset: int | None = 0
    while offset is not None:
        page: dict[str, Any] = await ctx.services.get_json(
            owner, "/snapshot", {"offset": offset, "limit": PAGE}
        )
        for item in page["items"]:
            outcome = await handler.handle(_received(ctx, item))
            counts[outcome.value] += 1
        offset = page["next_offset"]
    return {name: number for name, number in counts.items() if number}


def _received(ctx: Context, item: dict[str, Any]) -> Received:
    raw = json.dumps(item).encode()
    return Received(
        topic=ctx.topic(topic_of(owner_of(str(item["type"])))),
        partition=_NO_PARTITION,
        offset=_NO_PARTITION,
        key=str(item["key"]),
        raw=raw,
    )
