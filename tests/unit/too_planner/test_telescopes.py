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


OWN = """\
name: Own
long_name: A telescope of our own
site: {latitude_deg: 28.3, longitude_deg: -16.5, elevation_m: 2390.0, timezone: Atlantic/Canary}
footprint:
  type: square
  side_deg: 1.5
grid: {file: own.csv, sets: [main]}
filters: [g, r]
timing:
  overhead_s: 12.0
  slew:
    model: rate
    rate_deg_per_s: 2.0
defaults:
  filters: [r]
  exposure_times_s: [60.0]
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("side_deg: 1.5", "side_deg: wide", "line 6, footprint.side_deg: Input should be a valid"),
        ("rate_deg_per_s: 2.0", "rate_deg_per_s: -2", "line 13, timing.slew.rate.rate_deg_per_s"),
        ("filters: [r]", "filters: []", "line 15, defaults.filters"),
        ("filters: [g, r]", "filters: [g, r]\ncolour: blue", "line 9, colour: Extra inputs"),
        ("latitude_deg: 28.3, ", "", "line 3, site.latitude_deg: Field required"),
        ("timing:", "timing: [", "not YAML"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(tmp_path, old, new, words):
    path = tmp_path / "own.yaml"
    assert definitions.parse_text(OWN).name == "Own"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(TelescopeError, match=r"own\.yaml: ") as caught:
        definitions.read_definition(path)
    assert words in str(caught.value)


def test_a_grid_may_be_a_table(tmp_path):
    table = b"# ours\nfield_id,ra,dec,set\n1,10,20,main\n2,-30,20,extra\n"
    grid = fieldgrid.from_bytes(fieldgrid.compact(table))
    assert grid.sets == ("main", "extra")
    assert grid.ra_deg == pytest.approx([10, 330])
    (tmp_path / "own.csv").write_bytes(table)
    assert len(fieldgrid.load_grid(tmp_path / "own.csv")) == 2
    same = fieldgrid.to_bytes(grid)
    assert fieldgrid.compact(same) == same


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (b"", "the grid is empty"),
        (b"id,ra\n1,2\n", "line 1: no column dec_deg"),
        (b"id,ra,dec\n1,2,3\n\n1,3,4\n", "line 4: field 1 is there already, in line 2"),
        (b"id,ra,dec\n1,2,x\n", "line 2, column dec_deg: not a number: 'x'"),
        (b"id,ra,dec\n1.5,2,3\n", "line 2, column field_id: 1.5 is not allowed"),
        (b"id,ra,dec\n1,2,99\n", "line 2: field 1 lies off the sky"),
        (b"id,ra,dec\n1,2\n", "line 2, column dec_deg: not a number"),
        (b"id,ra,dec\n", "the grid has no fields"),
        (b"\xff\xfe", "neither a grid file nor a table"),
    ],
)
def test_a_bad_table_says_where(table, words):
    with pytest.raises(GridError, match=words):
        fieldgrid.compact(table)


def test_duplicate_ids_in_a_compact_file_are_refused():
    grid = fieldgrid.make_grid([1, 2], [0, 1], [0, 0])
    bad = fieldgrid.FieldGrid(np.array([7, 7]), grid.ra_deg, grid.dec_deg, grid.set_code, grid.sets)
    with pytest.raises(GridError, match="field 7 is there more than once"):
        fieldgrid.from_bytes(fieldgrid.to_bytes(bad))


def test_ztfs_camera_has_64_quadrants_with_gaps_between(telescopes):
    from too_planner import coverage, planning

    camera = planning.footprint_of(telescopes["ZTF"], grid_of(telescopes["ZTF"]))
    assert len(camera.polygons) == 64
    assert coverage.footprint_area_deg2(camera) == pytest.approx(47.7, abs=0.4)
    x, y = np.meshgrid(np.linspace(-4, 4, 801), np.linspace(-4, 4, 801))
    inside = camera.contains_plane(x.ravel(), y.ravel()).reshape(x.shape)
    # along lines through the middle the camera is cut by the gaps between its CCDs
    row = inside[:, 500]
    assert int(np.abs(np.diff(row.astype(int))).sum()) >= 8


def test_every_telescope_has_its_own_twilight_and_pointing(telescopes):
    for telescope in telescopes.values():
        assert -18 <= telescope.limits.sun_altitude_max_deg <= -12
    free = {name for name, item in telescopes.items() if item.grid.free_pointing}
    assert free == {"DECam", "GROWTH-India", "KPED"}
