"""Merging of leaves: both ways give the same, and nothing is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro import leaves, pixels
from too_common.astro.errors import SkyMapError


def as_flat(table, order):
    depth = 2 * (order - table.order.astype(int))
    values = np.full((12 << (2 * order), table.values.shape[1]), np.nan)
    for shift, ipix, row in zip(depth, table.ipix, table.values, strict=True):
        values[ipix << shift : (ipix + 1) << shift] = row
    return values


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3), st.integers(1, 3), st.booleans())
def test_block_and_sorted_merge_agree(seed, order, choices, two_columns):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, choices + 1, 12 << (2 * max(order - 1, 0))).astype(float)
    values = np.repeat(coarse, 4 if order else 1)
    values[rng.integers(0, len(values), 3)] += 1.0
    table = values[:, None] if not two_columns else np.stack([values, values % 2], axis=1)
    flat = leaves.Leaves(np.full(len(values), order, dtype=np.int8), np.arange(len(values)), table)
    slow = leaves.merge_sorted(flat)
    fast = leaves.concatenate(
        leaves.merge_blocks(order, np.array([face]), part[np.newaxis])
        for face, part in enumerate(np.split(table, 12))
    )
    for one in (slow, fast):
        assert np.array_equal(as_flat(one, order), table)
    assert (slow.order == fast.order).all()
    assert (slow.ipix == fast.ipix).all()


def test_overlaps_are_found_at_any_depth():
    table = leaves.Leaves(
        np.array([0, 12], dtype=np.int8), np.array([3, (3 << 24) + 77]), np.ones((2, 1))
    )
    with pytest.raises(SkyMapError, match="overlap"):
        leaves.sort_and_check(table)


def test_partial_groups_are_not_merged():
    table = leaves.Leaves(np.full(3, 1, dtype=np.int8), np.array([4, 5, 6]), np.ones((3, 1)))
    assert len(leaves.merge_sorted(table)) == 3
    shifted = leaves.Leaves(np.full(4, 1, dtype=np.int8), np.arange(5, 9), np.ones((4, 1)))
    assert len(leaves.merge_sorted(shifted)) == 4


def test_areas():
    assert pixels.pixel_area_sr([0, 1, 29]).tolist() == [
        pytest.approx(np.pi / 3),
        pytest.approx(np.pi / 12),
        pytest.approx(np.pi / 3 / 4**29),
    ]
