from datetime import timedelta

import plans_of_queue_submit as plans
import pytest
from too_queue_submit import sky, windows
from too_queue_submit.errors import WindowRefusedError

NOW = plans.NIGHT
HOUR = timedelta(hours=1)
PALOMAR = sky.Site(33.3563, -116.8648, 1742.0)


def code_of(begin, end, **kwargs):
    with pytest.raises(WindowRefusedError) as caught:
        windows.check_window(windows.Window(begin, end), now=NOW, site=PALOMAR, **kwargs)
    return caught.value.code


def test_a_plan_has_its_window_with_margin():
    made = windows.window_of(plans.plan(), overhead_s=10)
    assert made.begin == plans.NIGHT
    assert made.end == plans.NIGHT + timedelta(seconds=930 + 10 + 1800)
    windows.check_window(made, now=NOW, site=PALOMAR)
    begin, end = made.mjd
    assert begin == pytest.approx(sky.mjd(made.begin), abs=1e-6)
    assert end > begin


def test_refusals():
    assert code_of(NOW - 3 * HOUR, NOW) == "window_ended"
    assert code_of(NOW - 3 * HOUR, NOW + timedelta(seconds=50), overhead_s=60) == "window_ended"
    assert code_of(NOW + HOUR, NOW) == "window_reversed"
    assert code_of(NOW, NOW) == "window_reversed"
    assert code_of(NOW, NOW + 37 * HOUR) == "window_too_long"
    assert code_of(NOW + 31 * 24 * HOUR, NOW + 31 * 24 * HOUR + HOUR) == "window_far_off"
    assert code_of(NOW - 48 * HOUR, NOW - 47 * HOUR) == "window_ended"
    # a window of Palomar's evening, written in local time as if it were UTC
    assert code_of(NOW + 16 * HOUR, NOW + 20 * HOUR) == "window_without_night"


@pytest.mark.parametrize("value", [2461366.5, 1795320000.0, 0.0])
def test_jd_and_seconds_are_caught(value):
    with pytest.raises(WindowRefusedError, match="MJD"):
        windows.check_mjd_window(value, value + 0.3, now=NOW)


def test_mjd_near_the_present_passes():
    windows.check_mjd_window(sky.mjd(NOW), sky.mjd(NOW + HOUR), now=NOW)
