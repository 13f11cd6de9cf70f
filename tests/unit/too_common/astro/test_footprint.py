"""Fields of view on the tangent plane."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro import sphere
from too_common.astro.footprint import Footprint

RA = st.floats(0.0, 360.0, exclude_max=True)
DEC = st.floats(-90.0, 90.0)

CIRCLE = Footprint.from_definition({"shape": "circle", "radius_deg": 1.1})
SQUARE = Footprint.from_definition({"shape": "square", "side_deg": 6.86})
QUADRANTS = Footprint.from_definition(
    {
        "shape": "rectangles",
        "rectangles": [
            [0.92 * (i - 3.5), 0.92 * (j - 3.5), 0.43, 0.43] for i in range(8) for j in range(8)
        ],
    }
)
POLYGONS = Footprint.from_definition(
    {
        "shape": "polygons",
        "polygons": [[[-1, -1], [1, -1], [0, 1], [-1, -1]], [[2, 2], [3, 2], [2, 3]]],
    }
)
ALL = [CIRCLE, SQUARE, QUADRANTS, POLYGONS]


@settings(max_examples=100, deadline=None)
@given(RA, DEC, st.floats(0.0, 360.0), st.floats(0.0, 3.0))
def test_circle(ra, dec, angle, distance):
    there = sphere.offset_deg(ra, dec, angle, distance)
    if abs(distance - 1.1) > 1e-9:
        assert bool(CIRCLE.contains(ra, dec, *there)) == (distance < 1.1)


@settings(max_examples=150, deadline=None)
@given(RA, DEC, st.floats(-6.0, 6.0), st.floats(-6.0, 6.0))
def test_plane_and_sphere_agree_everywhere(ra, dec, x, y):
    there = sphere.from_tangent_plane(ra, dec, x, y)
    for footprint in ALL:
        grown, shrunk = (
            footprint.contains_plane(np.array([x * f]), np.array([y * f]))[0]
            for f in (0.9999999, 1.0000001)
        )
        if grown == shrunk:
            assert bool(footprint.contains(ra, dec, *there)) == bool(grown)


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (359.99, 45.0), (10.0, 90.0), (77.0, -89.9)])
@pytest.mark.parametrize("footprint", ALL, ids=lambda f: f.shape)
def test_area_and_outline(footprint, ra, dec):
    rng = np.random.default_rng(1)
    radius = footprint.radius_deg
    # uniform points in the cap that holds the footprint
    height = rng.uniform(0, 1 - np.cos(np.radians(radius)), 40_000)
    theta = np.degrees(np.arccos(1 - height))
    there = sphere.offset_deg(ra, dec, rng.uniform(0, 360, 40_000), theta)
    seen = footprint.contains(ra, dec, *there)
    cap = 2 * np.pi * (1 - np.cos(np.radians(radius))) * sphere.DEG2_PER_SR
    expected = {
        "circle": cap,
        "square": sphere.DEG2_PER_SR * 4 * np.arcsin(np.sin(np.arctan(np.radians(3.43))) ** 2),
        "rectangles": 64 * 0.86**2 * 0.988,
        "polygons": 2.0 + 0.5,
    }[footprint.shape]
    assert seen.mean() * cap == pytest.approx(expected, rel=0.02)
    rings = footprint.outline(ra, dec)
    assert len(rings) == max(1, len(footprint.polygons))
    for ring in rings:
        assert ring[0] == ring[-1]
        lon, lat = np.array(ring).T
        assert (sphere.separation_deg(ra, dec, lon, lat) <= radius + 1e-9).all()


def test_chip_gaps_see_nothing():
    x = np.array([0.0, 0.46])
    y = np.array([0.0, 0.46])
    assert QUADRANTS.contains(
        50.0, 20.0, *sphere.from_tangent_plane(50.0, 20.0, x, y)
    ).tolist() == [
        False,
        True,
    ]


def test_the_other_side_of_the_sky_is_outside():
    for footprint in ALL:
        assert not footprint.contains(10.0, 20.0, 190.0, -20.0)


def test_shape_of_the_answer():
    answer = SQUARE.contains(10.0, 20.0, np.zeros((3, 4)), np.zeros((3, 4)))
    assert answer.shape == (3, 4)
    assert CIRCLE.contains(10.0, 20.0, 10.0, 20.0)


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({}, "unknown shape"),
        ({"shape": "hexagon"}, "unknown shape"),
        ({"shape": "circle", "radius_deg": 0.0}, "not positive"),
        ({"shape": "circle", "radius_deg": 85.0}, "larger than"),
        ({"shape": "square", "side_deg": -1.0}, "not positive"),
        ({"shape": "rectangles", "rectangles": []}, "at least one"),
        ({"shape": "rectangles", "rectangles": [[0, 0, 1]]}, "half_x"),
        ({"shape": "rectangles", "rectangles": [[0, 0, 1, 0]]}, "positive halves"),
        ({"shape": "polygons", "polygons": [[[0, 0], [1, 1]]]}, "three corners"),
        ({"shape": "polygons", "polygons": [[[0, 0], [1, 1], [0, float("nan")]]]}, "no number"),
    ],
)
def test_bad_definitions(definition, words):
    with pytest.raises(ValueError, match=words):
        Footprint.from_definition(definition)
