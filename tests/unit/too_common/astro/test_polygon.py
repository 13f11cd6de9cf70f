"""Error boxes: even inside, right at the poles and across RA 0 and 180."""

import numpy as np
import pytest
from shapely.geometry import Point, Polygon
from too_common.astro import pixels, sphere
from too_common.astro.errors import SkyMapError
from too_common.astro.polygon import polygon_skymap


def box(ra, dec, half_width, half_height):
    """Corners of a box on the tangent plane."""
    x = np.array([-1, 1, 1, -1]) * half_width
    y = np.array([-1, -1, 1, 1]) * half_height
    lon, lat = sphere.from_tangent_plane(ra, dec, x, y)
    return list(zip(lon.tolist(), lat.tolist(), strict=True))


PLACES = [(10.0, 20.0), (0.1, 5.0), (180.0, -40.0), (77.0, 89.5), (300.0, -90.0)]


@pytest.mark.parametrize(("ra", "dec"), PLACES)
@pytest.mark.parametrize("size", [(0.05, 0.02), (3.0, 0.2), (20.0, 6.0)])
def test_even_inside_and_nothing_outside(ra, dec, size):
    skymap = polygon_skymap(box(ra, dec, *size))
    rng = np.random.default_rng(1)
    x, y = (rng.uniform(-1.5, 1.5, 4000) * half for half in size)
    density = np.nan_to_num(skymap.density(*sphere.from_tangent_plane(ra, dec, x, y)))
    inner = (np.abs(x) < 0.9 * size[0]) & (np.abs(y) < 0.9 * size[1])
    outer = (np.abs(x) > 1.1 * size[0]) | (np.abs(y) > 1.1 * size[1])
    assert density[outer].max() == 0.0
    level = np.median(density[inner])
    assert np.mean(np.abs(density[inner] / level - 1.0) < 0.01) > 0.97
    # solid angle of the box by the density of an even map
    flat_x, flat_y = np.radians(size)
    solid = 4.0 * np.arctan(flat_x * flat_y / np.sqrt(1.0 + flat_x**2 + flat_y**2))
    assert 1.0 / level == pytest.approx(solid, rel=0.01)
    assert len(skymap) < 60_000


def test_containment_leaves_the_rest_in_a_band():
    corners = box(40.0, -10.0, 4.0, 2.0)
    skymap = polygon_skymap(corners, 0.9)
    weight = skymap.probability
    x, y = sphere.to_tangent_plane(40.0, -10.0, *pixels.centres(skymap.order, skymap.ipix))
    inside = (np.abs(x) < 4.0) & (np.abs(y) < 2.0)
    assert weight[inside].sum() == pytest.approx(0.9, abs=0.02)
    root = np.sqrt(2.0)
    near = (np.abs(x) < 4.1 * root) & (np.abs(y) < 2.1 * root)
    assert weight[near].sum() == pytest.approx(1.0, abs=0.01)


def test_concave_polygon_agrees_with_shapely():
    shape = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 1.0), (0.0, 4.0)]
    corners = [tuple(float(v) for v in sphere.from_tangent_plane(200.0, 60.0, *p)) for p in shape]
    skymap = polygon_skymap(corners)
    polygon = Polygon(shape)
    rng = np.random.default_rng(5)
    points = rng.uniform(-1.0, 5.0, (1500, 2))
    density = skymap.density(*sphere.from_tangent_plane(200.0, 60.0, *points.T))
    for place, value in zip(points, density, strict=True):
        point = Point(place)
        if polygon.exterior.distance(point) > 0.1:
            assert (value > 0) == polygon.contains(point)


def test_a_repeated_first_corner_and_the_other_direction_are_the_same():
    corners = box(10.0, 20.0, 3.0, 2.0)
    sha256 = polygon_skymap(corners).sha256
    assert polygon_skymap([*corners, corners[0]]).sha256 == sha256
    assert polygon_skymap(corners[::-1]).sha256 == sha256


@pytest.mark.parametrize(
    ("corners", "what"),
    [
        ([(1.0, 1.0), (2.0, 2.0)], "corners"),
        ([(float(n), 0.1 * (n % 2)) for n in range(201)], "corners"),
        ([(1.0, 1.0), (2.0, float("nan")), (3.0, 1.0)], "position"),
        ([(1.0, 1.0), (2.0, 91.0), (3.0, 1.0)], "position"),
        ([(0.0, 0.0), (1.0, 0.0), (2.0, 0.0)], "area"),
        ([(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 1.0)], "cross"),
        ([(0.0, 0.0), (120.0, 0.0), (240.0, 0.0)], "deg from"),
        ([(0.0, -20.0), (170.0, 0.0), (0.0, 20.0)], "deg from"),
    ],
)
def test_what_is_no_error_box_is_refused(corners, what):
    with pytest.raises(SkyMapError, match=what):
        polygon_skymap(corners)


def test_containment_must_be_a_probability():
    for containment in (0.0, 1.2, float("nan")):
        with pytest.raises(SkyMapError, match="containment"):
            polygon_skymap(box(1.0, 1.0, 1.0, 1.0), containment)
