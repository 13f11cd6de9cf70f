"""Gattini and KPED: a queue object as a file.

No parser of theirs is public, so the original's writing is the contract: indent 4, keys sorted,
nothing added, ``request_id`` from 0.
"""

import json
from collections.abc import Mapping

from too_queue_submit.errors import PlanRefusedError
from too_queue_submit.telescopes.base import Comparison, PayloadRow, RenderRequest, compare_file


class QueueJsonAdapter:
    """One of the two; they differ in their filters.

    Parameters
    ----------
    name
        ``gattini`` or ``kped``.
    filter_ids
        Filter to the id in the file.
    """

    media_type = "application/json"
    suffix = ".json"
    keeps_window = True

    def __init__(self, name: str, filter_ids: Mapping[str, int]) -> None:
        self.name = name
        self._ids = dict(filter_ids)
        self._filters = {number: letter for letter, number in filter_ids.items()}

    def render(self, request: RenderRequest, name: str) -> bytes:
        """Targets in observing order."""
        targets = [
            {
                "dec": exposure.dec_deg,
                "exposure_time": exposure.exposure_s,
                "field_id": self._field_id(exposure.field_id, number),
                "filter_id": self._filter_id(exposure.filter),
                "program_id": request.allocation.program_id,
                "program_pi": request.allocation.program_pi,
                "ra": exposure.ra_deg,
                "request_id": number,
                "subprogram_name": request.allocation.subprogram_name,
            }
            for number, exposure in enumerate(request.plan.exposures)
        ]
        queue = {
            "queue_name": name,
            "targets": targets,
            "validity_window_mjd": list(request.window.mjd),
        }
        return json.dumps(queue, indent=4, sort_keys=True).encode()

    def rows(self, payload: bytes) -> tuple[PayloadRow, ...]:
        """The targets of a file."""
        return tuple(
            PayloadRow(
                field_id=str(target["field_id"]),
                ra_deg=target["ra"],
                dec_deg=target["dec"],
                filter=self._filters[target["filter_id"]],
                exposure_s=target["exposure_time"],
            )
            for target in json.loads(payload)["targets"]
        )

    def compare(self, payload: bytes, found: bytes, *, begun: bool) -> Comparison:  # noqa: ARG002 - part of the protocol
        """Byte by byte."""
        return compare_file(payload, found)

    def _filter_id(self, letter: str) -> int:
        if letter not in self._ids:
            raise PlanRefusedError(
                f"{self.name}: filter {letter!r} has no id in its files", code="filter"
            )
        return self._ids[letter]

    @staticmethod
    def _field_id(field_id: str | None, number: int) -> int:
        """Number of the field; galaxies have none and are numbered through the plan."""
        return int(field_id) if field_id is not None and field_id.isdigit() else number
