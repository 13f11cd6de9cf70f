"""Points, footprints, atoms and areas against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro.cone import cone_skymap
from too_common.astro.footprint import Footprint
from too_common.astro.sphere import unit_vectors
from too_planner import camera as module
from too_planner import camera_kernel, coverage, planning
from too_planner.coverage import Points

from .conftest import grid_of

SQUARE = Footprint.from_definition({"type": "square", "side_deg": 5.0})
CIRCLE = Footprint.from_definition({"type": "circle", "radius_deg": 3.0})


def scattered(count: int = 4000, seed: int = 1) -> Points:
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(0, 360, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
    return Points.make(ra, dec, np.full(count, 1 / count), np.full(count, 41253 / count))


EVERYWHERE = scattered()


@settings(max_examples=60, deadline=None)
@given(
    ra=st.floats(0, 360, exclude_max=True),
    dec=st.floats(-90, 90),
    camera=st.sampled_from([SQUARE, CIRCLE]),
)
def test_quick_search_finds_the_same_points_as_brute_force(ra, dec, camera):
    ours = EVERYWHERE.inside(camera, ra, dec)
    brute = np.flatnonzero(camera.contains(ra, dec, EVERYWHERE.ra_deg, EVERYWHERE.dec_deg))
    assert set(ours.tolist()) == set(brute.tolist())


SKEW = Footprint.from_definition(
    {"type": "polygons", "polygons": [[(-3, -1), (2, -2), (3, 2)], [(-3, 0), (1, 2), (-2, 3)]]}
)


@pytest.mark.parametrize("shape", ["ZTF", "circle", "square", "skew"])
def test_the_compiled_loop_sees_what_the_plain_one_sees(telescopes, monkeypatch, shape):
    cameras = {"circle": CIRCLE, "square": SQUARE, "skew": SKEW}
    camera = cameras.get(shape)
    if camera is None:
        telescope = telescopes[shape]
        camera = planning.footprint_of(telescope, grid_of(telescope))
    points = scattered(200_000, seed=4)
    rng = np.random.default_rng(8)
    ra, dec = rng.uniform(0, 360, 60), np.append(rng.uniform(-90, 90, 58), [90.0, -89.9])
    monkeypatch.setattr(module, "_kernel", lambda: None)
    plain = module.seen_points(points, camera, ra, dec)
    monkeypatch.setattr(module, "_kernel", lambda: camera_kernel)
    compiled = module.seen_points(points, camera, ra, dec)
    assert sum(len(index) for index in plain) > 1000
    for a, b in zip(plain, compiled, strict=True):
        assert np.array_equal(a, b)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), radius=st.floats(1.0, 40.0))
def test_fields_that_may_be_near_a_cell_hold_all_that_are(seed, radius):
    rng = np.random.default_rng(seed)
    cells = scattered(30, seed)
    ra, dec = rng.uniform(0, 360, 300), np.degrees(np.arcsin(rng.uniform(-1, 1, 300)))
    targets = planning.Target([str(i) for i in range(300)], ra, dec)
    perhaps = planning._perhaps_near(cells, targets, radius)
    closest = (unit_vectors(ra, dec) @ cells.vectors.T).max(axis=1)
    assert np.all(perhaps[closest >= np.cos(np.radians(radius))])


def test_points_hold_the_maps_probability_and_area():
    skymap = cone_skymap(359.0, -3.0, 4.0, 0.9)
    points = Points.of_map(skymap)
    assert points.weight.sum() == pytest.approx(0.9995, abs=6e-4)
    inside = points.weight > 0
    assert points.area_deg2[inside].sum() > 4**2 * np.pi


def test_ztf_sees_its_silicon_and_not_its_gaps(telescopes):
    ztf = telescopes["ZTF"]
    grid = grid_of(ztf)
    footprint = planning.footprint_of(ztf, grid)
    assert len(footprint.polygons) == 64
    assert coverage.footprint_area_deg2(footprint) == pytest.approx(47.7, abs=0.3)
    seen = footprint.contains(10.0, 20.0, [10.0, 10.5, 13.0], [20.0, 20.4, 21.0])
    assert seen.tolist() == [False, True, True]


def test_area_of_a_union_counts_overlaps_once():
    one = coverage.union_area_deg2(SQUARE, np.array([50.0]), np.array([10.0]))
    assert one == pytest.approx(25.0, abs=0.1)
    same = coverage.union_area_deg2(SQUARE, np.array([50.0, 50.0]), np.array([10.0, 10.0]))
    assert same == pytest.approx(one, rel=1e-3)
    half = coverage.union_area_deg2(SQUARE, np.array([50.0, 52.5]), np.array([0.0, 0.0]))
    assert half == pytest.approx(37.5, abs=0.6)
    apart = coverage.union_area_deg2(SQUARE, np.array([50.0, 150.0]), np.array([0.0, 0.0]))
    assert apart == pytest.approx(2 * one, rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_atoms_give_the_same_unions_as_points(seed):
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0, 1, 300)
    members = [
        np.unique(rng.integers(0, 300, rng.integers(0, 80))) for _ in range(int(rng.integers(1, 9)))
    ]
    atoms = coverage.make_atoms(members, weight)
    chosen = [i for i in range(len(members)) if rng.random() < 0.6]
    mask = coverage.union_of([members[i] for i in chosen], 300)
    assert atoms.union(chosen) == pytest.approx(weight[mask].sum(), abs=1e-9)
    covered = np.zeros(len(atoms.weight), dtype=bool)
    assert atoms.gain(0, covered) == pytest.approx(weight[members[0]].sum(), abs=1e-9)


def test_coarse_cells_keep_the_weight():
    cells = coverage.coarse_cells(EVERYWHERE)
    assert cells.weight.sum() == pytest.approx(1.0)
    assert len(cells) <= len(EVERYWHERE)


@pytest.mark.parametrize("side_deg", [0.004, 0.05, 3.0])
def test_cells_keep_the_weight_however_fine_they_are(side_deg):
    cells = coverage.coarse_cells(EVERYWHERE, side_deg)
    assert cells.weight.sum() == pytest.approx(EVERYWHERE.weight.sum())
    assert cells.area_deg2.sum() == pytest.approx(EVERYWHERE.area_deg2.sum())
    assert len(cells) <= len(EVERYWHERE)
    # a cell's place is the mean of its points: none lies far from one of them
    nearest = (cells.vectors @ EVERYWHERE.vectors.T).max(axis=1)
    assert np.degrees(np.arccos(np.clip(nearest, -1, 1))).max() < 1.5 * side_deg
