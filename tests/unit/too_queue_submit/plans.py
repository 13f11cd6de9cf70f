"""Made-up plans and telescopes for the tests of this service."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from too_queue_submit.allocation import Allocation
from too_queue_submit.names import safe_event
from too_queue_submit.plan_document import PlanDocument
from too_queue_submit.telescope_definition import TelescopeDefinition
from too_queue_submit.telescopes import RenderRequest
from too_queue_submit.windows import window_of

PLAN_ID = UUID("019aa000-0000-7000-8000-0000deadbeef")
NIGHT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # evening at Palomar

SITES = {
    "ZTF": (33.3563, -116.8648, 1742.0, ["g", "r", "i"]),
    "DECam": (-30.1691, -70.8062, 2241.4, ["g", "r", "i", "z"]),
    "KPED": (31.9599, -111.5997, 2096.0, ["U", "g", "r", "i"]),
    "Gattini": (33.3563, -116.8648, 1742.0, ["J"]),
    "GROWTH-India": (32.779444, 78.964167, 4500.0, ["g", "r", "i", "z"]),
}


def definition(name="ZTF"):
    latitude, longitude, elevation, filters = SITES[name]
    return {
        "name": name,
        "site": {
            "latitude_deg": latitude,
            "longitude_deg": longitude,
            "elevation_m": elevation,
        },
        "filters": filters,
        "timing": {"overhead_per_exposure_s": 10.0, "filter_change_s": 135.0},
        "default_plan": {"airmass_max": 2.5},
    }


def telescope(name="ZTF"):
    return TelescopeDefinition.parse(name, definition(name))


def document(
    telescope_name="ZTF", *, start=NIGHT, exposures=None, plan_id=PLAN_ID, event="S260101a"
):
    if exposures is None:
        exposures = [
            ("245", 20.0, 30.0, "g", 30.0),
            ("246", 27.0, 30.0, "g", 30.0),
            ("245", 20.0, 30.0, "r", 30.0),
            ("246", 27.0, 30.0, "r", 30.0),
        ]
    return {
        "plan_id": str(plan_id),
        "telescope": telescope_name,
        "event_name": event,
        "exposures": [
            {
                "field_id": field,
                "ra_deg": ra,
                "dec_deg": dec,
                "filter": band,
                "start": (start + timedelta(seconds=300 * n)).isoformat(),
                "exposure_s": seconds,
                "airmass": 1.2,
            }
            for n, (field, ra, dec, band, seconds) in enumerate(exposures)
        ],
        "window": [start.isoformat(), (start + timedelta(hours=8)).isoformat()],
        "something_new": {"ignored": True},
    }


def plan(*args, **kwargs):
    return PlanDocument.parse(json.dumps(document(*args, **kwargs)).encode())


def request(telescope_name="ZTF", *, allocation=None, **kwargs):
    made = plan(telescope_name, **kwargs)
    return RenderRequest(
        plan=made,
        telescope=telescope(telescope_name),
        allocation=allocation or Allocation(),
        window=window_of(made, overhead_s=10.0),
        event_label=safe_event(made.event_name),
    )
