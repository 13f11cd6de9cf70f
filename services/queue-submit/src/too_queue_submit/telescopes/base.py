"""The protocol of a telescope adapter, and what it speaks of. Pure: bytes in, bytes out."""

from dataclasses import dataclass
from typing import Protocol

from too_queue_submit.allocation import Allocation
from too_queue_submit.plan_document import PlanDocument
from too_queue_submit.telescope_definition import TelescopeDefinition
from too_queue_submit.windows import Window


@dataclass(frozen=True)
class RenderRequest:
    """All that a payload is made of. The same request gives the same bytes, always."""

    plan: PlanDocument
    telescope: TelescopeDefinition
    allocation: Allocation
    window: Window
    event_label: str
    """The event's name made safe, or ``manual``."""


@dataclass(frozen=True)
class PayloadRow:
    """One exposure of a payload: what the approver sees, and what progress is matched to."""

    field_id: str | None
    ra_deg: float
    dec_deg: float
    filter: str
    exposure_s: float
    repeats: int = 1


@dataclass(frozen=True)
class Comparison:
    """What reading back said of the payload."""

    differences: tuple[str, ...] = ()
    remaining: int | None = None
    """Rows that have not been handed to the robot yet; None where that cannot be known."""

    @property
    def agrees(self) -> bool:
        """Whether what is there is what was sent (less what was observed already)."""
        return not self.differences


class TelescopeAdapter(Protocol):
    """How one kind of facility wants its plans, and how its answers are read."""

    name: str
    """Its name in the facilities file."""
    media_type: str
    """Of the payload."""
    suffix: str
    """Of the file's name; empty where there is no file."""
    keeps_window: bool
    """Whether the payload's window binds the telescope; else it may observe earlier and later."""

    def render(self, request: RenderRequest, name: str) -> bytes:
        """Make the payload's exact bytes.

        Parameters
        ----------
        request
            Plan, telescope, allocation, window.
        name
            Outer name; empty for the content of which the name's hash is made.

        Raises
        ------
        PlanRefusedError
            If the plan cannot be expressed: filter unknown, field id missing, never up.
        """
        ...

    def rows(self, payload: bytes) -> tuple[PayloadRow, ...]:
        """Read a payload of our own back into exposures."""
        ...

    def compare(self, payload: bytes, found: bytes, *, begun: bool) -> Comparison:
        """Compare what was sent with what was read back.

        Parameters
        ----------
        payload
            The bytes that were sent.
        found
            The facility's own words: a status object, or the file.
        begun
            Whether the window has begun, after which rows may have left.
        """
        ...


def compare_file(payload: bytes, found: bytes) -> Comparison:
    """Compare of files: byte by byte, by whoever reads them back."""
    if payload == found:
        return Comparison()
    return Comparison((f"the file has other content ({len(found)} bytes, {len(payload)} sent)",))
