"""Which events a circular speaks of: the ids and names in its subject and its body.

An id leads to the event that has it in the alias table. A name such as GRB 230812B is no mission's
id; it is learnt from the first circular that gives it together with one.
"""

import re
from dataclasses import dataclass

from too_common.contracts.ingest import CircularPlace

BURST_MISSIONS = (
    "fermi_gbm",
    "fermi_lat",
    "swift",
    "swift_guano",
    "svom",
    "einstein_probe",
    "integral",
    "gecam",
    "maxi",
    "calet",
    "konus",
    "ipn",
)
FERMI = ("fermi_gbm", "fermi_lat")
MAX_REFERENCES = 50


@dataclass(frozen=True, slots=True)
class Reference:
    """A mission's id that a circular names."""

    native_id: str
    missions: tuple[str, ...]
    place: CircularPlace


_TRIGGER = r"trigger\w*\s*(?:no\.?|number|id|\#)?\s*[=:\#]?\s*"
_PATTERNS: tuple[tuple[re.Pattern[str], tuple[str, ...], str], ...] = (
    (re.compile(r"\b([MT]?S\d{6}[a-z]{1,8})\b"), ("lvk",), "{}"),
    # nine digits are seconds since 2001; after the slash stands the burst's day and fraction
    (re.compile(_TRIGGER + r"(\d{9})\b", re.IGNORECASE), FERMI, "{}"),
    (re.compile(_TRIGGER + r"\d{9}\s*/\s*(\d{9})\b", re.IGNORECASE), FERMI, "bn{}"),
    (re.compile(r"\bbn(\d{9})\b"), FERMI, "bn{}"),
    (re.compile(r"\bGRB\s?(\d{9})\b"), FERMI, "bn{}"),
    (
        re.compile(r"\bSwift\b[^.]{0,120}?" + _TRIGGER + r"(\d{6,8})\b", re.IGNORECASE | re.DOTALL),
        ("swift",),
        "{}",
    ),
    (re.compile(r"\b(sb\d{8})\b"), ("svom",), "{}"),
    (re.compile(r"\bEP\b[^.]{0,120}?\b(\d{11})\b", re.DOTALL), ("einstein_probe",), "{}"),
    (re.compile(r"\b(\d{6}_\d{5,9})\b"), ("icecube",), "{}"),
)
_NAMES: tuple[tuple[re.Pattern[str], str, tuple[str, ...]], ...] = (
    (re.compile(r"\bGRB\s?(\d{6}[A-Z])\b"), "GRB {}", BURST_MISSIONS),
    (re.compile(r"\bIceCube[-\s](\d{6}[A-Z])\b"), "IceCube-{}", ("icecube",)),
    (re.compile(r"\bEP\s?(\d{6}[a-z])\b"), "EP{}", ("einstein_probe",)),
    (re.compile(r"\bXRF\s?(\d{6}[A-Z])\b"), "XRF {}", BURST_MISSIONS),
)


def references(subject: str, body: str) -> tuple[Reference, ...]:
    """Ids in subject and body, each once, the subject's first."""
    found: dict[str, Reference] = {}
    for text, place in ((subject, CircularPlace.SUBJECT), (body, CircularPlace.BODY)):
        for pattern, missions, spelling in _PATTERNS:
            for match in pattern.finditer(text):
                native_id = _normal(spelling.format(match[1]), missions)
                if len(found) < MAX_REFERENCES:
                    found.setdefault(native_id, Reference(native_id, missions, place))
    return tuple(found.values())


def _normal(native_id: str, missions: tuple[str, ...]) -> str:
    if missions == ("icecube",):
        run, _, event = native_id.partition("_")
        return f"{int(run)}_{int(event)}"
    return native_id


def burst_name(subject: str) -> tuple[str, tuple[str, ...]] | None:
    """Name in a subject that no mission has as an id, and the missions whose event it can be."""
    for pattern, spelling, missions in _NAMES:
        match = pattern.search(subject)
        if match is not None:
            return spelling.format(match[1]), missions
    return None
