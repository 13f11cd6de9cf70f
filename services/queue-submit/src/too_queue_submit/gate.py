"""The last question before the socket: may this still be sent.

Pure: the answers of ingest, of the switches and of the clock come in; a ruling comes out.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from too_common.contracts import Mode
from too_common.contracts.queue_submit import FacilityMode

CLOCK_TOLERANCE_S = 2.0
"""Rule 11. An HTTP ``Date`` has whole seconds, so half a second of it is rounding."""


class Ruling(StrEnum):
    """What becomes of an attempt that has not opened its socket yet."""

    SEND = "send"
    WAIT = "wait"
    """Not now: an automatic send is tried again, and a person is told."""
    ASK_AGAIN = "ask_again"
    """The approval no longer holds: back to draft."""
    REFUSE = "refuse"
    """Never: discarded."""


@dataclass(frozen=True)
class Answer:
    """A ruling with its reason."""

    ruling: Ruling
    reason: str = ""
    code: str = ""


@dataclass(frozen=True)
class EventAnswer:
    """What ingest said of the event, just now."""

    is_retracted: bool
    map_sha256: str | None
    is_parked: bool = False
    """A message that seems to speak of this event could not be read at ingest."""
    maps_pending: int = 0
    """Maps of newer notices that are being made."""
    is_part: bool = False
    """It is part of another event now, which has plans of its own."""

    @classmethod
    def parse(cls, body: dict[str, Any]) -> "EventAnswer":
        """Read ingest's view of an event, wherever the preferred map stands in it."""
        return cls(
            is_retracted=bool(body.get("is_retracted", False)),
            map_sha256=_preferred_map(body),
            is_parked=bool(body.get("is_parked", False)),
            maps_pending=int(body.get("maps_pending") or 0),
            is_part=body.get("merged_into") is not None,
        )


@dataclass(frozen=True)
class Situation:
    """All that is known at the moment before sending."""

    automatic: bool
    acknowledged_newer_map: bool
    plan_map_sha256: str | None
    has_event: bool
    event: EventAnswer | None
    """None: ingest did not answer."""
    known_retracted: bool
    """Of our own read model, for when ingest does not answer."""
    known_map_sha256: str | None
    parked: bool
    event_mode: Mode = Mode.LIVE
    facility_mode: FacilityMode = FacilityMode.OFF
    armed: bool = False
    stopped: bool = False
    clock_offset_s: float | None = None
    clock_tolerance_s: float = field(default=CLOCK_TOLERANCE_S)


def judge_event(now_known: Situation) -> Answer:
    """Ask about the event: retraction, newer map, silence."""
    if not now_known.has_event:
        return Answer(Ruling.SEND)
    event = now_known.event
    if now_known.known_retracted or (event is not None and event.is_retracted):
        return Answer(Ruling.REFUSE, "the event is retracted", "retracted")
    if event is not None and event.is_part:
        return Answer(
            Ruling.ASK_AGAIN, "the event is part of another one now: see that one's plans", "merged"
        )
    if now_known.automatic and event is None:
        return Answer(Ruling.WAIT, "ingest does not answer: automatic sending waits", "no_answer")
    parked = now_known.parked or (event is not None and event.is_parked)
    if now_known.automatic and event is not None and event.maps_pending:
        return Answer(
            Ruling.WAIT, "a newer map is being made: automatic sending waits", "map_pending"
        )
    if now_known.automatic and parked:
        return Answer(
            Ruling.WAIT, "a message of this event is parked: automatic sending waits", "parked"
        )
    newest = event.map_sha256 if event is not None else now_known.known_map_sha256
    if (
        newest is not None
        and newest != now_known.plan_map_sha256
        and now_known.plan_map_sha256 is not None
        and not now_known.acknowledged_newer_map
    ):
        return Answer(
            Ruling.ASK_AGAIN,
            "a newer map has arrived since this plan was made",
            "newer_map",
        )
    return Answer(Ruling.SEND)


def judge_world(now_known: Situation) -> Answer:
    """Mode of the facility and of the event; global arming."""
    mode = now_known.facility_mode
    if mode is FacilityMode.OFF:
        return Answer(Ruling.ASK_AGAIN, "the facility is off", "facility_off")
    if mode is FacilityMode.LIVE and now_known.event_mode is not Mode.LIVE:
        return Answer(
            Ruling.ASK_AGAIN,
            f"a live facility takes live events only, this one is {now_known.event_mode}",
            "not_live",
        )
    if mode is FacilityMode.LIVE and not now_known.armed:
        return Answer(Ruling.ASK_AGAIN, "live sending is not armed here", "not_armed")
    return Answer(Ruling.SEND)


def judge_clock(now_known: Situation) -> Answer:
    """The peer's clock against ours: automatic sending waits when they disagree."""
    offset = now_known.clock_offset_s
    if now_known.automatic and offset is not None and abs(offset) > now_known.clock_tolerance_s:
        return Answer(
            Ruling.WAIT, f"the facility's clock and ours differ by {offset:.1f} s", "clock_off"
        )
    return Answer(Ruling.SEND)


def judge_switches(now_known: Situation) -> Answer:
    """Kill switches and mode, the very last."""
    if now_known.stopped:
        return Answer(Ruling.ASK_AGAIN, "new submissions are stopped (kill switch)", "kill_switch")
    return judge_world(now_known)


def _preferred_map(body: dict[str, Any]) -> str | None:
    for key in ("preferred_map_sha256", "map_sha256"):
        if isinstance(body.get(key), str):
            return str(body[key])
    for key in ("preferred_localization", "localization"):
        found = _sha_of(body.get(key))
        if found is not None:
            return found
    for entry in body.get("localizations") or ():
        if isinstance(entry, dict) and entry.get("is_preferred"):
            return _sha_of(entry)
    return None


def _sha_of(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    reference = entry.get("map")
    if isinstance(reference, dict) and isinstance(reference.get("sha256"), str):
        return str(reference["sha256"])
    for key in ("map_sha256", "sha256"):
        if isinstance(entry.get(key), str):
            return str(entry[key])
    return None
