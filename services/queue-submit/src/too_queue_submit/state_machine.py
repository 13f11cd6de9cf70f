"""Life of a submission: the table of transitions. What is not in the table is forbidden.

Groups of states that other rooms ask for stand here too, so that nobody lists states twice.
"""

from collections.abc import Mapping

from too_common.contracts.queue_submit import SubmissionState as S

from too_queue_submit.errors import ForbiddenTransitionError

TRANSITIONS: Mapping[S, frozenset[S]] = {
    # A draft is approved, or discarded: replaced, retracted, or its window ended while it waited.
    S.DRAFT: frozenset({S.APPROVED, S.DISCARDED}),
    # Back to draft: the approval was dropped (account deactivated, newer map).
    S.APPROVED: frozenset({S.SENDING, S.DRAFT, S.DISCARDED}),
    # The intent is committed. Back to approved, draft or discarded only if the attempt
    # ended before the socket was opened; cancel_requested while the attempt still runs.
    S.SENDING: frozenset(
        {
            S.ACCEPTED,
            S.DELIVERED,
            S.REJECTED,
            S.UNKNOWN,
            S.APPROVED,
            S.DRAFT,
            S.DISCARDED,
            S.CANCEL_REQUESTED,
        }
    ),
    # Reconciled by reading back; approved again only when it is proven that nothing is there.
    S.UNKNOWN: frozenset(
        {
            S.ACCEPTED,
            S.DELIVERED,
            S.REJECTED,
            S.APPROVED,
            S.ACTIVE,
            S.PARTIAL,
            S.COMPLETE,
            S.EXPIRED,
            S.CANCEL_REQUESTED,
        }
    ),
    S.ACCEPTED: frozenset(
        {S.ACTIVE, S.PARTIAL, S.COMPLETE, S.EXPIRED, S.CANCEL_REQUESTED, S.UNKNOWN}
    ),
    S.DELIVERED: frozenset(
        {S.ACTIVE, S.PARTIAL, S.COMPLETE, S.EXPIRED, S.CANCEL_REQUESTED, S.UNKNOWN}
    ),
    S.ACTIVE: frozenset({S.PARTIAL, S.COMPLETE, S.CANCEL_REQUESTED, S.UNKNOWN}),
    S.CANCEL_REQUESTED: frozenset({S.CANCELLED, S.CANCEL_FAILED, S.PARTIAL, S.COMPLETE, S.EXPIRED}),
    S.CANCEL_FAILED: frozenset({S.CANCEL_REQUESTED, S.CANCELLED, S.PARTIAL, S.COMPLETE, S.EXPIRED}),
    # End states that late news may still change: progress is processed nights later, a queue that
    # was withdrawn may turn up again, and a portal may take back 'completed'.
    S.CANCELLED: frozenset({S.CANCEL_REQUESTED, S.COMPLETE}),
    S.PARTIAL: frozenset({S.COMPLETE, S.ACTIVE, S.CANCEL_REQUESTED}),
    S.COMPLETE: frozenset({S.ACTIVE, S.PARTIAL, S.CANCEL_REQUESTED}),
    S.EXPIRED: frozenset({S.PARTIAL, S.COMPLETE, S.CANCEL_REQUESTED}),
    S.REJECTED: frozenset(),
    S.DISCARDED: frozenset(),
}

UNSENT = frozenset({S.DRAFT, S.APPROVED})
"""Nothing has left the house: stopped at once, without asking the facility."""

OUT_THERE = frozenset(
    {S.SENDING, S.UNKNOWN, S.ACCEPTED, S.DELIVERED, S.ACTIVE, S.CANCEL_REQUESTED, S.CANCEL_FAILED}
)
"""Something of ours is, or may be, at the facility."""

WITHDRAWABLE = frozenset({S.SENDING, S.UNKNOWN, S.ACCEPTED, S.DELIVERED, S.ACTIVE, S.CANCEL_FAILED})
"""A retraction or a person withdraws these."""

SUPERSEDABLE = frozenset({S.ACCEPTED, S.DELIVERED, S.ACTIVE})
"""A successor may be sent while one of these is at the facility."""

OCCUPYING = frozenset(
    {S.APPROVED, S.SENDING, S.UNKNOWN, S.ACCEPTED, S.DELIVERED, S.ACTIVE, S.CANCEL_REQUESTED}
)
"""States under the partial unique index: one per event and facility, plus its successor."""

READ_BACK = frozenset({S.ACCEPTED, S.DELIVERED, S.ACTIVE})
"""Looked after until the window ends (rule 10)."""

WITH_PROGRESS = frozenset(
    {
        S.ACCEPTED,
        S.DELIVERED,
        S.ACTIVE,
        S.PARTIAL,
        S.COMPLETE,
        S.EXPIRED,
        S.UNKNOWN,
        S.CANCEL_REQUESTED,
        S.CANCELLED,
        S.CANCEL_FAILED,
    }
)
"""Executed exposures may exist; read and published in all of these."""


def check(current: S, target: S) -> None:
    """Refuse a step that the table does not have.

    Raises
    ------
    ForbiddenTransitionError
        If ``target`` cannot follow ``current``. A step onto itself is forbidden too: whoever
        repeats a command must notice that it was done already.
    """
    if target not in TRANSITIONS[current]:
        raise ForbiddenTransitionError(f"a submission cannot go from {current} to {target}")


def allows(current: S, target: S) -> bool:
    """Whether the table has the step."""
    return target in TRANSITIONS[current]
