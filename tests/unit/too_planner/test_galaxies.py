"""Galaxies as targets."""

import numpy as np
import pytest
from too_common.astro import pixels
from too_common.astro.footprint import Footprint
from too_planner import galaxies, planning
from too_planner.checker import check_plan
from too_planner.galaxies import CATALOGUE_DTYPE, CatalogueError
from too_planner.request import PlanRequest, resolve

from .conftest import NOW

CAMERA = Footprint.from_definition({"type": "square", "side_deg": 0.083})


def catalogue(ra, dec, **columns) -> np.ndarray:
    rows = np.zeros(len(ra), dtype=CATALOGUE_DTYPE)
    rows["ra_deg"], rows["dec_deg"] = ra, dec
    rows["hpx29"] = pixels.lonlat_to_index(rows["ra_deg"], rows["dec_deg"])
    rows["distance_mpc"], rows["distance_err_mpc"] = 50.0, 5.0
    rows["b_mag"], rows["log_mstar"] = np.nan, 10.0
    rows["name"] = [f"G{i}".encode() for i in range(len(ra))]
    for name, values in columns.items():
        rows[name] = values
    rows.sort(order="hpx29")
    return rows


def test_neighbours_share_a_pointing(skymap):
    rows = catalogue([115.0, 115.03, 115.01, 118.0, 300.0], [10.0, 10.02, 9.99, 10.0, 10.0])
    found = galaxies.choose_galaxies(rows, skymap, CAMERA)
    assert len(found.targets) == 2
    assert len(found.points) == 4
    assert {row["name"] for row in found.rows} == {"G0", "G1", "G2", "G3"}
    members = [
        found.points.inside(CAMERA, float(ra), float(dec))
        for ra, dec in zip(found.targets.ra_deg, found.targets.dec_deg, strict=True)
    ]
    assert sorted(len(index) for index in members) == [1, 3]


def test_heavier_galaxies_weigh_more(skymap):
    rows = catalogue([115.0, 115.5], [10.0, 10.0], log_mstar=[9.0, 11.0])
    found = galaxies.choose_galaxies(rows, skymap, CAMERA)
    assert found.rows[0]["name"] == "G1"
    assert sum(row["score"] for row in found.rows) == pytest.approx(1.0, abs=1e-5)


def test_no_galaxy_is_a_reason(skymap):
    with pytest.raises(CatalogueError, match="no galaxy"):
        galaxies.choose_galaxies(catalogue([300.0], [-40.0]), skymap, CAMERA)


def test_snapshots_are_mapped_and_checked(tmp_path):
    path = tmp_path / "snapshot"
    with path.open("wb") as stream:
        np.save(stream, catalogue([1.0, 2.0], [3.0, 4.0]))
    assert len(galaxies.open_catalogue(path)) == 2
    path.write_bytes(b"nonsense")
    with pytest.raises(CatalogueError, match="not a catalogue"):
        galaxies.open_catalogue(path)
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3, dtype=[("ra_deg", "f8")]))
    with pytest.raises(CatalogueError, match="no column hpx29"):
        galaxies.open_catalogue(path)


def test_a_galaxy_plan_is_feasible_and_covers_score(telescopes, skymap, points):
    kped = telescopes["KPED"]
    rng = np.random.default_rng(4)
    rows = catalogue(115 + rng.normal(0, 2, 300), 10 + rng.normal(0, 2, 300))
    footprint = planning.footprint_of(kped, None)
    found = galaxies.choose_galaxies(rows, skymap, footprint)
    parameters = resolve(PlanRequest(telescope="KPED"), kped, now=NOW)
    plan = planning.make_plan(
        planning.Inputs(
            telescope=kped,
            footprint=footprint,
            parameters=parameters,
            targets=found.targets,
            points=points,
            skymap=skymap,
            weight_points=found.points,
        )
    )
    assert check_plan(plan, kped) == []
    assert plan.galaxy_score > 0.3
    assert plan.statistics.probability < 0.05
    assert plan.exposures[0].field_id.startswith("G")
