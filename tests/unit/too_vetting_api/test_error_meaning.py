"""The event page says what a stated error radius means, and who says so."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from too_common.contracts.ingest import AlertKind, EventChanged, EventFacts, EventKind, NativeId
from too_vetting_api.pages.shell import environment

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
STATED: dict[str, Any] = {
    "ra_deg": 10.0,
    "dec_deg": 5.0,
    "error_radius_deg": 5.2,
    "containment": 0.68,
    "error_sigma_deg": 3.4446,
    "error_source": "68 %, statistical only (GCN schema)",
}


def _hero(**facts: Any) -> str:
    event = EventChanged(
        event_id=uuid4(),
        name="817000000",
        mission="fermi_gbm",
        kind=EventKind.GRB,
        ids=(NativeId(mission="fermi_gbm", native_id="817000000", is_primary=True),),
        event_time=NOW,
        first_notice_at=NOW,
        latest_notice_at=NOW,
        received_at=NOW,
        notice_id=uuid4(),
        notice_type="FERMI_GBM_FIN_POS",
        alert_kind=AlertKind.UPDATE,
        facts=EventFacts(**facts),
    )
    page = (
        environment()
        .get_template("_hero.html")
        .render(
            d=SimpleNamespace(event=event, mode=SimpleNamespace(value="live")),
            chosen=None,
            open_incidents=[],
            links=[],
            oob=False,
            now=NOW,
            viewer=None,
        )
    )
    return " ".join(page.split())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"systematic_deg": 3.03, "systematic_included": False}, "systematics of 3.03° added"),
        ({"systematic_included": True}, "systematics included"),
        ({"systematic_included": False}, "systematics not included"),
    ],
)
def test_radius_containment_sigma_systematics_and_source_are_shown(more: dict, words: str):
    page = _hero(**STATED, **more)
    assert "Error radius (68 %)" in page.replace("\N{NO-BREAK SPACE}", " ").replace("68%", "68 %")
    assert "3.44° per axis" in page
    assert words in page
    assert "68 %, statistical only (GCN schema)." in page


def test_nothing_is_claimed_of_an_event_without_a_position():
    assert "error-meaning" not in _hero(far_hz=1e-9)
