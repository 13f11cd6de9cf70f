"""Separations, offsets and the tangent plane, with astropy as reference."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro import sphere

LON = st.floats(0.0, 360.0, exclude_max=True)
LAT = st.floats(-90.0, 90.0)


def test_separation_and_position_angle_agree_with_astropy():
    rng = np.random.default_rng(5)
    a, b = (
        (rng.uniform(0, 360, 200), np.degrees(np.arcsin(rng.uniform(-1, 1, 200)))) for _ in range(2)
    )
    first, second = (SkyCoord(x[0] * u.deg, x[1] * u.deg) for x in (a, b))
    assert np.allclose(sphere.separation_deg(*a, *b), first.separation(second).deg, rtol=1e-12)
    assert np.allclose(sphere.position_angle_deg(*a, *b), first.position_angle(second).deg)
    ra, dec = sphere.offset_deg(*a, 30.0, 12.5)
    there = first.directional_offset_by(30 * u.deg, 12.5 * u.deg)
    assert sphere.separation_deg(ra, dec, there.ra.deg, there.dec.deg).max() < 1e-10


def test_tiny_and_antipodal_separations():
    assert sphere.separation_deg(10.0, 20.0, 10.0, 20.0 + 1e-9) == pytest.approx(1e-9, rel=1e-5)
    assert sphere.separation_deg(10.0, 20.0, 190.0, -20.0) == pytest.approx(180.0)
    assert sphere.separation_deg(0.0, 90.0, 123.0, 90.0) == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(LON, LAT)
def test_vectors_and_back(ra, dec):
    ra2, dec2 = sphere.from_unit_vectors(sphere.unit_vectors(ra, dec))
    assert 0.0 <= ra2 < 360.0
    assert sphere.separation_deg(ra, dec, ra2, dec2) < 1e-9


@settings(max_examples=100, deadline=None)
@given(LON, LAT, st.floats(-30.0, 30.0), st.floats(-30.0, 30.0))
def test_tangent_plane_and_back(ra, dec, x, y):
    there = sphere.from_tangent_plane(ra, dec, x, y)
    x2, y2 = sphere.to_tangent_plane(ra, dec, *there)
    assert (x2, y2) == (pytest.approx(x, abs=1e-9), pytest.approx(y, abs=1e-9))


def test_axes_of_the_tangent_plane():
    x, y = sphere.to_tangent_plane(359.9, 10.0, [0.1, 359.9], [10.0, 10.5])
    assert x[0] > 0.19
    assert y[1] == pytest.approx(np.degrees(np.tan(np.radians(0.5))))
    behind, _ = sphere.to_tangent_plane(0.0, 0.0, 180.0, 0.0)
    assert np.isnan(behind)
