"""The kinds of slow and outward work, as job payloads.

They stand apart from the functions that do the work, so that use cases can ask for them.
"""

from typing import ClassVar
from uuid import UUID

from too_common.jobs import JobPayload


class DraftPlan(JobPayload):
    """Fetch a plan and render its payload."""

    TYPE: ClassVar[str] = "draft_plan"
    plan_id: UUID


class SendSubmission(JobPayload):
    """Send an approved payload."""

    TYPE: ClassVar[str] = "send_submission"
    submission_id: UUID


class ReconcileSubmission(JobPayload):
    """Find out by reading what became of an attempt."""

    TYPE: ClassVar[str] = "reconcile_submission"
    submission_id: UUID


class WithdrawSubmission(JobPayload):
    """Take a payload back."""

    TYPE: ClassVar[str] = "withdraw_submission"
    submission_id: UUID


class WatchSubmission(JobPayload):
    """Look after a payload, and read what was observed."""

    TYPE: ClassVar[str] = "watch_submission"
    submission_id: UUID
