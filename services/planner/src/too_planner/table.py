"""A plan's exposures as a table."""

import csv
import io

from too_planner.plan import Plan

COLUMNS = (
    "number",
    "field_id",
    "ra_deg",
    "dec_deg",
    "filter",
    "start",
    "exposure_s",
    "airmass",
    "visit",
    "dither",
    "probability",
)


def exposures_csv(plan: Plan) -> str:
    """One row per exposure, in order of time; degrees, seconds, UTC."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for exposure in plan.exposures:
        values = exposure.model_dump(mode="json")
        writer.writerow([values[name] for name in COLUMNS])
    return stream.getvalue()
