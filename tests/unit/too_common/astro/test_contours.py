"""Outlines of credible regions: polygons that hold what the region holds."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, Polygon, shape
from shapely.prepared import prep
from too_common.astro import geojson, leaves, levels, pixels
from too_common.astro.cone import cone_skymap
from too_common.astro.outline import outline_rings
from too_common.astro.skymap import SkyMap

from .conftest import random_map


def polygons_of(feature):
    return shape(feature["geometry"])


def on_sphere(geometry, count=20_000, seed=1):
    """Area in deg2 by uniform points, and the points with the mask."""
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(-180, 180, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
    prepared = prep(geometry)
    mask = np.array([prepared.contains(Point(x, y)) for x, y in zip(lon, lat, strict=True)])
    return lon, lat, mask


def check_form(collection):
    json.dumps(collection, allow_nan=False)
    assert collection["type"] == "FeatureCollection"
    for feature in collection["features"]:
        assert feature["geometry"]["type"] == "MultiPolygon"
        for polygon in feature["geometry"]["coordinates"]:
            for number, ring in enumerate(polygon):
                assert len(ring) >= 4
                assert ring[0] == ring[-1]
                lon, lat = np.array(ring).T
                assert np.abs(lon).max() <= 180.0
                assert np.abs(lat).max() <= 90.0
                area = geojson.signed_area([tuple(point) for point in ring[:-1]])
                assert (area > 0) == (number == 0)


CENTRES = [
    (40.0, 20.0, 5.0),
    (180.0, 0.0, 8.0),
    (179.0, -60.0, 15.0),
    (0.0, 90.0, 6.0),
    (33.0, -90.0, 6.0),
    (123.0, 85.0, 10.0),
    (359.9, 0.1, 0.01),
    (180.0, 45.0, 0.001),
    (250.0, -30.0, 60.0),
]


@pytest.mark.parametrize(("ra", "dec", "radius"), CENTRES)
def test_circles_anywhere(ra, dec, radius):
    from too_common.astro.sphere import offset_deg, separation_deg

    skymap = cone_skymap(ra, dec, radius, 0.9)
    collection = skymap.contours((0.5, 0.9))
    check_form(collection)
    for feature, level in zip(collection["features"], (0.5, 0.9), strict=True):
        assert feature["properties"]["level"] == level
        area = skymap.credible_area_deg2(level)
        assert feature["properties"]["area_deg2"] == pytest.approx(area, rel=1e-5)
        geometry = polygons_of(feature)
        assert geometry.is_valid
        # points in a cap about twice the region's size: inside the polygon, and area of it
        reach = min(2.5 * np.sqrt(area / np.pi), 170.0)
        spiral = np.arange(8000)
        height = (spiral + 0.5) / 8000 * (1 - np.cos(np.radians(reach)))
        lon, lat = offset_deg(ra, dec, spiral * 137.50776 % 360, np.degrees(np.arccos(1 - height)))
        lon = (lon + 180.0) % 360.0 - 180.0
        prepared = prep(geometry)
        seen = np.array([prepared.contains(Point(x, y)) for x, y in zip(lon, lat, strict=True)])
        expected = levels.inside_level(skymap, level)[skymap.leaf_at(lon, lat)]
        assert (seen != expected).mean() < 0.02
        cap = 2 * np.pi * (1 - np.cos(np.radians(reach))) * np.degrees(1) ** 2
        assert seen.mean() * cap == pytest.approx(area, rel=0.02)
        away = separation_deg(ra, dec, lon, lat) > 1.4 * np.sqrt(area / np.pi) + 0.1 * reach
        assert not seen[away & ~expected].any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 5), st.floats(0.05, 0.98))
@example(seed=3, depth=4, level=0.75)  # touches the meridian of RA 180 in a corner
def test_random_regions(seed, depth, level):
    skymap = random_map(np.random.default_rng(seed), depth, with_distance=False)
    collection = skymap.contours((level,))
    check_form(collection)
    geometry = polygons_of(collection["features"][0])
    if not geometry.is_valid:
        geometry = geometry.buffer(0)
    lon, lat, seen = on_sphere(geometry, 1500)
    expected = levels.inside_level(skymap, level)[skymap.leaf_at(lon, lat)]
    # pixels of order 1 to 5 lose their corners; touching corners may be simplified away
    assert (seen != expected).mean() < 0.15


def test_whole_sky_and_nearly_whole_sky():
    whole = SkyMap.from_leaves(
        leaves.Leaves(np.zeros(12, np.int8), np.arange(12), np.full((12, 1), 0.25 / np.pi))
    )
    geometry = polygons_of(whole.contours((0.9,))["features"][0])
    assert geometry.area == pytest.approx(360 * 180)
    order, ipix = np.full(3072, 4), np.arange(3072)
    density = np.full(3072, 0.25 / np.pi)
    hole = pixels.lonlat_to_index(np.array([200.0]), np.array([30.0]), 4) >> 4
    density[(ipix >> 4) == hole] = 0.0
    table = leaves.Leaves(order.astype(np.int8), ipix, density[:, None] * 3072 / (3072 - 16))
    geometry = polygons_of(SkyMap.from_leaves(table).contours((1.0,))["features"][0])
    assert not geometry.contains(Point(-160.0, 30.0))
    assert geometry.contains(Point(20.0, 30.0))
    assert geometry.contains(Point(179.9, -80.0))


def test_rings_follow_edges_of_mixed_orders():
    # one base pixel, given as one leaf and as leaves of mixed orders: the same region
    one, order_one = outline_rings([0], [4])
    order, ipix = [1, 1, 1, 2, 2, 2, 2], [16, 17, 18, 76, 77, 78, 79]
    mixed, order_mixed = outline_rings(order, ipix)
    assert (len(one), order_one, len(one[0])) == (1, 0, 4)
    assert (len(mixed), order_mixed, len(mixed[0])) == (1, 2, 16)


def test_pixels_that_touch_in_a_corner_are_two_rings():
    rings, _ = outline_rings([1, 1], [16, 19])
    assert sorted(len(ring) for ring in rings) == [4, 4]


def test_a_hole_is_a_ring_of_its_own():
    inner = 5 * 64 + 3 * 16
    ipix = [p for p in range(5 * 64, 6 * 64) if not inner <= p < inner + 4]
    rings, _ = outline_rings([3] * len(ipix), ipix)
    assert len(rings) == 2
    polygons = geojson.multipolygon(rings, antimeridian_inside=False, decimals=6)
    assert len(polygons) == 1
    assert len(polygons[0]) == 2


def test_outline_without_the_seam():
    feature = cone_skymap(180.0, 0.0, 5.0, 0.9).contours((0.9,))["features"][0]
    assert len(feature["geometry"]["coordinates"]) == 2
    lines = feature["properties"]["outline"]
    for line in lines:
        lon, lat = np.array(line).T
        along = (np.abs(lon[1:]) == 180) & (np.abs(lon[:-1]) == 180)
        assert not (along & (np.abs(np.diff(lat)) > 0.5)).any()
    assert "outline" not in cone_skymap(90.0, 0.0, 5.0, 0.9).contours()["features"][0]["properties"]


def test_polygons_that_cross_nothing_have_few_points():
    feature = cone_skymap(90.0, 10.0, 5.0, 0.9).contours((0.9,))["features"][0]
    assert 20 < len(feature["geometry"]["coordinates"][0][0]) < 200
    assert isinstance(polygons_of(feature), MultiPolygon | Polygon)


@pytest.mark.parametrize(
    ("ra", "dec", "sigma"),
    [(40.0, 20.0, 4.0), (180.0, -30.0, 6.0), (0.0, 90.0, 5.0), (123.0, -86.0, 8.0), (1, 2, 0.3)],
)
def test_polygons_enclose_the_probability_of_their_level(ra, dec, sigma):
    skymap = cone_skymap(ra, dec, sigma, 0.393469)
    for feature in skymap.contours()["features"]:
        geometry = shape(feature["geometry"])
        shapely.prepare(geometry)
        # every leaf by 16 points
        children = (skymap.ipix[:, None] * 16 + np.arange(16)).ravel()
        lon, lat = pixels.centres(np.repeat(skymap.order.astype(int) + 2, 16), children)
        # beside the meridian of RA 180, where the cut is, not on it
        lon = (lon + 1e-6 + 180.0) % 360.0 - 180.0
        inside = shapely.contains_xy(geometry, lon, lat)
        enclosed = (np.repeat(skymap.probability, 16) * inside).sum() / 16
        assert enclosed == pytest.approx(feature["properties"]["level"], abs=0.005)
