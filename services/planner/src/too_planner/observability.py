"""When a map can be observed from a site, and how high it stands: for charts and tables."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from too_common.astro import pixels
from too_common.astro.sphere import from_unit_vectors

from too_planner import visibility
from too_planner.nightsky import FloatArray, night_sky
from too_planner.playback import bands_of, iso
from too_planner.telescope import TelescopeDefinition

if TYPE_CHECKING:
    from too_planner.coverage import Points

STEP_S = 600.0
_LEVELS = (0.1, 0.5, 0.9)
"""Shares of the probability that stand higher than the airmasses of the band."""
_MAX_CELLS = 6000
_COARSE_ORDER = 5
"""HEALPix order of cells of 1.8 deg."""
_RICHEST = 4000
"""Cells that the airmass of the map is made from."""


def cells_of(points: "Points") -> "Points":
    """A map in cells of a degree, or of two for very large maps: enough for limits of the sky."""
    from too_planner.coverage import Points, coarse_cells

    cells = coarse_cells(points)
    if len(cells) <= _MAX_CELLS:
        return cells
    index = pixels.lonlat_to_index(cells.ra_deg, cells.dec_deg, _COARSE_ORDER)
    _, inverse = np.unique(index, return_inverse=True)

    def summed(values: FloatArray) -> FloatArray:
        return np.bincount(inverse, weights=values).astype(np.float64)

    vectors = np.stack(
        [summed(cells.weight * cells.vectors[:, axis]) for axis in range(3)], axis=-1
    )
    ra, dec = from_unit_vectors(vectors)
    return Points.make(ra, dec, summed(cells.weight), summed(cells.area_deg2))


def observability(
    telescope: TelescopeDefinition,
    *,
    ra_deg: float,
    dec_deg: float,
    begin: datetime,
    hours: float = 24.0,
    cells: "Points | None" = None,
) -> dict[str, Any]:
    """Observability of a map and of its peak from one site.

    Parameters
    ----------
    ra_deg, dec_deg
        The map's peak.
    begin
        First of the samples.
    cells
        The map in cells of about a degree; None: the peak alone.

    Returns
    -------
    dict
        ``dark`` and ``intervals`` of the peak (begin, end), ``bands`` of twilight, ``samples``
        every ten minutes with airmass (null below the horizon), altitude, Sun's altitude and
        distance of the Moon of the peak, and ``reason`` if the peak cannot be observed. With a
        map also, in each sample, ``observable`` (share of the probability within all limits at
        that moment) and the airmass that 10, 50 and 90 % of the probability stand above (null
        where that part is below the horizon), and in all ``observable_ever`` and ``lost``: the
        probability that is never observable, by reason.
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
    moon_up = np.degrees(np.arcsin(np.einsum("ti,ti->t", sky.zenith, sky.moon)))
    result: dict[str, Any] = {
        "telescope": telescope.name,
        "timezone": telescope.site.timezone,
        "airmass_max": limits.airmass_max,
        "altitude_min_deg": limits.altitude_min_deg,
        "sun_altitude_max_deg": limits.sun_altitude_max_deg,
        "dark": [_span(epoch, span) for span in night.dark],
        "bands": [
            {"kind": kind, **_span(epoch, (a, b))}
            for kind, a, b in bands_of(seconds, sky.sun_altitude_deg)
        ],
        "intervals": [_span(epoch, span) for span in intervals],
        "observable_s": round(sum(end - start for start, end in intervals), 1),
        "reason": None if intervals else _reason(night, limits, ra, dec),
        "samples": [
            {
                "time": iso(epoch + timedelta(seconds=float(second))),
                "airmass": _airmass(up),
                "altitude_deg": round(float(np.degrees(np.arcsin(up))), 3),
                "sun_altitude_deg": round(float(sun), 3),
                "moon_distance_deg": round(float(distance), 2),
                "moon_altitude_deg": round(float(moon_altitude), 2),
            }
            for second, up, sun, distance, moon_altitude in zip(
                seconds, sin_altitude, sky.sun_altitude_deg, moon, moon_up, strict=True
            )
        ],
    }
    if cells is not None and len(cells):
        _add_map(result, cells, night, limits, seconds, sky.zenith)
    return result


def _add_map(
    result: dict[str, Any],
    cells: "Points",
    night: visibility.Night,
    limits: visibility.Constraints,
    seconds: FloatArray,
    zenith: FloatArray,
) -> None:
    """Complete the answer by what the whole map does."""
    spans = visibility.observable_intervals(night, limits, cells.ra_deg, cells.dec_deg)
    change = np.zeros(len(seconds) + 1)
    ever = 0.0
    for weight, row in zip(cells.weight, spans, strict=True):
        if row:
            ever += float(weight)
        for start, end in row:
            # samples within the interval
            first, last = np.searchsorted(seconds, (start, end), side="left")
            change[first] += weight
            change[last] -= weight
    observable = np.maximum(np.cumsum(change)[:-1], 0.0)
    airmass = _airmass_levels(cells, zenith)
    for sample, share, column in zip(result["samples"], observable, airmass.T, strict=True):
        sample["observable"] = round(float(share), 4)
        sample["airmass_10"], sample["airmass_50"], sample["airmass_90"] = map(_airmass, column)
    met = visibility.ever_observable(night, limits, cells.ra_deg, cells.dec_deg)
    total = float(cells.weight.sum())
    high, inside, away = (
        float(cells.weight[met[name]].sum()) for name in ("altitude", "telescope", "moon")
    )
    result["observable_ever"] = round(ever, 4)
    result["observable_best"] = round(float(observable.max(initial=0.0)), 4)
    result["lost"] = {
        "too_low_in_the_dark": round(max(total - high, 0.0), 4),
        "telescope_limits": round(max(high - inside, 0.0), 4),
        "moon": round(max(inside - away, 0.0), 4),
    }


def _airmass_levels(cells: "Points", zenith: FloatArray) -> FloatArray:
    """Sine of the altitude that some shares of the weight stand above, shape (levels, t)."""
    levels = np.empty((len(_LEVELS), len(zenith)))
    wanted = np.array(_LEVELS) * float(cells.weight.sum())
    richest = np.argsort(-cells.weight)[:_RICHEST]
    weight, vectors = cells.weight[richest], cells.vectors[richest]
    wanted *= float(weight.sum()) / float(cells.weight.sum())
    for column, up in enumerate(zenith):
        sine = vectors @ up
        order = np.argsort(-sine)
        index = np.searchsorted(np.cumsum(weight[order]), wanted)
        levels[:, column] = sine[order[np.minimum(index, len(order) - 1)]]
    return levels


def _airmass(sine: float) -> float | None:
    """Plane-parallel airmass; null below the horizon."""
    return round(1.0 / float(sine), 4) if sine > 0.02 else None


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
    return {"begin": iso(begin), "end": iso(end)}
