"""HTTP routes of ingest, below ``/api/ingest/v1``."""

from fastapi import APIRouter

from too_ingest.api import (
    changes,
    coincidences,
    dead_letters,
    events,
    maps,
    messages,
    notices,
    samples,
    streams,
)

__all__ = ["routers"]


def routers() -> list[APIRouter]:
    """All routes."""
    return [
        notices.router,
        messages.router,
        events.router,
        changes.router,
        coincidences.router,
        maps.router,
        dead_letters.router,
        samples.router,
        streams.router,
    ]
