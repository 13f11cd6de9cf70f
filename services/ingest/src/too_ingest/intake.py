"""The way in, for every source: bytes stored and committed first, read in a second transaction.

A crash between the two leaves a row that the sweep finds; what cannot be read is buried, and the
next message goes on at once.
"""

from uuid import UUID

import structlog
from too_common.cause import Cause
from too_common.context import Context
from too_common.db.retry import is_database_away
from too_common.errors import TransientError

from too_ingest.notices import ParseError
from too_ingest.usecases import dead_letters
from too_ingest.usecases.read_notice import Outcome, read_notice
from too_ingest.usecases.store_notice import Incoming, Stored, store_notice

log = structlog.get_logger(__name__)


async def store(ctx: Context, incoming: Incoming, cause: Cause) -> Stored:
    """First step: the bytes are durable when this returns."""
    async with ctx.unit_of_work(cause) as uow:
        return await store_notice(uow, incoming)


async def read(ctx: Context, raw_id: UUID) -> Outcome:
    """Second step: read a stored message, or bury it; repeating it is harmless.

    Raises
    ------
    TransientError
        If the database is away: the message waits, nothing is lost.
    """
    try:
        async with ctx.unit_of_work() as uow:
            outcome = await read_notice(uow, raw_id)
            if outcome.state in {"parsed", "duplicate"}:
                await dead_letters.settle(uow, raw_id)
            return outcome
    except ParseError as error:
        reason = str(error)
    except TransientError:
        raise
    except Exception as error:
        if is_database_away(error):
            raise TransientError("the database is away; the notice is stored") from error
        # a fault of ours must not stop the stream: buried with its reason, replayed after the fix
        log.exception("notice_unexpected", raw_id=str(raw_id))
        reason = f"unexpected {type(error).__name__}: {error}"
    async with ctx.unit_of_work() as uow:
        await dead_letters.bury(uow, raw_id, reason)
    log.warning("notice_buried", raw_id=str(raw_id), reason=reason[:300])
    return Outcome(raw_id, "dead", reason=reason)


async def take_in(ctx: Context, incoming: Incoming, cause: Cause) -> tuple[Stored, Outcome]:
    """Both steps in turn."""
    stored = await store(ctx, incoming, cause)
    return stored, await read(ctx, stored.raw_id)
