"""What GCN's site accepts as a subject, and which event it derives from one.

The rules are those of the site as described in its documentation and its public behaviour: a
subject is refused if it holds a phrase of automatic replies, and it needs a keyword or an event
name. Patterns are tried in order, at the start of the subject first and then anywhere.
"""

import re
from dataclasses import dataclass

_SEPARATOR = r"[.\s_-]*"

_KEYWORDS = tuple(
    word.lower()
    for word in (
        "AGILE", "ALMA", "AMON", "ANTARES", "AstroSat", "ATCA", "ATLAS", "Baksan", "BALROG",
        "BurstCube", "CALET", "Chandra", "CHIME", "DSA-110", "EP", "Fermi", "FRB", "GECAM", "GRB",
        "GW", "HAWC", "HST", "HXMT", "IceCube", "INTEGRAL", "IPN", "KAGRA", "KM3NeT", "KONUS",
        "LIGO", "LOFAR", "MAGIC", "MASTER", "MAXI", "MeerKAT", "NuSTAR", "Pan-STARRS", "RATIR",
        "SDSS", "SGR", "SN", "SRG", "Super-Kamiokande", "SVOM", "Swift", "Tomo-e", "transient",
        "VLA", "VLBI", "Virgo", "XMM", "XRF", "XRT", "ZTF",
    )
)  # fmt: skip
"""Case-insensitive substrings, one of which makes a subject acceptable."""

_AUTO_REPLIES = (
    "this is an automatic reply",
    "automatic reply: ",
    "auto reply",
    "autoreply",
    "out of office",
    "out of the office",
    "vacation",
    "re: ",
    "fwd: ",
    " r: ",
    " ris: ",
    "subject:",
    "draft",
    "undeliverable",
    "delivery status notification",
)
"""Substrings (lower case) for which the site refuses a subject."""


@dataclass(frozen=True)
class _Rule:
    pattern: str
    template: str

    def derive(self, text: str) -> str | None:
        compiled = re.compile(self.pattern, re.IGNORECASE)
        found = compiled.match(text) or compiled.search(text)
        if found is None:
            return None
        return self.template.format(*(item or "" for item in found.groups()))


_RULES = (
    _Rule(rf"GRB{_SEPARATOR}(\d{{6}}(?:[a-z|]|\.\d+))", "GRB {0}"),
    _Rule(rf"SGR{_SEPARATOR}(?:Swift{_SEPARATOR})?(J?\d{{4}}\.?\d*\+\d{{4}})", "SGR {0}"),
    _Rule(
        rf"((?:LIGO|Virgo|KAGRA)(?:[/-](?:LIGO|Virgo|KAGRA))*){_SEPARATOR}((?:S|GW|G)\d{{5,}}[a-z]*)",
        "{0} {1}",
    ),
    _Rule(rf"IceCube{_SEPARATOR}Cascade{_SEPARATOR}(\d{{6}}[a-z])", "IceCube Cascade {0}"),
    _Rule(rf"IceCube{_SEPARATOR}(\d{{6}}[a-z])", "IceCube-{0}"),
    _Rule(rf"HAWC{_SEPARATOR}(\d{{6}}a)", "HAWC-{0}"),
    _Rule(rf"ANTARES{_SEPARATOR}(\d{{6}}[a-z])", "ANTARES {0}"),
    _Rule(
        rf"Baksan{_SEPARATOR}Neutrino{_SEPARATOR}Observatory{_SEPARATOR}Alert{_SEPARATOR}"
        r"(\d{6}\.\d{2})",
        "Baksan Neutrino Observatory Alert {0}",
    ),
    _Rule(rf"EP{_SEPARATOR}(\d{{6}}[a-z])", "EP{0}"),
    _Rule(rf"FRB{_SEPARATOR}(\d{{8}}[a-z]|\d{{6}}[a-z]?)", "FRB {0}"),
    _Rule(r"(sb\d{8})", "{0}"),
    _Rule(rf"XRF{_SEPARATOR}(\d{{6}}[a-z]?)", "XRF {0}"),
    _Rule(rf"AT{_SEPARATOR}(\d{{4}}[a-z]+)", "AT {0}"),
    _Rule(rf"SN{_SEPARATOR}(\d{{4}}[a-z]+|\d{{3}}[a-z]+)", "SN {0}"),
    _Rule(rf"ZTF{_SEPARATOR}(\d{{2}}[a-z]+)", "ZTF{0}"),
    _Rule(r"GW(\d{6})", "GW{0}"),
)


def derive_event(subject: str) -> str | None:
    """Event that the site would derive from a subject; None if none parses."""
    for rule in _RULES:
        found = rule.derive(subject)
        if found is not None:
            return found
    return None


def problems(subject: str) -> list[str]:
    """Why the site would refuse a subject; empty if it would take it."""
    text = subject.strip()
    if not text:
        return ["the subject is empty"]
    found = [
        f"the subject holds {phrase!r}, which GCN takes for an automatic reply"
        for phrase in _AUTO_REPLIES
        if phrase in text.lower()
    ]
    if derive_event(text) is None and not any(word in text.lower() for word in _KEYWORDS):
        found.append("the subject names no event and none of GCN's keywords")
    return found


def canonical_name(mission: str, native_id: str, event_date: str | None) -> str:
    """How to name an event so that the site parses it.

    Parameters
    ----------
    mission
        As in the contracts: ``lvk``, ``fermi_gbm``, ``icecube``, ...
    native_id
        The mission's own id.
    event_date
        ``YYMMDD`` of the event, if known; GRBs and neutrinos are named by it.
    """
    if mission == "lvk":
        return f"LIGO/Virgo/KAGRA {native_id}"
    if mission == "icecube" and event_date:
        return f"IceCube-{event_date}A"
    if mission in {"fermi_gbm", "fermi_lat", "swift", "integral", "gecam"} and event_date:
        # the letter is given by the community; A unless another is known
        return f"GRB {event_date}A"
    if mission == "einstein_probe" and event_date:
        return f"EP{event_date}a"
    return native_id
