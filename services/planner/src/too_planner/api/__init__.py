"""HTTP routes of planner, by what they are about."""

from fastapi import APIRouter

from too_planner.api import events, plans, telescopes

ROUTERS: tuple[APIRouter, ...] = (telescopes.router, plans.router, events.router)
"""Routes below ``/api/planner/v1``."""
