"""Ephemerides against astropy (which is the independent reference)."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_body
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro.site import (
    Site,
    airmass_from_altitude,
    altitude_deg,
    altitude_from_airmass,
    hour_angle_deg,
    local_sidereal_time_deg,
    moon_altitude_deg,
    moon_illumination,
    moon_radec_topocentric_deg,
    sun_altitude_deg,
    sun_radec_deg,
)
from too_common.astro.sphere import separation_deg

SITES = [
    Site("Palomar", 33.3563, -116.8648, 1742.0, "America/Los_Angeles"),
    Site("Cerro Tololo", -30.1691, -70.8062, 2241.4, "America/Santiago"),
    Site("Hanle", 32.7794, 78.9642, 4500.0, "Asia/Kolkata"),
    Site("High north", 78.9, 11.9, 50.0, "Arctic/Longyearbyen"),
]
MJD = 60999.0 + np.arange(0.0, 400.0, 3.71)


@pytest.fixture(autouse=True)
def _no_download():
    with (
        iers.conf.set_temp("auto_download", value=False),
        iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
        iers.conf.set_temp("auto_max_age", None),
    ):
        yield


def frame(site, mjd):
    place = EarthLocation.from_geodetic(
        site.longitude_deg * u.deg, site.latitude_deg * u.deg, site.elevation_m * u.m
    )
    time = Time(mjd, format="mjd", scale="utc")
    return place, time, AltAz(obstime=time, location=place)


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_sun_altitude(site):
    place, time, altaz = frame(site, MJD)
    expected = get_body("sun", time, place).transform_to(altaz).alt.deg
    assert np.abs(sun_altitude_deg(MJD, site) - expected).max() < 0.01


def test_sun_position():
    _, time, _ = frame(SITES[0], MJD)
    sun = get_body("sun", time).icrs
    # astropy gives the ICRS direction from the Sun's geometric place: geocentric one is built here
    gcrs = get_body("sun", time)
    ra, dec = sun_radec_deg(MJD)
    assert separation_deg(ra, dec, gcrs.ra.deg, gcrs.dec.deg).max() < 0.01
    assert len(sun) == len(MJD)


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_moon_seen_from_the_site(site):
    place, time, altaz = frame(site, MJD)
    moon = get_body("moon", time, place)
    ra, dec = moon_radec_topocentric_deg(MJD, site)
    assert separation_deg(ra, dec, moon.ra.deg, moon.dec.deg).max() < 0.02
    assert np.abs(moon_altitude_deg(MJD, site) - moon.transform_to(altaz).alt.deg).max() < 0.02


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_altitude_and_hour_angle_of_stars(site):
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, len(MJD)), np.degrees(np.arcsin(rng.uniform(-1, 1, len(MJD))))
    place, _, altaz = frame(site, MJD)
    star = SkyCoord(ra * u.deg, dec * u.deg)
    expected = star.transform_to(altaz).alt.deg
    # aberration (20 arcsec) and UT1 - UTC (14 arcsec at most) are neglected
    assert np.abs(altitude_deg(ra, dec, MJD, site) - expected).max() < 0.01
    ha = np.radians(hour_angle_deg(ra, dec, MJD, site))
    assert (np.abs(ha) <= np.pi).all()
    rising = ha < 0
    later = altitude_deg(ra, dec, MJD + 1e-3, site)
    now = altitude_deg(ra, dec, MJD, site)
    clear = np.abs(np.sin(ha)) > 0.1
    assert ((later > now) == rising)[clear].all()
    assert place is not None


def test_sidereal_time():
    _, time, _ = frame(SITES[0], MJD)
    expected = time.sidereal_time("apparent", longitude=-116.8648 * u.deg).deg
    difference = (local_sidereal_time_deg(MJD, -116.8648) - expected + 180) % 360 - 180
    assert np.abs(difference).max() < 0.005


def test_shapes_broadcast():
    site = SITES[0]
    mjd = np.array([61000.1, 61000.2, 61001.3])
    ra, dec = np.array([10.0, 20.0]), np.array([0.0, 30.0])
    table = altitude_deg(ra[:, None], dec[:, None], mjd[None, :], site)
    assert table.shape == (2, 3)
    assert table[1, 2] == pytest.approx(float(altitude_deg(20.0, 30.0, 61001.3, site)))
    assert hour_angle_deg(ra[:, None], dec[:, None], mjd, site).shape == (2, 3)
    assert np.ndim(sun_altitude_deg(61000.1, site)) == 0


def test_times_far_in_the_future_do_not_warn():
    assert np.isfinite(sun_altitude_deg(np.array([80000.0]), SITES[0])).all()


def test_full_and_new_moon():
    # 2026-08-12 17:46 UTC total eclipse of the Sun; 2026-08-28 04:13 UTC partial one of the Moon
    assert moon_illumination(61264.74) < 0.001
    assert moon_illumination(61280.176) > 0.999


@settings(max_examples=50, deadline=None)
@given(st.floats(1.0, 40.0))
def test_airmass_and_back(airmass):
    assert airmass_from_altitude(altitude_from_airmass(airmass)) == pytest.approx(airmass)


def test_airmass_below_the_horizon():
    assert np.isinf(airmass_from_altitude(np.array([-10.0, 0.0]))).all()
    assert airmass_from_altitude(90.0) == pytest.approx(1.0)
