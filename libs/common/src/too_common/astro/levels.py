"""Credible levels of a map, on the sky and in space."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from too_common.astro import distance
from too_common.astro.sphere import FloatArray

if TYPE_CHECKING:
    from too_common.astro.skymap import SkyMap

_BINS = 8192
_DEPTH = 80.0
"""Natural-log range of the histogram below the peak; what is fainter is in the last bin."""
_CHUNK = 400_000
_TIERS = ((0.0, 1e-4, 64), (1e-4, 1e-3, 512), (1e-3, np.inf, 4096))
"""Leaves with a probability above the first and up to the second value get so many nodes; so no
node has more than some 1e-4 of the probability of a map, and there are never too many nodes."""


OUTSIDE = -1
"""Instead of a leaf's number: the map does not have the place."""
NOWHERE = -2
"""The position is none."""


def at_leaf(values: FloatArray, leaf: NDArray[np.intp], outside: float) -> FloatArray:
    """Values of leaves; `outside` where the map has none, NaN where the position is none."""
    result = np.where(leaf >= 0, values[leaf], outside)
    return np.where(leaf == NOWHERE, np.nan, result)


def leaf_levels(skymap: "SkyMap") -> FloatArray:
    """Probability of all leaves whose density is at least the leaf's own (itself included)."""
    return _by_group(skymap, np.minimum(skymap.enclosed, 1.0))


def searched_area_sr(skymap: "SkyMap") -> FloatArray:
    """Area of all leaves whose density is at least the leaf's own (itself included)."""
    return _by_group(skymap, np.cumsum(skymap.area_sr[skymap.falling]))


def _by_group(skymap: "SkyMap", cumulative: FloatArray) -> FloatArray:
    """What has been summed up to the end of each leaf's group of equal densities.

    To its end, because the order of rows must not matter.
    """
    falling = skymap.falling
    density = skymap.probdensity[falling]
    result = np.empty(len(falling))
    result[falling] = cumulative[np.searchsorted(-density, -density, side="right") - 1]
    return result


def inside_level(skymap: "SkyMap", level: float) -> NDArray[np.bool_]:
    """Mask of the densest leaves that hold `level`; leaves of equal density go together."""
    falling = skymap.falling
    last = min(int(np.searchsorted(skymap.enclosed, level)), len(falling) - 1)
    faintest = max(float(skymap.probdensity[falling[last]]), np.finfo(np.float64).tiny)
    result: NDArray[np.bool_] = skymap.probdensity >= faintest
    return result


def credible_area_sr(skymap: "SkyMap", level: float) -> float:
    """Area of the smallest region of that probability."""
    falling, enclosed = skymap.falling, skymap.enclosed
    whole = int(np.searchsorted(enclosed, level))
    area = float(skymap.area_sr[falling[:whole]].sum())
    if whole == len(falling):
        return area
    before = float(enclosed[whole - 1]) if whole else 0.0
    part = (level - before) / (float(enclosed[whole]) - before)
    return area + part * float(skymap.area_sr[falling[whole]])


def log_density_3d(
    skymap: "SkyMap",
    leaf: NDArray[np.intp],
    distance_mpc: ArrayLike,
    distance_err_mpc: ArrayLike | None = None,
) -> FloatArray:
    """Natural log of dP/dV (Mpc^-3) = rho N exp(-(D - mu)^2 / 2 s^2) / (sqrt(2 pi) s).

    With an error of the galaxy's distance, its square is added to s^2 = sigma^2 (convolution of
    the Gaussian; r < 0 is neglected). NaN where the map has no distance or the galaxy has none;
    -inf outside the map.
    """
    far, leaf = np.broadcast_arrays(np.asarray(distance_mpc, dtype=np.float64), leaf)
    result = np.full(far.shape, np.nan)
    if skymap.distmu is None or skymap.distsigma is None or skymap.distnorm is None:
        return result
    mu, sigma, norm = skymap.distmu, skymap.distsigma, skymap.distnorm
    known = np.isfinite(far) & (far > 0)
    # per leaf first: there are far fewer leaves than galaxies
    good = known & (leaf >= 0) & distance.has_distance(mu, sigma, norm)[leaf]
    where, depth = leaf[good], far[good]
    with np.errstate(divide="ignore", invalid="ignore"):
        amplitude = np.log(skymap.probdensity) + np.log(norm) - 0.5 * np.log(2.0 * np.pi)
        spread = sigma[where]
        if distance_err_mpc is None:
            log_spread = np.log(sigma)[where]
        else:
            error = np.broadcast_to(np.asarray(distance_err_mpc, dtype=np.float64), far.shape)
            error = np.where(np.isfinite(error) & (error > 0), error, 0.0)[good]
            spread = np.sqrt(spread**2 + error**2)
            log_spread = np.log(spread)
        result[good] = amplitude[where] - log_spread - 0.5 * ((depth - mu[where]) / spread) ** 2
    result[known & (leaf == OUTSIDE)] = -np.inf
    return result


@dataclass(frozen=True, eq=False)
class VolumeLevels:
    """Credible level as a function of the log of the volume density; call it with an array.

    No grid of distances is laid over the map: each leaf's probability is spread over 64 or more
    nodes of its own distance distribution and histogrammed by density, so that one far galaxy in
    a list cannot coarsen the result of all. Leaves without distance are not counted, so levels
    may end below 1.
    """

    edges: FloatArray
    """Ascending natural logs of Mpc^-3."""
    enclosed: FloatArray
    """Probability at densities above each edge."""
    volume: FloatArray
    """Volume (Mpc^3) at densities above each edge."""

    @classmethod
    def of(cls, skymap: "SkyMap") -> "VolumeLevels":
        """Histogram a map."""
        nothing = cls(np.zeros(1), np.full(1, np.nan), np.full(1, np.nan))
        if skymap.distmu is None or skymap.distsigma is None or skymap.distnorm is None:
            return nothing
        good = np.flatnonzero(
            distance.has_distance(skymap.distmu, skymap.distsigma, skymap.distnorm)
            & (skymap.probability > 0)
        )
        if not good.size:
            return nothing
        mu, sigma, norm = skymap.distmu[good], skymap.distsigma[good], skymap.distnorm[good]
        log_rho = np.log(skymap.probdensity[good])
        inside = np.maximum(mu, 0.0)
        top = float(np.max(log_rho + distance.log_density(inside, mu, sigma, norm)))
        edges = np.linspace(top - _DEPTH, top, _BINS + 1)
        counts, volume = np.zeros(_BINS), np.zeros(_BINS)
        probability = skymap.probability[good]
        for lowest, highest, nodes in _TIERS:
            tier = np.flatnonzero((probability > lowest) & (probability <= highest))
            step = max(1, _CHUNK // nodes)
            for start in range(0, tier.size, step):
                part = tier[start : start + step]
                r, weight = distance.quadrature(mu[part], sigma[part], nodes)
                logs = log_rho[part, np.newaxis] + distance.log_density(
                    r,
                    mu[part, np.newaxis],
                    sigma[part, np.newaxis],
                    norm[part, np.newaxis],
                )
                bins = ((logs - edges[0]) * (_BINS / _DEPTH)).clip(0, _BINS - 1).astype(np.int64)
                share = weight * probability[part, np.newaxis]
                counts += np.bincount(bins.ravel(), weights=share.ravel(), minlength=_BINS)
                # dV = dP / (dP/dV); the last bin holds everything fainter and is left out
                share[bins == 0] = 0.0
                share *= np.exp(top - np.maximum(logs, edges[0]))
                volume += np.bincount(bins.ravel(), weights=share.ravel(), minlength=_BINS)
        with np.errstate(over="ignore", invalid="ignore"):
            return cls(edges, _from_above(counts), _from_above(volume) * np.exp(-top))

    def __call__(self, log_density: FloatArray) -> FloatArray:
        """Credible level of each log density; NaN stays NaN."""
        if len(self.edges) == 1:
            return np.full(np.shape(log_density), np.nan)
        result: FloatArray = np.interp(log_density, self.edges, self.enclosed)
        return result

    def volume_mpc3(self, level: float) -> float:
        """Smallest volume of that probability; NaN if the map has no distance (for so much)."""
        if not self.enclosed[0] >= level:
            return float("nan")
        return float(np.interp(level, self.enclosed[::-1], self.volume[::-1]))


def _from_above(counts: FloatArray) -> FloatArray:
    result: FloatArray = np.concatenate([np.cumsum(counts[::-1])[::-1], [0.0]])
    return result
