"""Coverage as MOC: canonical, read back, the sky that the camera really sees."""

import io

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro import pixels
from too_common.astro.footprint import Footprint
from too_planner import coverage, fieldgrid, moc, planning
from too_planner.telescope import BUILT_IN, read_definitions


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 12 * 4**3 - 1)), st.sets(st.integers(0, 12 * 4**2 - 1)))
def test_a_coverage_has_one_form_and_survives_both_files(single, families):
    fine = single | {4 * parent + child for parent in families for child in range(4)}
    made = moc.canonical(np.array(sorted(fine), dtype=np.int64), 3)
    assert max(made) == 3
    whole = {cell for order, cells in made.items() for cell in _descend(order, cells, 3)}
    assert whole == fine
    assert moc.checked(made) is made
    for again in (moc.from_json(moc.to_json(made)), moc.from_fits(moc.to_fits(made, {}))):
        assert {k: v.tolist() for k, v in again.items() if len(v)} == {
            k: v.tolist() for k, v in made.items() if len(v)
        }
        assert max(again) == 3


def _descend(order, cells, to):
    return [
        cell * 4 ** (to - order) + child for cell in cells for child in range(4 ** (to - order))
    ]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({2: [0, 1, 2, 3]}, "siblings"),
        ({1: [0], 2: [1]}, "covers another"),
        ({2: [7, 5]}, "ascending"),
        ({0: [12]}, "does not exist"),
        ({30: [0]}, "no order"),
    ],
)
def test_what_is_not_canonical_is_refused(bad, why):
    with pytest.raises(moc.MocError, match=why):
        moc.checked({order: np.array(cells) for order, cells in bad.items()})


def test_the_header_is_that_of_the_standard():
    made = moc.canonical(np.arange(9, dtype=np.int64), 5)
    data = moc.to_fits(made, {"OBJECT": ("S1", "event")}, comments=["how: so"])
    with fits.open(io.BytesIO(data)) as units:
        header = units[1].header
        assert units[1].columns.names == ["UNIQ"]
        assert units[1].columns.formats == ["K"]
        assert (header["MOCVERS"], header["MOCDIM"]) == ("2.0", "SPACE")
        assert (header["ORDERING"], header["COORDSYS"]) == ("NUNIQ", "C")
        assert header["MOCORD_S"] == 5
        assert header["OBJECT"] == "S1"
        assert list(header["COMMENT"]) == ["how: so"]
        uniq = np.asarray(units[1].data["UNIQ"])
    # NUNIQ of the standard: 4 * 4^order + index
    assert sorted(uniq.tolist()) == [4 * 4**4, 4 * 4**4 + 1, 4 * 4**5 + 8]


def test_the_coverage_of_a_camera_with_gaps_is_what_its_chips_see():
    telescope = read_definitions(BUILT_IN)["ZTF"]
    grid = fieldgrid.load_grid(BUILT_IN.parent / "grids" / "ztf.npz")
    footprint = planning.footprint_of(telescope, grid)
    places = [(0.5, 80.0), (359.9, 74.0), (120.0, -20.0), (120.0, -20.0)]
    made = moc.coverage_moc(footprint, places)
    ra, dec = (np.array(values) for values in zip(*places, strict=True))
    wanted = coverage.union_area_deg2(footprint, ra[:3], dec[:3])
    assert moc.area_deg2(made) == pytest.approx(wanted, rel=0.01)
    # every cell's centre is seen by a chip; points well inside chips are in cells
    rng = np.random.default_rng(1)
    for centre in places[:3]:
        near_ra = centre[0] + rng.uniform(-4, 4, 3000) / np.cos(np.radians(centre[1]))
        near_dec = np.clip(centre[1] + rng.uniform(-4, 4, 3000), -90, 90)
        inside = np.zeros(3000, dtype=bool)
        for place in places[:3]:
            inside |= footprint.contains(*place, near_ra, near_dec)
        covered = moc.contains(made, near_ra % 360, near_dec)
        # only at the edges of chips may a cell differ from a point
        assert (inside != covered).mean() < 0.05
    finest = max(made)
    centres = pixels.centres(np.full(len(made[finest]), finest), made[finest])
    seen = np.zeros(len(made[finest]), dtype=bool)
    for place in places[:3]:
        seen |= footprint.contains(*place, *centres)
    assert seen.all()


def test_no_pointing_covers_nothing_and_small_cameras_get_fine_cells():
    circle = Footprint.from_definition({"type": "circle", "radius_deg": 0.05})
    empty = moc.coverage_moc(circle, [])
    assert moc.area_deg2(empty) == 0
    assert moc.from_json(moc.to_json(empty)).keys() == empty.keys()
    one = moc.coverage_moc(circle, [(10.0, 89.99)])
    assert moc.area_deg2(one) == pytest.approx(np.pi * 0.05**2, rel=0.02)
