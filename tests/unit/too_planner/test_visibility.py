"""Sky and visibility against astropy's own transformations."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from too_common.astro import site as astro_site
from too_common.astro.sphere import separation_deg
from too_planner import visibility
from too_planner.nightsky import night_sky
from too_planner.observability import observability
from too_planner.telescope import ForbiddenZone
from too_planner.visibility import Constraints

EPOCHS = [datetime(2019, 4, 25, 8, 18, tzinfo=UTC), datetime(2026, 11, 10, 3, 12, tzinfo=UTC)]


@pytest.fixture(scope="module")
def astropy_frames():
    import astropy.units as u
    from astropy.coordinates import AltAz, EarthLocation, HADec, SkyCoord, get_body, get_sun
    from astropy.time import Time
    from astropy.utils import iers

    with (
        iers.conf.set_temp("auto_download", value=False),
        iers.conf.set_temp("auto_max_age", None),
        iers.conf.set_temp("iers_degraded_accuracy", "warn"),
    ):
        yield {
            "u": u, "AltAz": AltAz, "EarthLocation": EarthLocation, "HADec": HADec,
            "SkyCoord": SkyCoord, "get_body": get_body, "get_sun": get_sun, "Time": Time,
        }  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("epoch", EPOCHS)
@pytest.mark.parametrize("name", ["ZTF", "DECam", "GROWTH-India"])
def test_sky_agrees_with_astropy(telescopes, astropy_frames, epoch, name):
    a = astropy_frames
    u, site = a["u"], telescopes[name].site
    seconds = np.arange(0, 86400, 5400.0)
    sky = night_sky(site, epoch, seconds)
    times = a["Time"](epoch) + seconds * u.s
    place = a["EarthLocation"].from_geodetic(
        site.longitude_deg * u.deg, site.latitude_deg * u.deg, site.elevation_m * u.m
    )
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 40), np.degrees(np.arcsin(rng.uniform(-1, 1, 40)))
    apparent = sky.apparent(ra, dec)
    frame = a["AltAz"](obstime=times[None, :], location=place)
    stars = a["SkyCoord"](ra * u.deg, dec * u.deg)[:, None]
    altitude = np.degrees(np.arcsin(sky.sin_altitude(apparent)))
    assert np.abs(altitude - stars.transform_to(frame).alt.deg).max() * 3600 < 20
    hours = stars.transform_to(a["HADec"](obstime=times[None, :], location=place)).ha.hour
    ours = sky.hour_angle_h(sky.apparent_ra_h(apparent))
    assert np.abs((ours - hours + 12) % 24 - 12).max() * 3600 < 2
    frame = a["AltAz"](obstime=times, location=place)
    sun = a["get_sun"](times).transform_to(frame).alt.deg
    assert np.abs(sky.sun_altitude_deg - sun).max() * 3600 < 20
    moon = a["get_body"]("moon", times, place)
    far = a["SkyCoord"](moon.ra, moon.dec)
    own = np.degrees(np.arctan2(sky.moon[:, 1], sky.moon[:, 0]))
    own_dec = np.degrees(np.arcsin(sky.moon[:, 2]))
    assert separation_deg(own, own_dec, far.ra.deg, far.dec.deg).max() * 3600 < 40


@pytest.mark.parametrize("name", ["ZTF", "DECam"])
def test_every_limit_holds_all_through_an_interval_and_fails_beyond(telescopes, name):
    telescope = telescopes[name]
    place = astro_site.Site(
        name,
        telescope.site.latitude_deg,
        telescope.site.longitude_deg,
        telescope.site.elevation_m,
        "UTC",
    )
    epoch = EPOCHS[1]
    limits = Constraints(
        airmass_max=2.0,
        altitude_min_deg=telescope.limits.altitude_min_deg,
        hour_angle_h=(-4.0, 4.5),
        moon_separation_min_deg=35.0,
    )
    night = visibility.make_night(telescope.site, epoch, [(0.0, 86400.0)], -12.0)
    rng = np.random.default_rng(3)
    ra, dec = rng.uniform(0, 360, 200), rng.uniform(-60, 80, 200)
    found = visibility.observable_intervals(night, limits, ra, dec)
    mjd0 = epoch.timestamp() / 86400 + 40587

    def good(index: int, second: np.ndarray) -> np.ndarray:
        mjd = mjd0 + second / 86400
        altitude = astro_site.altitude_deg(ra[index], dec[index], mjd, place)
        hours = astro_site.hour_angle_deg(ra[index], dec[index], mjd, place) / 15
        moon = astro_site.moon_radec_topocentric_deg(mjd, place)
        return (
            (1 / np.sin(np.radians(altitude)) <= 2.0 + 2e-3)
            & (altitude >= limits.altitude_min_deg - 0.01)
            & (hours >= -4.0 - 1e-3)
            & (hours <= 4.5 + 1e-3)
            & (separation_deg(ra[index], dec[index], *moon) >= 35.0 - 0.02)
            & (astro_site.sun_altitude_deg(mjd, place) <= -12.0 + 0.01)
        )

    assert sum(bool(item) for item in found) > 40
    total = 0.0
    for index, intervals in enumerate(found):
        grid = np.arange(0.0, 86400.0, 300.0)
        inside = np.zeros(len(grid), dtype=bool)
        for begin, end in intervals:
            assert good(index, np.linspace(begin, end, 40)).all()
            inside |= (grid >= begin - 8) & (grid <= end + 8)
            total += end - begin
        missed = good(index, grid) & ~inside
        # only what the tolerances of this test allow for may be missed
        assert missed.sum() <= 1
    assert total > 0


def test_two_part_nights_and_closed_zones(telescopes):
    ztf = telescopes["ZTF"]
    epoch = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    night = visibility.make_night(ztf.site, epoch, [(0.0, 86400.0)], -12.0)
    assert len(night.dark) == 2
    assert 0 <= night.dark[0][0] < night.dark[0][1] < night.dark[1][0] < night.dark[1][1] <= 86400
    open_sky = Constraints(airmass_max=2.5, moon_separation_min_deg=0.0)
    zone = ForbiddenZone(dec_max_deg=90.0, hour_angle_min_h=-12.0, hour_angle_max_h=0.0)
    west = Constraints(airmass_max=2.5, moon_separation_min_deg=0.0, forbidden=(zone,))
    ra, dec = np.array([100.0]), np.array([20.0])
    both = visibility.observable_intervals(night, open_sky, ra, dec)[0]
    after = visibility.observable_intervals(night, west, ra, dec)[0]
    assert sum(b - a for a, b in after) < sum(b - a for a, b in both)
    south = Constraints(airmass_max=2.5, dec_deg=(-90.0, 0.0))
    assert visibility.observable_intervals(night, south, ra, dec) == [[]]


def test_no_night_in_a_polar_summer(telescopes):
    site = telescopes["ZTF"].site.model_copy(update={"latitude_deg": 75.0})
    night = visibility.make_night(site, datetime(2026, 6, 21, tzinfo=UTC), [(0.0, 86400.0)], -12.0)
    assert night.dark == ()


def test_observability_says_when_and_why_not(telescopes):
    begin = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    up = observability(telescopes["ZTF"], ra_deg=115.0, dec_deg=10.0, begin=begin)
    assert up["intervals"]
    assert up["reason"] is None
    assert len(up["samples"]) == 145
    never = observability(telescopes["ZTF"], ra_deg=115.0, dec_deg=-70.0, begin=begin)
    assert never["reason"] == "too low while it is dark"
    moon = observability(telescopes["GROWTH-India"], ra_deg=40.0, dec_deg=17.0, begin=begin)
    assert "Moon" in moon["reason"]
    short = observability(telescopes["ZTF"], ra_deg=115.0, dec_deg=10.0,
                          begin=begin + timedelta(hours=15), hours=3.0)  # fmt: skip
    assert "Sun" in short["reason"]
