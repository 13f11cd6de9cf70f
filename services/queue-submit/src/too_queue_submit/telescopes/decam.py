"""DECam: an exposure script of SISPI, one flat object per exposure, loaded by a person."""

import json

from too_queue_submit.errors import PlanRefusedError
from too_queue_submit.telescopes.base import Comparison, PayloadRow, RenderRequest, compare_file

FILTERS = frozenset({"u", "g", "r", "i", "z", "Y", "VR"})


class DecamAdapter:
    """A JSON list; coordinates in decimal degrees J2000, times in seconds."""

    name = "decam"
    media_type = "application/json"
    suffix = ".json"
    keeps_window = False

    def render(self, request: RenderRequest, name: str) -> bytes:
        """Keys as the camera's own writers spell them: ``RA``, ``dec``, ``expTime``, ``expType``.

        Every exposure has both coordinates: without them the camera exposes where it points.
        """
        exposures = request.plan.exposures
        strange = sorted({e.filter for e in exposures} - FILTERS)
        if strange:
            raise PlanRefusedError(f"DECam has no filter {', '.join(strange)}", code="filter")
        script = [
            {
                "object": f"{request.event_label}: {number} of {len(exposures)}",
                "seqid": name,
                "seqnum": number,
                "seqtot": len(exposures),
                "expType": "object",
                "expTime": exposure.exposure_s,
                "RA": round(exposure.ra_deg, 6),
                "dec": round(exposure.dec_deg, 6),
                "filter": exposure.filter,
                "count": 1,
                "program": request.allocation.program,
                "propid": request.allocation.propid,
                "wait": "False",
                "comment": _comment(request, number),
            }
            for number, exposure in enumerate(exposures, start=1)
        ]
        return (json.dumps(script, indent=4) + "\n").encode()

    def rows(self, payload: bytes) -> tuple[PayloadRow, ...]:
        """The exposures of a script."""
        return tuple(
            PayloadRow(
                field_id=_field_of(row["comment"]),
                ra_deg=row["RA"],
                dec_deg=row["dec"],
                filter=row["filter"],
                exposure_s=row["expTime"],
                repeats=row["count"],
            )
            for row in json.loads(payload)
        )

    def compare(self, payload: bytes, found: bytes, *, begun: bool) -> Comparison:  # noqa: ARG002 - part of the protocol
        """Byte by byte."""
        return compare_file(payload, found)


_FIELD = "field "


def _comment(request: RenderRequest, number: int) -> str:
    exposure = request.plan.exposures[number - 1]
    begin, end = request.window.begin, request.window.end
    window = f"not before {begin:%Y-%m-%dT%H:%M:%SZ}, not after {end:%Y-%m-%dT%H:%M:%SZ}"
    return f"{_FIELD}{exposure.field_id}; {window}" if exposure.field_id else window


def _field_of(comment: str) -> str | None:
    if not comment.startswith(_FIELD):
        return None
    return comment.removeprefix(_FIELD).split(";", 1)[0]
