"""Sample alerts: read by our own parsers, unique, and observable by all five telescopes."""

import contextlib
import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from too_common.astro.skymap import SkyMap
from too_common.contracts.ingest import AlertKind
from too_ingest.notices import parse_notice
from too_ingest.samples import DESCRIPTIONS, SAMPLES, make_sample
from too_ingest.samples.galaxies import GALAXIES
from too_ingest.samples.gravitational_waves import superevent_id
from too_ingest.samples.observable import SITES, choose_galaxy
from too_ingest.samples.skymaps import distance_norm
from too_ingest.samples.voevent_text import iso

NOW = datetime(2026, 11, 22, 12, 45, 33, 120000, tzinfo=UTC)


@pytest.mark.parametrize("name", SAMPLES)
def test_each_message_is_read_as_one_event_of_two_minutes_ago(name: str):
    messages = make_sample(name, NOW, 5)
    assert messages == make_sample(name, NOW, 5)
    notices = [parse_notice(m.body, m.topic) for m in messages]
    assert {n.native_id for n in notices} == {m.native_id for m in messages}
    assert len({n.mission for n in notices}) == 1
    for message, notice in zip(messages, notices, strict=True):
        assert not notice.is_test
        assert notice.notice_time is not None
        assert abs(notice.notice_time - NOW - timedelta(seconds=message.delay_s)) < timedelta(
            seconds=1
        )
        if not notice.is_retraction:
            assert notice.event_time is not None
            assert timedelta(seconds=119) < NOW - notice.event_time < timedelta(seconds=180)
    assert messages[0].delay_s == 0
    assert name in DESCRIPTIONS


def test_kinds_follow_the_script():
    kinds = {
        name: [parse_notice(m.body).alert_kind for m in make_sample(name, NOW, 1)]
        for name in SAMPLES
    }
    early, late = AlertKind.PRELIMINARY, AlertKind.UPDATE
    assert kinds["bns"] == [early, AlertKind.INITIAL, late]
    assert kinds["gbm"] == [early, AlertKind.INITIAL, late]
    assert kinds["icecube"] == [AlertKind.INITIAL, late]
    assert kinds["retracted"] == [early, AlertKind.RETRACTION]


def test_ids_differ_for_each_serial():
    names = {superevent_id(NOW, serial) for serial in range(2000)}
    assert len(names) == 2000
    assert superevent_id(NOW, 0) == "S261122aa"
    for name in ("gbm", "icecube"):
        assert len({make_sample(name, NOW, n)[0].native_id for n in range(5)}) == 5


def test_maps_are_3d_and_hold_the_galaxy():
    galaxy = choose_galaxy(NOW, 0)
    first, _, last = (parse_notice(m.body).skymaps[0].data for m in make_sample("bns", NOW, 0))
    assert first is not None
    assert last is not None
    before, after = SkyMap.from_fits(first), SkyMap.from_fits(last)
    for skymap in (before, after):
        facts = skymap.facts()
        assert facts.is_3d
        assert facts.distance_mean_mpc == pytest.approx(galaxy.distance_mpc, rel=0.12)
        assert facts.distance_mean_mpc < 200
        assert facts.distance_std_mpc is not None
        assert 0.1 < facts.distance_std_mpc / facts.distance_mean_mpc < 0.3
        level = skymap.credible_level(np.array([galaxy.ra_deg]), np.array([galaxy.dec_deg]))
        assert level[0] < 0.6
    assert 60 < before.facts().area90_deg2 < 150
    assert after.facts().area90_deg2 < 0.7 * before.facts().area90_deg2
    assert before.facts().peak_ra_deg != after.facts().peak_ra_deg


def test_distance_norm_makes_a_probability():
    mu, sigma = np.array([60.0, 40.0]), np.array([12.0, 30.0])
    norm = distance_norm(mu, sigma)
    r = np.linspace(0, 400, 40_001)
    for m, s, n in zip(mu, sigma, norm, strict=True):
        p = n * r**2 * np.exp(-0.5 * ((r - m) / s) ** 2) / (s * np.sqrt(2 * np.pi))
        assert np.trapezoid(p, r) == pytest.approx(1.0, rel=1e-5)


def test_times_are_printed_without_carrying_over():
    assert iso(datetime(2026, 1, 1, 0, 0, 59, 999_999, tzinfo=UTC)) == "2026-01-01T00:00:59.99"
    assert iso(datetime(2026, 1, 1, 0, 0, 59, 120_000, tzinfo=UTC)) == "2026-01-01T00:00:59.12"


@pytest.mark.parametrize("month", range(1, 13))
def test_all_telescopes_can_observe_the_galaxy_by_an_independent_reckoning(month: int):
    """Against astroplan: dark, above 30 deg, 20 deg from the Moon, for 45 minutes or more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import astropy.units as u
        from astroplan import FixedTarget, Observer
        from astropy.coordinates import EarthLocation, SkyCoord, get_body
        from astropy.time import Time
        from astropy.utils import iers

        # offline: the tables that come with astropy are good to far below a degree
        offline = {"auto_download": False, "auto_max_age": None, "iers_degraded_accuracy": "warn"}
        with contextlib.ExitStack() as stack:
            for name, value in offline.items():
                stack.enter_context(iers.conf.set_temp(name, value))
            now = datetime(2026, month, 3 + 2 * month, 3, 0, tzinfo=UTC)
            for serial in (0, 3):
                galaxy = choose_galaxy(now, serial)
                target = FixedTarget(SkyCoord(galaxy.ra_deg * u.deg, galaxy.dec_deg * u.deg))
                times = Time(now) + np.arange(0, 24, 0.25) * u.hour
                for site, _ in SITES:
                    place = EarthLocation.from_geodetic(
                        site.longitude_deg, site.latitude_deg, site.elevation_m * u.m
                    )
                    observer = Observer(location=place)
                    dark = observer.sun_altaz(times).alt < -12 * u.deg
                    high = observer.altaz(times, target).alt > 30 * u.deg
                    moon = get_body("moon", times, place)
                    away = moon.separation(target.coord, origin_mismatch="ignore") > 20 * u.deg
                    assert (dark & high & away).sum() >= 3, (galaxy.name, site.name)


def test_galaxies_lie_where_all_sites_look():
    assert all(-15 <= g.dec_deg <= 30 and 20 < g.distance_mpc < 150 for g in GALAXIES)
    assert len({g.name for g in GALAXIES}) == len(GALAXIES) > 30
