"""What people read and hear: terse, and never with a telephone number.

Text messages stay within one or two GSM-7 segments, so only plain ASCII is used in them.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from too_common.contracts.base import Mode
from too_common.contracts.ingest import EventKind

from too_notify.facts import Picture

_PREFIX = {Mode.DRILL: "DRILL ", Mode.TEST: "TEST ", Mode.REPLAY: "REPLAY ", Mode.LIVE: ""}
_KIND = {
    EventKind.GW: "gravitational wave",
    EventKind.GRB: "gamma-ray burst",
    EventKind.NEUTRINO: "neutrino",
    EventKind.FRB: "fast radio burst",
    EventKind.SUPERNOVA: "supernova",
    EventKind.XRAY: "X-ray transient",
    EventKind.OTHER: "transient",
}
SMS_LIMIT = 300


def prefix(mode: Mode, *, is_test: bool = False) -> str:
    """First word of every message that is not about the live sky."""
    return _PREFIX[mode] or ("TEST " if is_test else "")


def summary(picture: Picture) -> str:
    """Event in one line: kind, class, distance, area, rate; what is unknown is left out."""
    parts = []
    facts, maps = picture.facts, picture.map_facts
    if facts.classification:
        name, value = max(facts.classification.items(), key=lambda item: (item[1], item[0]))
        parts.append(f"{name} {value:.0%}")
    if (has_ns := facts.properties.get("HasNS")) is not None:
        parts.append(f"HasNS {has_ns:.0%}")
    if maps is not None and maps.distance_mean_mpc is not None:
        spread = f"+-{maps.distance_std_mpc:.0f}" if maps.distance_std_mpc is not None else ""
        parts.append(f"{maps.distance_mean_mpc:.0f}{spread} Mpc")
    if maps is not None:
        parts.append(f"{maps.area90_deg2:.3g} deg2 (90%)")
    elif facts.error_radius_deg is not None:
        parts.append(f"error {facts.error_radius_deg:.2g} deg")
    if facts.far_hz:
        parts.append(_rate(facts.far_hz))
    if facts.signalness is not None:
        parts.append(f"signalness {facts.signalness:.2f}")
    return ", ".join(parts)


def _rate(far_hz: float) -> str:
    years = 1.0 / (far_hz * 3.15576e7)
    if years >= 1:
        return f"FAR 1 per {years:.2g} yr" if years < 1000 else f"FAR 1 per {years:.0e} yr"
    return f"FAR {1 / years:.2g} per yr"


def title(picture: Picture, mode: Mode) -> str:
    """Title of an incident."""
    text = f"{prefix(mode, is_test=picture.is_test)}{picture.name} {_KIND[picture.kind]}"
    facts = summary(picture)
    return f"{text}: {facts}" if facts else text


@dataclass(frozen=True, slots=True)
class Page:
    """What the texts of a page are made of."""

    title: str
    code: str
    address: str
    programs: tuple[str, ...] = ()
    event_time: datetime | None = None


def sms_page(page: Page) -> str:
    """Text message of a page."""
    ending = f" Answer ACK {page.code} {page.address}"
    return _cut(page.title, SMS_LIMIT - len(ending) - 1) + "." + ending


def voice_page(page: Page) -> str:
    """Words of a call, for a voice that reads them aloud."""
    programs = f" Wanted by {spoken(', '.join(page.programs))}." if page.programs else ""
    return (
        f"This is the target of opportunity marshal. {spoken(page.title)}.{programs} "
        "Press 1 to take it. Press 9 to hand it over to the next on duty."
    )


def mail_subject(page: Page) -> str:
    """Subject of a page's mail."""
    return _cut(page.title, 150)


def mail_page(page: Page) -> str:
    """Body of a page's mail."""
    lines = [page.title, ""]
    if page.event_time is not None:
        lines.append(f"Event time: {page.event_time:%Y-%m-%d %H:%M:%S} UTC")
    if page.programs:
        lines.append(f"Wanted by: {', '.join(page.programs)}")
    lines += [f"Event page: {page.address}", "", f"Code of this incident: {page.code}"]
    return "\n".join(lines)


def mail_list(page: Page) -> str:
    """Body of the mail to the list when nobody has answered."""
    return "Nobody on duty has answered this page.\n\n" + mail_page(page)


def stand_down(name: str, reason: str, mode: Mode) -> str:
    """The one message that ends it for those who were woken."""
    return _cut(f"{prefix(mode)}STAND DOWN {name}: {reason}. No action needed.", SMS_LIMIT)


def taken(title: str, who: str) -> str:
    """News for the others who were called: somebody has it."""
    return f"{who} has acknowledged {_cut(title, 200)}."


def ack_ran_out(title: str, who: str) -> str:
    """News when an acknowledgement has run out."""
    return f"Acknowledgement by {who} has run out without a submission: {_cut(title, 200)}."


def test_alert(who: str) -> str:
    """Test alert to oneself, or asked for by an administrator."""
    return f"TEST of the ToO marshal, asked for by {who}. No action needed."


def test_alert_voice(who: str) -> str:
    """Words of a test call."""
    return (
        "This is a test of the target of opportunity marshal, "
        f"asked for by {spoken(who)}. Press 1 to confirm that you have heard it."
    )


def verification(code: str) -> str:
    """Message with the code that proves who holds a telephone."""
    return f"{code} is your code for the ToO marshal. It is valid for 10 minutes."


def submission_failed(facility: str, state: str, reason: str | None, name: str, mode: Mode) -> str:
    """News for the approver when a telescope's queue did not do what it should."""
    words = state.replace("_", " ")
    why = f": {reason}" if reason else ""
    return _cut(f"{prefix(mode)}{facility} {words} for {name}{why}", SMS_LIMIT)


def spoken(text: str) -> str:
    """Text as a voice should read it: ids letter by letter, symbols in words.

    >>> spoken("S250818k: 150+-40 Mpc, 1e-09 deg2")
    'S 2 5 0 8 1 8 k: 150 plus or minus 40 megaparsec, 1e-09 square degrees'
    """
    text = re.sub(r"\b[A-Z]+\d{6,}[A-Za-z]*\b", lambda match: " ".join(match.group()), text)
    for written, said in (
        ("+-", " plus or minus "),
        ("deg2 (90%)", "square degrees"),
        ("deg2", "square degrees"),
        ("Mpc", "megaparsec"),
        ("%", " percent"),
        (" yr", " years"),
        ("FAR", "false alarm rate"),
        ("HasNS", "has neutron star"),
    ):
        text = text.replace(written, said)
    return text


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3].rstrip()}..."
