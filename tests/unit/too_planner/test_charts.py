"""Charts: where things are drawn, what pages allow, what the night's numbers are."""

import io
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image
from too_common.astro.cone import cone_skymap
from too_common.astro.footprint import Footprint
from too_planner import geojson, visibility
from too_planner.charts import nightchart, png, sitecharts, skychart, svg
from too_planner.charts.drawing import Drawing
from too_planner.charts.frame import TimeAxis
from too_planner.charts.palette import DARK, LIGHT, filter_style
from too_planner.charts.projection import Mollweide, TangentPlane
from too_planner.coverage import Points
from too_planner.observability import cells_of, observability
from too_planner.plan import Plan, PlannedExposure, empty_statistics
from too_planner.playback import bands_of, moon_illumination, night_of
from too_planner.request import PlanRequest, resolve
from too_planner.telescope import BUILT_IN, read_definitions

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
ZTF = read_definitions(BUILT_IN)["ZTF"]
SQUARE = Footprint.from_definition({"type": "square", "side_deg": 6.9})
MADE = ["map abc", "too-planner 0"]


@pytest.fixture
def offline():
    """Astropy without its Earth-rotation tables from the network."""
    from astropy.utils import iers

    with (
        iers.conf.set_temp("auto_download", value=False),
        iers.conf.set_temp("auto_max_age", None),
        iers.conf.set_temp("iers_degraded_accuracy", "warn"),
    ):
        yield


@pytest.fixture(scope="module")
def skymap():
    return cone_skymap(80.0, 30.0, 6.0, 0.9)


@pytest.fixture(scope="module")
def plan():
    parameters = resolve(PlanRequest(telescope="ZTF"), ZTF, now=NOW)
    rows = [(visit, field) for visit in range(3) for field in range(3)]
    return Plan(
        telescope="ZTF",
        map_sha256="ab" * 32,
        parameters=parameters,
        exposures=tuple(
            PlannedExposure(
                number=number,
                field_id=str(500 + field),
                ra_deg=74.0 + 7 * field,
                dec_deg=30.0,
                filter="grg"[visit],
                start=NOW + timedelta(hours=3, seconds=400 * number),
                exposure_s=300.0,
                airmass=1.3,
                visit=visit + 1,
                probability=0.3,
            )
            for number, (visit, field) in enumerate(rows, start=1)
        ),
        statistics=empty_statistics(),
    )


@pytest.fixture(scope="module")
def night(plan, skymap):
    return night_of(plan, ZTF, SQUARE, Points.of_map(skymap))


# --- projections -------------------------------------------------------------------------------


def test_mollweide_keeps_areas_and_puts_east_to_the_left():
    sky = Mollweide(100.0, 0.0, 0.0, 1000.0)
    whole = np.pi * 500 * 250
    for dec in (-75.0, -20.0, 0.0, 50.0):
        step = np.linspace(0, 10, 40)
        ring = np.concatenate(
            [
                np.stack([60 + step, np.full(40, dec)], axis=-1),
                np.stack([np.full(40, 70.0), dec + step], axis=-1),
                np.stack([70 - step, np.full(40, dec + 10)], axis=-1),
                np.stack([np.full(40, 60.0), dec + 10 - step], axis=-1),
            ]
        )
        (pixels,) = sky.rings(ring)
        x, y = pixels[:, 0], pixels[:, 1]
        drawn = abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))) / 2
        true = np.radians(10) * (np.sin(np.radians(dec + 10)) - np.sin(np.radians(dec)))
        assert drawn / whole == pytest.approx(true / (4 * np.pi), rel=2e-3)
    assert sky.place(100.0, 0.0) == pytest.approx((500.0, 250.0))
    assert sky.place(130.0, 0.0)[0] < sky.place(70.0, 0.0)[0]
    assert sky.place(100.0, 90.0)[1] == pytest.approx(0.0, abs=1e-6)


def test_what_the_edge_of_the_map_cuts_is_drawn_on_both_sides():
    sky = Mollweide(0.0, 0.0, 0.0, 1000.0)
    ring = np.array([[175.0, -5.0], [185.0, -5.0], [185.0, 5.0], [175.0, 5.0]])
    both = sky.rings(ring)
    assert len(both) == 2
    middles = sorted(float(part[:, 0].mean()) for part in both)
    assert middles[0] == pytest.approx(0.0, abs=30)
    assert middles[1] == pytest.approx(1000.0, abs=30)
    angle = np.radians(np.arange(0, 360, 10))
    around = np.stack([np.degrees(angle), np.full(36, 80.0)], axis=-1)
    parts = sky.rings(around)
    # a ring around the pole reaches the upper end of the map
    assert min(float(part[:, 1].min()) for part in parts) == pytest.approx(0.0, abs=1e-6)


def test_the_tangent_plane_shows_what_is_near_and_leaves_the_rest():
    plane = TangentPlane((359.0, 60.0), 5.0, 0.0, 0.0, 400.0, 400.0)
    assert plane.place(359.0, 60.0) == pytest.approx((200.0, 200.0))
    x, y = plane.place(359.0, 63.0)
    assert (x, y) == (pytest.approx(200.0), pytest.approx(200.0 - 3.0 * plane.scale, rel=2e-3))
    assert plane.place(3.0, 60.0)[0] < 200.0
    assert plane.place(180.0, 0.0) is None
    assert plane.rings(np.array([[170.0, -60.0], [180.0, -60.0], [175.0, -50.0]])) == []


def test_the_galactic_plane_is_where_it_is(offline):
    circle = skychart.galactic_circle(0.0, 361)
    from astropy.coordinates import SkyCoord

    galactic = SkyCoord(circle[:, 0], circle[:, 1], unit="deg").galactic
    assert np.abs(galactic.b.deg).max() < 1e-4
    assert np.abs((galactic.l.deg - np.arange(361) + 180) % 360 - 180).max() < 1e-3


# --- the night ---------------------------------------------------------------------------------


def test_the_night_has_its_bands_and_counts_sky_once(night, plan, skymap):
    kinds = [band["kind"] for band in night["bands"]]
    assert kinds == [
        "day", "civil", "nautical", "astronomical", "night",
        "astronomical", "nautical", "civil", "day",
    ]  # fmt: skip
    rows = night["exposures"]
    assert [row["order"] for row in rows[:3]] == [1, 2, 3]
    covered = [row["covered"] for row in rows]
    assert covered == sorted(covered)
    assert covered[2] == covered[-1]
    assert rows[5]["covered_sequence"] == 0
    assert rows[8]["covered_sequence"] == pytest.approx(covered[-1])
    points = Points.of_map(skymap)
    inside = np.zeros(len(points), dtype=bool)
    for field in range(3):
        inside[points.inside(SQUARE, 74.0 + 7 * field, 30.0)] = True
    assert covered[-1] == pytest.approx(points.weight[inside].sum(), abs=1e-5)
    mass = visibility.airmass_at(ZTF.site, NOW, [3 * 3600 + 550.0], [74.0], [30.0])
    up = np.degrees(np.arcsin(1 / mass[0]))
    assert rows[0]["altitude_deg"] == pytest.approx(up, abs=0.01)


def test_sun_and_moon_are_those_of_astropy(night, offline):
    from astropy.coordinates import AltAz, EarthLocation, get_body, get_sun
    from astropy.time import Time

    place = EarthLocation.from_geodetic(
        ZTF.site.longitude_deg, ZTF.site.latitude_deg, ZTF.site.elevation_m
    )
    for sample in night["samples"][::40]:
        at = Time(sample["time"].replace("Z", ""))
        frame = AltAz(obstime=at, location=place)
        sun, moon = get_sun(at), get_body("moon", at, place)
        assert sample["sun_altitude_deg"] == pytest.approx(
            float(sun.transform_to(frame).alt.deg), abs=0.02
        )
        assert sample["moon_altitude_deg"] == pytest.approx(
            float(moon.transform_to(frame).alt.deg), abs=0.02
        )
    middle = datetime.fromisoformat(night["samples"][60]["time"])
    at = Time(middle.replace(tzinfo=None))
    elongation = get_sun(at).separation(get_body("moon", at)).deg
    wanted = (1 - np.cos(np.radians(elongation))) / 2
    assert moon_illumination(middle, 0.0) == pytest.approx(wanted, abs=0.003)


def test_bands_are_found_between_samples():
    seconds = np.linspace(0, 3600, 13)
    sun = np.linspace(3.0, -21.0, 13)
    found = bands_of(seconds, sun)
    assert [name for name, _, _ in found] == ["day", "civil", "nautical", "astronomical", "night"]
    assert [round(end) for _, _, end in found] == [450, 1350, 2250, 3150, 3600]


# --- all sites ---------------------------------------------------------------------------------


def test_what_is_observable_of_a_map_is_what_its_places_are(skymap):
    cells = cells_of(Points.of_map(skymap))
    found = observability(ZTF, ra_deg=80.0, dec_deg=30.0, begin=NOW, cells=cells)
    limits = visibility.Constraints(
        airmass_max=ZTF.defaults.airmass_max,
        altitude_min_deg=30.0,
        hour_angle_h=ZTF.limits.hour_angle_h,
        dec_deg=ZTF.limits.dec_deg,
        forbidden=ZTF.limits.forbidden,
        sun_altitude_max_deg=-12.0,
        moon_separation_min_deg=20.0,
    )
    night = visibility.make_night(ZTF.site, NOW, [(0.0, 86400.0)], -12.0)
    spans = visibility.observable_intervals(night, limits, cells.ra_deg, cells.dec_deg)
    for index in (0, 20, 33, 50, 100):
        second = 600.0 * index
        share = sum(
            weight
            for weight, row in zip(cells.weight, spans, strict=True)
            if any(begin <= second < end for begin, end in row)
        )
        assert found["samples"][index]["observable"] == pytest.approx(share, abs=1e-3)
    assert found["observable_ever"] <= 1.0
    lost = sum(found["lost"].values())
    assert found["observable_ever"] + lost == pytest.approx(float(cells.weight.sum()), abs=0.02)
    for sample in found["samples"]:
        known = [sample[f"airmass_{part}"] for part in (10, 50, 90)]
        good = [value for value in known if value is not None]
        assert good == sorted(good)


def test_a_map_that_never_rises_says_so(skymap):
    far = cone_skymap(10.0, -85.0, 2.0, 0.9)
    cells = cells_of(Points.of_map(far))
    found = observability(ZTF, ra_deg=10.0, dec_deg=-85.0, begin=NOW, cells=cells)
    assert found["observable_ever"] == 0
    assert found["reason"] == "too low while it is dark"
    chart = sitecharts.SiteChart("t", "s", MADE, [found])
    drawn = svg.to_svg(sitecharts.draw_observability(chart, LIGHT)).decode()
    assert "too low while it is dark" in drawn


# --- drawings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("width", [390.0, 960.0])
def test_every_chart_fits_its_sheet_and_has_nothing_that_pages_refuse(
    theme, width, night, plan, skymap
):
    tiles = geojson.tiles_of(plan, SQUARE)
    sky = skychart.SkyChart(
        "A rather long title <with> marks & the rest", "sub", MADE, skymap.contours(), tiles,
        moon=(80.0, 35.0), moon_illumination=0.5, peak=(80.0, 30.0),
    )  # fmt: skip
    far = skychart.SkyChart(
        "t", "s", MADE, cone_skymap(80, 80, 40.0, 0.9).contours(), tiles, peak=(80.0, 80.0)
    )
    sites = [observability(ZTF, ra_deg=80.0, dec_deg=30.0, begin=NOW)]
    sites[0] |= {"observable_best": 0.5, "observable_ever": 0.6}
    for sample in sites[0]["samples"]:
        sample |= {"observable": 0.2, "airmass_10": 1.1, "airmass_50": 1.4, "airmass_90": None}
    chart = sitecharts.SiteChart("t", "s", MADE, sites, "Europe/Paris")
    drawings = [
        skychart.draw_sky(sky, theme, width=width),
        skychart.draw_sky(far, theme, width=width),
        nightchart.draw_night(
            nightchart.NightChart("t", "s", MADE, night, 0.9), theme, width=width
        ),
        sitecharts.draw_observability(chart, theme, width=width),
        sitecharts.draw_airmass(chart, theme, width=width),
    ]
    for drawing in drawings:
        text = svg.to_svg(drawing).decode()
        root = ET.fromstring(text)  # noqa: S314  -- of our own making
        assert float(root.get("width")) == width
        assert "nan" not in text
        assert "<style" not in text
        assert " style=" not in text
        assert not re.search(r"\son\w+=", text)
        for mark in root.iter("{http://www.w3.org/2000/svg}text"):
            assert -1 <= float(mark.get("x")) <= width + 1
            assert 0 <= float(mark.get("y")) <= drawing.height
    with Image.open(io.BytesIO(png.to_png(drawings[0], scale=1.0))) as image:
        assert image.width == width
        assert image.info["Title"].startswith("A rather long title <with>")


def test_both_forms_show_the_same():
    sheet = Drawing(40, 40, "#ffffff")
    outer = np.array([[5.0, 5.0], [35.0, 5.0], [35.0, 35.0], [5.0, 35.0]])
    inner = np.array([[15.0, 15.0], [25.0, 15.0], [25.0, 25.0], [15.0, 25.0]])
    sheet.path([outer, inner], fill="#0000ff")  # a hole, whichever way the rings turn
    assert b'fill-rule="evenodd"' in svg.to_svg(sheet)
    with Image.open(io.BytesIO(png.to_png(sheet, scale=1.0))) as image:
        pixels = image.convert("RGB")
        assert pixels.getpixel((10, 20)) == (0, 0, 255)
        assert pixels.getpixel((20, 20)) == (255, 255, 255)
        assert pixels.getpixel((2, 2)) == (255, 255, 255)


def test_filters_differ_by_colour_and_by_shape():
    styles = [filter_style(LIGHT, name) for name in "ugrizJ"]
    assert len({color for color, _ in styles}) == 6
    assert len({filter_style(LIGHT, name) for name in ("g", "r", "i", "z")}) == 4
    assert filter_style(LIGHT, "ztfg") == filter_style(LIGHT, "g")
    assert filter_style(DARK, "clear")[0] in DARK.inks


def test_ticks_are_round_in_the_zone_that_is_asked_for():
    axis = TimeAxis(NOW, NOW + timedelta(hours=12), 0.0, 600.0, "Asia/Kolkata")
    labels = [text for _, text in axis.ticks()]
    assert all(re.fullmatch(r"\d\d:00|\d\d \w{3}", text) for text in labels)
    assert "Asia/Kolkata" in axis.caption
    places = [place for place, _ in axis.ticks()]
    assert places == sorted(places)
