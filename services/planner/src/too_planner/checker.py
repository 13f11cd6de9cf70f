"""Check a plan against every limit, independently of what made it.

Altitudes, hour angles, Sun and Moon come from `too_common.astro.site`, not from the planner's own
tables; slews are computed anew from the axes. Every limit is tested at several moments of each
exposure. The service records no plan that fails here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import erfa
import numpy as np
from too_common.astro import site as astro_site
from too_common.astro.sphere import separation_deg

from too_planner.nightsky import FloatArray
from too_planner.plan import Plan, PlannedExposure
from too_planner.request import Parameters
from too_planner.telescope import (
    AxesSlew,
    AxisMotion,
    FilterOrder,
    TelescopeDefinition,
)

_MOMENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_UNIX_MJD = 40587.0

ALTITUDE_TOL_DEG = 0.01
ANGLE_TOL_DEG = 0.02
HOUR_TOL_H = 0.001
TIME_TOL_S = 0.2
"""Differences between two ways to compute the same sky; far below the scorers' tolerances."""


@dataclass(frozen=True)
class Violation:
    """One limit that one exposure breaks."""

    limit: str
    exposure: int
    words: str


def check_plan(
    plan: Plan,
    telescope: TelescopeDefinition,
    *,
    references: frozenset[tuple[str, str]] | None = None,
) -> list[Violation]:
    """All violations of a plan; an empty list is a good plan."""
    rows = list(plan.exposures)
    if not rows:
        return []
    return [
        *_check_request(rows, plan.parameters, telescope, references),
        *_check_sky(rows, plan.parameters, telescope),
        *_check_timing(rows, telescope),
        *_check_gaps(rows, plan.parameters),
    ]


def _mjd(rows: Sequence[PlannedExposure], part: float) -> FloatArray:
    return np.array(
        [_UNIX_MJD + (row.start.timestamp() + part * row.exposure_s) / 86400.0 for row in rows]
    )


def _check_request(
    rows: Sequence[PlannedExposure],
    parameters: Parameters,
    telescope: TelescopeDefinition,
    references: frozenset[tuple[str, str]] | None,
) -> list[Violation]:
    found: list[Violation] = []
    for row in rows:
        end = row.start + timedelta(seconds=row.exposure_s)
        inside = any(
            row.start >= window.begin and end <= window.end for window in parameters.windows
        )
        if not inside:
            found.append(Violation("window", row.number, "lies outside the window"))
        if row.filter not in telescope.filters:
            found.append(Violation("filter", row.number, f"no filter {row.filter}"))
        wanted = [
            time
            for name, time in zip(parameters.filters, parameters.exposure_times_s, strict=True)
            if name == row.filter
        ]
        if row.exposure_s not in wanted:
            found.append(Violation("exposure_time", row.number, f"{row.exposure_s} s"))
        pair = (row.field_id or "", row.filter)
        if parameters.require_references and references is not None and pair not in references:
            found.append(Violation("reference", row.number, "no reference image"))
    if parameters.galactic_latitude_min_deg > 0:
        found += _check_galactic(rows, parameters.galactic_latitude_min_deg)
    fields = {row.field_id for row in rows}
    if parameters.max_fields is not None and len(fields) > parameters.max_fields:
        found.append(Violation("max_fields", 0, f"{len(fields)} fields"))
    return found


def _check_galactic(rows: Sequence[PlannedExposure], least_deg: float) -> list[Violation]:
    """Centres of fields; dithers are beside them."""
    centres = [row for row in rows if row.dither == 0]
    _, latitude = erfa.icrs2g(
        np.radians([row.ra_deg for row in centres]), np.radians([row.dec_deg for row in centres])
    )
    return [
        Violation("galactic_plane", row.number, f"{np.degrees(b):.2f} deg from the plane")
        for row, b in zip(centres, latitude, strict=True)
        if abs(np.degrees(b)) < least_deg - ANGLE_TOL_DEG
    ]


def _check_sky(
    rows: Sequence[PlannedExposure], parameters: Parameters, telescope: TelescopeDefinition
) -> list[Violation]:
    place = astro_site.Site(
        telescope.name,
        telescope.site.latitude_deg,
        telescope.site.longitude_deg,
        telescope.site.elevation_m,
        telescope.site.timezone,
    )
    ra = np.array([row.ra_deg for row in rows])
    dec = np.array([row.dec_deg for row in rows])
    limits = telescope.limits
    lowest = max(
        float(astro_site.altitude_from_airmass(parameters.airmass_max)),
        parameters.altitude_min_deg,
    )
    bad: dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]] = {}

    def note(name: str, broken: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        bad[name] = bad.get(name, np.zeros(len(rows), dtype=bool)) | broken

    for part in _MOMENTS:
        mjd = _mjd(rows, part)
        altitude = astro_site.altitude_deg(ra, dec, mjd, place)
        note("altitude", altitude < lowest - ALTITUDE_TOL_DEG)
        sun = astro_site.sun_altitude_deg(mjd, place)
        note("twilight", sun > parameters.sun_altitude_max_deg + ALTITUDE_TOL_DEG)
        moon_ra, moon_dec = astro_site.moon_radec_topocentric_deg(mjd, place)
        distance = separation_deg(ra, dec, moon_ra, moon_dec)
        note("moon", distance < parameters.moon_separation_min_deg - ANGLE_TOL_DEG)
        angle = astro_site.hour_angle_deg(ra, dec, mjd, place) / 15.0
        # the same distance on the sky is more of an hour angle near the pole
        slack_h = HOUR_TOL_H / np.maximum(np.cos(np.radians(dec)), 0.02)
        if limits.hour_angle_h is not None:
            low, high = limits.hour_angle_h
            note("hour_angle", (angle < low - slack_h) | (angle > high + slack_h))
        for zone in limits.forbidden:
            inside = (angle > zone.hour_angle_min_h + slack_h) & (
                angle < zone.hour_angle_max_h - slack_h
            )
            note("forbidden", (dec <= zone.dec_max_deg) & inside)
    # dithers may step over the field's own limit by their offset
    slack = 2 * telescope.dither_offset_arcsec / 3600.0
    note("declination", (dec < limits.dec_deg[0] - slack) | (dec > limits.dec_deg[1] + slack))
    return [
        Violation(name, rows[int(index)].number, f"breaks the limit on {name}")
        for name, broken in bad.items()
        for index in np.flatnonzero(broken)
    ]


def _check_timing(
    rows: Sequence[PlannedExposure], telescope: TelescopeDefinition
) -> list[Violation]:
    found: list[Violation] = []
    timing = telescope.timing
    ordered = sorted(rows, key=lambda row: row.start)
    for before, after in pairwise(ordered):
        gap = (after.start - before.start).total_seconds() - before.exposure_s
        need = max(timing.overhead_s, _slew_s(before, after, telescope))
        if after.filter != before.filter:
            need += timing.filter_change_s
        if gap < -1e-6:
            found.append(Violation("overlap", after.number, "begins before the last has ended"))
        elif gap < need - TIME_TOL_S:
            found.append(
                Violation("slew", after.number, f"needs {need:.1f} s to get there, has {gap:.1f} s")
            )
    return found


def _slew_s(
    before: PlannedExposure, after: PlannedExposure, telescope: TelescopeDefinition
) -> float:
    slew = telescope.timing.slew
    if not isinstance(slew, AxesSlew):
        distance = float(separation_deg(before.ra_deg, before.dec_deg, after.ra_deg, after.dec_deg))
        return distance / slew.rate_deg_per_s + slew.settle_s if distance > 1e-6 else 0.0
    hour = abs((before.ra_deg - after.ra_deg + 180.0) % 360.0 - 180.0)
    dec = abs(before.dec_deg - after.dec_deg)
    if hour < 1e-6 and dec < 1e-6:
        return 0.0
    seconds = max(_axis_s(slew.hour_angle, hour), _axis_s(slew.declination, dec))
    if slew.dome_azimuth is not None:
        end = np.array([_mjd([before], 1.0)[0]])
        turn = abs(_azimuth(before, end, telescope) - _azimuth(after, end, telescope)) % 360.0
        seconds = max(seconds, _axis_s(slew.dome_azimuth, min(turn, 360.0 - turn)))
    return seconds + slew.settle_s


def _axis_s(motion: AxisMotion, distance_deg: float) -> float:
    speed, rate = motion.max_speed_deg_per_s, motion.acceleration_deg_per_s2
    ramp = speed * speed / rate
    if distance_deg <= ramp:
        return float(2.0 * np.sqrt(distance_deg / rate))
    return 2.0 * speed / rate + (distance_deg - ramp) / speed


def _azimuth(row: PlannedExposure, mjd: FloatArray, telescope: TelescopeDefinition) -> float:
    """Azimuth from the catalogue's right ascension, as domes are turned."""
    sidereal = astro_site.local_sidereal_time_deg(mjd, telescope.site.longitude_deg)[0]
    hour = np.radians(sidereal - row.ra_deg)
    dec, latitude = np.radians(row.dec_deg), np.radians(telescope.site.latitude_deg)
    east = -np.cos(dec) * np.sin(hour)
    north = np.sin(dec) * np.cos(latitude) - np.cos(dec) * np.cos(hour) * np.sin(latitude)
    return float(np.degrees(np.arctan2(east, north)))


def _check_gaps(rows: Sequence[PlannedExposure], parameters: Parameters) -> list[Violation]:
    if parameters.filter_order is FilterOrder.INTEGRATED:
        return []
    found: list[Violation] = []
    last: dict[str | None, PlannedExposure] = {}
    for row in sorted(rows, key=lambda item: item.start):
        if row.dither:
            continue
        before = last.get(row.field_id)
        last[row.field_id] = row
        if before is None:
            continue
        gap = (row.start - before.start).total_seconds()
        if gap < parameters.min_gap_s - TIME_TOL_S:
            found.append(Violation("gap", row.number, f"{gap:.0f} s after the field's last visit"))
        if row.visit != before.visit + 1:
            found.append(Violation("sequence", row.number, "visits out of order"))
    return found
