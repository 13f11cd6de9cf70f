"""Real and simulated maps of the reference data against ligo.skymap."""

import csv

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from shapely.geometry import shape
from too_common.astro import leaves, pixels, sphere
from too_common.astro.skymap import SkyMap

from .conftest import on_grid

pytestmark = pytest.mark.corpus

FILES = [
    "MS181101ab-bayestar.multiorder.fits",
    "MS181101ab-combined-ext.multiorder.fits",
    "MS220722v_bayestar.multiorder.fits",
    "MS260605l-PRELIMINARY-embedded.multiorder.fits",
    "S190425z-bayestar.fits.gz",
    "S241125n-INITIAL-embedded.multiorder.fits",
    "S241125n-UPDATE-embedded.multiorder.fits",
    "glg_healpix_all_bn180116026.fit",
    "sim_GBM_15deg.moc.fits",
    "sim_HLV_30deg2.moc.fits",
    "sim_HL_arc1500.moc.fits",
    "sim_IceCube_track.moc.fits",
]


@pytest.fixture(params=FILES)
def name(request, map_folder):
    return request.param


def reference(ligo, path, moc):
    """The file as a multi-order table of ligo.skymap."""
    if moc:
        return ligo.io.read_sky_map(str(path), moc=True)
    from ligo.skymap import bayestar

    table = ligo.io.read_sky_map(str(path), moc=False, nest=True, distances=".gz" in path.name)
    columns = table[0] if isinstance(table[0], tuple) else (table[0],)
    names = ("PROB", "DISTMU", "DISTSIGMA", "DISTNORM")[: len(columns)]
    return bayestar.derasterize(Table(dict(zip(names, columns, strict=True))))


def test_facts_against_ligo_and_the_index(ligo, map_folder, name):
    path = map_folder / name
    with (map_folder / "INDEX.csv").open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["file"] == name)
    skymap = SkyMap.from_fits(path.read_bytes())
    facts = skymap.facts()
    table = reference(ligo, path, row["ordering"] == "NUNIQ")
    on_the_sky = table["UNIQ", "PROBDENSITY"]
    expected = ligo.postprocess.crossmatch(on_the_sky, contours=(0.5, 0.9)).contour_areas
    assert facts.area50_deg2 == pytest.approx(expected[0], rel=1e-3)
    assert facts.area90_deg2 == pytest.approx(expected[1], rel=1e-3)
    assert facts.area90_deg2 == pytest.approx(float(row["area90_deg2"]), rel=2e-3)
    peak = (float(row["peak_ra_deg"]), float(row["peak_dec_deg"]))
    assert sphere.separation_deg(*peak, facts.peak_ra_deg, facts.peak_dec_deg) < 0.01
    assert facts.is_3d == bool(row["distance_mean_mpc"])
    if facts.is_3d:
        assert facts.distance_mean_mpc == pytest.approx(float(row["distance_mean_mpc"]), rel=4e-3)
        good = np.isfinite(table["DISTMU"])
        from ligo.skymap import moc

        area = moc.uniq2pixarea(np.asarray(table["UNIQ"]))[good]
        probability = np.asarray(table["PROBDENSITY"])[good] * area
        mean, std = ligo.distance.parameters_to_marginal_moments(
            probability / probability.sum(),
            np.asarray(table["DISTMU"])[good],
            np.asarray(table["DISTSIGMA"])[good],
        )
        assert facts.distance_mean_mpc == pytest.approx(mean, rel=1e-4)
        assert facts.distance_std_mpc == pytest.approx(std, rel=1e-3)


def test_levels_on_the_sky_against_ligo(ligo, map_folder, name):
    skymap = SkyMap.from_fits((map_folder / name).read_bytes())
    table = Table({"UNIQ": skymap.uniq, "PROBDENSITY": skymap.probdensity})
    ra, dec = draw(skymap, 1500)
    expected = ligo.postprocess.crossmatch(table, SkyCoord(ra * u.deg, dec * u.deg))
    # leaves of equal density: theirs in the order of rows, ours all at the end of the group
    difference = np.abs(skymap.credible_level(ra, dec) - expected.searched_prob)
    assert np.median(difference) < 1e-4
    assert difference.max() < 0.01
    assert np.allclose(skymap.density(ra, dec), expected.probdensity)


def draw(skymap, count):
    rng = np.random.default_rng(9)
    leaf = rng.choice(len(skymap), count, p=skymap.probability / skymap.probability.sum())
    return pixels.centres(skymap.order[leaf].astype(int), skymap.ipix[leaf])


@pytest.mark.parametrize(
    ("deep", "prune"),
    [
        ("MS181101ab-bayestar.multiorder.fits", 0.999),
        ("S241125n-UPDATE-embedded.multiorder.fits", 0.6),
    ],
)
def test_levels_in_space_against_ligo(ligo, map_folder, deep, prune):
    whole = SkyMap.from_fits((map_folder / deep).read_bytes())
    # the densest leaves as a map of their own: crossmatch takes a minute and 2 GB for all of them
    kept = whole.leaf_levels <= prune
    names = ("probdensity", "distmu", "distsigma", "distnorm")
    values = np.stack([getattr(whole, name)[kept] for name in names], axis=1)
    values[:, 0] /= whole.probability[kept].sum()
    skymap = SkyMap.from_leaves(leaves.Leaves(whole.order[kept], whole.ipix[kept], values))
    table = Table({"UNIQ": skymap.uniq})
    for name in names:
        table[name.upper()] = getattr(skymap, name)
    ra, dec = draw(skymap, 1500)
    facts = skymap.facts()
    rng = np.random.default_rng(3)
    far = rng.normal(facts.distance_mean_mpc, 1.5 * facts.distance_std_mpc, len(ra))
    far = on_grid(skymap, np.abs(far), ligo)
    places = SkyCoord(ra * u.deg, dec * u.deg, far * u.Mpc)
    expected = ligo.postprocess.crossmatch(table, places)
    level = skymap.credible_level_3d(ra, dec, far)
    known = ~np.isnan(level)
    assert known.mean() > 0.95
    assert np.abs(level - expected.searched_prob_vol)[known].max() < 0.01


def test_round_trip_contours_and_points(map_folder, name):
    skymap = SkyMap.from_fits((map_folder / name).read_bytes())
    data = skymap.to_fits()
    assert SkyMap.from_fits(data).to_fits() == data
    ra, dec, probability = skymap.points(8, 0.99)
    assert 0.99 <= probability.sum() < 0.995
    assert (skymap.credible_level(ra, dec) <= 1.0).all()
    for feature in skymap.contours()["features"]:
        assert shape(feature["geometry"]).is_valid
        rings = [ring for polygon in feature["geometry"]["coordinates"] for ring in polygon]
        assert 4 <= sum(len(ring) for ring in rings) < 10_000
        area = sum(area_deg2(ring) for ring in rings)
        assert area == pytest.approx(feature["properties"]["area_deg2"], rel=5e-3)


def area_deg2(ring):
    lon, lat = np.radians(np.array(ring).T)
    height = np.sin(lat)
    area = 0.5 * (lon[:-1] * height[1:] - lon[1:] * height[:-1]).sum()
    return area * sphere.DEG2_PER_SR
