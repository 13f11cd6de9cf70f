"""Files of a plan, read back by the programs that they are for."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from too_common.astro.footprint import Footprint
from too_planner import moc, obsloctap, products
from too_planner.plan import Plan, PlannedExposure, empty_statistics
from too_planner.products import KINDS, Product, Source
from too_planner.provenance import Provenance, engine_version
from too_planner.request import PlanRequest, resolve
from too_planner.telescope import BUILT_IN, read_definitions

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
SQUARE = Footprint.from_definition({"type": "square", "side_deg": 2.0})


@pytest.fixture(scope="module")
def source():
    telescope = read_definitions(BUILT_IN)["ZTF"]
    parameters = resolve(PlanRequest(telescope="ZTF"), telescope, now=NOW)
    exposures = tuple(
        PlannedExposure(
            number=number,
            field_id=None if number == 2 else f"NGC {number}, 'A'",
            ra_deg=359.5 + 0.1 * number if number < 5 else 0.1,
            dec_deg=-10.0 + number,
            filter="gri"[number % 3],
            start=NOW + timedelta(seconds=400.25 * number),
            exposure_s=30.0,
            airmass=1.25,
            visit=1,
            probability=0.01 * number,
        )
        for number in range(1, 7)
    )
    plan = Plan(
        telescope="ZTF",
        map_sha256="ab" * 32,
        parameters=parameters,
        exposures=exposures,
        statistics=empty_statistics(),
    )
    made = Provenance(
        product="",
        plan_id="019aa8a0-0000-7000-8000-0000deadbeef",
        plan_name="S1 ZTF",
        plan_state="ready",
        plan_made_at="2026-11-22T03:00:00Z",
        document_sha256="cd" * 32,
        telescope="ZTF",
        event="S261122ab",
        map_sha256="ab" * 32,
        engine=engine_version(),
        telescope_revision=3,
        request=parameters.model_dump(mode="json"),
    )
    return Source(plan, plan.model_dump(mode="json"), telescope, SQUARE, made, NOW)


def test_ecsv_is_read_by_astropy_with_units_types_and_how_it_was_made(source):
    table = Table.read(products.make(Product.ECSV, source).decode(), format="ascii.ecsv")
    assert len(table) == 6
    assert {str(table[name].unit) for name in ("ra_deg", "dec_deg")} == {"deg"}
    assert str(table["exposure_s"].unit) == "s"
    assert table["number"].dtype == np.int64
    assert table["field_id"][0] == "NGC 1, 'A'"
    assert Time(table["start"][0].replace("Z", "")).mjd == pytest.approx(
        Time(source.plan.exposures[0].start).mjd
    )
    made = table.meta["provenance"]
    assert made["map_sha256"] == "ab" * 32
    assert made["telescope_revision"] == 3
    assert made["engine"] == engine_version()
    assert made["event"] == "S261122ab"
    assert made["product"] == KINDS[Product.ECSV].title
    assert made["request"]["filters"] == ["g", "r", "g"]


def test_every_product_says_how_it_was_made_and_is_the_same_every_time(source):
    for product in Product:
        content = products.make(product, source)
        if not product.value.startswith("coverage"):
            assert content == products.make(product, source)
        if product is Product.MOC_FITS:
            with fits.open(io.BytesIO(content)) as units:  # long cards are cut into pieces
                content = "".join(units[1].header["COMMENT"]).encode()
        if product not in {Product.MOC_JSON, Product.OBSLOCTAP_CSV}:
            # these two have no room; their answers carry a link to it
            assert b"ab" * 32 in content, product
            assert source.provenance.plan_id.encode() in content, product


def test_csv_has_its_columns_and_one_row_per_exposure(source):
    rows = list(csv.DictReader(io.StringIO(products.make(Product.CSV, source).decode())))
    assert len(rows) == 6
    assert rows[1]["field_id"] == ""
    assert rows[2]["field_id"] == "NGC 3, 'A'"
    assert rows[0]["telescope_revision"] == "3"
    assert float(rows[0]["ra_deg"]) == pytest.approx(359.6)


def test_obsloctap_rows_have_the_columns_of_the_standard(source):
    data = json.loads(products.make(Product.OBSLOCTAP_JSON, source))
    rows = data["rows"]
    assert list(rows[0]) == [name for name, _, _ in obsloctap.COLUMNS]
    first = source.plan.exposures[0]
    assert rows[0]["t_min"] == pytest.approx(Time(first.start).mjd, abs=1e-7)
    assert (rows[0]["t_max"] - rows[0]["t_min"]) * 86400 == pytest.approx(30, abs=2e-3)
    assert rows[0]["t_planning"] == pytest.approx(Time(NOW).mjd, abs=1e-7)
    assert 3e-7 < rows[0]["em_min"] < rows[0]["em_max"] < 1e-6
    assert rows[0]["execution_status"] == "Planned"
    assert rows[0]["s_region"].startswith("POLYGON ICRS ")
    corners = np.array(rows[0]["s_region"].split()[2:], dtype=float).reshape(-1, 2)
    inside = SQUARE.contains(first.ra_deg, first.dec_deg, corners[:, 0], corners[:, 1])
    assert corners.shape == (4, 2)
    assert (corners[:, 0] >= 0).all()
    near = SQUARE.contains(
        first.ra_deg, first.dec_deg,
        first.ra_deg + ((corners[:, 0] - first.ra_deg + 180) % 360 - 180) * 0.98,
        first.dec_deg + (corners[:, 1] - first.dec_deg) * 0.98,
    )  # fmt: skip
    assert near.all()
    assert len(inside) == 4
    # counter-clockwise on the sky, east to the left: RA falls where Dec is least to greatest
    x = (corners[:, 0] - first.ra_deg + 180) % 360 - 180
    y = corners[:, 1] - first.dec_deg
    assert np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) > 0
    table = Table.read(products.make(Product.OBSLOCTAP_ECSV, source).decode(), format="ascii.ecsv")
    assert str(table["s_fov"].unit) == "deg"
    assert str(table["em_min"].unit) == "m"
    assert table["s_resolution"].mask.all()


def test_a_plan_that_was_replaced_is_no_longer_planned(source):
    gone = replace(source, provenance=replace(source.provenance, plan_state="superseded"))
    (status,) = {
        row["execution_status"]
        for row in json.loads(products.make(Product.OBSLOCTAP_JSON, gone))["rows"]
    }
    assert status == "Unscheduled"


@pytest.mark.parametrize(
    ("name", "middle"), [("g", 476e-9), ("ztfr", 626e-9), ("J", 1250e-9), ("odd", None)]
)
def test_filters_have_nominal_bands(name, middle):
    low, high = obsloctap.band_m(name)
    if middle is None:
        assert (low, high) == (None, None)
    else:
        assert (low + high) / 2 == pytest.approx(middle, rel=0.02)


def test_circles_and_cameras_of_many_chips_have_one_region():
    circle = Footprint.from_definition({"type": "circle", "radius_deg": 1.1})
    assert obsloctap.region(circle, 10.0, -5.0) == "CIRCLE ICRS 10.000000 -5.000000 1.100000"
    chips = Footprint.from_definition(
        {"type": "rectangles", "rectangles": [[-1, 0, 0.9, 0.9], [1, 0, 0.9, 0.9]]}
    )
    corners = np.array(obsloctap.region(chips, 10.0, 0.0).split()[2:], dtype=float).reshape(-1, 2)
    assert corners[:, 0].max() - corners[:, 0].min() == pytest.approx(3.8, abs=0.01)


def test_geojson_and_moc_tell_of_the_same_sky(source):
    tiles = json.loads(products.make(Product.GEOJSON, source))
    assert len(tiles["features"]) == 6
    assert tiles["provenance"]["event"] == "S261122ab"
    made = moc.from_fits(products.make(Product.MOC_FITS, source))
    for row in source.plan.exposures:
        assert moc.contains(made, np.array([row.ra_deg]), np.array([row.dec_deg])).all()


def test_file_names_are_safe(source):
    made = replace(source.provenance, event="Fermi 5377/55817;.csv\r\nX: y")
    name = made.file_name("ecsv")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")
    assert name.endswith("_deadbeef.ecsv")
