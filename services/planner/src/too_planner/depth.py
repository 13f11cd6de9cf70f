"""How deep an exposure goes, and which fields reach a target of a known absolute magnitude.

For a point source against the sky (Ivezic et al. 2019, ApJ 873, 111, eq. 6, relative to a
reference exposure at the zenith in a dark night)::

    m5 = m_ref + 1.25 log10(t / t_ref) - k (X - 1) - 1.5 log10(X) - 0.5 dmu

with the extinction k per airmass X, seeing that grows as X^0.6, and dmu magnitudes by which the
Moon brightens the sky (`skybrightness`). Read-out noise, dust in the Milky Way and in the host,
and K corrections are **not** included: where dust is thick the depth is overstated.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from too_common.astro import distance

from too_planner import visibility
from too_planner.coverage import FloatArray, Points
from too_planner.depth_report import DepthReport, FieldDepth
from too_planner.nightsky import NightSky, night_sky
from too_planner.request import DepthTarget, Parameters
from too_planner.skybrightness import EXTINCTION_MAG, brightening_mag
from too_planner.telescope import FilterDepth, TelescopeDefinition

if TYPE_CHECKING:
    from too_common.astro.skymap import SkyMap

    from too_planner.plan import Plan


class DepthError(ValueError):
    """A depth that cannot be reckoned; says why."""


LADDER = 5
"""Exposure times that are tried between the shortest and the longest, evenly in the logarithm."""
_EXTINCTION_MAG = 0.15


@dataclass(frozen=True)
class Sky:
    """Under what sky places are seen: airmass, Moon."""

    airmass: FloatArray
    altitude_deg: FloatArray
    moon_altitude_deg: FloatArray
    separation_deg: FloatArray
    phase_angle_deg: FloatArray


def limiting_mag(known: FilterDepth, name: str, exposure_s: Any, sky: Sky) -> FloatArray:
    """5-sigma limiting magnitude (AB) of exposures in a filter.

    Parameters
    ----------
    known
        The telescope's reference in this filter.
    exposure_s
        Scalar or of the sky's shape.
    """
    extinction = known.extinction_mag
    if extinction is None:
        extinction = EXTINCTION_MAG.get(name, _EXTINCTION_MAG)
    moon = brightening_mag(
        name,
        phase_angle_deg=sky.phase_angle_deg,
        separation_deg=sky.separation_deg,
        moon_altitude_deg=sky.moon_altitude_deg,
        altitude_deg=sky.altitude_deg,
        dark_mag_arcsec2=known.sky_mag_arcsec2,
    )
    time = np.asarray(exposure_s, dtype=np.float64) / known.exposure_s
    return np.asarray(
        known.magnitude
        + 1.25 * np.log10(time)
        - extinction * (sky.airmass - 1.0)
        - 1.5 * np.log10(sky.airmass)
        - 0.5 * moon
    )


def reach_mpc(limiting: Any, absolute_mag: float) -> FloatArray:
    """Luminosity distance at which a target is as faint as the limit."""
    return np.asarray(10.0 ** ((np.asarray(limiting, dtype=float) - absolute_mag - 25.0) / 5.0))


def sky_at(
    telescope: TelescopeDefinition, epoch: datetime, seconds: Any, ra_deg: Any, dec_deg: Any
) -> Sky:
    """The sky over places (n,), each at its own instant (n,)."""
    sky = night_sky(telescope.site, epoch, seconds)
    apparent = sky.apparent(ra_deg, dec_deg)
    up = np.einsum("ni,ni->n", apparent, sky.zenith)
    cos_moon = np.einsum("ni,ni->n", apparent, sky.moon)
    return _sky(up, cos_moon, sky)


def _sky(sin_altitude: FloatArray, cos_moon: FloatArray, sky: NightSky) -> Sky:
    moon_up = np.einsum("ti,ti->t", sky.moon, sky.zenith)
    return Sky(
        airmass=1.0 / np.maximum(sin_altitude, 0.05),
        altitude_deg=np.degrees(np.arcsin(np.clip(sin_altitude, -1, 1))),
        moon_altitude_deg=np.degrees(np.arcsin(np.clip(moon_up, -1, 1))),
        separation_deg=np.degrees(np.arccos(np.clip(cos_moon, -1, 1))),
        phase_angle_deg=phase_angle_deg(sky),
    )


def phase_angle_deg(sky: NightSky) -> FloatArray:
    """Angle Sun, Moon, Earth at each instant (0 at full Moon).

    The Sun is 390 times farther than the Moon, so it is the supplement of the elongation to 0.15
    degrees.
    """
    from too_common.astro import site as astro_site
    from too_common.astro.sphere import unit_vectors

    mjd = np.array([40587.0 + sky.at(float(s)).timestamp() / 86400.0 for s in sky.seconds])
    sun = unit_vectors(*astro_site.sun_radec_deg(mjd))
    cos_elongation = np.einsum("ti,ti->t", sky.moon, sun)
    return np.asarray(180.0 - np.degrees(np.arccos(np.clip(cos_elongation, -1, 1))))


class Distances:
    """How far the source is, place by place."""

    def __init__(self, target: DepthTarget, skymap: "SkyMap") -> None:
        """Take the given distance, else the map's.

        Raises
        ------
        DepthError
            If neither the target nor the map has one.
        """
        self._given = target.distance_mpc is not None
        self._mean, self._std = target.distance_mpc or 0.0, target.distance_err_mpc
        self._skymap = skymap
        if not self._given and not skymap.is_3d:
            raise DepthError(
                "depth: the map has no distances; give one (distance_mpc) or leave depth out"
            )

    def within(self, ra_deg: FloatArray, dec_deg: FloatArray, reach: FloatArray) -> FloatArray:
        """Share of the distances at each place that is below a reach (Mpc, same shape)."""
        if self._given:
            return _normal_below(reach, self._mean, self._std)
        leaf = self._skymap.leaf_at(ra_deg, dec_deg)
        return _below(self._skymap, leaf, reach)

    def moments(
        self, ra_deg: FloatArray, dec_deg: FloatArray, weight: FloatArray
    ) -> tuple[float, float] | None:
        """Mean and standard deviation over weighted places; None where the map has none."""
        if self._given:
            return self._mean, self._std
        skymap = self._skymap
        assert skymap.distmu is not None and skymap.distsigma is not None  # noqa: S101, PT018
        assert skymap.distnorm is not None  # noqa: S101  -- the three come together
        leaf = skymap.leaf_at(ra_deg, dec_deg)
        inside = leaf >= 0
        return distance.marginal_moments(
            weight[inside],
            skymap.distmu[leaf[inside]],
            skymap.distsigma[leaf[inside]],
            skymap.distnorm[leaf[inside]],
        )


def _normal_below(reach: FloatArray, mean: float, std: float) -> FloatArray:
    from scipy.special import ndtr

    if std <= 0:
        return np.asarray(reach >= mean, dtype=np.float64)
    return np.asarray(ndtr((reach - mean) / std))


def _below(skymap: "SkyMap", leaf: Any, reach: FloatArray) -> FloatArray:
    """P(r < reach) of each place by the map's ansatz; 0 where it has no distance."""
    assert skymap.distmu is not None and skymap.distsigma is not None  # noqa: S101, PT018
    assert skymap.distnorm is not None  # noqa: S101  -- the three come together
    result = np.zeros(len(leaf))
    inside = leaf >= 0
    mu, sigma, norm = (
        values[np.where(inside, leaf, 0)]
        for values in (skymap.distmu, skymap.distsigma, skymap.distnorm)
    )
    good = np.flatnonzero(inside & distance.has_distance(mu, sigma, norm))
    for begin in range(0, len(good), 20000):
        rows = good[begin : begin + 20000]
        r, weight = distance.quadrature(mu[rows], sigma[rows])
        result[rows] = (weight * (r <= reach[rows, np.newaxis])).sum(axis=1)
    return result


def detectable(
    points: Points,
    telescope: TelescopeDefinition,
    parameters: Parameters,
    skymap: "SkyMap",
    night: visibility.Night,
) -> Points:
    """The points weighted by the chance that a source there is near enough to be seen.

    The sky of each place is that of the dark moment at which it stands highest, so a field is
    hardly judged worse than it can be; the plan's report uses the sky of the planned moment.
    """
    target = parameters.depth
    if target is None or not night.coarse:
        return points
    best = np.zeros(len(points))
    far = Distances(target, skymap)
    sky = _best_sky(points, night)
    for name, exposure_s in zip(parameters.filters, parameters.exposure_times_s, strict=True):
        known = telescope.depth_in(name)
        if name not in target.absolute_mag or known is None:
            continue
        reach = reach_mpc(limiting_mag(known, name, exposure_s, sky), target.absolute_mag[name])
        best = np.maximum(best, far.within(points.ra_deg, points.dec_deg, reach))
    return replace(points, weight=points.weight * best)


def _best_sky(points: Points, night: visibility.Night) -> Sky:
    """For each point the sky at the sampled dark moment at which it stands highest."""
    size = len(points)
    highest = np.full(size, -1.0)
    chosen = [np.zeros(size) for _ in range(3)]
    for sky in night.coarse:
        phase = phase_angle_deg(sky)
        moon_up = np.degrees(np.arcsin(np.clip(np.einsum("ti,ti->t", sky.moon, sky.zenith), -1, 1)))
        for instant in range(len(sky.seconds)):
            up = points.vectors @ sky.zenith[instant]
            better = up > highest
            highest[better] = up[better]
            cos_moon = points.vectors[better] @ sky.moon[instant]
            chosen[0][better] = np.degrees(np.arccos(np.clip(cos_moon, -1, 1)))
            chosen[1][better] = moon_up[instant]
            chosen[2][better] = phase[instant]
    return Sky(
        airmass=1.0 / np.maximum(highest, 0.05),
        altitude_deg=np.degrees(np.arcsin(np.clip(highest, -1, 1))),
        moon_altitude_deg=chosen[1],
        separation_deg=chosen[0],
        phase_angle_deg=chosen[2],
    )


def ladder(telescope: TelescopeDefinition, parameters: Parameters) -> list[float]:
    """Exposure times to try: from the shortest known one to the longest allowed."""
    assert parameters.depth is not None  # noqa: S101
    known = [telescope.depth_in(name) for name in parameters.filters]
    shortest = min((item.exposure_s for item in known if item is not None), default=30.0)
    longest = max(parameters.depth.exposure_max_s, shortest)
    steps = np.geomspace(shortest, longest, LADDER)
    return sorted({float(round(value)) for value in steps})


def farthest_mpc(telescope: TelescopeDefinition, parameters: Parameters) -> float:
    """Reach of the plan's best filter at the zenith of a dark night."""
    assert parameters.depth is not None  # noqa: S101
    dark = Sky(*(np.array([value]) for value in (1.0, 90.0, -30.0, 90.0, 180.0)))
    best = 0.0
    for name, exposure_s in zip(parameters.filters, parameters.exposure_times_s, strict=True):
        known = telescope.depth_in(name)
        if known is not None and name in parameters.depth.absolute_mag:
            limit = limiting_mag(known, name, exposure_s, dark)
            best = max(best, float(reach_mpc(limit, parameters.depth.absolute_mag[name])[0]))
    return best


def report(
    plan: "Plan", telescope: TelescopeDefinition, points: Points, skymap: "SkyMap", footprint: Any
) -> DepthReport:
    """What the fields of a plan reach, by the sky at the planned moments."""
    target = plan.parameters.depth
    assert target is not None  # noqa: S101
    rows = [row for row in plan.exposures if row.filter in target.absolute_mag]
    far = Distances(target, skymap)
    fields: list[FieldDepth] = []
    chance = np.zeros(len(points))
    if rows:
        epoch = min(row.start for row in rows)
        middle = [(row.start - epoch).total_seconds() + row.exposure_s / 2 for row in rows]
        ra, dec = np.array([r.ra_deg for r in rows]), np.array([r.dec_deg for r in rows])
        order = np.argsort(middle, kind="stable")
        sky = sky_at(telescope, epoch, np.array(middle)[order], ra[order], dec[order])
        best: dict[tuple[str | None, str], tuple[float, Any]] = {}
        for place, index in enumerate(order):
            row = rows[int(index)]
            known = telescope.depth_in(row.filter)
            assert known is not None  # noqa: S101  -- resolve() has looked
            here = Sky(*(np.array([values[place]]) for values in _columns(sky)))
            depth = float(limiting_mag(known, row.filter, row.exposure_s, here)[0])
            key = (row.field_id, row.filter)
            if key not in best or depth > best[key][0]:
                best[key] = (depth, row)
        for (label, name), (depth, row) in best.items():
            inside = points.inside(footprint, row.ra_deg, row.dec_deg)
            found = _field_depth(label, name, depth, row.exposure_s, inside, points, far, target)
            fields.append(found)
            reach = np.full(len(inside), found.reach_mpc)
            share = far.within(points.ra_deg[inside], points.dec_deg[inside], reach)
            chance[inside] = np.maximum(chance[inside], share)
    return DepthReport(
        absolute_mag=dict(target.absolute_mag),
        exposure_times_s=dict(
            zip(plan.parameters.filters, plan.parameters.exposure_times_s, strict=True)
        ),
        fields=tuple(fields),
        fields_reached=len({item.field_id for item in fields if item.reached}),
        probability_detectable=round(float((points.weight * chance).sum()), 6),
    )


def _columns(sky: Sky) -> tuple[FloatArray, ...]:
    return (
        sky.airmass, sky.altitude_deg, sky.moon_altitude_deg, sky.separation_deg,
        sky.phase_angle_deg,
    )  # fmt: skip


def _field_depth(
    label: str | None,
    name: str,
    depth: float,
    exposure_s: float,
    inside: Any,
    points: Points,
    far: Distances,
    target: DepthTarget,
) -> FieldDepth:
    absolute = target.absolute_mag[name]
    ra, dec, weight = points.ra_deg[inside], points.dec_deg[inside], points.weight[inside]
    moments = far.moments(ra, dec, weight) if weight.sum() > 0 else None
    reach = float(reach_mpc(depth, absolute))

    def share_within(limit: float) -> float:
        if weight.sum() <= 0:
            return 0.0
        near = far.within(ra, dec, np.full(len(ra), limit))
        return float((weight * near).sum() / weight.sum())

    share = share_within(reach)
    needed = None
    for factor in np.geomspace(0.01, 7200.0 / exposure_s, 60):
        # 5 sigma at a time t goes as sqrt(t): a reach r needs t (r / reach)^4
        if share_within(reach * float(factor) ** 0.25) >= target.confidence:
            needed = exposure_s * float(factor)
            break
    return FieldDepth(
        field_id=label,
        filter=name,
        exposure_s=exposure_s,
        limiting_mag=round(depth, 3),
        distance_mpc=None if moments is None else round(moments[0], 2),
        distance_err_mpc=None if moments is None else round(moments[1], 2),
        target_mag=None
        if moments is None
        else round(absolute + 5 * float(np.log10(max(moments[0], 1e-3))) + 25, 3),
        reach_mpc=round(reach, 2),
        within_reach=round(share, 4),
        reached=share >= target.confidence,
        exposure_needed_s=None if needed is None else round(needed, 1),
    )
