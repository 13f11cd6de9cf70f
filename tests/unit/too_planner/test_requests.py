"""Requests of people and profiles of programs, fitted to telescopes."""

from datetime import timedelta

import pytest
from pydantic import ValidationError
from too_common.contracts.notify import PlanningProfile
from too_planner.profile import request_of_profile
from too_planner.request import PlanRequest, RequestError, Window, resolve

from .conftest import NOW

WINDOW = Window(begin=NOW, end=NOW + timedelta(hours=24))


def test_what_is_left_out_is_the_telescopes_own(telescopes):
    found = resolve(PlanRequest(telescope="ZTF"), telescopes["ZTF"], now=NOW)
    assert found.filters == ("g", "r", "g")
    assert found.exposure_times_s == (300.0, 300.0, 300.0)
    assert found.require_references
    assert found.window_end - found.window_begin == timedelta(hours=24)
    assert found.window_begin >= NOW


def test_windows_are_cut_at_now_and_refused_when_over(telescopes):
    long_ago = NOW - timedelta(hours=5)
    begun = PlanRequest(
        telescope="ZTF", windows=[Window(begin=long_ago, end=NOW + timedelta(hours=1))]
    )
    assert resolve(begun, telescopes["ZTF"], now=NOW).window_begin > NOW
    over = PlanRequest(telescope="ZTF", windows=[Window(begin=NOW - timedelta(hours=5), end=NOW)])
    with pytest.raises(RequestError, match="the window is over"):
        resolve(over, telescopes["ZTF"], now=NOW)
    with pytest.raises(ValidationError, match="no length"):
        Window(begin=NOW, end=NOW)
    with pytest.raises(ValidationError, match="overlap"):
        PlanRequest(telescope="ZTF", windows=[WINDOW, WINDOW])
    late = Window(begin=NOW + timedelta(days=20), end=NOW + timedelta(days=21))
    with pytest.raises(ValidationError, match="14 days"):
        PlanRequest(telescope="ZTF", windows=[WINDOW, late])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"filters": ["z"]}, "no filter 'z'"),
        ({"filters": []}, "no filter is asked for"),
        ({"filters": ["g", "r"], "exposure_times_s": [1, 2, 3]}, "2 filters but 3"),
        ({"strategy": "galaxies"}, "no galaxies"),
    ],
)
def test_what_cannot_be_meant_is_refused(telescopes, values, words):
    request = PlanRequest.model_validate({"telescope": "ZTF", **values})
    with pytest.raises(RequestError, match=words):
        resolve(request, telescopes["ZTF"], now=NOW)


def test_one_exposure_time_serves_all_filters(telescopes):
    request = PlanRequest(telescope="ZTF", filters=("g", "i"), exposure_times_s=(60.0,))
    assert resolve(request, telescopes["ZTF"], now=NOW).exposure_times_s == (60.0, 60.0)
    request = PlanRequest(telescope="DECam", filters=("z", "i"))
    assert resolve(request, telescopes["DECam"], now=NOW).exposure_times_s == (25.0, 25.0)


@pytest.mark.parametrize(
    ("profile", "telescope", "filters", "times"),
    [
        ({}, "ZTF", None, None),
        ({"filters": ("g", "r", "g")}, "Gattini", None, None),
        ({"filters": ("g", "z"), "exposure_times_s": (10, 30)}, "ZTF", ("g",), (10,)),
        ({"filters": ("g", "z"), "exposure_times_s": (40,)}, "ZTF", ("g",), (40,)),
        ({"filters": ("g",), "exposure_times_s": (200,)}, "Gattini", None, (200,)),
        ({"exposure_times_s": (200, 200, 200)}, "ZTF", None, (200, 200, 200)),
        ({"exposure_times_s": (200, 200, 200)}, "KPED", ("r", "r", "r"), (200, 200, 200)),
    ],
)  # fmt: skip
def test_a_programs_profile_fits_every_telescope(telescopes, profile, telescope, filters, times):
    definition = telescopes[telescope]
    request = request_of_profile(PlanningProfile.model_validate(profile), definition, WINDOW)
    assert request.filters == filters
    assert request.exposure_times_s == times
    resolve(request, definition, now=NOW)


def test_a_program_may_ask_for_more(telescopes):
    profile = PlanningProfile(
        objective="any",
        filter_order="integrated",
        balanced=True,
        dither=True,
        moon_separation_min_deg=35.0,
        absolute_mag={"r": -16.0, "Q": -15.0, "J": -16.0},
    )
    near = request_of_profile(profile, telescopes["ZTF"], WINDOW, has_distance=True)
    assert (near.objective, near.filter_order, near.balanced) == ("any", "integrated", True)
    assert near.dither
    assert near.moon_separation_min_deg == 35.0
    assert near.depth.absolute_mag == {"r": -16.0}
    assert request_of_profile(profile, telescopes["ZTF"], WINDOW).depth is None
    # no filter of the sequence in which its depth is known
    only = PlanningProfile(filters=("g",), absolute_mag={"g": -16.0})
    assert request_of_profile(only, telescopes["KPED"], WINDOW, has_distance=True).depth is None
    resolve(near, telescopes["ZTF"], now=NOW)
    # single looks have no sequence that could be completed
    single = PlanningProfile(objective="any", balanced=True, galactic_latitude_min_deg=10.0)
    request = request_of_profile(single, telescopes["ZTF"], WINDOW)
    assert request.balanced is None
    assert resolve(request, telescopes["ZTF"], now=NOW).galactic_latitude_min_deg == 10.0
