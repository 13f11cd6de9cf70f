"""Is a plan feasible? Asked with astropy, and with nothing of the planner's own sky or checker."""

from itertools import pairwise

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time
from too_planner.plan import Plan
from too_planner.telescope import AxesSlew, FilterOrder, TelescopeDefinition

from .brute_force import each_at, location

DEG, HOUR, SECOND = 0.01, 0.001, 0.15
"""What two ways to compute the same sky may differ by."""


def broken_limits(plan: Plan, telescope: TelescopeDefinition) -> list[str]:
    """Every limit that some exposure breaks, in words."""
    rows = sorted(plan.exposures, key=lambda row: row.start)
    if not rows:
        return []
    return [
        *_sky(rows, plan, telescope),
        *_time(rows, plan, telescope),
        *_sequence(rows, plan),
    ]


def _sky(rows, plan, telescope) -> list[str]:
    asked, limits, site = plan.parameters, telescope.limits, telescope.site
    ra = np.array([row.ra_deg for row in rows])
    dec = np.array([row.dec_deg for row in rows])
    place = location(site.latitude_deg, site.longitude_deg, site.elevation_m)
    begins = Time([row.start for row in rows])
    length = np.array([row.exposure_s for row in rows]) * u.s
    found: list[str] = []
    for part in (0.0, 0.5, 1.0):
        sky = each_at(place, begins + part * length, ra, dec)
        sine = np.sin(np.radians(sky.altitude_deg + DEG))
        broken = {
            "airmass": sine < 1 / asked.airmass_max,
            "altitude": sky.altitude_deg < asked.altitude_min_deg - DEG,
            "altitude of the telescope": sky.altitude_deg < limits.altitude_min_deg - DEG,
            "twilight": sky.sun_altitude_deg > asked.sun_altitude_max_deg + DEG,
            "moon": sky.moon_deg < asked.moon_separation_min_deg - 2 * DEG,
        }
        if limits.hour_angle_h is not None:
            low, high = limits.hour_angle_h
            broken["hour angle"] = (sky.hour_angle_h < low - HOUR) | (
                sky.hour_angle_h > high + HOUR
            )
        for zone in limits.forbidden:
            angle = sky.hour_angle_h
            broken["closed zone"] = (
                (dec <= zone.dec_max_deg)
                & (angle > zone.hour_angle_min_h + HOUR)
                & (angle < zone.hour_angle_max_h - HOUR)
            )
        found += [name for name, bad in broken.items() if bad.any()]
    first = np.array([row.dither == 0 for row in rows])
    low, high = limits.dec_deg
    if ((dec[first] < low) | (dec[first] > high)).any():
        found.append("declination")
    plane = np.abs(SkyCoord(ra[first] * u.deg, dec[first] * u.deg).galactic.b.deg)
    if (plane < asked.galactic_latitude_min_deg - DEG).any():
        found.append("galactic plane")
    if asked.ra_slice_h is not None:
        begin, end = asked.ra_slice_h
        after = (ra[first] / 15 - begin) % 24
        if (after > (end - begin) % 24 + 1e-6).any() and (end - begin) % 24:
            found.append("right ascension")
    return found


def _time(rows, plan, telescope) -> list[str]:
    asked, timing, found = plan.parameters, telescope.timing, []
    for row in rows:
        end = row.start.timestamp() + row.exposure_s
        if not any(
            window.begin <= row.start and end <= window.end.timestamp() + 1e-3
            for window in asked.windows
        ):
            found.append("window")
    places = SkyCoord([row.ra_deg for row in rows], [row.dec_deg for row in rows], unit="deg")
    away = places[:-1].separation(places[1:]).deg if len(rows) > 1 else []
    for (before, after), distance in zip(pairwise(rows), away, strict=True):
        idle = (after.start - before.start).total_seconds() - before.exposure_s
        slew = 0.0
        if distance > 1e-6:
            slew = _slew_s(before, after, distance, timing.slew)
        need = max(timing.overhead_s, slew)
        if before.filter != after.filter:
            need += timing.filter_change_s
        if idle < need - SECOND:
            found.append(f"{need - idle:.2f} s missing before exposure {after.number}")
    return found


def _slew_s(before, after, distance, slew) -> float:
    if not isinstance(slew, AxesSlew):
        return distance / slew.rate_deg_per_s + slew.settle_s
    turn = abs((after.ra_deg - before.ra_deg + 180) % 360 - 180)
    tilt = abs(after.dec_deg - before.dec_deg)
    longest = 0.0
    for axis, path in ((slew.hour_angle, turn), (slew.declination, tilt)):
        speed, rate = axis.max_speed_deg_per_s, axis.acceleration_deg_per_s2
        # speed up for as long as there is way to slow down again
        ramp_s = min(speed / rate, np.sqrt(path / rate))
        longest = max(longest, 2 * ramp_s + (path - rate * ramp_s**2) / speed)
    return longest + slew.settle_s


def _sequence(rows, plan) -> list[str]:
    asked, found = plan.parameters, []
    visits: dict[str, list] = {}
    for row in rows:
        if row.dither == 0:
            visits.setdefault(row.field_id, []).append(row)
        allowed = [
            time
            for name, time in zip(asked.filters, asked.exposure_times_s, strict=True)
            if name == row.filter
        ]
        if row.exposure_s not in allowed:
            found.append(f"{row.filter} for {row.exposure_s} s")
    for label, looks in visits.items():
        if [row.filter for row in looks] != list(asked.filters[: len(looks)]):
            found.append(f"order of filters of field {label}")
        if asked.filter_order is FilterOrder.BLOCK:
            gaps = [(b.start - a.start).total_seconds() for a, b in pairwise(looks)]
            if gaps and min(gaps) < asked.min_gap_s - SECOND:
                found.append(f"gap of field {label}: {min(gaps):.1f} s")
        if asked.balanced and len(looks) < len(asked.filters):
            found.append(f"field {label} is not complete")
    if asked.max_fields is not None and len(visits) > asked.max_fields:
        found.append(f"{len(visits)} fields")
    return found
