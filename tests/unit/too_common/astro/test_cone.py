"""Maps of error circles and ellipses give their stated containment back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro import pixels, sphere
from too_common.astro.cone import MIN_RADIUS_DEG, cone_skymap, ellipse_skymap
from too_common.astro.skymap import SkyMap, SkyMapError

RA = st.floats(0.0, 360.0, exclude_max=True)
DEC = st.floats(-90.0, 90.0)


def pieces(skymap, depth):
    """Every leaf in 4^depth equal pieces."""
    count = 4**depth
    order = np.repeat(skymap.order.astype(int) + depth, count)
    ipix = (skymap.ipix[:, None] * count + np.arange(count)).ravel()
    return *pixels.centres(order, ipix), np.repeat(skymap.probability / count, count)


def inside(skymap, centre, radius):
    """Probability within a circle, by sampling the leaves finely."""
    ra, dec, probability = pieces(skymap, 3)
    return probability[sphere.separation_deg(*centre, ra, dec) <= radius].sum()


@settings(max_examples=40, deadline=None)
@given(RA, DEC, st.floats(-3.3, 1.3), st.sampled_from([0.5, 0.68, 0.9, 0.95]))
def test_containment_comes_back(ra, dec, log_radius, containment):
    radius = 10.0**log_radius
    skymap = cone_skymap(ra, dec, radius, containment)
    # half of the tolerance is that of the samples: at the poles their errors add up
    assert inside(skymap, (ra, dec), radius) == pytest.approx(containment, abs=0.01)
    assert len(skymap) < 20_000


@pytest.mark.parametrize(
    ("ra", "dec", "radius", "containment"),
    [
        (0.0, 90.0, 22.0, 0.68),
        (123.0, -90.0, 0.1, 0.9),
        (0.0, 0.0, 1.0, 0.9),
        (359.999, 10.0, 3.0, 0.9),
        (211.0, 87.9, 22.0, 0.68),
        (50.0, 50.0, 60.0, 0.68),
        (50.0, 50.0, 0.0005, 0.9),
    ],
)
def test_poles_wrap_and_extreme_sizes(ra, dec, radius, containment):
    skymap = cone_skymap(ra, dec, radius, containment)
    assert inside(skymap, (ra, dec), radius) == pytest.approx(containment, abs=0.006)
    facts = skymap.facts()
    peak = sphere.separation_deg(ra, dec, facts.peak_ra_deg, facts.peak_dec_deg)
    assert peak < radius


def test_area_of_a_gaussian():
    # sigma 3.44 deg: R90 7.38 deg
    facts = cone_skymap(213.4, 25.9, 5.2, 0.68).facts()
    sigma = 5.2 / np.sqrt(-2 * np.log(0.32))
    r90 = np.radians(sigma * np.sqrt(-2 * np.log(0.1)))
    cap = 2 * np.pi * (1 - np.cos(r90)) * np.degrees(1) ** 2
    assert facts.area90_deg2 == pytest.approx(cap, rel=0.02)
    assert facts.area50_deg2 < facts.area90_deg2
    assert not facts.is_3d


def test_systematics_in_quadrature():
    one = cone_skymap(10.0, 10.0, 5.0, 0.68)
    assert cone_skymap(10.0, 10.0, 3.0, 0.68, systematic_deg=4.0).sha256 == one.sha256


def test_same_cone_same_bytes_and_back():
    data = cone_skymap(10.0, 10.0, 5.0, 0.68).to_fits()
    assert cone_skymap(10.0, 10.0, 5.0, 0.68).to_fits() == data
    assert SkyMap.from_fits(data).to_fits() == data


def test_tiny_radii_have_a_floor():
    tiny = cone_skymap(10.0, 10.0, 1e-7, 0.9)
    assert tiny.sha256 == cone_skymap(10.0, 10.0, MIN_RADIUS_DEG, 0.9).sha256


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((10, 10, 0.0, 0.9), "not known"),
        ((10, 10, -1.0, 0.9), "not known"),
        ((10, 10, np.nan, 0.9), "not known"),
        ((10, 10, 360.0, 0.9), "whole sky"),
        ((10, 10, 100.0, 0.5), "whole sky"),
        ((10, 10, 1.0, 1.0), "no probability"),
        ((10, 10, 1.0, 0.0), "no probability"),
        ((10, 95, 1.0, 0.9), "position"),
        ((np.nan, 10, 1.0, 0.9), "position"),
        ((10, 10, 1.0, 0.9, -1.0), "systematic"),
    ],
)
def test_what_is_refused(arguments, words):
    with pytest.raises(SkyMapError, match=words):
        cone_skymap(*arguments)


@settings(max_examples=25, deadline=None)
@given(RA, DEC, st.floats(0.05, 8.0), st.floats(0.2, 1.0), st.floats(0.0, 180.0))
def test_ellipse_containment(ra, dec, major, ratio, angle):
    skymap = ellipse_skymap(ra, dec, major, major * ratio, angle, 0.9)
    lon, lat, probability = pieces(skymap, 2)
    theta = sphere.separation_deg(ra, dec, lon, lat)
    turned = np.radians(sphere.position_angle_deg(ra, dec, lon, lat) - angle)
    within = np.hypot(theta * np.cos(turned) / major, theta * np.sin(turned) / major / ratio) <= 1
    assert probability[within].sum() == pytest.approx(0.9, abs=0.008)


def test_position_angle_runs_from_north_to_east():
    skymap = ellipse_skymap(100.0, 0.0, 4.0, 0.5, 45.0, 0.9)
    north_east = skymap.density(102.0, 2.0)
    assert north_east > 1e3 * skymap.density(98.0, 2.0)


def test_a_round_ellipse_is_a_circle():
    circle, ellipse = cone_skymap(30, -40, 2.0, 0.9), ellipse_skymap(30, -40, 2.0, 2.0, 0.0, 0.9)
    assert ellipse.facts().area90_deg2 == pytest.approx(circle.facts().area90_deg2, rel=0.005)


@pytest.mark.parametrize(
    "arguments", [(10, 10, 80, 80, 0, 0.5), (10, 10, 10, 0.01, 0, 0.9), (10, 10, 1, 0, 0, 0.9)]
)
def test_refused_ellipses(arguments):
    with pytest.raises(SkyMapError):
        ellipse_skymap(*arguments)
