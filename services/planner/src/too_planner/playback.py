"""A plan's night, moment by moment: what the play-back and the time line show.

Sun, Moon and horizon are sampled over the nights that the plan touches; every exposure carries its
airmass, its distance from the Moon and what the plan has covered when it ends.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import erfa
import numpy as np
from numpy.typing import NDArray
from too_common.astro.sphere import from_unit_vectors

from too_planner.nightsky import FloatArray, NightSky, night_sky
from too_planner.plan import Plan, PlannedExposure
from too_planner.request import Parameters
from too_planner.telescope import FilterOrder, Site, TelescopeDefinition

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint

    from too_planner.coverage import Points

SAMPLE_S = 300.0
MAX_SAMPLES = 600
_LOOK_S = 16 * 3600.0
"""How far before the first and after the last exposure the Sun's rise and set are looked for."""
_AROUND_S = 1800.0
"""Daylight shown at both ends."""
_UNIX_JD, _DAY_S = 2440587.5, 86400.0

BANDS = (("day", 0.0), ("civil", -6.0), ("nautical", -12.0), ("astronomical", -18.0))
"""Names of the parts of a night by the least altitude of the Sun's centre in them; else night."""


def iso(value: datetime) -> str:
    """Time as text, UTC with Z."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def bands_of(seconds: FloatArray, sun_altitude_deg: FloatArray) -> list[tuple[str, float, float]]:
    """Parts of a span by the Sun's altitude: (name, begin, end), in order of time.

    Parameters
    ----------
    seconds, sun_altitude_deg : ndarray, shape (t,)
        Samples, close enough for linear interpolation between them.
    """
    edges = [float(seconds[0]), float(seconds[-1])]
    for _, limit in BANDS:
        above = sun_altitude_deg - limit
        for index in np.flatnonzero(np.diff(np.sign(above)) != 0):
            part = above[index] / (above[index] - above[index + 1])
            edges.append(float(seconds[index] + part * (seconds[index + 1] - seconds[index])))
    edges = sorted(set(edges))
    found: list[tuple[str, float, float]] = []
    for begin, end in pairwise(edges):
        middle = float(np.interp((begin + end) / 2, seconds, sun_altitude_deg))
        name = next((word for word, limit in BANDS if middle >= limit), "night")
        if found and found[-1][0] == name:
            found[-1] = (name, found[-1][1], end)
        else:
            found.append((name, begin, end))
    return found


def moon_illumination(epoch: datetime, second: float) -> float:
    """Illuminated part of the Moon's disc, 0 to 1.

    From the geocentric elongation, taking the Sun as infinitely far: right to 0.3 % (Meeus,
    Astronomical Algorithms, ch. 48).
    """
    day = _UNIX_JD + epoch.timestamp() / _DAY_S
    tai1, tai2 = erfa.utctai(day, second / _DAY_S)
    tt1, tt2 = erfa.taitt(tai1, tai2)
    heliocentric, _ = erfa.epv00(tt1, tt2)
    sun, moon = -heliocentric["p"], erfa.moon98(tt1, tt2)["p"]
    cosine = float(sun @ moon / (np.linalg.norm(sun) * np.linalg.norm(moon)))
    return round((1.0 - cosine) / 2.0, 4)


def span_of(site: Site, epoch: datetime, first_s: float, last_s: float) -> tuple[float, float]:
    """The nights around two instants: from half an hour before dusk to half an hour after dawn."""
    before = np.arange(first_s, first_s - _LOOK_S, -600.0)
    after = np.arange(last_s, last_s + _LOOK_S, 600.0)
    ends = []
    for seconds in (before, after):
        is_day = night_sky(site, epoch, seconds).sun_altitude_deg > 0
        # a polar night has no end: two hours are enough
        index = int(np.argmax(is_day)) if is_day.any() else min(12, len(seconds) - 1)
        ends.append(float(seconds[index]))
    return ends[0] - _AROUND_S, ends[1] + _AROUND_S


def night_of(
    plan: Plan,
    telescope: TelescopeDefinition,
    footprint: "Footprint",
    points: "Points | None",
) -> dict[str, Any]:
    """Everything that moves while a plan is executed.

    Parameters
    ----------
    plan
        With at least one exposure.
    points
        The map; None for a plan without one, which covers nothing.

    Returns
    -------
    dict
        ``begin``, ``end``, ``bands`` (parts of the night), ``samples`` (Sun, Moon, zenith),
        ``moon_illumination``, ``limits``, ``exposures`` with airmass, distance from the Moon and
        the probability covered so far, by any visit and by the whole sequence.

    Raises
    ------
    ValueError
        If the plan has no exposures.
    """
    if not plan.exposures:
        raise ValueError("a plan without exposures has no night to show")
    rows = plan.exposures
    epoch = rows[0].start.replace(microsecond=0)
    starts = np.array([(row.start - epoch).total_seconds() for row in rows])
    ends = starts + np.array([row.exposure_s for row in rows])
    begin, end = span_of(telescope.site, epoch, float(starts.min()), float(ends.max()))
    count = min(MAX_SAMPLES, int((end - begin) / SAMPLE_S) + 1)
    seconds = np.linspace(begin, end, max(count, 2))
    sky = night_sky(telescope.site, epoch, seconds)
    middle = float(starts.min() + ends.max()) / 2
    return {
        "telescope": telescope.name,
        "site": telescope.site.model_dump(mode="json"),
        "begin": iso(epoch + timedelta(seconds=begin)),
        "end": iso(epoch + timedelta(seconds=end)),
        "bands": [
            {
                "kind": kind,
                "begin": iso(epoch + timedelta(seconds=a)),
                "end": iso(epoch + timedelta(seconds=b)),
            }
            for kind, a, b in bands_of(seconds, sky.sun_altitude_deg)
        ],
        "moon_illumination": moon_illumination(epoch, middle),
        "limits": {
            "airmass_max": plan.parameters.airmass_max,
            "altitude_min_deg": plan.parameters.altitude_min_deg,
            "sun_altitude_max_deg": plan.parameters.sun_altitude_max_deg,
            "moon_separation_min_deg": plan.parameters.moon_separation_min_deg,
        },
        "filters": list(dict.fromkeys(row.filter for row in rows)),
        "samples": _samples(sky, epoch),
        "exposures": _exposures(plan, telescope.site, epoch, starts, footprint, points),
    }


def _samples(sky: NightSky, epoch: datetime) -> list[dict[str, Any]]:
    zenith_ra, zenith_dec = from_unit_vectors(sky.zenith)
    moon_ra, moon_dec = from_unit_vectors(sky.moon)
    moon_altitude = np.degrees(np.arcsin(np.einsum("ti,ti->t", sky.zenith, sky.moon)))
    return [
        {
            "time": iso(epoch + timedelta(seconds=round(float(second)))),
            "sun_altitude_deg": round(float(sun), 2),
            "moon_altitude_deg": round(float(altitude), 2),
            "moon_ra_deg": round(float(ra), 3),
            "moon_dec_deg": round(float(dec), 3),
            "zenith_ra_deg": round(float(up_ra), 3),
            "zenith_dec_deg": round(float(up_dec), 3),
        }
        for second, sun, altitude, ra, dec, up_ra, up_dec in zip(
            sky.seconds, sky.sun_altitude_deg, moon_altitude, moon_ra, moon_dec, zenith_ra,
            zenith_dec, strict=True,
        )
    ]  # fmt: skip


def _exposures(
    plan: Plan,
    site: Site,
    epoch: datetime,
    starts: FloatArray,
    footprint: "Footprint",
    points: "Points | None",
) -> list[dict[str, Any]]:
    rows = plan.exposures
    sky = night_sky(site, epoch, starts + np.array([row.exposure_s / 2 for row in rows]))
    places = sky.apparent([row.ra_deg for row in rows], [row.dec_deg for row in rows])
    altitude = np.degrees(np.arcsin(np.clip(np.einsum("ni,ni->n", places, sky.zenith), -1, 1)))
    moon = np.degrees(np.arccos(np.clip(np.einsum("ni,ni->n", places, sky.moon), -1, 1)))
    moon_altitude = np.degrees(np.arcsin(np.einsum("ti,ti->t", sky.zenith, sky.moon)))
    seen, whole = progress(rows, plan.parameters, footprint, points)
    order = {name: number for number, name in enumerate(_places(rows), start=1)}
    return [
        {
            "number": row.number,
            "order": order[_place(row)],
            "field_id": row.field_id,
            "ra_deg": row.ra_deg,
            "dec_deg": row.dec_deg,
            "filter": row.filter,
            "visit": row.visit,
            "dither": row.dither,
            "begin": iso(row.start),
            "end": iso(row.start + timedelta(seconds=row.exposure_s)),
            "airmass": row.airmass,
            "altitude_deg": round(float(altitude[index]), 2),
            "moon_distance_deg": round(float(moon[index]), 1),
            "moon_altitude_deg": round(float(moon_altitude[index]), 1),
            "sun_altitude_deg": round(float(sky.sun_altitude_deg[index]), 1),
            "probability": row.probability,
            "covered": seen[index],
            "covered_sequence": whole[index],
        }
        for index, row in enumerate(rows)
    ]


def _place(row: PlannedExposure) -> tuple[str | None, int]:
    return (row.field_id, row.dither)


def _places(rows: Sequence[PlannedExposure]) -> list[tuple[str | None, int]]:
    """Pointings in the order of their first exposure, as the tiles of GeoJSON are numbered."""
    return list(dict.fromkeys(_place(row) for row in rows))


def progress(
    rows: Sequence[PlannedExposure],
    parameters: Parameters,
    footprint: "Footprint",
    points: "Points | None",
) -> tuple[list[float], list[float]]:
    """Probability covered once each exposure has ended.

    Returns
    -------
    seen : list of float
        On the union of the sky seen at least once.
    whole : list of float
        On the union of the fields that got their whole sequence.
    """
    if points is None:
        return [0.0] * len(rows), [0.0] * len(rows)
    steps = 1 if parameters.filter_order is FilterOrder.INTEGRATED else len(parameters.filters)
    # a visit counts when its last exposure has ended
    visit_ends = {(row.field_id, row.visit): index for index, row in enumerate(rows)}
    inside: dict[str | None, NDArray[np.int64]] = {}
    once = np.zeros(len(points), dtype=bool)
    complete = np.zeros(len(points), dtype=bool)
    visits: dict[str | None, set[int]] = {}
    totals = [0.0, 0.0]
    seen: list[float] = []
    whole: list[float] = []
    for index, row in enumerate(rows):
        if row.field_id not in inside:
            inside[row.field_id] = points.inside(footprint, row.ra_deg, row.dec_deg)
        members = inside[row.field_id]
        totals[0] += _add(once, members, points.weight)
        if visit_ends[row.field_id, row.visit] == index:
            done = visits.setdefault(row.field_id, set())
            done.add(row.visit)
            if len(done) == steps:
                totals[1] += _add(complete, members, points.weight)
        seen.append(round(totals[0], 6))
        whole.append(round(totals[1], 6))
    return seen, whole


def _add(mask: NDArray[np.bool_], members: NDArray[np.int64], weight: FloatArray) -> float:
    """Mark some points; gives the weight of those that were not marked before."""
    new = members[~mask[members]]
    mask[new] = True
    return float(weight[new].sum())
