"""ZTF's scheduler: the queue object of ``PUT /queues``, and the status object that comes back."""

import json
from collections import Counter
from typing import Any

from too_queue_submit.errors import PlanRefusedError
from too_queue_submit.telescopes.base import Comparison, PayloadRow, RenderRequest
from too_queue_submit.windows import check_mjd_window

FILTER_IDS = {"g": 1, "r": 2, "i": 3}
"""The scheduler knows these three; anything else would be refused late, or replaced in silence."""
FILTERS = {number: letter for letter, number in FILTER_IDS.items()}
DEFAULT_MAX_AIRMASS = 2.5


class ZtfAdapter:
    """Queue objects of type ``list``; list order is observing order."""

    name = "ztf"
    media_type = "application/json"
    suffix = ""
    keeps_window = True

    def render(self, request: RenderRequest, name: str) -> bytes:
        """One target per exposure; every key on all rows, since a missing one becomes null."""
        max_airmass = request.telescope.airmass_max or DEFAULT_MAX_AIRMASS
        targets = [
            {
                "request_id": number,
                "program_id": request.allocation.program_id,
                "field_id": _field_id(exposure.field_id, number),
                "ra": round(exposure.ra_deg, 6),
                "dec": round(exposure.dec_deg, 6),
                "filter_id": _filter_id(exposure.filter, number),
                "exposure_time": exposure.exposure_s,
                "max_airmass": max_airmass,
                "n_repeats": 1,
                "program_pi": request.allocation.program_pi,
                "subprogram_name": request.allocation.subprogram_name,
            }
            for number, exposure in enumerate(request.plan.exposures, start=1)
        ]
        queue = {
            "queue_name": name,
            "queue_type": "list",
            "validity_window_mjd": list(request.window.mjd),
            "targets": targets,
        }
        return json.dumps(queue, separators=(",", ":")).encode()

    def rows(self, payload: bytes) -> tuple[PayloadRow, ...]:
        """The targets of a queue object."""
        return tuple(
            PayloadRow(
                field_id=str(target["field_id"]),
                ra_deg=target["ra"],
                dec_deg=target["dec"],
                filter=FILTERS[target["filter_id"]],
                exposure_s=target["exposure_time"],
                repeats=target.get("n_repeats", 1),
            )
            for target in json.loads(payload)["targets"]
        )

    def compare(self, payload: bytes, found: bytes, *, begun: bool) -> Comparison:
        """Window, kind, and rows: all of them before the window, a part of them in it.

        The rows of a status object are JSON inside JSON, in any key order, without a row id.
        """
        sent = json.loads(payload)
        try:
            status = json.loads(found)
            left = _rows_of_status(status)
        except (ValueError, TypeError, KeyError) as error:
            return Comparison((f"the scheduler's status cannot be read: {error}",))
        differences = _compare_heads(sent, status)
        sent_keys = [_row_key(row) for row in sent["targets"]]
        left_keys = [_row_key(row) for row in left]
        strange = Counter(left_keys) - Counter(sent_keys)
        if strange:
            differences.append(f"{sum(strange.values())} rows are there that were not sent")
        if not begun:
            if len(left_keys) != len(sent_keys):
                differences.append(f"{len(left_keys)} rows are there, {len(sent_keys)} were sent")
            elif left_keys[0] != sent_keys[0] or left_keys[-1] != sent_keys[-1]:
                differences.append("the first or the last target differs")
        return Comparison(tuple(differences), remaining=len(left_keys))


def check_queue_object(queue: dict[str, Any], now: Any) -> None:
    """Last look at a queue object: what the server itself does not protect against.

    Raises
    ------
    PlanRefusedError, WindowRefusedError
        No window, no targets, a subprogram without ``ToO``, MJD out of range.
    """
    window = queue.get("validity_window_mjd")
    if not isinstance(window, list) or len(window) != 2:
        raise PlanRefusedError("a queue without a window would start at once, without end")
    check_mjd_window(float(window[0]), float(window[1]), now=now)
    targets = queue.get("targets")
    if not targets:
        raise PlanRefusedError("a queue without targets")
    if not str(targets[0].get("subprogram_name", "")).startswith("ToO"):
        raise PlanRefusedError("the first target's subprogram must start with ToO")
    if len({frozenset(target) for target in targets}) != 1:
        raise PlanRefusedError("optional keys must stand on all rows or on none")


def _field_id(field_id: str | None, number: int) -> int:
    if field_id is None or not field_id.isdigit():
        raise PlanRefusedError(
            f"exposure {number}: ZTF needs a number of its field grid, not {field_id!r}",
            code="field_id",
        )
    return int(field_id)


def _filter_id(letter: str, number: int) -> int:
    if letter not in FILTER_IDS:
        raise PlanRefusedError(
            f"exposure {number}: ZTF has no filter {letter!r}; it has g, r and i", code="filter"
        )
    return FILTER_IDS[letter]


def _rows_of_status(status: dict[str, Any]) -> list[dict[str, Any]]:
    rows = status["queue"]
    decoded = json.loads(rows) if isinstance(rows, str) else rows
    if not isinstance(decoded, list):
        raise TypeError("'queue' is not a list of rows")
    return decoded


def _compare_heads(sent: dict[str, Any], status: dict[str, Any]) -> list[str]:
    differences: list[str] = []
    if status.get("queue_name") != sent["queue_name"]:
        differences.append(f"the queue is named {status.get('queue_name')!r}")
    window = status.get("validity_window_mjd")
    if (
        not isinstance(window, list)
        or len(window) != 2
        or any(abs(a - b) > 1e-5 for a, b in zip(window, sent["validity_window_mjd"], strict=True))
    ):
        differences.append(f"its window is {window}, sent was {sent['validity_window_mjd']}")
    if status.get("queue_type", "list") != "list":
        differences.append(f"its type is {status.get('queue_type')!r}")
    if status.get("is_TOO") is False:
        differences.append("the scheduler does not take it for a ToO")
    return differences


def _row_key(row: dict[str, Any]) -> tuple[int, int, float, int]:
    return (
        int(row["field_id"]),
        int(row["filter_id"]),
        round(float(row["exposure_time"]), 3),
        int(row["program_id"]),
    )
