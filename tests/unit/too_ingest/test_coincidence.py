"""Coincidences: windows, joint false-alarm rates against simulated streams, words."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_common.contracts.ingest import EventKind, FarMethod
from too_ingest.coincidence import (
    RATES_HZ,
    WINDOWS,
    Side,
    is_coincident,
    joint_far_hz,
    leads,
    meaning,
    offset_s,
    targeted_far_hz,
    temporal_far,
    window_for,
)

T0 = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
YEAR_S = 3.15576e7


def side(kind: EventKind, mission: str, after_s: float = 0.0, number: int = 1, **more) -> Side:
    return Side(UUID(int=number), f"{mission}{number}", kind, mission, _at(after_s), **more)


def _at(after_s: float) -> datetime:
    return T0 + timedelta(seconds=after_s)


GW = side(EventKind.GW, "lvk", far_hz=1e-9, group="CBC")


@pytest.mark.parametrize(
    ("after_s", "grb", "found"),
    [
        (1.74, {}, True),
        (5.0, {}, True),
        (5.1, {}, False),
        (-1.0, {}, True),
        (-1.5, {}, False),
        (10.0, {"is_subthreshold": True}, True),
    ],
)
def test_the_window_of_waves_and_bursts_is_ravens(after_s, grb, found):
    burst = side(EventKind.GRB, "fermi_gbm", after_s, 2, **grb)
    assert is_coincident(GW, burst) is found
    assert is_coincident(burst, GW) is found
    assert offset_s(burst, GW) == -after_s


def test_windows_by_group_and_satellite():
    unmodelled = side(EventKind.GW, "lvk", group="Burst")
    late = side(EventKind.GRB, "swift", 500.0, 2)
    assert is_coincident(unmodelled, late)
    assert not is_coincident(GW, late)
    faint = side(EventKind.GRB, "swift", -9.0, 2, is_subthreshold=True)
    assert is_coincident(GW, faint)
    assert not is_coincident(GW, side(EventKind.GRB, "fermi_gbm", -9.0, 2, is_subthreshold=True))
    # one mission's are one event or two, never a coincidence
    assert window_for(side(EventKind.GRB, "fermi_gbm"), side(EventKind.GRB, "fermi_lat")) is None
    assert window_for(GW, side(EventKind.GW, "lvk", number=2)) is None
    # three satellites saw one burst within seconds
    assert is_coincident(side(EventKind.GRB, "fermi_gbm"), side(EventKind.GRB, "integral", 1.68, 2))


@given(
    st.sampled_from(list(EventKind)),
    st.sampled_from(list(EventKind)),
    st.floats(-8000, 8000),
    st.booleans(),
    st.floats(1e-15, 1e-5) | st.none(),
    st.floats(1e-15, 1e-5) | st.none(),
)
def test_a_pair_is_the_same_from_both_sides(one, other, after_s, faint, far, other_far):
    a = side(one, "a", far_hz=far)
    b = side(other, "b", after_s, 2, is_subthreshold=faint, far_hz=other_far)
    assert is_coincident(a, b) == is_coincident(b, a)
    assert temporal_far(a, b) == temporal_far(b, a)
    assert leads(a, b) != leads(b, a)
    if window_for(a, b) is None:
        assert temporal_far(a, b).method is FarMethod.NONE


def test_every_window_and_rate_names_its_source():
    for window in WINDOWS.values():
        assert window.begin_s < window.end_s
        assert len(window.source) > 5
    for rate, source in RATES_HZ.values():
        assert rate > 0
        assert any(c.isdigit() for c in source)


def test_numbers_of_gw170817_and_its_burst():
    """FAR of the waves (online) 1/(9000 yr), 325 bursts a year, 6 s: by hand."""
    gw = side(EventKind.GW, "lvk", far_hz=1 / (9000 * YEAR_S), group="CBC")
    burst = side(EventKind.GRB, "fermi_gbm", 1.74, 2)
    rate = temporal_far(gw, burst)
    assert rate.method is FarMethod.RATE_TIMES_FAR
    by_hand = 3.5210e-12 * 1.02986e-05 * 6
    assert rate.temporal_far_hz == pytest.approx(by_hand, rel=1e-3)
    assert joint_far_hz(rate.temporal_far_hz, 30.0) == pytest.approx(by_hand / 30, rel=1e-3)
    assert joint_far_hz(rate.temporal_far_hz, 0.0) is None
    assert joint_far_hz(rate.temporal_far_hz, None) is None
    assert "325 bursts a year" in rate.formula


def test_rate_of_chance_pairs_in_simulated_streams():
    """Random noise triggers below a FAR, and random bursts: pairs come at FAR * R * dt."""
    rng = np.random.default_rng(1)
    span_s, far, rate, begin, end = 3e8, 2e-4, 1e-4, -1.0, 5.0
    waves = np.sort(rng.uniform(0, span_s, rng.poisson(far * span_s)))
    bursts = np.sort(rng.uniform(0, span_s, rng.poisson(rate * span_s)))
    pairs = np.sum(
        np.searchsorted(bursts, waves + end, side="right")
        - np.searchsorted(bursts, waves + begin, side="left")
    )
    expected = far * rate * (end - begin) * span_s
    assert abs(pairs - expected) < 4 * np.sqrt(expected)


def test_targeted_search_in_simulated_streams():
    """Of pairs found down to both limits, the rate of those with a smaller product of FARs."""
    rng = np.random.default_rng(2)
    limits, dt = (1 / 86_400, 1 / 10_000), 12.0
    z_max = limits[0] * limits[1] * dt
    found = rng.uniform(0, 1, 200_000) * rng.uniform(0, 1, 200_000)
    for z in (1e-3, 0.05, 0.4):
        share = np.mean(found < z)
        wanted = targeted_far_hz(z * limits[0], limits[1], dt, z_max=z_max) / z_max
        assert wanted == pytest.approx(share, rel=0.05)
    assert targeted_far_hz(limits[0], limits[1], dt, z_max=z_max) == pytest.approx(z_max)
    # beyond the limits no logarithm makes it smaller than the product
    assert targeted_far_hz(1.0, limits[1], dt, z_max=z_max) == pytest.approx(limits[1] * dt)
    assert targeted_far_hz(0.0, limits[1], dt, z_max=z_max) == 0.0


def test_the_method_follows_what_is_known():
    faint = side(EventKind.GRB, "fermi_gbm", 3.0, 2, is_subthreshold=True, far_hz=1e-5)
    assert temporal_far(GW, faint).method is FarMethod.TARGETED
    no_far = side(EventKind.GRB, "fermi_gbm", 3.0, 2, is_subthreshold=True)
    rate = temporal_far(GW, no_far)
    assert rate.method is FarMethod.RATE_TIMES_FAR
    assert "390" in rate.formula
    silent = side(EventKind.GW, "lvk")
    assert temporal_far(silent, side(EventKind.GRB, "swift", 1, 2)).method is FarMethod.NONE
    both = temporal_far(side(EventKind.NEUTRINO, "icecube"), side(EventKind.GRB, "swift", 100.0, 2))
    assert both.method is FarMethod.RATE_TIMES_RATE
    assert both.temporal_far_hz == pytest.approx(28 / YEAR_S * 325 / YEAR_S * 1000)
    by_hand = side(EventKind.GRB, "manual", 1.0, 2)
    assert temporal_far(GW, by_hand).method is FarMethod.NONE


def test_words():
    burst = side(EventKind.GRB, "swift", 1.74, 2)
    rate = temporal_far(GW, burst)
    for overlap, text in (
        (None, "not both have a map yet"),
        (0.0, "exclude each other"),
        (0.3, "speak against one place"),
        (13.2, "speak for one place (overlap 13.2"),
    ):
        assert text in meaning(GW, burst, rate, overlap)
    assert "1.74 s after lvk1" in meaning(GW, burst, rate, 2.0)
    assert "1.74 s before swift2" in meaning(burst, GW, rate, 2.0)
    assert "by chance once in" in meaning(GW, burst, rate, 2.0)


def test_no_pair_of_kinds_has_two_windows():
    for one, other in product(EventKind, EventKind):
        assert one == other or not {(one, other), (other, one)} <= set(WINDOWS)
