"""Regions as MOCs: the same sky in every format."""

import io
import json
import re

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro import pixels
from too_common.astro.cone import cone_skymap
from too_common.astro.moc import Moc, MocFormat

from .conftest import random_map

MAP = random_map(np.random.default_rng(8), 6, with_distance=False)
SHIFT = 2 * pixels.MAX_ORDER


def ranges_of(cells):
    """Ranges of order 29 from pixels by order, joined: an oracle in plain Python."""
    found = sorted(
        (int(ipix) << (SHIFT - 2 * order), int(ipix + 1) << (SHIFT - 2 * order))
        for order, pixels_of_order in cells.items()
        for ipix in pixels_of_order
    )
    joined = []
    for start, end in found:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            assert not joined or start > joined[-1][1]
            joined.append((start, end))
    return joined


def from_ascii(text):
    cells = {}
    for part in text.split():
        order, listed = part.split("/")
        found = cells.setdefault(int(order), [])
        for item in filter(None, listed.split(",")):
            low, high = (re.fullmatch(r"(\d+)(?:-(\d+))?", item)[n] for n in (1, 2))
            found += range(int(low), int(high or low) + 1)
    return cells


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 5), st.floats(0.05, 0.95))
def test_every_format_gives_the_same_region(seed, order, filled):
    rng = np.random.default_rng(seed)
    ipix = np.flatnonzero(rng.random(12 << (2 * order)) < filled)
    coarse = np.flatnonzero(rng.random(12) < 0.3)
    ipix = ipix[~np.isin(ipix >> (2 * order), coarse)]
    moc = Moc.of_pixels(
        np.concatenate([np.full(len(ipix), order), np.zeros(len(coarse), dtype=int)]),
        np.concatenate([ipix, coarse]),
    )
    expected = ranges_of({order: ipix, 0: coarse} if order else {0: np.union1d(ipix, coarse)})
    assert list(zip(moc.start.tolist(), moc.end.tolist(), strict=True)) == expected
    cells = {int(key): value for key, value in json.loads(moc.to_json()).items()}
    assert ranges_of(cells) == expected
    assert ranges_of(from_ascii(moc.to_ascii().decode())) == expected
    # the fewest pixels: no four siblings are left
    for listed in cells.values():
        parents, count = np.unique(np.array(listed, dtype=int) >> 2, return_counts=True)
        assert not len(parents) or count.max() < 4 or 0 in cells
    table = fits.open(io.BytesIO(moc.to_fits()))[1]
    assert table.data["RANGE"].reshape(-1, 2).tolist() == [list(pair) for pair in expected]
    assert (table.header["ORDERING"], table.header["MOCVERS"]) == ("RANGE", "2.0")


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9, 1.0])
def test_region_of_a_map_holds_its_level(level):
    moc = Moc.of_region(MAP, level)
    inside = np.searchsorted(moc.start, MAP.range_start, side="right") > np.searchsorted(
        moc.end, MAP.range_start, side="right"
    )
    held = MAP.probability[inside].sum()
    assert level - 1e-9 <= held <= level + MAP.probability.max()
    assert MAP.probdensity[inside].min() >= MAP.probdensity[~inside].max(initial=0.0)
    assert moc.area_deg2 == pytest.approx(MAP.area_sr[inside].sum() * (180 / np.pi) ** 2)


def test_area_of_a_cone():
    moc = Moc.of_region(cone_skymap(10.0, 85.0, 8.0, 0.9), 0.9)
    assert moc.area_deg2 == pytest.approx(200.7, rel=0.01)


def test_formats_and_refusals():
    moc = Moc.of_region(MAP, 0.5)
    assert [moc.written(form)[:1] for form in MocFormat] == [b"S", b"{", moc.to_ascii()[:1]]
    for level in (0.0, -1.0, 1.1, float("nan")):
        with pytest.raises(ValueError, match="probability"):
            Moc.of_region(MAP, level)
    empty = Moc.of_pixels(np.zeros(0, dtype=int), np.zeros(0, dtype=np.int64))
    assert empty.area_deg2 == 0.0
    assert len(empty.to_fits()) % 2880 == 0
