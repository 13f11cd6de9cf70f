import hashlib

import plans_of_queue_submit as plans
import pytest
from too_queue_submit.allocation import Allocation, Limits
from too_queue_submit.errors import DomainError
from too_queue_submit.names import is_safe
from too_queue_submit.rendering import render_draft
from too_queue_submit.telescopes import ADAPTERS


def draft(*, limits=None, allocation=None, now=plans.NIGHT, plan=None):
    return render_draft(
        plan or plans.plan(),
        telescope=plans.telescope("ZTF"),
        adapter=ADAPTERS["ztf"],
        allocation=allocation or Allocation(),
        limits=limits or Limits(),
        event_name="S260101a",
        now=now,
    )


def code_of(**kwargs):
    with pytest.raises(DomainError) as caught:
        draft(**kwargs)
    return caught.value.code


def test_a_draft():
    made = draft()
    assert made == draft()
    assert made.payload_sha256 == hashlib.sha256(made.payload).hexdigest()
    assert made.external_name.startswith("ToO_S260101a_deadbeef_")
    assert is_safe(made.external_name)
    assert made.external_name.encode() in made.payload
    assert made.exposures == 4
    # 4 x 30 s open, 4 x 10 s overhead, one change of filter
    assert made.total_time_s == pytest.approx(4 * 30 + 4 * 10 + 135)


def test_a_changed_payload_gets_another_name():
    other = [("245", 20.0, 30.0, "g", 40.0)]
    assert draft().external_name != draft(plan=plans.plan(exposures=other)).external_name


def test_limits():
    assert code_of(limits=Limits(max_exposures=3)) == "max_exposures"
    assert code_of(limits=Limits(max_hours_per_night=0.01)) == "night_hours"
    assert code_of(limits=Limits(exposure_s_max=29)) == "exposure_time"
    assert code_of(limits=Limits(exposure_s_min=31)) == "exposure_time"
    assert code_of(limits=Limits(filters=("g",))) == "filter"
    assert code_of(limits=Limits(program_ids=(1, 3))) == "program_id"
    assert code_of(limits=Limits(airmass_max=1.01)) == "airmass"
    assert code_of(limits=Limits(dec_max_deg=20)) == "declination"
    assert code_of(limits=Limits(hour_angle_max_h=0.5)) == "hour_angle"
    many = [("245", 20.0, 30.0, "g", 30.0)] * 5
    assert (
        code_of(plan=plans.plan(exposures=many), limits=Limits(repeats_per_field_and_filter=4))
        == "repeated_field"
    )


def test_a_plan_that_came_three_days_late():
    from datetime import timedelta

    assert code_of(now=plans.NIGHT + timedelta(days=3)) == "window_ended"


def test_starts_that_have_passed_are_warned_of():
    from datetime import timedelta

    made = draft(now=plans.NIGHT + timedelta(minutes=6))
    assert any("2 of 4 planned starts" in text for text in made.warnings)


def test_a_moonlit_field_is_warned_of():
    import numpy as np
    from too_queue_submit import sky

    made = draft(limits=Limits(moon_separation_min_deg=180))
    separation = float(np.min(sky.moon_separation_deg(20.0, 30.0, sky.mjd(plans.NIGHT))))
    assert any("Moon" in text and f"{separation:.0f}"[:2] in text for text in made.warnings)


def test_the_wrong_telescope():
    assert code_of(plan=plans.plan("DECam")) == "plan_refused"


def test_allocation_falls_back_to_the_telescopes_own():
    own = Allocation().resolved(program_id=3, program_pi="Kulkarni")
    assert (own.program_id, own.program_pi) == (3, "Kulkarni")
    own = Allocation(program_id=1, program_pi="Other").resolved(program_id=3, program_pi="K")
    assert (own.program_id, own.program_pi) == (1, "Other")
    assert Allocation().resolved(program_id=None, program_pi=None).program_id == 2


@pytest.mark.parametrize("name", ["EMGW", "too_lower", ""])
def test_a_subprogram_must_be_a_too(name):
    with pytest.raises(ValueError, match="ToO"):
        Allocation(subprogram_name=name)
