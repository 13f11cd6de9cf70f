"""Dead times: slews, filter changes, gaps."""

import numpy as np
import pytest
from too_planner.telescope import AxesSlew, AxisMotion, ConstantRateSlew, Timing
from too_planner.timeline import Cursor, Rules, Slews, compile_block, make_template

AXES = AxesSlew(
    hour_angle=AxisMotion(max_speed_deg_per_s=2.5, acceleration_deg_per_s2=0.4),
    declination=AxisMotion(max_speed_deg_per_s=3.0, acceleration_deg_per_s2=0.5),
    dome_azimuth=AxisMotion(max_speed_deg_per_s=3.0, acceleration_deg_per_s2=0.5),
    settle_s=1.0,
)


def slews(model, ra, dec) -> Slews:
    timing = Timing(overhead_s=10.0, filter_change_s=100.0, slew=model)
    return Slews(
        timing,
        np.array(ra, float),
        np.array(dec, float),
        latitude_deg=33.4,
        sidereal_h_at_epoch=5.0,
    )


def test_a_constant_rate_follows_the_great_circle():
    found = slews(ConstantRateSlew(rate_deg_per_s=0.5, settle_s=2.0), [10, 350, 10], [0, 0, 0])
    assert found.between(0, 1, 0.0) == pytest.approx(20 / 0.5 + 2)
    assert found.between(0, 2, 0.0) == 0.0


def test_the_slowest_axis_counts():
    motion = AXES.declination
    assert motion.seconds(2.0) == pytest.approx(4.0)  # ramps only
    assert motion.seconds(36.0) == pytest.approx(36 / 3 + 6)
    found = slews(AXES, [100, 100], [10, 46])
    assert float(found.row(0)[1]) == pytest.approx(36 / 3 + 6 + 1)
    # over the zenith the dome has to turn half around
    over = slews(AXES, [75, 75], [30, 37])
    assert over.between(0, 1, 0.0) > 40.0


@pytest.mark.parametrize("model", [ConstantRateSlew(rate_deg_per_s=0.5, settle_s=2.0), AXES])
@pytest.mark.parametrize("side_deg", [5.0, 180.0])
def test_the_nearest_field_is_found_where_it_costs_more_than_nothing(model, side_deg):
    rng = np.random.default_rng(3)
    ra, dec = rng.uniform(0, 2 * side_deg, 60), rng.uniform(-side_deg / 2, side_deg / 2, 60)
    found = slews(model, ra, dec)
    exact = np.array([np.delete(found.row(index), index).min() for index in range(60)])
    near = found.nearest_s(8.0)
    far = exact > 8.0
    assert np.array_equal(near[far], exact[far])
    assert np.all((near[~far] >= exact[~far]) & (near[~far] <= 8.0))


def rules(intervals, *, gap=0.0, filters=("g", "r")) -> Rules:
    timing = Timing(
        overhead_s=10.0, filter_change_s=100.0, slew=ConstantRateSlew(rate_deg_per_s=1.0)
    )
    count = len(intervals)
    return Rules(
        steps=tuple(
            make_template([(name, 100.0)], dithers=1, dither_slew_s=0.0, timing=timing)
            for name in filters
        ),
        intervals=intervals,
        slews=Slews(
            timing,
            np.arange(count) * 5.0,
            np.zeros(count),
            latitude_deg=0.0,
            sidereal_h_at_epoch=0.0,
        ),
        overhead_s=10.0,
        filter_change_s=100.0,
        min_gap_s=gap,
    )


def test_a_block_visits_in_order_with_gap_and_filter_change():
    placed, cursor = compile_block(rules([[(0, 5000)]] * 2, gap=1000.0), Cursor(0.0), [0, 1], 5000)
    assert [(visit.field, visit.step, visit.start_s) for visit in placed] == [
        (0, 0, 0.0), (1, 0, 110.0), (0, 1, 1000.0), (1, 1, 1110.0),
    ]  # fmt: skip
    assert cursor.free_s == 1210.0
    quick, _ = compile_block(rules([[(0, 5000)]] * 2), Cursor(0.0), [0, 1], 5000)
    assert quick[2].start_s == pytest.approx(110 + 100 + 10 + 100)


def test_a_field_that_cannot_be_completed_is_left_out_of_the_block():
    placed, _ = compile_block(
        rules([[(0, 5000)], [(0, 400)]], gap=1000.0), Cursor(0.0), [0, 1], 5000
    )
    assert {visit.field for visit in placed} == {0}


def test_a_field_that_is_not_up_yet_lets_others_go_first():
    intervals = [[(3000, 5000)], [(0, 5000)]]
    placed, _ = compile_block(rules(intervals, filters=("g",)), Cursor(0.0), [0, 1], 5000)
    assert [visit.field for visit in placed] == [1, 0]
    kept, _ = compile_block(
        rules(intervals, filters=("g",)), Cursor(0.0), [0, 1], 5000, keep_order=True
    )
    assert [visit.field for visit in kept] == [0, 1]
    assert kept[0].start_s == 3000.0


def test_dithers_and_integrated_filters_are_one_visit():
    timing = Timing(overhead_s=28.0, filter_change_s=8.0, slew=ConstantRateSlew(rate_deg_per_s=0.3))
    template = make_template(
        [("g", 25.0), ("z", 25.0)], dithers=2, dither_slew_s=0.1, timing=timing
    )
    assert [part.offset_s for part in template.exposures] == [0.0, 53.0, 114.0, 167.0]
    assert template.duration_s == 192.0
