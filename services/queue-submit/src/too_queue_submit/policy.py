"""Automatic approval within limits (rules 6 and 7): reasons why a person must look instead."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from too_common.contracts import Mode
from too_common.contracts.notify import SubmissionKind, SubmissionPolicy, Verdict
from too_common.contracts.queue_submit import FacilityMode

MAX_PLAN_AGE = timedelta(hours=1)
"""Above any policy: a plan that came late is a person's decision."""


@dataclass(frozen=True)
class AutoRequest:
    """What the policy is asked about. All of it is known to this service."""

    policy: SubmissionPolicy
    verdict: Verdict | None
    facility: str
    facility_mode: FacilityMode
    facility_stopped: bool
    approvals_required: int
    event_mode: Mode
    event_known: bool
    is_retracted: bool
    is_stale: bool
    is_replay: bool
    plan_map_sha256: str | None
    newest_map_sha256: str | None
    plan_is_manual: bool
    plan_made_at: datetime
    probability: float | None
    total_time_s: float
    window_end: datetime
    occupied: bool
    """Something unsettled of the same event is at the facility: sending, unknown."""


def reasons_against(request: AutoRequest, *, now: datetime) -> tuple[str, ...]:
    """Why this draft must not be approved without a person; empty means that it may."""
    policy = request.policy
    if policy.kind is not SubmissionKind.AUTOMATIC:
        return ("the program submits by hand",)
    checks = (
        (bool(policy.facilities) and request.facility not in policy.facilities,
         f"the program does not submit to {request.facility} by itself"),
        (request.plan_is_manual, "the plan was asked for by a person"),
        (request.verdict is not Verdict.WANTED, "no program wants the event any more"),
        (request.approvals_required > 1, "the facility asks for two persons"),
        (request.facility_mode is FacilityMode.OFF, "the facility is off"),
        (request.facility_mode is FacilityMode.LIVE and request.event_mode is not Mode.LIVE,
         "a live facility takes live events only"),
        (request.facility_stopped, "new submissions are stopped"),
        (not request.event_known, "the event is not known here yet"),
        (request.is_retracted, "the event is retracted"),
        (request.is_stale, "the notice came too late, or the event was merged or split since"),
        (request.is_replay or request.event_mode is Mode.REPLAY, "the notice was replayed"),
        (request.plan_map_sha256 != request.newest_map_sha256,
         "the plan was not made for the newest map"),
        (now - request.plan_made_at > min(MAX_PLAN_AGE, timedelta(seconds=policy.max_plan_age_s)),
         "the plan is too old"),
        (request.probability is None or request.probability < policy.min_probability,
         f"the plan covers less than {policy.min_probability:.0%}"),
        (policy.max_total_time_s is not None and request.total_time_s > policy.max_total_time_s,
         f"the plan takes longer than {(policy.max_total_time_s or 0) / 3600:.1f} h"),
        (request.window_end <= now, "the window has ended"),
        (request.occupied, "an earlier submission of the event is not settled"),
    )  # fmt: skip
    return tuple(text for applies, text in checks if applies)
