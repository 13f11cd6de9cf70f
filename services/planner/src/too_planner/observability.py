"""When a place can be observed tonight, and how high it stands: for charts and tables."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from too_planner import visibility
from too_planner.nightsky import night_sky
from too_planner.telescope import TelescopeDefinition

STEP_S = 600.0


def observability(
    telescope: TelescopeDefinition,
    *,
    ra_deg: float,
    dec_deg: float,
    begin: datetime,
    hours: float = 24.0,
) -> dict[str, Any]:
    """Observability of one place from one site.

    Returns
    -------
    dict
        ``dark`` and ``intervals`` (begin, end), ``samples`` every ten minutes with airmass (null
        below the horizon), altitude, Sun's altitude and distance of the Moon, and ``reason`` if
        the place cannot be observed.
    """
    epoch = begin.replace(microsecond=0)
    limits = visibility.Constraints(
        airmass_max=telescope.defaults.airmass_max,
        altitude_min_deg=telescope.limits.altitude_min_deg,
        hour_angle_h=telescope.limits.hour_angle_h,
        dec_deg=telescope.limits.dec_deg,
        forbidden=telescope.limits.forbidden,
        sun_altitude_max_deg=telescope.limits.sun_altitude_max_deg,
        moon_separation_min_deg=telescope.limits.moon_separation_min_deg,
    )
    night = visibility.make_night(
        telescope.site, epoch, [(0.0, hours * 3600.0)], limits.sun_altitude_max_deg
    )
    ra, dec = np.array([ra_deg]), np.array([dec_deg])
    intervals = visibility.observable_intervals(night, limits, ra, dec)[0]
    seconds = np.arange(0.0, hours * 3600.0 + 1.0, STEP_S)
    sky = night_sky(telescope.site, epoch, seconds)
    apparent = sky.apparent(ra, dec)
    sin_altitude = sky.sin_altitude(apparent)[0]
    moon = np.degrees(np.arccos(np.clip(sky.cos_moon_separation(apparent)[0], -1.0, 1.0)))
    return {
        "telescope": telescope.name,
        "airmass_max": limits.airmass_max,
        "altitude_min_deg": limits.altitude_min_deg,
        "dark": [_span(epoch, span) for span in night.dark],
        "intervals": [_span(epoch, span) for span in intervals],
        "observable_s": round(sum(end - start for start, end in intervals), 1),
        "reason": None if intervals else _reason(night, limits, ra, dec),
        "samples": [
            {
                "time": _iso(epoch + timedelta(seconds=float(second))),
                "airmass": round(1.0 / float(up), 4) if up > 0.02 else None,
                "altitude_deg": round(float(np.degrees(np.arcsin(up))), 3),
                "sun_altitude_deg": round(float(sun), 3),
                "moon_distance_deg": round(float(distance), 2),
            }
            for second, up, sun, distance in zip(
                seconds, sin_altitude, sky.sun_altitude_deg, moon, strict=True
            )
        ],
    }


def _reason(night: visibility.Night, limits: visibility.Constraints, ra: Any, dec: Any) -> str:
    if not night.dark:
        return f"the Sun is never below {limits.sun_altitude_max_deg:g} deg"
    ever = visibility.ever_observable(night, limits, ra, dec)
    if not ever["altitude"][0]:
        return "too low while it is dark"
    if not ever["telescope"][0]:
        return "outside the telescope's pointing limits"
    return f"within {limits.moon_separation_min_deg:g} deg of the Moon"


def _span(epoch: datetime, span: visibility.Interval) -> dict[str, str]:
    begin, end = (epoch + timedelta(seconds=round(value)) for value in span)
    return {"begin": _iso(begin), "end": _iso(end)}


def _iso(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")
