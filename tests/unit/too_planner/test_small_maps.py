"""Small regions get one centred tile; free pointings cover wide ones."""

import numpy as np
import pytest
from too_common.astro.cone import cone_skymap
from too_planner import making, planning, pointings, targets
from too_planner.checker import check_plan
from too_planner.coverage import Points
from too_planner.request import PlanRequest, resolve

from .conftest import NOW, grid_of


def _choose(telescopes, name, skymap, **values):
    telescope = telescopes[name]
    asked = {"require_references": False, "probability": 1.0} | values
    parameters = resolve(PlanRequest(telescope=name, **asked), telescope, now=NOW)
    points = Points.of_map(skymap)
    material = making.Material(telescope, parameters, grid_of(telescope), points, skymap)
    inputs, chosen = making.inputs_of(material)
    return planning.make_plan(inputs), chosen, points, inputs.footprint


@pytest.mark.parametrize(
    ("name", "radius_deg"), [("DECam", 0.02), ("DECam", 0.5), ("GROWTH-India", 0.15)]
)
def test_a_region_in_the_field_of_view_gets_one_centred_tile(telescopes, name, radius_deg):
    skymap = cone_skymap(115.3, 10.2, radius_deg, 0.9)
    plan, chosen, points, footprint = _choose(telescopes, name, skymap)
    assert len(chosen.targets) == 1
    assert chosen.notes == ("the region fits the field of view: one centred tile",)
    row = plan.exposures[0]
    # counted by hand: the share of the map's points in the camera there
    inside = footprint.contains(row.ra_deg, row.dec_deg, points.ra_deg, points.dec_deg)
    assert plan.statistics.probability == pytest.approx(points.weight[inside].sum(), abs=1e-5)
    assert plan.statistics.probability > 0.99
    # and it is centred
    away = np.hypot((row.ra_deg - 115.3) * np.cos(np.radians(10.2)), row.dec_deg - 10.2)
    assert away < 0.1 * footprint.radius_deg + 0.01
    assert check_plan(plan, telescopes[name]) == []


def test_a_region_that_does_not_fit_is_tiled_by_the_grid(telescopes):
    plan, chosen, _, _ = _choose(telescopes, "DECam", cone_skymap(115.0, 10.0, 2.5, 0.9))
    assert len(chosen.targets) > 1000
    assert all(row.field_id.isdigit() for row in plan.exposures)
    fixed, chosen, _, _ = _choose(
        telescopes, "DECam", cone_skymap(115.0, 10.0, 0.3, 0.9), centred=False
    )
    assert len(chosen.targets) > 1000
    assert fixed.exposures[0].field_id.isdigit()


def test_a_small_region_in_the_gaps_of_one_set_uses_the_others(telescopes):
    skymap = cone_skymap(115.0, 10.0, 1.0, 0.9)
    plan, chosen, _, _ = _choose(telescopes, "ZTF", skymap)
    assert "fields of all sets are used" in chosen.notes[0]
    primary, _, _, _ = _choose(telescopes, "ZTF", skymap, field_sets=["primary"])
    assert plan.statistics.probability > primary.statistics.probability + 0.05


def test_a_camera_with_gaps_gets_two_tiles_close_together(telescopes):
    ztf = telescopes["ZTF"]
    camera = planning.footprint_of(ztf, grid_of(ztf))
    points = Points.of_map(cone_skymap(115.0, 10.0, 2.0, 0.9), 9)
    tiles = pointings.single_tile(points, camera, level=0.8)
    assert len(tiles) == 2
    assert tiles[0].weight > tiles[1].weight > pointings.WORTH_A_DITHER
    union = np.zeros(len(points), dtype=bool)
    for tile in tiles:
        union[tile.members] = True
    assert points.weight[union].sum() > 0.97
    assert pointings.single_tile(Points.of_map(cone_skymap(1, 1, 9.0, 0.9), 7), camera) == []


def test_free_pointings_beat_the_grid(telescopes):
    """The same camera, night and number of fields."""
    skymap = cone_skymap(115.0, 10.0, 2.5, 0.9)
    same = {"filters": ["r"], "exposure_times_s": [60.0], "max_fields": 8, "dither": False}
    free, chosen, points, camera = _choose(telescopes, "DECam", skymap, strategy="free", **same)
    grid, _, _, _ = _choose(telescopes, "DECam", skymap, strategy="tiling", **same)
    assert check_plan(free, telescopes["DECam"]) == []
    assert free.statistics.fields <= 8
    assert free.statistics.probability > grid.statistics.probability
    assert any(row.field_id.startswith("J1") for row in free.exposures)
    tiles = pointings.free_tiles(points, camera, 8)
    again = pointings.free_tiles(points, camera, 8)
    assert [(t.ra_deg, t.dec_deg) for t in tiles] == [(t.ra_deg, t.dec_deg) for t in again]
    assert targets._fits(camera, points) is False
    assert len(chosen.targets) >= 8
