"""Made-up events for the tests of notify."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from too_common.contracts.ingest import AlertKind, EventFacts, EventKind, MapFacts
from too_notify.facts import Picture

EVENT_ID = UUID("01900000-0000-7000-8000-000000000001")
NOW = datetime(2025, 8, 18, 1, 20, 30, tzinfo=UTC)


def _map_facts(*, area90: float = 120.0, distance: float | None = 150.0) -> MapFacts:
    return MapFacts(
        area50_deg2=area90 / 4,
        area90_deg2=area90,
        peak_ra_deg=197.45,
        peak_dec_deg=-23.38,
        distance_mean_mpc=distance,
        distance_std_mpc=None if distance is None else 40.0,
        is_3d=distance is not None,
    )


def _picture(**changes: Any) -> Picture:
    facts: dict[str, Any] = {
        "far_hz": 1e-10,
        "significant": True,
        "classification": {"BNS": 0.9, "NSBH": 0.05, "BBH": 0.0, "Terrestrial": 0.05},
        "properties": {"HasNS": 0.99, "HasRemnant": 0.9},
        "p_astro": 0.95,
        "instruments": ("H1", "L1"),
    } | changes.pop("facts", {})
    values: dict[str, Any] = {
        "event_id": EVENT_ID,
        "event_revision": 1,
        "name": "S250818k",
        "mission": "lvk",
        "kind": EventKind.GW,
        "alert_kind": AlertKind.PRELIMINARY,
        "notice_type": "igwn.gwalert PRELIMINARY",
        "event_time": NOW,
        "received_at": NOW,
        "facts": EventFacts(**facts),
        "map_is_first": True,
        "map_sha256": "a" * 64,
        "map_facts": _map_facts(),
    } | changes
    if values["map_facts"] is None:
        values |= {"map_is_first": None, "map_sha256": None}
    return Picture(**values)


@pytest.fixture(scope="session")
def map_facts():
    """Factory of facts of maps."""
    return _map_facts


@pytest.fixture(scope="session")
def picture():
    """Factory of pictures: a close, well localized, significant binary neutron star."""
    return _picture
