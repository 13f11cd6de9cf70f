"""The pages: HTML made on the server from the projections; every act goes through the API."""

from collections.abc import Sequence

from fastapi import APIRouter


def routers() -> Sequence[APIRouter]:
    """Routers of all pages."""
    from too_vetting_api.pages import (
        candidates,
        circulars,
        event,
        events,
        login,
        people,
        plan,
        plans,
        streams,
        system,
    )

    return [
        login.router,
        events.router,
        event.router,
        plans.router,
        plan.router,
        candidates.router,
        circulars.router,
        people.router,
        streams.router,
        system.router,
    ]
