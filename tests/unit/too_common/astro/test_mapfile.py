"""What is read, what is refused and with which words, and what is written."""

import contextlib
import dataclasses
import gzip
import io

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro import pixels
from too_common.astro.skymap import SkyMap, SkyMapError

from .conftest import blob_density, flat_file, multiorder_file, random_map, table_file

ORDER = 4
PIXELS = 12 << (2 * ORDER)
BLOB = blob_density(ORDER, 40.0, 20.0, 12.0)


def same(first, second):
    return (
        (first.uniq == second.uniq).all()
        and np.allclose(first.probdensity, second.probdensity, rtol=1e-12)
        and first.is_3d == second.is_3d
    )


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("form", ["D", "1024D", "E"])
@pytest.mark.parametrize("ordering", ["NESTED", "RING"])
def test_flat_maps(healpy, ordering, form, zipped):
    values = BLOB if ordering == "NESTED" else healpy.reorder(BLOB, n2r=True)
    skymap = SkyMap.from_fits(flat_file(values, ordering=ordering, form=form, zipped=zipped))
    ra, dec = pixels.centres(ORDER, np.arange(PIXELS))
    expected = BLOB / pixels.pixel_area_sr(ORDER)
    assert np.allclose(skymap.density(ra, dec), expected, rtol=1e-6, atol=1e-30)
    assert skymap.probability.sum() == pytest.approx(1.0, abs=1e-12)


def test_flat_map_written_by_healpy(healpy, tmp_path):
    path = tmp_path / "map.fits.gz"
    healpy.write_map(str(path), healpy.reorder(BLOB, n2r=True), dtype=np.float64)
    with pytest.raises(SkyMapError, match="no column with the probability"):
        SkyMap.from_fits(path.read_bytes())  # healpy names the column TEMPERATURE
    healpy.write_map(
        str(path),
        healpy.reorder(BLOB, n2r=True),
        column_names=["PROBABILITY"],
        dtype=np.float32,
        overwrite=True,
    )
    skymap = SkyMap.from_fits(path.read_bytes())
    assert skymap.facts().peak_dec_deg == pytest.approx(20.0, abs=4.0)


def test_flat_maps_are_merged_without_loss():
    values = np.repeat(BLOB, 16) / 16
    fine, coarse = SkyMap.from_fits(flat_file(values)), SkyMap.from_fits(flat_file(BLOB))
    assert fine.order.max() == ORDER
    assert same(fine, coarse)
    uniform = SkyMap.from_fits(flat_file(np.full(PIXELS, 1 / PIXELS)))
    assert uniform.uniq.tolist() == list(range(4, 16))


def test_flat_maps_with_distance():
    distance = [np.full(PIXELS, 100.0), np.full(PIXELS, 20.0), np.full(PIXELS, 9e-5)]
    distance[0][:100] = np.inf
    distance[1][:100] = 1.0
    distance[2][:100] = 0.0
    skymap = SkyMap.from_fits(flat_file(BLOB, distance=distance))
    assert skymap.is_3d
    ra, dec = pixels.centres(ORDER, np.array([5, 1000]))
    assert np.isnan(skymap.density_3d(ra, dec, 100.0)).tolist() == [True, False]
    nowhere = [np.full(PIXELS, value) for value in (np.inf, 1.0, 0.0)]
    assert not SkyMap.from_fits(flat_file(BLOB, distance=nowhere)).is_3d


def test_explicit_maps_may_be_partial():
    order, chosen = ORDER, np.flatnonzero(BLOB > 1e-5)
    data = table_file(
        [("PIXEL", "J", None, chosen), ("PROB", "D", None, BLOB[chosen] / BLOB[chosen].sum())],
        {"ORDERING": "NESTED", "INDXSCHM": "EXPLICIT", "NSIDE": 2**order, "COORDSYS": "C"},
    )
    skymap = SkyMap.from_fits(data)
    assert skymap.probability.sum() == pytest.approx(1.0)
    assert skymap.credible_level(220.0, -20.0) == 1.0
    assert skymap.density(220.0, -20.0) == 0.0
    assert skymap.credible_level(40.0, 20.0) < 0.1


def test_density_per_square_degree():
    uniq = np.arange(4, 16)
    sphere_deg2 = 4 * np.pi * (180 / np.pi) ** 2
    data = multiorder_file(uniq, np.full(12, 1 / sphere_deg2), unit="deg-2")
    assert SkyMap.from_fits(data).probdensity[0] == pytest.approx(1 / (4 * np.pi))


def test_small_deviations_are_normalised_and_large_ones_refused():
    assert SkyMap.from_fits(flat_file(BLOB * 1.005)).probability.sum() == pytest.approx(1.0)
    for factor in (1.1, 0.5, 1e-30):
        with pytest.raises(SkyMapError, match="sums to"):
            SkyMap.from_fits(flat_file(BLOB * factor))


def with_value(value):
    changed = BLOB.copy()
    changed[7] = value
    return flat_file(changed)


UNIQ = np.arange(4, 16)
EVEN = np.full(12, 1 / (4 * np.pi))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<html>not found</html>" * 200, "not a FITS file"),
        (b"SIMPLE  =", "cut off"),
        (gzip.compress(b"hello", mtime=0), "not a FITS file"),
        (gzip.compress(flat_file(BLOB), mtime=0)[:-500], "damaged"),
        (b"\x1f\x8b" + b"\0" * 100, "damaged"),
        (flat_file(BLOB)[:-3000], "cut off"),
        (flat_file(BLOB)[:4000], "cut off"),
        (flat_file(BLOB)[:2880], "no table"),
        (flat_file(np.zeros(PIXELS)), "zero everywhere"),
        (with_value(np.nan), "NaN"),
        (with_value(np.inf), "infinite"),
        (with_value(-1e-3), "negative"),
        (flat_file(BLOB[:-1]), "no whole sky"),
        (flat_file(BLOB, ordering="SPIRAL"), "order of the pixels"),
        (flat_file(BLOB, name="SIGNIFICANCE"), "no column with the probability"),
        (table_file([("UNIQ", "K", None, UNIQ)], {}), "PROBDENSITY"),
        (multiorder_file(np.array([4, 4, *UNIQ[2:]]), EVEN), "overlap"),
        (multiorder_file(np.append(UNIQ, 16), np.append(EVEN, 1.0)), "overlap"),
        (multiorder_file(UNIQ - 1, EVEN), "below 4"),
        (multiorder_file(UNIQ[:-1], EVEN[:-1]), "sums to"),
        (multiorder_file(np.empty(0, int), np.empty(0)), "no pixels"),
        (multiorder_file(UNIQ.astype(float) + 2.0**62, EVEN), "does not exist|overlap"),
        (
            table_file(
                [
                    ("UNIQ", "K", None, UNIQ),
                    ("PROBDENSITY", "D", None, EVEN),
                    ("DISTMU", "D", None, EVEN),
                ],
                {},
            ),
            "distance columns are incomplete",
        ),
        (multiorder_file(UNIQ, EVEN, cards={"COORDSYS": "G"}), "equatorial"),
    ],
)
def test_what_is_refused(data, words):
    with pytest.raises(SkyMapError, match=words) as caught:
        SkyMap.from_fits(data)
    assert caught.value.what
    assert str(caught.value).startswith(caught.value.what)


def test_an_image_is_no_map():
    buffer = io.BytesIO()
    fits.PrimaryHDU(np.zeros((10, 10))).writeto(buffer)
    with pytest.raises(SkyMapError, match="no table"):
        SkyMap.from_fits(buffer.getvalue())


def test_the_size_after_decompression_has_a_cap():
    bomb = gzip.compress(flat_file(np.full(12 << 16, 1 / (12 << 16))))
    assert len(bomb) < 100_000
    with pytest.raises(SkyMapError, match="larger than 1 MB"):
        SkyMap.from_fits(bomb, max_decompressed_bytes=1_000_000)
    assert len(SkyMap.from_fits(bomb)) == 12


SOUND = multiorder_file(UNIQ, EVEN, cards={"OBJECT": "M1234", "LOGBCI": 12.5})
WORDS = st.sampled_from([b"-1", b"99999999999", b"'x'", b"T", b"1E300", b" ", b"nan"])


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(SOUND) // 8), st.binary(min_size=1, max_size=8) | WORDS),
        min_size=1,
        max_size=6,
    )
)
def test_damaged_files_never_escape_as_other_errors(changes):
    data = bytearray(SOUND)
    for place, noise in changes:
        data[place * 8 : place * 8 + len(noise)] = noise
    with contextlib.suppress(SkyMapError):
        written = SkyMap.from_fits(bytes(data)).to_fits()
        assert SkyMap.from_fits(written).to_fits() == written


COLUMN = st.lists(st.floats(width=64), min_size=12, max_size=12).map(np.array)


@settings(max_examples=200, deadline=None)
@given(COLUMN, COLUMN, COLUMN)
def test_any_distance_columns_give_finite_facts(mu, sigma, norm):
    skymap = SkyMap.from_fits(multiorder_file(UNIQ, EVEN, distance=(mu, sigma, norm)))
    facts = skymap.facts()
    assert facts.is_3d == skymap.is_3d
    if facts.is_3d:
        assert 0 < facts.distance_mean_mpc < np.inf
        assert 0 <= facts.distance_std_mpc < np.inf
        level = skymap.credible_level_3d(10.0, 10.0, np.array([1e-3, 40.0, 1e5]))
        assert (np.isnan(level) | ((level >= 0) & (level <= 1 + 1e-9))).all()


@settings(max_examples=100, deadline=None)
@given(COLUMN)
def test_any_densities_are_refused_or_normalised(density):
    with contextlib.suppress(SkyMapError):
        skymap = SkyMap.from_fits(multiorder_file(UNIQ, density))
        assert skymap.probability.sum() == pytest.approx(1.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 6), st.booleans())
def test_round_trip(seed, depth, with_distance):
    rng = np.random.default_rng(seed)
    skymap = random_map(rng, depth, with_distance=with_distance)
    data = skymap.to_fits()
    again = SkyMap.from_fits(data)
    assert again.to_fits() == data
    assert again.sha256 == skymap.sha256
    assert (again.probdensity == skymap.probdensity).all()
    # the identity does not depend on the order of the rows, nor on how finely leaves are cut
    shuffled = rng.permutation(len(skymap))
    distance = None
    if skymap.is_3d:
        distance = [
            column[shuffled] for column in (skymap.distmu, skymap.distsigma, skymap.distnorm)
        ]
    other = multiorder_file(skymap.uniq[shuffled], skymap.probdensity[shuffled], distance=distance)
    assert SkyMap.from_fits(other).sha256 == skymap.sha256


def test_our_files_are_valid_fits_that_others_read(ligo, tmp_path):
    skymap = random_map(np.random.default_rng(1), 6)
    path = tmp_path / "map.fits"
    path.write_bytes(skymap.to_fits())
    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert hdus[1].header["MOCORDER"] == skymap.order.max()
        assert "DATE" not in hdus[1].header
    table = ligo.io.read_sky_map(str(path), moc=True)
    assert (np.asarray(table["UNIQ"]) == skymap.uniq).all()
    assert np.allclose(np.asarray(table["PROBDENSITY"]), skymap.probdensity)
    assert np.allclose(np.asarray(table["DISTSIGMA"]), skymap.distsigma)


def test_kept_header_cards():
    data = multiorder_file(
        UNIQ, EVEN, cards={"OBJECT": "M1234", "DATE-OBS": "2026-11-22T01:02:03", "DATE": "2026"}
    )
    skymap = SkyMap.from_fits(data)
    assert skymap.meta == {"OBJECT": "M1234", "DATE-OBS": "2026-11-22T01:02:03"}
    assert SkyMap.from_fits(skymap.to_fits()).meta == skymap.meta


def test_any_meta_can_be_written_and_read_back():
    skymap = SkyMap.from_fits(multiorder_file(UNIQ, EVEN))
    meta = {
        "OBJECT": "O'Neill \u00e9 \n" + "x" * 100,
        "LOGBCI": float("nan"),
        "MJD-OBS": 60000.123456789012,
        "ORIGIN": None,
        "OTHER": "not kept",
    }
    data = dataclasses.replace(skymap, meta=meta).to_fits()
    again = SkyMap.from_fits(data)
    assert sorted(again.meta) == ["MJD-OBS", "OBJECT"]
    assert again.to_fits() == data


def test_maps_cannot_be_changed():
    skymap = SkyMap.from_fits(multiorder_file(UNIQ, EVEN))
    with pytest.raises(ValueError, match="read-only"):
        skymap.probdensity[0] = 1.0
