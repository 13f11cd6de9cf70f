"""What IRSA and the depot know of ZTF's exposures: quadrant by quadrant, and late."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from too_simulators.core.sky import MJD_ZERO, to_mjd
from too_simulators.ztf.engine import QUADRANTS, Exposure

Value = int | float | str
FIRST_SECONDARY_FIELD = 1000
COLUMNS: dict[str, tuple[str, str, str]] = {
    "field": ("int", "", "ZTF field"),
    "ccdid": ("int", "", "CCD, 1 to 16"),
    "qid": ("int", "", "Quadrant, 1 to 4"),
    "rcid": ("int", "", "Readout channel, 0 to 63"),
    "fid": ("int", "", "Filter: 1 g, 2 r, 3 i"),
    "filtercode": ("char", "", "Filter: zg, zr, zi"),
    "pid": ("long", "", "Science product"),
    "nid": ("int", "", "Night"),
    "expid": ("int", "", "Exposure"),
    "imgtypecode": ("char", "", "o: on sky"),
    "obsdate": ("char", "", "UT of the start"),
    "obsjd": ("double", "d", "JD of the start"),
    "exptime": ("double", "s", "Exposure time"),
    "seeing": ("double", "arcsec", "FWHM"),
    "airmass": ("double", "", "Airmass"),
    "maglimit": ("double", "mag", "5 sigma, AB"),
    "ra": ("double", "deg", "Centre of the quadrant"),
    "dec": ("double", "deg", "Centre of the quadrant"),
    "ipac_gid": ("int", "", "Program; below 1: engineering"),
}
"""Columns of ``ztf.ztf_current_meta_sci``: VOTable type, unit, meaning."""


@dataclass(frozen=True)
class Pipeline:
    """How late the processing is."""

    first_s: float
    spread_s: float
    depot_s: float


def _share(exposure: Exposure, rcid: int) -> float:
    """A reproducible number in [0, 1) per quadrant."""
    digest = hashlib.sha256(f"{exposure.expid}/{rcid}".encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32


class Quadrants:
    """Rows of IRSA's table; those of an exposure are made once.

    Parameters
    ----------
    pipeline
        How late the processing is.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._rows: dict[int, list[tuple[datetime, dict[str, Value]]]] = {}

    def at(self, exposures: list[Exposure], now: datetime) -> Iterator[dict[str, Value]]:
        """Rows that exist at a stack time."""
        for exposure in exposures:
            if exposure.expid not in self._rows:
                self._rows[exposure.expid] = [
                    (done, quadrant_row(exposure, rcid))
                    for rcid, done in sorted(processed(exposure, self._pipeline).items())
                ]
            yield from (row for done, row in self._rows[exposure.expid] if done <= now)


def processed(exposure: Exposure, pipeline: Pipeline) -> dict[int, datetime]:
    """Readout channels of an exposure that are processed at all, and when."""
    first = exposure.end + timedelta(seconds=pipeline.first_s + exposure.late_s)
    shares = {rcid: _share(exposure, rcid) for rcid in range(QUADRANTS)}
    order = sorted(shares, key=lambda rcid: shares[rcid])
    return {
        rcid: first + timedelta(seconds=pipeline.spread_s * shares[rcid])
        for rcid in order[: exposure.quadrants]
    }


def quadrant_row(exposure: Exposure, rcid: int) -> dict[str, Value]:
    """One row of IRSA's table."""
    share = _share(exposure, rcid)
    mjd = to_mjd(exposure.start)
    return {
        "field": exposure.field_id,
        "ccdid": rcid // 4 + 1,
        "qid": rcid % 4 + 1,
        "rcid": rcid,
        "fid": exposure.filter_id,
        "filtercode": "z" + "?gri"[exposure.filter_id],
        "pid": int((mjd - 57754) * 1e6) * 10000 + rcid * 100 + 15,
        "nid": int(mjd) - 57754,
        "expid": exposure.expid,
        "imgtypecode": "o",
        "obsdate": exposure.start.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
        "obsjd": round(mjd + MJD_ZERO, 7),
        "exptime": exposure.exposure_s,
        "seeing": round(1.7 + 0.8 * share + 0.3 * (exposure.airmass - 1), 3),
        "airmass": round(exposure.airmass, 3),
        "maglimit": round(exposure.depth_mag + 0.3 * (share - 0.5), 4),
        "ra": round(exposure.ra, 6),
        "dec": round(exposure.dec, 6),
        "ipac_gid": 0 if exposure.program_id == 0 else exposure.program_id,
    }


def depot_night(
    exposures: list[Exposure], pipeline: Pipeline, night: date, now: datetime
) -> list[dict[str, Value]]:
    """Rows of ``ztf_recentproc_YYYYMMDD.json``, one per exposure of a UT date."""
    rows: list[dict[str, Value]] = []
    for exposure in _of_night(exposures, pipeline, night, now):
        row = quadrant_row(exposure, 0)
        rows.append(
            {
                "exposure_id": exposure.expid,
                "field_id": exposure.field_id,
                "filter_id": exposure.filter_id,
                "status": 0 if exposure.quadrants == QUADRANTS else 1,
                "obsjd": row["obsjd"],
                "maglim": exposure.depth_mag,
                "fwhm": row["seeing"],
                "exposure_time": exposure.exposure_s,
            }
        )
    return rows


GOODSUBS_COLUMNS = (
    "jd",
    "field",
    "fid",
    "expid",
    "rcid",
    "scimaglim",
    "diffmaglim",
    "difffwhm",
    "exptime",
    "subtractionstatus",
)


def references_table(fields: Mapping[int, tuple[float, float]]) -> str:
    """``SpecialRefImages.txt``: fields and filters that have a reference image.

    Parameters
    ----------
    fields
        Centres by field id. The survey has references of the primary grid north of -31 deg, in i
        of every second field only.
    """
    lines = ["| field | fid | maglimcat |", "|-------|-----|-----------|"]
    for field, (_, dec_deg) in sorted(fields.items()):
        if field >= FIRST_SECONDARY_FIELD or dec_deg < -31:
            continue
        for fid, depth in ((1, 22.4), (2, 22.1), (3, 21.3)):
            if fid != 3 or field % 2 == 0:
                lines.append(f"| {field} | {fid} | {depth} |")
    return "\n".join(lines) + "\n"


def goodsubs_night(
    exposures: list[Exposure], pipeline: Pipeline, night: date, now: datetime
) -> str:
    """``goodsubs_YYYYMMDD.txt``: a row per quadrant, columns between bars; empty if none."""
    lines = []
    for exposure in _of_night(exposures, pipeline, night, now):
        for rcid, done in sorted(processed(exposure, pipeline).items()):
            if done > now:
                continue
            row = quadrant_row(exposure, rcid)
            cells = (
                row["obsjd"],
                exposure.field_id,
                exposure.filter_id,
                exposure.expid,
                rcid,
                row["maglimit"],
                round(float(row["maglimit"]) - 0.2, 4),
                row["seeing"],
                exposure.exposure_s,
                1,
            )
            lines.append("|" + "|".join(f" {cell} " for cell in cells) + "|")
    if not lines:
        return ""
    header = "|" + "|".join(f" {name} " for name in GOODSUBS_COLUMNS) + "|"
    rule = "|" + "|".join("-" * (len(name) + 2) for name in GOODSUBS_COLUMNS) + "|"
    return "\n".join([header, rule, *lines]) + "\n"


def _of_night(
    exposures: list[Exposure], pipeline: Pipeline, night: date, now: datetime
) -> Iterator[Exposure]:
    for exposure in exposures:
        done = exposure.end + timedelta(seconds=pipeline.depot_s + exposure.late_s)
        if exposure.start.astimezone(UTC).date() == night and done <= now:
            yield exposure
