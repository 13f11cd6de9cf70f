"""When maps are asked for: waits that grow, a day's end, looks at files that may change."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_ingest import map_schedule

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY_S = 86_400.0
MISSIONS = ["lvk", "fermi_gbm", "icecube", "swift", "km3net", ""]


@pytest.mark.parametrize("mission", MISSIONS)
def test_a_map_that_never_comes_is_asked_for_for_a_day(mission):
    now, attempts, moments = NOW, 1, [NOW]
    while True:
        following = map_schedule.next_request(
            mission, attempts=attempts, waiting_since=NOW, now=now, give_up_after_s=DAY_S
        )
        if following is None:
            break
        assert following > now
        attempts, now = attempts + 1, following
        moments.append(now)
    assert moments[-1] == NOW + timedelta(days=1)
    waits = [b - a for a, b in pairwise(moments)]
    assert waits[:-1] == sorted(waits[:-1])
    assert waits[0] <= timedelta(seconds=20)
    assert max(waits) == timedelta(hours=1)
    # often at first, without pressing a server that answers 404 all day
    assert 5 <= sum(moment <= NOW + timedelta(minutes=10) for moment in moments) <= 15
    assert len(moments) < 45


@given(st.sampled_from(MISSIONS), st.integers(1, 500), st.floats(0, 3 * DAY_S))
def test_next_request_is_in_the_future_and_never_after_the_end(mission, attempts, passed):
    now = NOW + timedelta(seconds=passed)
    following = map_schedule.next_request(
        mission, attempts=attempts, waiting_since=NOW, now=now, give_up_after_s=DAY_S
    )
    if now >= NOW + timedelta(seconds=DAY_S):
        assert following is None
    else:
        assert now < following <= NOW + timedelta(seconds=DAY_S)


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://gracedb.ligo.org/api/superevents/S1/files/bayestar.multiorder.fits,1", False),
        ("https://gracedb.ligo.org/api/superevents/S1/files/bayestar.multiorder.fits", True),
        ("https://heasarc.gsfc.nasa.gov/x/glg_healpix_all_bn180116026.fit", True),
        ("https://heasarc.gsfc.nasa.gov/x/glg_healpix_all_bn180116026_v01.fit", False),
        ("https://roc.icecube.wisc.edu/public/a.fits.gz?x=1,2", True),
        ("https://roc.icecube.wisc.edu/public/a_v2.fits.gz", False),
    ],
)
def test_which_addresses_may_change(url, may):
    assert map_schedule.may_change(url) == may
    following = map_schedule.next_check("lvk", url, there_since=NOW, now=NOW)
    assert (following is not None) == may


@pytest.mark.parametrize("mission", MISSIONS)
def test_looks_end(mission):
    url, now, count = "https://gcn.gsfc.nasa.gov/a.fits", NOW, 0
    while (now := map_schedule.next_check(mission, url, there_since=NOW, now=now)) is not None:
        count += 1
        assert now <= NOW + timedelta(days=1)
    assert count == len(map_schedule.schedule_of(mission).checks)
