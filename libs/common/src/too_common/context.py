"""What lives as long as the process: settings, clocks, database, workers, clients."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import MetaData

from too_common.cause import Cause
from too_common.clock import StackClock, WallClock
from too_common.db.engine import Database
from too_common.settings import CommonSettings
from too_common.uow import UnitOfWork
from too_common.wakes import DueWakes

if TYPE_CHECKING:
    from too_common.auth import Keys
    from too_common.metrics import Metrics
    from too_common.services import ServiceClient
    from too_common.workers import Workers


@dataclass
class Context:
    """Everything that a room of a service may use; made once by the composition root."""

    service: str
    common: CommonSettings
    settings: Any
    metadata: MetaData
    clock: StackClock
    wall: WallClock
    db: Database
    workers: "Workers"
    http: httpx.AsyncClient
    services: "ServiceClient"
    keys: "Keys"
    metrics: "Metrics"
    resources: Any = None
    state: dict[str, Any] = field(default_factory=dict)
    """What the loops tell readiness and the admin API."""
    due_wakes: DueWakes = field(default_factory=DueWakes)

    def topic(self, name: str) -> str:
        """Name on the broker of a topic or group (see the setting ``bus_prefix``)."""
        return f"{self.common.bus_prefix}{name}"

    @asynccontextmanager
    async def unit_of_work(self, cause: Cause | None = None) -> AsyncIterator[UnitOfWork]:
        """Open a transaction; it commits at the end of the block and rolls back on an error.

        For entry points only: HTTP handlers, jobs, the bus runner, due work.
        """
        async with self.db.transaction() as session:
            uow = UnitOfWork(self, session, cause or Cause())
            yield uow
            await uow.flush()
        uow.committed()

    def wake_due(self, names: Collection[str] = ()) -> None:
        """Have the due-work loops of these names look for due rows now; without a name, all."""
        self.due_wakes.ask(names)
