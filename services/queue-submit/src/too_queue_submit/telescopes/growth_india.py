"""GROWTH-India: a CSV, one row per exposure, rise and set in Indian Standard Time.

``ra``/``RA`` and ``Dec``/``dec`` differ in case alone: readers that fold case break.
"""

import csv
import io
import math
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np

from too_queue_submit import sky
from too_queue_submit.errors import PlanRefusedError
from too_queue_submit.telescopes.base import Comparison, PayloadRow, RenderRequest, compare_file

EXPORTER_SITE = sky.Site(32.77889, 78.96472, 4500.0)
ALTITUDE_LIMIT_DEG = 20.0
IST = ZoneInfo("Asia/Kolkata")
FILTERS = ("x", "u", "g", "r", "i", "z")
COLUMNS = (
    "tile_id",
    "ra",
    "Dec",
    "domesleep",
    "Priority",
    "dec",
    "rise_time_IST",
    "set_time_IST",
    "moon_angle",
    "RA",
    "Target",
    *FILTERS,
)


class GrowthIndiaAdapter:
    """Rise and set are those of the night in which the plan begins."""

    name = "growth_india"
    media_type = "text/csv"
    suffix = ".csv"
    keeps_window = False

    def render(self, request: RenderRequest, name: str) -> bytes:  # noqa: ARG002 - the name is the file's
        """Write the table; a target that never rises above 20 deg is refused."""
        exposures = request.plan.exposures
        strange = sorted({e.filter for e in exposures} - set(FILTERS))
        if strange:
            raise PlanRefusedError(
                f"GROWTH-India has no filter {', '.join(strange)}", code="filter"
            )
        ra = np.array([e.ra_deg for e in exposures])
        dec = np.array([e.dec_deg for e in exposures])
        sunrise = sky.next_sunrise_mjd(EXPORTER_SITE, request.window.begin)
        times = sky.rise_and_set(
            EXPORTER_SITE,
            ra,
            dec,
            around_mjd=sunrise - 0.5,
            altitude_limit_deg=ALTITUDE_LIMIT_DEG,
        )
        never = np.flatnonzero(np.isnan(times.set_mjd))
        if len(never):
            field = exposures[int(never[0])].field_id or f"exposure {int(never[0]) + 1}"
            raise PlanRefusedError(
                f"field {field} is never {ALTITUDE_LIMIT_DEG:g} deg high", code="never_up"
            )
        moon = sky.moon_separation_deg(ra, dec, times.set_mjd)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for index, exposure in enumerate(exposures):
            seconds = round(exposure.exposure_s)
            bands = [f"1X{seconds}" if band == exposure.filter else "" for band in FILTERS]
            writer.writerow(
                [
                    exposure.field_id or str(index),
                    f"{exposure.ra_deg:.6f}",
                    f"{exposure.dec_deg:.6f}",
                    100.0,
                    10000.0,
                    sexagesimal(exposure.dec_deg),
                    ist(float(times.rise_mjd[index])),
                    ist(float(times.set_mjd[index])),
                    f"{float(moon[index]):.4f}",
                    sexagesimal(exposure.ra_deg / 15.0),
                    "EMGW",
                    *bands,
                ]
            )
        return out.getvalue().encode()

    def rows(self, payload: bytes) -> tuple[PayloadRow, ...]:
        """The rows of a table, by its case-sensitive columns."""
        found: list[PayloadRow] = []
        for row in csv.DictReader(io.StringIO(payload.decode())):
            band = next(band for band in FILTERS if row[band])
            repeats, seconds = row[band].split("X")
            found.append(
                PayloadRow(
                    field_id=row["tile_id"],
                    ra_deg=float(row["ra"]),
                    dec_deg=float(row["Dec"]),
                    filter=band,
                    exposure_s=float(seconds),
                    repeats=int(repeats),
                )
            )
        return tuple(found)

    def compare(self, payload: bytes, found: bytes, *, begun: bool) -> Comparison:  # noqa: ARG002 - part of the protocol
        """Byte by byte."""
        return compare_file(payload, found)


def ist(time_mjd: float) -> str:
    """Naive ISO time with milliseconds in Indian Standard Time (UTC + 5 h 30 min)."""
    time = sky.from_mjd(time_mjd)
    rounded = time + timedelta(microseconds=500)
    return rounded.astimezone(IST).replace(tzinfo=None).isoformat(timespec="milliseconds")


def sexagesimal(value: float) -> str:
    """``d:m:s`` with two decimals, carried correctly: 59.999 s becomes the next minute."""
    hundredths = round(abs(value) * 3600 * 100)
    seconds, hundredths = divmod(hundredths, 100)
    minutes, seconds = divmod(seconds, 60)
    whole, minutes = divmod(minutes, 60)
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    return f"{sign}{whole:02d}:{minutes:02d}:{seconds:02d}.{hundredths:02d}"
