"""Oracles, map files and the reference data for the tests of the sky-map code."""

import gzip
import io
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from too_common.astro import leaves, pixels
from too_common.astro.skymap import SkyMap


@pytest.fixture(scope="session")
def ligo():
    """The parts of ligo.skymap that the tests compare with (it warns while it is imported)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ligo.skymap.distance
        import ligo.skymap.io
        import ligo.skymap.postprocess

    return ligo.skymap


@pytest.fixture(scope="session")
def healpy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import healpy

    return healpy


@pytest.fixture(scope="session")
def map_folder():
    """Folder of the reference maps."""
    root = os.environ.get("TOO_TEST_DATA")
    if root is None:
        pytest.skip("TOO_TEST_DATA is not set")
    folder = Path(root) / "skymaps"
    assert folder.is_dir(), f"TOO_TEST_DATA is set, but {folder} does not exist"
    return folder


def table_file(columns, cards, *, zipped=False):
    """A FITS file with one table; columns are (name, form, unit, values)."""
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column(name=name, format=form, unit=unit, array=values)
            for name, form, unit, values in columns
        ]
    )
    for key, value in cards.items():
        table.header[key] = value
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(buffer)
    data = buffer.getvalue()
    return gzip.compress(data, mtime=0) if zipped else data


def flat_file(values, *, ordering="NESTED", name="PROB", form="D", distance=None, zipped=False):
    """A flat map; `form` may be a vector such as 1024E."""
    columns = [(name, form, "pix-1", values)]
    if distance is not None:
        units = ("Mpc", "Mpc", "Mpc-2")
        names = ("DISTMU", "DISTSIGMA", "DISTNORM")
        columns += [(n, "D", u, v) for n, u, v in zip(names, units, distance, strict=True)]
    width = int(form[:-1] or 1)
    columns = [(n, f, u, np.reshape(v, (-1, width)).squeeze()) for n, f, u, v in columns]
    return table_file(
        columns, {"PIXTYPE": "HEALPIX", "ORDERING": ordering, "COORDSYS": "C"}, zipped=zipped
    )


def multiorder_file(uniq, density, *, distance=None, cards=None, unit="sr-1"):
    """A multi-order map."""
    columns = [("UNIQ", "K", None, uniq), ("PROBDENSITY", "D", unit, density)]
    if distance is not None:
        names = ("DISTMU", "DISTSIGMA", "DISTNORM")
        columns += [(n, "D", None, v) for n, v in zip(names, distance, strict=True)]
    return table_file(
        columns, {"PIXTYPE": "HEALPIX", "ORDERING": "NUNIQ", "COORDSYS": "C", **(cards or {})}
    )


def blob_density(order, ra_deg, dec_deg, sigma_deg):
    """Probability per pixel of a Fisher blob on a flat map (nested)."""
    from too_common.astro.sphere import separation_deg

    ra, dec = pixels.centres(order, np.arange(12 << (2 * order)))
    theta = separation_deg(ra_deg, dec_deg, ra, dec)
    density = np.exp(-2.0 * (np.sin(np.radians(theta / 2)) / np.radians(sigma_deg)) ** 2)
    return density / density.sum()


def random_map(rng, depth, *, with_distance=True):
    """A map of random leaves of orders 1 to `depth`, random densities and distances."""
    order, ipix = np.ones(48, dtype=np.int64), np.arange(48)
    for level in range(1, depth):
        split = (order == level) & (rng.random(len(order)) < 0.3)
        order, ipix = (
            np.concatenate([order[~split], np.full(4 * split.sum(), level + 1)]),
            np.concatenate([ipix[~split], (ipix[split, None] * 4 + np.arange(4)).ravel()]),
        )
    density = rng.lognormal(0.0, 2.0, len(order))
    density /= (density * pixels.pixel_area_sr(order)).sum()
    columns = [density]
    if with_distance:
        mu = rng.normal(100.0, 80.0, len(order))
        sigma = rng.uniform(10.0, 60.0, len(order))
        columns += [mu, sigma, _norms(mu, sigma)]
        nowhere = rng.random(len(order)) < 0.05
        for column, value in zip(columns[1:], (np.inf, 1.0, 0.0), strict=True):
            column[nowhere] = value
    table = leaves.Leaves(order.astype(np.int8), ipix, np.stack(columns, axis=1))
    return SkyMap.from_leaves(table)


def _norms(mu, sigma):
    r = np.linspace(0.0, 1500.0, 30_001)
    gauss = np.exp(-0.5 * ((r - mu[:, None]) / sigma[:, None]) ** 2)
    gauss /= np.sqrt(2 * np.pi) * sigma[:, None]
    return 1.0 / ((r**2 * gauss).sum(axis=1) * (r[1] - r[0]))


def on_grid(skymap, distance_mpc, ligo):
    """Distances moved onto the grid that crossmatch lays, so that its steps do not matter."""
    mean, _ = ligo.distance.parameters_to_marginal_moments(
        skymap.probability, skymap.distmu, skymap.distsigma
    )
    step = 6 * mean / 1000
    number = np.clip(np.round(np.asarray(distance_mpc) / step), 1, 998)
    return number * step * (1 + 1e-12)
