"""When fields can be observed: intervals in which every limit holds, found for many fields at once.

The limits are sampled on a fixed step inside the dark part of the window; where a limit begins
or ceases to hold between two samples the time is interpolated and moved inwards by a second. So
an exposure that lies wholly inside an interval breaks no limit at any moment.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from too_planner.nightsky import FloatArray, NightSky, night_sky
from too_planner.telescope import ForbiddenZone, Site

Interval = tuple[float, float]
"""Begin and end in seconds after the epoch."""

STEP_S = 120.0
COARSE_STEP_S = 900.0
_INWARD_S = 1.0


@dataclass(frozen=True)
class Constraints:
    """Limits of the site, the telescope and the request, all to be met at once."""

    airmass_max: float
    altitude_min_deg: float = 0.0
    hour_angle_h: tuple[float, float] | None = None
    dec_deg: tuple[float, float] = (-90.0, 90.0)
    forbidden: tuple[ForbiddenZone, ...] = ()
    sun_altitude_max_deg: float = -12.0
    moon_separation_min_deg: float = 20.0
    catalogue_hour_angle: bool = False
    """Hour angle from the catalogue's right ascension instead of that of date."""

    @property
    def sin_altitude_min(self) -> float:
        """The stricter of airmass (plane-parallel, 1/sin h) and altitude."""
        return max(1.0 / self.airmass_max, float(np.sin(np.radians(self.altitude_min_deg))))


@dataclass(frozen=True)
class Night:
    """The dark part of a window over a site, sampled."""

    site: Site
    epoch: datetime
    end_s: float
    dark: tuple[Interval, ...]
    sky: tuple[NightSky, ...]
    """One per dark interval, first and last sample at its ends."""
    coarse: tuple[NightSky, ...]

    @property
    def dark_s(self) -> float:
        """Dark time in the window."""
        return sum(end - begin for begin, end in self.dark)


def _samples(begin: float, end: float, step: float) -> FloatArray:
    count = max(2, int(np.ceil((end - begin) / step)) + 1)
    return np.linspace(begin, end, count)


def dark_intervals(
    site: Site, epoch: datetime, windows: list[Interval], sun_altitude_max_deg: float
) -> tuple[Interval, ...]:
    """Parts of some windows in which the Sun is below a limit, in order of time."""
    found: list[Interval] = []
    for begin, end in windows:
        if end - begin < 2 * _INWARD_S:
            continue
        sky = night_sky(site, epoch, _samples(begin, end, STEP_S))
        slack = (sun_altitude_max_deg - sky.sun_altitude_deg)[None, None, :]
        found.extend(_good_intervals(slack, sky.seconds)[0])
    return tuple(found)


def make_night(
    site: Site, epoch: datetime, windows: list[Interval], sun_altitude_max_deg: float
) -> Night:
    """Find the dark time and compute the sky for it.

    Parameters
    ----------
    site
        The telescope's site.
    epoch
        Zero of all seconds.
    windows
        Allowed times, in order, not overlapping.
    sun_altitude_max_deg
        Highest altitude of the Sun's centre.
    """
    dark = dark_intervals(site, epoch, windows, sun_altitude_max_deg)
    return Night(
        site=site,
        epoch=epoch,
        end_s=max((end for _, end in windows), default=0.0),
        dark=dark,
        sky=tuple(night_sky(site, epoch, _samples(a, b, STEP_S)) for a, b in dark),
        coarse=tuple(night_sky(site, epoch, _samples(a, b, COARSE_STEP_S)) for a, b in dark),
    )


def _slacks(
    sky: NightSky, limits: Constraints, ra_deg: FloatArray, dec_deg: FloatArray
) -> tuple[NDArray[np.int64], dict[str, FloatArray]]:
    """How far each limit is from being broken: (n, t) each, negative where it is broken.

    Only for places that are high enough at some moment, whose numbers come first: most of a grid
    never is, and asking the Moon for it would be most of the work.
    """
    apparent = sky.apparent(ra_deg, dec_deg)
    airmass = sky.sin_altitude(apparent)
    airmass -= limits.sin_altitude_min
    up = np.flatnonzero(airmass.max(axis=1) >= 0)
    if len(up) < len(airmass):
        apparent, airmass, ra_deg, dec_deg = apparent[up], airmass[up], ra_deg[up], dec_deg[up]
    slack = {"airmass": airmass}
    if limits.moon_separation_min_deg > 0:
        cos_min = np.cos(np.radians(limits.moon_separation_min_deg))
        slack["moon"] = cos_min - sky.cos_moon_separation(apparent)
    if limits.hour_angle_h is not None or limits.forbidden:
        ra_h = ra_deg / 15.0 if limits.catalogue_hour_angle else sky.apparent_ra_h(apparent)
        angle = sky.hour_angle_h(ra_h)
        if limits.hour_angle_h is not None:
            slack["hour_angle"] = np.minimum(
                angle - limits.hour_angle_h[0], limits.hour_angle_h[1] - angle
            )
        for number, zone in enumerate(limits.forbidden):
            outside = np.maximum(zone.hour_angle_min_h - angle, angle - zone.hour_angle_max_h)
            open_sky = (dec_deg > zone.dec_max_deg)[:, None]
            slack[f"zone{number}"] = np.where(open_sky, 1.0, outside - 1e-9)
    return up, slack


def _good_intervals(slack: NDArray[Any], seconds: FloatArray) -> list[list[Interval]]:
    """Intervals per row in which all slacks (l, n, t) are at least zero."""
    padded = np.zeros((slack.shape[1], slack.shape[2] + 2), dtype=np.int8)
    padded[:, 1:-1] = np.all(slack >= 0, axis=0)
    change = np.diff(padded, axis=1)
    step = float(seconds[1] - seconds[0])
    row, first = np.nonzero(change == 1)
    last = np.nonzero(change == -1)[1] - 1
    begin, end = seconds[first].astype(np.float64), seconds[last].astype(np.float64)
    cut = np.flatnonzero(first > 0)
    good, bad = slack[:, row[cut], first[cut]], slack[:, row[cut], first[cut] - 1]
    begin[cut] -= _crossing(good, bad) * step - _INWARD_S
    cut = np.flatnonzero(last < len(seconds) - 1)
    good, bad = slack[:, row[cut], last[cut]], slack[:, row[cut], last[cut] + 1]
    end[cut] += _crossing(good, bad) * step - _INWARD_S
    out: list[list[Interval]] = [[] for _ in range(slack.shape[1])]
    for index, low, high in zip(row.tolist(), begin.tolist(), end.tolist(), strict=True):
        if high > low:
            out[index].append((low, high))
    return out


def _crossing(good: FloatArray, bad: FloatArray) -> FloatArray:
    """Part of a step that still is good, by linear interpolation, the least over the limits."""
    part = np.where(bad < 0, good / np.where(bad < 0, good - bad, 1.0), 1.0)
    return np.asarray(part.min(axis=0, initial=1.0))


def observable_intervals(
    night: Night, limits: Constraints, ra_deg: FloatArray, dec_deg: FloatArray
) -> list[list[Interval]]:
    """For each field the intervals in which it can be observed.

    Parameters
    ----------
    night
        The dark time.
    limits
        All limits; `limits.sun_altitude_max_deg` is that of the night already.
    ra_deg, dec_deg
        ICRS centres of the fields, shape (n,).
    """
    found: list[list[Interval]] = [[] for _ in range(len(ra_deg))]
    allowed = np.flatnonzero((dec_deg >= limits.dec_deg[0]) & (dec_deg <= limits.dec_deg[1]))
    for begin in range(0, len(allowed), 2000):
        rows = allowed[begin : begin + 2000]
        for sky in night.sky:
            up, slacks = _slacks(sky, limits, ra_deg[rows], dec_deg[rows])
            parts = _good_intervals(np.stack(list(slacks.values())), sky.seconds)
            for row, intervals in zip(rows[up].tolist(), parts, strict=True):
                found[row].extend(intervals)
    return found


def ever_observable(
    night: Night, limits: Constraints, ra_deg: FloatArray, dec_deg: FloatArray
) -> dict[str, NDArray[np.bool_]]:
    """Which places meet which limits at some sampled moment (every 15 minutes).

    Returns
    -------
    dict
        ``altitude``: high enough at some time; ``telescope``: and within declination, hour angle
        and zones; ``moon``: and far enough from the Moon, all at the same moment.
    """
    size = len(ra_deg)
    result = {name: np.zeros(size, dtype=bool) for name in ("altitude", "telescope", "moon")}
    dec_good = (dec_deg >= limits.dec_deg[0]) & (dec_deg <= limits.dec_deg[1])
    for begin in range(0, size, 20000):
        part = slice(begin, begin + 20000)
        for sky in night.coarse:
            up, slacks = _slacks(sky, limits, ra_deg[part], dec_deg[part])
            rows = begin + up
            result["altitude"][rows] = True
            good = slacks["airmass"] >= 0
            good &= dec_good[rows][:, None]
            for name, slack in slacks.items():
                if name not in {"airmass", "moon"}:
                    good &= slack >= 0
            result["telescope"][rows] |= good.any(axis=1)
            if "moon" in slacks:
                good &= slacks["moon"] >= 0
            result["moon"][rows] |= good.any(axis=1)
    return result


def airmass_at(site: Site, epoch: datetime, seconds: Any, ra_deg: Any, dec_deg: Any) -> FloatArray:
    """Airmass of fields (n,), each at its own instant (n,): 1/sin h, infinity below the horizon."""
    sky = night_sky(site, epoch, seconds)
    sin_altitude = np.einsum("ni,ni->n", sky.apparent(ra_deg, dec_deg), sky.zenith)
    return np.where(sin_altitude > 0, 1.0 / np.maximum(sin_altitude, 1e-9), np.inf)
