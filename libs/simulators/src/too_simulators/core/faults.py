"""Fault switches: what goes wrong on purpose, where, and how often.

A fault is bound to a route. Routes of simulated hosts are ``METHOD /path`` (``PUT /ztf/queues``),
the others are named: ``sftp DECam``, ``smtp``, ``gcn heartbeat``, ``robot ZTF``,
``callbacks twilio``. Patterns use shell wildcards.
"""

import secrets
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field


class FaultKind(StrEnum):
    """All that can go wrong."""

    # any HTTP route
    REFUSE = "refuse"
    STATUS = "status"
    TOO_MANY_REQUESTS = "too_many_requests"
    HTML = "html"
    HANG = "hang"
    SLOW_BODY = "slow_body"
    DROP_REPLY = "drop_reply"
    LOSE_STATE = "lose_state"
    CLOCK_OFF = "clock_off"
    # Twilio and Slack
    PROVIDER_ERROR = "provider_error"
    CALLBACK_NEVER = "callback_never"
    CALLBACK_TWICE = "callback_twice"
    CALLBACK_OUT_OF_ORDER = "callback_out_of_order"
    # SMTP
    REFUSE_RECIPIENTS = "refuse_recipients"
    GREYLIST = "greylist"
    LOST_AFTER_DATA = "lost_after_data"
    # ZTF, IRSA, depot and the robots
    OTHER_CONTENT = "other_content"
    FILTER_UNAVAILABLE = "filter_unavailable"
    CLOUDS = "clouds"
    EXPOSURE_FAILS = "exposure_fails"
    PARTIAL_QUADRANTS = "partial_quadrants"
    LATE_PROCESSING = "late_processing"
    OVERFLOW = "overflow"
    NEVER_LOADED = "never_loaded"
    # GCN's Kafka
    SILENT = "silent"
    # sftp
    KEY_REFUSED = "key_refused"
    HOST_KEY_CHANGED = "host_key_changed"
    DISK_FULL = "disk_full"
    SHORT_WRITE = "short_write"
    LOST_BEFORE_RENAME = "lost_before_rename"
    READ_ONLY = "read_only"


HTTP_KINDS = frozenset(
    {
        FaultKind.REFUSE,
        FaultKind.STATUS,
        FaultKind.TOO_MANY_REQUESTS,
        FaultKind.HTML,
        FaultKind.HANG,
        FaultKind.SLOW_BODY,
        FaultKind.DROP_REPLY,
        FaultKind.LOSE_STATE,
        FaultKind.CLOCK_OFF,
    }
)


class Fault(BaseModel):
    """A fault switch that is on."""

    id: str = Field(default_factory=lambda: secrets.token_hex(4))
    route: str = Field(description="'PUT /ztf/queues', '* /twilio/*', 'sftp DECam', 'smtp' ...")
    kind: FaultKind
    times: int | None = Field(default=None, ge=1, description="So often; None: until switched off")
    until: AwareDatetime | None = Field(default=None, description="Stack time at which it ends")
    params: dict[str, Any] = Field(default_factory=dict)
    hits: int = 0


class FaultRequest(BaseModel):
    """Body of ``POST /control/faults``."""

    route: str
    kind: FaultKind
    times: int | None = Field(default=None, ge=1)
    for_s: float | None = Field(default=None, gt=0, description="Stack seconds")
    params: dict[str, Any] = Field(default_factory=dict)


class FaultState(BaseModel):
    """All switches that are on."""

    faults: list[Fault] = Field(default_factory=list)


class FaultBoard:
    """The switches, and who asks them.

    Parameters
    ----------
    state
        As loaded from disk.
    now
        Stack clock.
    """

    def __init__(self, state: FaultState, *, now: Callable[[], datetime]) -> None:
        self.state = state
        self._now = now

    def switch_on(self, request: FaultRequest) -> Fault:
        """Add a fault."""
        until = None if request.for_s is None else self._now() + timedelta(seconds=request.for_s)
        fault = Fault(
            route=request.route,
            kind=request.kind,
            times=request.times,
            until=until,
            params=request.params,
        )
        self.state.faults.append(fault)
        return fault

    def switch_off(self, fault_id: str | None = None) -> int:
        """Remove one fault, or all; answer how many."""
        before = len(self.state.faults)
        self.state.faults = [
            fault for fault in self.state.faults if fault_id is not None and fault.id != fault_id
        ]
        return before - len(self.state.faults)

    def peek(self, route: str, kind: FaultKind, at: datetime | None = None) -> Fault | None:
        """A fault of a kind that is on at a stack time, without using it up."""
        return self._find(route, {kind}, at or self._now())

    def take(
        self, route: str, kinds: Collection[FaultKind] | FaultKind, at: datetime | None = None
    ) -> Fault | None:
        """The oldest matching fault; one that was meant for n times is used up by one."""
        wanted = {kinds} if isinstance(kinds, FaultKind) else kinds
        fault = self._find(route, wanted, at or self._now())
        if fault is None:
            return None
        fault.hits += 1
        if fault.times is not None and fault.hits >= fault.times:
            self.state.faults.remove(fault)
        return fault

    def _find(self, route: str, kinds: Collection[FaultKind], at: datetime) -> Fault | None:
        now = self._now()
        self.state.faults = [
            fault
            for fault in self.state.faults
            if fault.until is None or fault.until > min(at, now)
        ]
        for fault in self.state.faults:
            if (
                fault.kind in kinds
                and (fault.until is None or at < fault.until)
                and fnmatchcase(route, fault.route)
            ):
                return fault
        return None
