"""The definition of a service, and its composition root.

Every service declares a `ServiceDefinition`; the local runner, the command line and the container
all start it from that. Nothing is made at import.
"""

import importlib
import importlib.metadata
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from sqlalchemy import MetaData

from too_common.bus.handling import Subscription, subscribe
from too_common.context import Context
from too_common.contracts.base import EventData
from too_common.due import DueWork
from too_common.errors import PermanentError
from too_common.jobs.runner import JobType, job_type
from too_common.settings import SERVICES, ServiceSettings
from too_common.uow import UnitOfWork

__all__ = [
    "DueWork",
    "ServiceDefinition",
    "SnapshotItem",
    "job_type",
    "load_service",
    "service_names",
    "subscribe",
]

ENTRY_POINT_GROUP = "too.services"


@dataclass(frozen=True)
class SnapshotItem:
    """Current state of one aggregate, as the event that last told it."""

    data: EventData
    key: str
    revision: int


@dataclass(frozen=True)
class ServiceDefinition:
    """All that makes a service; found through the entry point group ``too.services``."""

    name: str
    settings: type[ServiceSettings]
    metadata: MetaData
    description: str = ""
    routers: Callable[[], Sequence[APIRouter]] = tuple
    """API routes, mounted at ``/api/<name>/v1``."""
    root_routers: Callable[[], Sequence[APIRouter]] = tuple
    """Routes mounted at ``/``: webhooks, pages."""
    customise: Callable[[FastAPI], None] | None = None
    """Last touches on the public application (middlewares, static files)."""
    subscriptions: Sequence[Subscription] = ()
    jobs: Sequence[JobType] = ()
    due: Sequence[DueWork] = ()
    resources: Callable[[Context], AbstractAsyncContextManager[Any]] | None = None
    """Async context manager with the service's own long-lived objects (clients, caches)."""
    background: Sequence[Callable[[Context], Awaitable[None]]] = ()
    """Long-running coroutines, restarted with back-off if they fail."""
    snapshot: Callable[[UnitOfWork], AsyncIterator[SnapshotItem]] | None = None
    """Current state of everything that this service publishes, for rebuilding readers."""
    warm: Callable[[], None] | None = None
    """Top-level function that imports what worker tasks need."""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """Import name: ``queue-submit`` -> ``too_queue_submit``."""
        return f"too_{self.name.replace('-', '_')}"

    @property
    def migrations(self) -> Path:
        """Folder with the alembic environment."""
        module = importlib.import_module(self.package)
        assert module.__file__ is not None  # noqa: S101  -- our packages are regular ones
        return Path(module.__file__).parent / "migrations"


def service_names() -> tuple[str, ...]:
    """Names of all services, in the order in which an alert meets them."""
    return SERVICES


def load_service(name: str) -> ServiceDefinition:
    """Load a service's definition through its entry point.

    Raises
    ------
    PermanentError
        If no such service is installed.
    """
    for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        if point.name == name:
            definition: ServiceDefinition = point.load()
            return definition
    raise PermanentError(f"no service named {name!r} is installed; there are {', '.join(SERVICES)}")
