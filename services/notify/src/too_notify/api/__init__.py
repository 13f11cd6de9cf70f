"""HTTP routes of notify, by what they are about."""

from fastapi import APIRouter

from too_notify.api import alarms, contact_cards, incidents, programs, rota, webhooks


def routers() -> list[APIRouter]:
    """Routes below ``/api/notify/v1``."""
    return [programs.router, incidents.router, contact_cards.router, rota.router, alarms.router]


def root_routers() -> list[APIRouter]:
    """Webhooks, signed by Twilio and Slack."""
    return [webhooks.router]
