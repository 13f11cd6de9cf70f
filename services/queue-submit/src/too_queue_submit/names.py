"""Outer names: what a telescope knows a submission by (rule 2).

``ToO_<event>_<plan8>_<hash6>``: deterministic, so that a repeated send meets its own earlier one;
with a piece of the content's hash, because a scheduler keeps the old content under an old name.
"""

import hashlib
import re
from uuid import UUID

MAX_LENGTH = 50
"""Shortest limit among the portals we know (LCO)."""
EVENT_LENGTH = 28
"""What is left for the event's name."""
PREFIX = "ToO"

_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")


def safe_event(name: str | None) -> str:
    """Make a mission's id safe for names and paths, at most 28 characters.

    Parameters
    ----------
    name
        The mission's own id; None for a manual observation without an event.
    """
    cleaned = _UNSAFE.sub("-", name or "manual")
    while ".." in cleaned:
        cleaned = cleaned.replace("..", ".")
    cleaned = cleaned.strip(".-")[:EVENT_LENGTH].strip(".-")
    return cleaned or "event"


def outer_name(event: str, plan_id: UUID, content: bytes) -> str:
    """Name of a submission at its facility.

    Parameters
    ----------
    event
        Result of :func:`safe_event`; frozen in the submission's row.
    plan_id
        Its *last* eight hex digits are used: the first of a UUIDv7 repeat within a minute.
    content
        The payload as rendered with an empty name, so that the name can be part of the payload.

    Raises
    ------
    ValueError
        If the result is not a safe name, which means that ``event`` was not made safe.
    """
    digest = hashlib.sha256(content).hexdigest()
    name = f"{PREFIX}_{event}_{plan_id.hex[-8:]}_{digest[:6]}"
    if not is_safe(name):
        raise ValueError(f"not a safe outer name: {name!r}")
    return name


def is_safe(name: str) -> bool:
    """Whether a name may become part of a path, a URL or a queue object."""
    return bool(_NAME.fullmatch(name)) and ".." not in name
