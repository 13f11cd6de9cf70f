"""HTTP routes of planner, by what they are about."""

from fastapi import APIRouter

from too_planner.api import charts, events, networks, plans, products, telescopes

ROUTERS: tuple[APIRouter, ...] = (
    telescopes.router,
    plans.router,
    networks.router,
    events.router,
    charts.router,
    products.router,
)
"""Routes below ``/api/planner/v1``."""
