"""The Earth on a spacecraft's sky, against astropy and against what Fermi's team writes."""

from datetime import UTC, datetime

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import GCRS, ITRS, CartesianRepresentation, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers
from too_common.astro import galactic, occultation, pixels, sphere
from too_common.astro.cone import cone_skymap
from too_common.astro.errors import SkyMapError
from too_common.astro.skymap import SkyMap

from .conftest import random_map


@pytest.fixture(autouse=True)
def _no_download():
    offline, old = {"value": False}, {"value": None}
    with (
        iers.conf.set_temp("auto_download", **offline),
        iers.conf.set_temp("auto_max_age", **old),
    ):
        yield


@pytest.mark.parametrize("year", [2009, 2018, 2024])
def test_direction_of_the_centre_agrees_with_astropy(year):
    rng = np.random.default_rng(year)
    for _ in range(5):
        time = datetime(year, *(int(x) for x in rng.integers(1, 12, 2)), 13, 7, 9, tzinfo=UTC)
        longitude, latitude = rng.uniform(-180, 360), rng.uniform(-90, 90)
        disc = occultation.earth_disc(longitude, latitude, time, altitude_km=540.0)
        place = EarthLocation.from_geodetic(longitude * u.deg, latitude * u.deg, 540 * u.km)
        moment = Time(time)
        centre = ITRS(-CartesianRepresentation(*place.geocentric), obstime=moment)
        sky = centre.transform_to(GCRS(obstime=moment))
        # UT1 - UTC is neglected: up to 0.9 s, 13.5 arcsec
        assert sphere.separation_deg(disc.ra_deg, disc.dec_deg, sky.ra.deg, sky.dec.deg) < 0.005
        assert disc.radius_deg == pytest.approx(67.2, abs=0.1)


def test_direction_of_the_centre_agrees_with_a_real_header():
    # GRB 180116A: GEO_LONG, GEO_LAT, TRIGTIME and GEO_RA, GEO_DEC as the GBM team computed them
    time = datetime(2018, 1, 16, 0, 36, 52, 807_000, tzinfo=UTC)
    disc = occultation.earth_disc(32.05, 8.5833, time)
    # theirs is of the interval that was localized: seconds later, at 0.06 deg a second
    assert sphere.separation_deg(disc.ra_deg, disc.dec_deg, 336.8829, -8.5127) < 0.6
    assert disc.radius_deg == occultation.USUAL_RADIUS_DEG


def test_from_a_vector():
    disc = occultation.disc_from_vector(0.0, -6911.0, 0.0)
    assert (disc.ra_deg, disc.dec_deg) == (pytest.approx(90.0), pytest.approx(0.0))
    assert disc.radius_deg == pytest.approx(np.degrees(np.arcsin(6371.0 / 6911.0)))
    for vector in [(0.0, 0.0, 0.0), (np.nan, 0.0, 7000.0), (1e9, 0.0, 0.0)]:
        with pytest.raises(SkyMapError, match="place"):
            occultation.disc_from_vector(*vector)


@pytest.mark.parametrize(("ra", "dec"), [(120.0, 30.0), (0.5, -89.0)])
def test_the_disc_is_taken_out(ra, dec):
    skymap = cone_skymap(ra, dec, 20.0, 0.68)
    disc = occultation.EarthDisc(*(float(x) for x in sphere.offset_deg(ra, dec, 200.0, 75.0)), 67.0)
    masked, behind = occultation.without_the_earth(skymap, disc)
    # by brute force on a fine grid
    order = 7
    index = np.arange(12 << (2 * order))
    lon, lat = pixels.centres(order, index)
    weight = skymap.density(lon, lat) * pixels.pixel_area_sr(order)
    hidden = sphere.separation_deg(disc.ra_deg, disc.dec_deg, lon, lat) < disc.radius_deg
    assert behind == pytest.approx(weight[hidden].sum() / weight.sum(), abs=1e-3)
    assert occultation.occulted_probability(skymap, disc) == pytest.approx(behind, abs=2e-3)
    assert 0.05 < behind < 0.5
    assert masked.probability.sum() == pytest.approx(1.0)
    # away from the limb: nothing inside, and the rest scaled by one factor
    depth = disc.radius_deg - sphere.separation_deg(disc.ra_deg, disc.dec_deg, lon, lat)
    assert np.nan_to_num(masked.density(lon, lat))[depth > 1.0].max() == 0.0
    outside = depth < -1.0
    assert masked.density(lon, lat)[outside] == pytest.approx(
        skymap.density(lon, lat)[outside] / (1.0 - behind), rel=1e-6
    )
    assert SkyMap.from_fits(masked.to_fits()).sha256 == masked.sha256


def test_distance_survives_and_a_region_behind_the_earth_is_refused():
    deep = random_map(np.random.default_rng(4), 4)
    masked, behind = occultation.without_the_earth(deep, occultation.EarthDisc(10.0, 10.0))
    assert masked.is_3d
    assert behind == pytest.approx(
        occultation.occulted_probability(deep, occultation.EarthDisc(10.0, 10.0)), abs=5e-3
    )
    with pytest.raises(SkyMapError, match="behind the Earth"):
        occultation.without_the_earth(
            cone_skymap(10.0, 10.0, 5.0, 0.9), occultation.EarthDisc(15.0, 10.0)
        )


@pytest.mark.parametrize("place", [(np.nan, 0.0), (10.0, 654.0)])
def test_nonsense_is_refused(place):
    with pytest.raises(SkyMapError, match="place"):
        occultation.earth_disc(*place, datetime(2024, 1, 1, tzinfo=UTC))


def test_galactic_latitude_agrees_with_astropy():
    rng = np.random.default_rng(2)
    ra, dec = rng.uniform(0, 360, 2000), np.degrees(np.arcsin(rng.uniform(-1, 1, 2000)))
    expected = SkyCoord(ra * u.deg, dec * u.deg).galactic.b.deg
    assert np.allclose(galactic.latitude_deg(ra, dec), expected, rtol=0, atol=1e-5)


def test_probability_at_low_latitude():
    skymap = random_map(np.random.default_rng(12), 5, with_distance=False)
    order = 7
    lon, lat = pixels.centres(order, np.arange(12 << (2 * order)))
    weight = skymap.density(lon, lat) * pixels.pixel_area_sr(order)
    latitude = np.abs(SkyCoord(lon * u.deg, lat * u.deg).galactic.b.deg)
    found = galactic.probability_below(skymap, (10.0, 15.0, 90.1))
    expected = [weight[latitude < limit].sum() for limit in (10.0, 15.0, 90.1)]
    assert found == pytest.approx(expected, abs=3e-3)
    facts = skymap.facts()
    assert (facts.probability_below_10_deg, facts.probability_below_15_deg) == tuple(found[:2])
