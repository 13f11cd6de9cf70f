"""From a plan to a draft: window, cost, warnings, name, exact bytes, hash. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from too_queue_submit import cost, names
from too_queue_submit.allocation import Allocation, Limits
from too_queue_submit.errors import PlanRefusedError
from too_queue_submit.limits import check_limits
from too_queue_submit.plan_document import PlanDocument
from too_queue_submit.telescope_definition import TelescopeDefinition
from too_queue_submit.telescopes import RenderRequest, TelescopeAdapter
from too_queue_submit.windows import Window, check_window, window_of


@dataclass(frozen=True)
class RenderedDraft:
    """What an approver sees, and what will be sent to the byte."""

    external_name: str
    event_label: str
    payload: bytes
    payload_sha256: str
    media_type: str
    window: Window
    exposures: int
    total_time_s: float
    warnings: tuple[str, ...]


def render_draft(
    plan: PlanDocument,
    *,
    telescope: TelescopeDefinition,
    adapter: TelescopeAdapter,
    allocation: Allocation,
    limits: Limits,
    event_name: str | None,
    now: datetime,
) -> RenderedDraft:
    """Render a plan's payload and judge it.

    Parameters
    ----------
    event_name
        The mission's own id; None for a manual observation without an event.
    now
        Stack time.

    Raises
    ------
    PlanRefusedError, LimitExceededError, WindowRefusedError
        With the reason, in words for a person.
    """
    if plan.telescope != telescope.name:
        raise PlanRefusedError(f"the plan is for {plan.telescope}, not for {telescope.name}")
    own = allocation.resolved(
        program_id=telescope.program.program_id, program_pi=telescope.program.program_pi
    )
    window = window_of(
        plan, overhead_s=telescope.overhead_s, margin_s=telescope.queue.window_margin_s
    )
    check_window(window, now=now, site=telescope.place, overhead_s=telescope.overhead_s)
    total_s = cost.total_time_s(
        plan.exposures,
        overhead_s=telescope.overhead_s,
        filter_change_s=telescope.timing.filter_change_s,
    )
    warnings = check_limits(
        plan, telescope=telescope, allocation=own, limits=limits, total_time_s=total_s
    )
    if plan.first_start < now:
        late = sum(exposure.start < now for exposure in plan.exposures)
        warnings += (f"{late} of {len(plan.exposures)} planned starts have passed already",)
    label = names.safe_event(event_name)
    request = RenderRequest(
        plan=plan, telescope=telescope, allocation=own, window=window, event_label=label
    )
    name = names.outer_name(label, plan.plan_id, adapter.render(request, ""))
    payload = adapter.render(request, name)
    return RenderedDraft(
        external_name=name,
        event_label=label,
        payload=payload,
        payload_sha256=hashlib.sha256(payload).hexdigest(),
        media_type=adapter.media_type,
        window=window,
        exposures=len(plan.exposures),
        total_time_s=round(total_s, 3),
        warnings=warnings,
    )
