"""Against astropy and astroplan, which work with tables of their own."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_body, get_sun
from astropy.time import Time
from astropy.utils import iers
from too_queue_submit import sky

PALOMAR = sky.Site(33.3563, -116.8648, 1742.0)
HANLE = sky.Site(32.77889, 78.96472, 4500.0)
TIMES = [datetime(2026, month, 15, hour, tzinfo=UTC) for month in range(1, 13) for hour in (3, 16)]


@pytest.fixture(autouse=True)
def offline():
    off = False
    with iers.conf.set_temp("auto_download", off), iers.conf.set_temp("auto_max_age", None):
        yield


def _location(site):
    return EarthLocation(
        lon=site.longitude_deg * u.deg, lat=site.latitude_deg * u.deg, height=site.elevation_m * u.m
    )


def test_mjd_and_back():
    time = datetime(2026, 11, 22, 12, 34, 56, 789000, tzinfo=UTC)
    assert sky.mjd(time) == pytest.approx(Time(time).mjd, abs=1e-9)
    assert abs(sky.from_mjd(sky.mjd(time)) - time) < timedelta(milliseconds=1)
    with pytest.raises(ValueError, match="naive"):
        sky.mjd(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_sun_and_target_altitudes():
    times = Time(TIMES)
    frame = AltAz(obstime=times, location=_location(PALOMAR))
    mjd = np.array([sky.mjd(t) for t in TIMES])
    expected = get_sun(times).transform_to(frame).alt.deg
    assert sky.sun_altitude_deg(PALOMAR, mjd) == pytest.approx(expected, abs=0.02)
    ra, dec = sky.of_date(150.0, 20.0, mjd[0])
    target = SkyCoord(150 * u.deg, 20 * u.deg).transform_to(frame[:2]).alt.deg
    assert sky.altitude_deg(PALOMAR, ra, dec, mjd[:2]) == pytest.approx(target, abs=0.02)


def test_moon_separation():
    times = Time(TIMES)
    moon = get_body("moon", times)
    expected = moon.separation(SkyCoord(150 * u.deg, 20 * u.deg), origin_mismatch="ignore").deg
    mjd = np.array([sky.mjd(t) for t in TIMES])
    assert sky.moon_separation_deg(150.0, 20.0, mjd) == pytest.approx(expected, abs=0.2)


def test_sunrise_and_rise_set_against_astroplan():
    from astroplan import FixedTarget, Observer

    observer = Observer(location=_location(HANLE))
    after = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    sunrise = sky.next_sunrise_mjd(HANLE, after)
    expected = observer.sun_rise_time(
        Time(after), which="next", horizon=-12 * u.deg, n_grid_points=300
    )
    assert sunrise == pytest.approx(expected.mjd, abs=1.0 / 1440)
    around = sunrise - 0.5
    ra, dec = [20.0, 100.0, 200.0], [30.0, -5.0, 10.0]
    found = sky.rise_and_set(HANLE, ra, dec, around_mjd=around, altitude_limit_deg=20.0)
    for index in range(3):
        target = FixedTarget(SkyCoord(ra[index] * u.deg, dec[index] * u.deg))
        down = observer.target_set_time(
            Time(around, format="mjd"), target, which="next", horizon=20 * u.deg, n_grid_points=300
        )
        up = observer.target_rise_time(
            down, target, which="previous", horizon=20 * u.deg, n_grid_points=300
        )
        assert found.set_mjd[index] == pytest.approx(down.mjd, abs=1.0 / 1440)
        assert found.rise_mjd[index] == pytest.approx(up.mjd, abs=1.0 / 1440)


def test_always_and_never_up():
    found = sky.rise_and_set(
        HANLE, [10.0, 10.0], [89.0, -80.0], around_mjd=61366.0, altitude_limit_deg=20.0
    )
    assert found.rise_mjd[0] == 61366.0
    assert found.set_mjd[0] == 61367.0
    assert np.isnan(found.rise_mjd[1])
    assert np.isnan(found.set_mjd[1])


def test_polar_summer_has_no_sunrise():
    with pytest.raises(ValueError, match="does not rise"):
        sky.next_sunrise_mjd(sky.Site(85.0, 0.0), datetime(2026, 6, 21, tzinfo=UTC))


def test_night():
    assert sky.has_night(
        PALOMAR, datetime(2026, 11, 22, 4, tzinfo=UTC), datetime(2026, 11, 22, 6, tzinfo=UTC)
    )
    assert not sky.has_night(
        PALOMAR, datetime(2026, 11, 22, 18, tzinfo=UTC), datetime(2026, 11, 22, 22, tzinfo=UTC)
    )
