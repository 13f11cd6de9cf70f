"""ZTF's progress: quadrant rows of IRSA's table, files of the depot, the scheduler's history.

One row is one of 64 quadrants; they come late and in part. Exposures with ``ipac_gid`` below 1
are engineering.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from statistics import median
from typing import Any

from too_common.contracts.queue_submit import ExecutedExposure

from too_queue_submit import sky
from too_queue_submit.telescopes.base import PayloadRow
from too_queue_submit.telescopes.ztf import FILTERS

QUADRANTS = 64
JD_MINUS_MJD = 2400000.5


def group_quadrants(
    rows: Iterable[Mapping[str, Any]], centres: Mapping[str, tuple[float, float]]
) -> tuple[ExecutedExposure, ...]:
    """Exposures of ``ztf.ztf_current_meta_sci``.

    Its columns here: ``field, rcid, fid, expid, obsjd, exptime, maglimit, ipac_gid``.

    Parameters
    ----------
    rows
        Quadrant rows, masked values as None or NaN.
    centres
        Right ascension and declination (deg) of the fields asked for; others are left out.
    """
    by_exposure: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if int(row["ipac_gid"]) >= 1 and str(int(row["field"])) in centres:
            by_exposure[int(row["expid"])].append(row)
    found: list[ExecutedExposure] = []
    for expid, quadrants in sorted(by_exposure.items()):
        first = quadrants[0]
        field = str(int(first["field"]))
        depths = [d for d in (_number(q.get("maglimit")) for q in quadrants) if d is not None]
        found.append(
            ExecutedExposure(
                exposure_id=str(expid),
                field_id=field,
                ra_deg=centres[field][0],
                dec_deg=centres[field][1],
                filter=FILTERS.get(int(first["fid"]), f"fid{int(first['fid'])}"),
                start=sky.from_mjd(float(first["obsjd"]) - JD_MINUS_MJD),
                exposure_s=float(first["exptime"]),
                depth_mag=round(median(depths), 3) if depths else None,
                processed_fraction=min(1.0, len({int(q["rcid"]) for q in quadrants}) / QUADRANTS),
                source="irsa_tap",
            )
        )
    return tuple(found)


def depot_exposures(
    raw: bytes, centres: Mapping[str, tuple[float, float]]
) -> tuple[ExecutedExposure, ...]:
    """Exposures of ``ztf_recentproc_<date>.json``; status 0 is good.

    Raises
    ------
    ValueError
        If it is not that file, for instance an HTML page with status 200.
    """
    document = json.loads(raw)
    rows = document if isinstance(document, list) else document.get("exposures", document)
    if not isinstance(rows, list):
        raise ValueError("the depot's file is not a list of exposures")  # noqa: TRY004 - bad content
    grouped: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if str(int(row["field_id"])) in centres:
            grouped[int(row["exposure_id"])].append(row)
    found: list[ExecutedExposure] = []
    for expid, parts in sorted(grouped.items()):
        good = [p for p in parts if int(p["status"]) == 0]
        if not good:
            continue
        first, field = good[0], str(int(good[0]["field_id"]))
        depths = [d for d in (_number(p.get("maglim")) for p in good) if d is not None]
        found.append(
            ExecutedExposure(
                exposure_id=str(expid),
                field_id=field,
                ra_deg=centres[field][0],
                dec_deg=centres[field][1],
                filter=FILTERS.get(int(first["filter_id"]), f"fid{first['filter_id']}"),
                start=sky.from_mjd(float(first["obsjd"]) - JD_MINUS_MJD),
                exposure_s=float(first["exposure_time"]),
                depth_mag=round(median(depths), 3) if depths else None,
                processed_fraction=_fraction(len(good), len(parts)),
                source="ztf_depot",
            )
        )
    return tuple(found)


def goodsubs_exposures(
    text: str, centres: Mapping[str, tuple[float, float]]
) -> tuple[ExecutedExposure, ...]:
    """Exposures of ``goodsubs_<date>.txt``: columns between bars, the second line a rule.

    Raises
    ------
    ValueError
        If the header is another one.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return ()
    header = [part.strip() for part in lines[0].strip().strip("|").split("|")]
    needed = {"jd", "field", "fid", "expid", "rcid", "exptime", "subtractionstatus"}
    if not needed <= set(header):
        raise ValueError("the depot's table has another header")
    quadrants: list[dict[str, Any]] = []
    for line in lines[2:]:
        parts = [part.strip() for part in line.strip().strip("|").split("|")]
        if len(parts) != len(header):
            continue
        row = dict(zip(header, parts, strict=True))
        if int(row["subtractionstatus"]) == 1:
            quadrants.append(
                {
                    **row,
                    "obsjd": row["jd"],
                    "maglimit": row.get("scimaglim"),
                    "ipac_gid": 1,
                }
            )
    exposures = group_quadrants(quadrants, centres)
    return tuple(e.model_copy(update={"source": "ztf_depot"}) for e in exposures)


def merge(
    *sources: Iterable[ExecutedExposure],
) -> tuple[ExecutedExposure, ...]:
    """Put sources together by exposure id; the more of it is processed, the better."""
    best: dict[str, ExecutedExposure] = {}
    for source in sources:
        for exposure in source:
            known = best.get(exposure.exposure_id)
            if known is None or exposure.processed_fraction > known.processed_fraction:
                best[exposure.exposure_id] = exposure
    return tuple(sorted(best.values(), key=lambda e: (e.start, e.exposure_id)))


def history_count(
    rows: Iterable[Mapping[str, Any]],
    targets: Iterable[PayloadRow],
    *,
    subprogram: str,
    begin: datetime,
    end: datetime,
) -> int:
    """Exposures in the scheduler's history that are ours: subprogram, field, filter and time.

    The history has no queue name and gives filters as letters.
    """
    wanted = {(row.field_id, row.filter) for row in targets}
    low, high = sky.mjd(begin), sky.mjd(end)
    return sum(
        1
        for row in rows
        if row.get("subprogram_name") == subprogram
        and (str(row.get("field_id")), str(row.get("filter_id"))) in wanted
        and low <= float(row.get("exposure_mjd") or 0.0) <= high
    )


def parse_history(body: Any) -> list[dict[str, Any]]:
    """Rows of ``GET /obs_history``: a JSON string, or an empty list.

    Raises
    ------
    ValueError
        If it is neither.
    """
    history = body.get("history") if isinstance(body, dict) else None
    rows = json.loads(history) if isinstance(history, str) else history
    if not isinstance(rows, list):
        raise ValueError("the scheduler's history cannot be read")  # noqa: TRY004 - bad content
    return rows


def centres_of(rows: Iterable[PayloadRow]) -> dict[str, tuple[float, float]]:
    """Field centres that a payload names."""
    return {row.field_id: (row.ra_deg, row.dec_deg) for row in rows if row.field_id is not None}


def _fraction(good: int, parts: int) -> float:
    """A row per exposure means all of it; a row per quadrant means n of 64."""
    return 1.0 if parts == 1 else min(1.0, good / QUADRANTS)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and abs(number) < 100 else None
