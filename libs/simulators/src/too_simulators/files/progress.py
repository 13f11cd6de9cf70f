"""The file source: what a robot took of a file, as JSON in the folder ``executed``."""

import json
from datetime import datetime
from typing import Any

from too_simulators.files.programs import Run


def progress_document(telescope: str, run: Run, at: datetime) -> str:
    """The file source: what was taken of a file, as JSON."""
    exposures: list[dict[str, Any]] = [
        {
            "exposure_id": one.exposure_id,
            "index": one.index,
            "field_id": one.field_id,
            "ra_deg": one.ra_deg,
            "dec_deg": one.dec_deg,
            "filter": one.filter,
            "start": one.start.isoformat().replace("+00:00", "Z"),
            "exposure_s": one.exposure_s,
            "depth_mag": one.depth_mag,
            "object": one.label,
            "queue_name": run.name,
        }
        for one in run.exposures
    ]
    document = {
        "name": run.name,
        "telescope": telescope,
        "state": run.state.value,
        "updated_at": at.isoformat().replace("+00:00", "Z"),
        "planned": run.planned,
        "exposures": exposures,
    }
    return json.dumps(document, indent=1)
