"""Sites, nights and cameras against astroplan and astropy, where it is hardest: poles and wraps."""

from datetime import UTC, datetime

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, SkyCoord
from astropy.time import Time
from astropy.utils import iers
from too_common.astro.cone import cone_skymap
from too_common.astro.footprint import Footprint
from too_planner import coverage, planning, visibility
from too_planner.coverage import Points
from too_planner.telescope import Site
from too_planner.visibility import Constraints

from .brute_force import location, map_pixels
from .conftest import grid_of

pytestmark = pytest.mark.filterwarnings("ignore")

SITES = {
    "north": (33.3563, -116.865, 1712.0),
    "south": (-30.169, -70.806, 2215.0),
    "equator": (0.2, -78.5, 2800.0),
    "high north": (69.6, 18.9, 100.0),
    "near the south pole": (-89.5, 45.0, 2835.0),
    "across midnight and the date line": (-44.0, 179.9, 1000.0),
}
EPOCHS = [datetime(2026, 3, 21, 12, tzinfo=UTC), datetime(2026, 11, 22, 3, tzinfo=UTC)]
PLACES = [
    (0.02, 10.0), (359.98, -10.0), (120.0, 89.6), (300.0, -89.7), (83.0, 22.0), (266.0, -29.0),
    (180.0, 45.0), (35.0, -60.0),
]  # fmt: skip


def _site(name: str) -> Site:
    latitude, longitude, height = SITES[name]
    return Site(latitude_deg=latitude, longitude_deg=longitude, elevation_m=height, timezone="UTC")


@pytest.fixture(autouse=True)
def _offline():
    with (
        iers.conf.set_temp("auto_download", value=False),
        iers.conf.set_temp("auto_max_age", None),
        iers.conf.set_temp("iers_degraded_accuracy", "warn"),
    ):
        yield


def _observer(name: str):
    from astroplan import Observer

    return Observer(location=location(*SITES[name]))


@pytest.mark.parametrize(("name", "sun_deg"), list(zip(SITES, [-12.0, -18.0] * 3, strict=True)))
def test_twilights_are_those_of_astroplan(name, sun_deg):
    observer = _observer(name)
    for epoch in EPOCHS:
        dark = visibility.dark_intervals(_site(name), epoch, [(0.0, 86400.0)], sun_deg)
        seconds = np.linspace(0.0, 86400.0, 289)
        times = Time(epoch) + seconds * u.s
        sun = observer.sun_altaz(times).alt.deg
        inside = np.zeros(len(seconds), dtype=bool)
        for begin, end in dark:
            inside |= (seconds >= begin) & (seconds <= end)
        # within a hundredth of a degree of the limit both answers are right
        sure = np.abs(sun - sun_deg) > 0.02
        assert (inside == (sun < sun_deg))[sure].all()
        # the very moments, where astroplan finds one
        begins = {begin for begin, _ in dark}
        edges = [t for span in dark for t in span if 60 < t < 86340]
        horizon = sun_deg * u.deg
        for edge in edges:
            moment = Time(epoch) + edge * u.s
            event = observer.sun_set_time if edge in begins else observer.sun_rise_time
            found = event(moment - 1 * u.hour, which="next", horizon=horizon, n_grid_points=100)
            # the Sun moves up to 0.004 deg a second, near the pole a hundred times less
            slow = 60.0 if abs(SITES[name][0]) < 80 else 7200.0
            assert abs((found - moment).sec) < slow


@pytest.mark.parametrize("name", list(SITES))
def test_fields_are_up_when_astroplan_says_so(name):
    from astroplan import (
        AirmassConstraint,
        AtNightConstraint,
        FixedTarget,
        MoonSeparationConstraint,
    )

    observer, site = _observer(name), _site(name)
    ra, dec = np.array([p[0] for p in PLACES]), np.array([p[1] for p in PLACES])
    targets = [FixedTarget(SkyCoord(a * u.deg, d * u.deg)) for a, d in PLACES]
    limits = Constraints(airmass_max=2.0, moon_separation_min_deg=30.0)
    for epoch in EPOCHS:
        night = visibility.make_night(site, epoch, [(0.0, 86400.0)], -18.0)
        ours = visibility.observable_intervals(night, limits, ra, dec)
        seconds = np.arange(300.0, 86400.0, 900.0)
        times = Time(epoch) + seconds * u.s
        good = np.ones((len(targets), len(seconds)), dtype=bool)
        for constraint in (
            AirmassConstraint(max=2.0, boolean_constraint=True),
            AtNightConstraint.twilight_astronomical(),
            MoonSeparationConstraint(min=30 * u.deg),
        ):
            good &= np.asarray(constraint(observer, targets, times, grid_times_targets=True))
        inside = np.zeros_like(good)
        edge = np.zeros_like(good)
        for row, spans in enumerate(ours):
            for begin, end in spans:
                inside[row] |= (seconds >= begin) & (seconds <= end)
                # the Sun's slow descent at the pole, and a Moon seen from the Earth's centre
                edge[row] |= (np.abs(seconds - begin) < 400) | (np.abs(seconds - end) < 400)
        differ = (inside != good) & ~edge
        # astroplan's Moon stands where the Earth's centre sees it, up to a degree away
        place = location(*SITES[name])
        if differ.any():
            from astropy.coordinates import get_body

            moon = get_body("moon", times, place)
            row, column = np.nonzero(differ)
            stars = SkyCoord(ra[row] * u.deg, dec[row] * u.deg)
            away = SkyCoord(moon.ra, moon.dec)[column].separation(stars).deg
            assert (np.abs(away - 30.0) < 1.1).all()


@pytest.mark.parametrize("name", list(SITES))
def test_airmass_is_that_of_astropy(name):
    rng = np.random.default_rng(11)
    ra, dec = rng.uniform(0, 360, 300), np.degrees(np.arcsin(rng.uniform(-1, 1, 300)))
    ra[:4], dec[:4] = [0.0, 359.9999, 10.0, 200.0], [5.0, -5.0, 89.9, -89.9]
    seconds = rng.uniform(0, 86400, 300)
    for epoch in EPOCHS:
        ours = visibility.airmass_at(_site(name), epoch, seconds, ra, dec)
        frame = AltAz(obstime=Time(epoch) + seconds * u.s, location=location(*SITES[name]))
        altaz = SkyCoord(ra * u.deg, dec * u.deg).transform_to(frame)
        up = altaz.alt.deg > 12.0
        assert up.sum() > 50
        assert np.abs(ours[up] / altaz.secz[up] - 1).max() < 6e-4
        assert np.isinf(ours[altaz.alt.deg < -0.05]).all()


GAPPED = [
    [(-1.6, -1.5), (-0.1, -1.5), (-0.1, 1.5), (-1.6, 1.2)],
    [(0.1, -1.5), (1.7, -1.3), (1.2, 1.6), (0.1, 1.5)],
    [(-0.5, 1.7), (0.6, 1.8), (0.0, 2.4)],
]
CAMERAS = {
    "circle": {"type": "circle", "radius_deg": 1.7},
    "square": {"type": "square", "side_deg": 3.2},
    "polygons": {"type": "polygons", "polygons": GAPPED},
    "quadrants": None,
}


def _sees(definition: dict, ra: float, dec: float, pixel_ra, pixel_dec) -> np.ndarray:
    """Camera test by astropy's offset frame and matplotlib's paths: no code of ours."""
    from matplotlib.path import Path

    centre = SkyCoord(ra * u.deg, dec * u.deg)
    places = SkyCoord(pixel_ra * u.deg, pixel_dec * u.deg)
    if definition["type"] == "circle":
        return places.separation(centre).deg <= definition["radius_deg"]
    offset = places.transform_to(centre.skyoffset_frame())
    lon, lat = offset.lon.wrap_at(180 * u.deg).rad, offset.lat.rad
    front = np.cos(lon) * np.cos(lat) > 0.2
    x, y = np.degrees(np.tan(lon)), np.degrees(np.tan(lat) / np.cos(lon))
    plane = np.column_stack([x, y])
    inside = np.zeros(len(x), dtype=bool)
    if definition["type"] == "square":
        half = definition["side_deg"] / 2
        outlines = [[(-half, -half), (half, -half), (half, half), (-half, half)]]
    elif definition["type"] == "polygons":
        outlines = definition["polygons"]
    else:
        outlines = [
            [(a - w, b - h), (a + w, b - h), (a + w, b + h), (a - w, b + h)]
            for a, b, w, h in definition["rectangles"]
        ]
    for outline in outlines:
        inside |= Path(outline).contains_points(plane)
    return inside & front


@pytest.mark.parametrize("kind", list(CAMERAS))
@pytest.mark.parametrize(("ra", "dec"), [(359.6, -40.0), (77.0, 89.2)])
def test_probability_in_a_camera_is_that_of_a_count(telescopes, kind, ra, dec):
    definition = CAMERAS[kind]
    if definition is None:
        ztf = telescopes["ZTF"]
        footprint = planning.footprint_of(ztf, grid_of(ztf))
        definition = {
            "type": "rectangles", "rectangles": grid_of(ztf).rectangles_deg.tolist()
        }  # fmt: skip
    else:
        footprint = Footprint.from_definition(definition)
    radius = 1.5 if kind != "quadrants" else 3.0
    skymap = cone_skymap(ra, dec, radius, 0.9)
    points = Points.of_map(skymap)
    pixel_ra, pixel_dec, probability = map_pixels(skymap, 11, (ra, dec, 2.2 * radius))
    # the camera's middle, and half of the map in it
    for step in (0.0, 0.9 * radius):
        at = SkyCoord(ra * u.deg, dec * u.deg).directional_offset_by(40 * u.deg, step * u.deg)
        inside = points.inside(footprint, float(at.ra.deg), float(at.dec.deg))
        ours = float(points.weight[inside].sum() / points.weight.sum())
        expected = probability[_sees(definition, at.ra.deg, at.dec.deg, pixel_ra, pixel_dec)].sum()
        assert expected > 0.1
        assert ours == pytest.approx(expected, abs=6e-3)


def test_a_union_at_the_pole_and_across_zero_counts_once(telescopes):
    """Several overlapping exposures of each camera against the same count."""
    for ra, dec in ((0.0, 30.0), (45.0, 89.5)):
        skymap = cone_skymap(ra, dec, 3.0, 0.9)
        points = Points.of_map(skymap)
        pixel_ra, pixel_dec, probability = map_pixels(skymap, 11, (ra, dec, 6.6))
        centre = SkyCoord(ra * u.deg, dec * u.deg)
        places = [
            centre.directional_offset_by(angle * u.deg, 1.4 * u.deg) for angle in range(0, 360, 120)
        ]
        for kind in ("circle", "square", "polygons"):
            footprint = Footprint.from_definition(CAMERAS[kind])
            members = coverage.members_of(
                points,
                footprint,
                np.array([p.ra.deg for p in places]),
                np.array([p.dec.deg for p in places]),
            )
            atoms = coverage.make_atoms(members, points.weight)
            ours = atoms.union(range(len(places))) / points.weight.sum()
            seen = np.zeros(len(pixel_ra), dtype=bool)
            for p in places:
                seen |= _sees(CAMERAS[kind], p.ra.deg, p.dec.deg, pixel_ra, pixel_dec)
            assert ours == pytest.approx(probability[seen].sum(), abs=4e-3)
