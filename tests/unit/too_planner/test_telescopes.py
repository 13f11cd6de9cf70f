"""Telescope files and field grids."""

import numpy as np
import pytest
from too_planner import fieldgrid
from too_planner import telescope as definitions
from too_planner.fieldgrid import GridError
from too_planner.telescope import TelescopeError, parse_definition

from .conftest import grid_of


def test_the_five_telescopes(telescopes):
    assert set(telescopes) == {"ZTF", "DECam", "KPED", "Gattini", "GROWTH-India"}
    assert telescopes["GROWTH-India"].provisional
    for telescope in telescopes.values():
        again = parse_definition(telescope.model_dump(mode="json"))
        assert again == telescope


@pytest.mark.parametrize(
    ("name", "fields", "low", "high"),
    [
        ("ZTF", 1778, 1, 1897),
        ("DECam", 13092, 3115, 16206),
        ("Gattini", 1329, 1, 1329),
    ],
)
def test_the_grids(telescopes, name, fields, low, high):
    grid = grid_of(telescopes[name])
    assert len(grid) == fields
    assert (grid.field_id.min(), grid.field_id.max()) == (low, high)
    assert grid.credit
    assert len(fieldgrid.to_bytes(grid)) < 400_000


def test_ztf_has_a_primary_and_a_secondary_grid(telescopes):
    grid = grid_of(telescopes["ZTF"])
    assert grid.sets[0] == "primary"
    assert "secondary" in grid.sets
    assert grid.select(("primary",)).field_id.max() == 880
    assert grid.select(("secondary",)).field_id.min() >= 1000
    with pytest.raises(GridError, match="no field set 'third'"):
        grid.select(("third",))
    with pytest.raises(GridError, match="unknown field 999"):
        grid.indices_of([500, 999])


def test_compact_files_keep_what_they_hold(telescopes):
    grid = grid_of(telescopes["ZTF"])
    again = fieldgrid.from_bytes(fieldgrid.to_bytes(grid))
    assert np.array_equal(again.field_id, grid.field_id)
    assert np.allclose(again.ra_deg, grid.ra_deg, atol=1e-5)
    assert np.allclose(again.rectangles_deg, grid.rectangles_deg, atol=1e-6)
    with pytest.raises(GridError, match="not a grid file"):
        fieldgrid.from_bytes(b"PK nonsense")


def test_a_ring_tiling_leaves_no_hole_between_its_neighbours():
    grid = fieldgrid.ring_grid(2.0, -10.0, 60.0)
    assert grid.field_id.tolist() == list(range(1, len(grid) + 1))
    rng = np.random.default_rng(2)
    ra, dec = rng.uniform(0, 360, 300), rng.uniform(-10, 60, 300)
    from too_common.astro.footprint import Footprint

    camera = Footprint.from_definition({"type": "square", "side_deg": 2.1})
    seen = np.zeros(300, dtype=bool)
    for field_ra, field_dec in zip(grid.ra_deg, grid.dec_deg, strict=True):
        seen |= camera.contains(float(field_ra), float(field_dec), ra, dec)
    assert seen.mean() > 0.99


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (([1, 1], [0, 1], [0, 0]), "field 1 is there more than once"),
        (([1, 2], [0, 1], [0, 91]), "off the sky"),
        (([1], [0, 1], [0, 0]), "differ in length"),
        (([], [], []), "no fields"),
    ],
)
def test_bad_grids_are_refused(columns, words):
    with pytest.raises(GridError, match=words):
        fieldgrid.make_grid(*columns)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"site": {"latitude_deg": 99}}, "site.latitude_deg"),
        ({"filters": ["g", "g"]}, "named twice"),
        ({"defaults": {"filters": ["y"], "exposure_times_s": [30]}}, "not among"),
        ({"defaults": {"filters": ["g"], "exposure_times_s": [30, 40]}}, "same length"),
        ({"name": "../../etc"}, "name"),
        ({"colour": "blue"}, "colour"),
        ({"footprint": {"type": "circle"}}, "measure"),
        ({"grid": {"file": None}}, "free pointing"),
    ],
)
def test_bad_files_are_refused_with_the_place(telescopes, change, words):
    raw = telescopes["Gattini"].model_dump(mode="json") | {"filters": ["g", "J"]}
    for key, value in change.items():
        raw[key] = raw[key] | value if isinstance(value, dict) and key == "site" else value
    with pytest.raises(TelescopeError, match=words):
        parse_definition(raw)


def test_an_operators_folder_replaces_and_adds(tmp_path, telescopes):
    import yaml

    own = telescopes["KPED"].model_dump(mode="json") | {"long_name": "ours"}
    (tmp_path / "kped.yaml").write_text(yaml.safe_dump(own))
    (tmp_path / "new.yaml").write_text(yaml.safe_dump(own | {"name": "NEW"}))
    found = definitions.read_definitions(definitions.BUILT_IN, tmp_path)
    assert found["KPED"].long_name == "ours"
    assert len(found) == 6
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(TelescopeError, match="not YAML"):
        definitions.read_definitions(tmp_path)
