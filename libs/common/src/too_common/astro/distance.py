"""Distance along each line of sight: the parametrisation of Singer et al. 2016 (ApJS 226, 10).

Given a pixel, p(r) = N r^2 exp(-(r - mu)^2 / (2 sigma^2)) / (sqrt(2 pi) sigma), r >= 0. `mu` is a
parameter and no distance: it is often negative, down to -1e5 and beyond, with N up to 1e68. So
everything here works with logarithms in float64 and around the mode of r^2 times the Gaussian.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from too_common.astro.sphere import FloatArray

NODES = 64
_CHUNK = 20_000
_SIGMA_MPC = (1e-6, 1e7)
_MAX_MU_MPC = 1e8


def has_distance(mu: FloatArray, sigma: FloatArray, norm: FloatArray) -> NDArray[np.bool_]:
    """Mask of the pixels that have a distance (the others have mu = inf, sigma = 1, N = 0).

    Values beyond any meaning (a sigma of a parsec, or of a thousand Hubble lengths) count as none.
    """
    low, high = _SIGMA_MPC
    result: NDArray[np.bool_] = (
        (np.abs(mu) < _MAX_MU_MPC)
        & (sigma > low)
        & (sigma < high)
        & (norm > 0)
        & (norm < np.finfo(np.float64).max)
    )
    return result


def mode(mu: FloatArray, sigma: FloatArray) -> FloatArray:
    """Most probable distance of each pixel; without cancellation for negative mu."""
    root = np.hypot(mu, np.sqrt(8.0) * sigma)
    with np.errstate(divide="ignore", invalid="ignore"):
        result: FloatArray = np.where(mu > 0, 0.5 * (mu + root), 4.0 * sigma**2 / (root - mu))
    return result


def log_density(
    distance: ArrayLike, mu: FloatArray, sigma: FloatArray, norm: FloatArray
) -> FloatArray:
    """Natural log of N exp(-(r - mu)^2 / 2 sigma^2) / (sqrt(2 pi) sigma): p(r) without r^2."""
    z = (np.asarray(distance, dtype=np.float64) - mu) / sigma
    result: FloatArray = np.log(norm) - 0.5 * z * z - np.log(np.sqrt(2.0 * np.pi) * sigma)
    return result


def quadrature(
    mu: FloatArray, sigma: FloatArray, nodes: int = NODES
) -> tuple[FloatArray, FloatArray]:
    """Nodes and normalised weights of p(r) for each pixel.

    Over the part of r >= 0 that holds all but 1e-6 of the probability: Gauss-Legendre, or equal
    steps if more than :data:`NODES` are asked for.

    Returns
    -------
    r, weight : ndarray of shape (n, nodes)
        Distances, and the probability of each node; the weights of a pixel sum to 1.
    """
    if nodes <= NODES:
        x, w = np.polynomial.legendre.leggauss(nodes)
    else:
        x, w = (2.0 * np.arange(nodes) + 1.0) / nodes - 1.0, np.ones(nodes)
    peak = mode(mu, sigma)
    width = 1.0 / np.sqrt(2.0 / peak**2 + 1.0 / sigma**2)
    low = np.maximum(0.0, peak - 7.0 * width)
    high = peak + 12.0 * width
    half = 0.5 * (high - low)
    r = (low + half)[:, np.newaxis] + half[:, np.newaxis] * x
    # relative to the mode, so that neither a huge |mu| nor a huge N can overflow
    exponent = (-0.5 * (r - peak[:, np.newaxis]) * (r + (peak - 2.0 * mu)[:, np.newaxis])) / sigma[
        :, np.newaxis
    ] ** 2
    weight = w * (r / peak[:, np.newaxis]) ** 2 * np.exp(exponent)
    weight /= weight.sum(axis=1, keepdims=True)
    return r, weight


def moments(mu: FloatArray, sigma: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the distance of each pixel."""
    mean = np.empty(len(mu))
    std = np.empty(len(mu))
    for start in range(0, len(mu), _CHUNK):
        part = slice(start, start + _CHUNK)
        r, weight = quadrature(mu[part], sigma[part])
        mean[part] = (weight * r).sum(axis=1)
        std[part] = np.sqrt((weight * (r - mean[part, np.newaxis]) ** 2).sum(axis=1))
    return mean, std


def marginal_moments(
    probability: FloatArray, mu: FloatArray, sigma: FloatArray, norm: FloatArray
) -> tuple[float, float] | None:
    """Mean and standard deviation of the distance over the sky; None if no pixel has one."""
    good = has_distance(mu, sigma, norm) & (probability > 0)
    if not good.any():
        return None
    weight = probability[good]
    mean, std = moments(mu[good], sigma[good])
    total = weight.sum()
    first = float((weight * mean).sum() / total)
    second = float((weight * (std**2 + (mean - first) ** 2)).sum() / total)
    return first, float(np.sqrt(second))
