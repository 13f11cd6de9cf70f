"""Checks of a circular before it is offered: each one an error seen in real circulars."""

import re

from too_circulars.facts import Facts
from too_circulars.subject import derive_event
from too_circulars.subject import problems as subject_problems

MAX_CREDIBLE_LEVEL = 0.99
"""A position outside this region is not in the localization that it is claimed for."""

_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_PLACEHOLDER = re.compile(r"\[[^\]]*name[^\]]*\]", re.IGNORECASE)


def check(subject: str, body: str, facts: Facts | None) -> list[str]:
    """What a person must look at before submitting; empty if nothing.

    Parameters
    ----------
    subject, body
        The text.
    facts
        What it was composed from; None checks the text alone.
    """
    found = subject_problems(subject)
    derived = derive_event(subject)
    if derived is None:
        found.append("GCN derives no event from the subject: name one event, first")
    if not body.strip():
        found.append("the body is empty")
    if "\t" in body:
        found.append("the body holds tabs")
    if any(ord(letter) > 0x7E for letter in subject + body):
        found.append("the text holds characters beyond ASCII")
    if _PLACEHOLDER.search(body):
        found.append("the authors are not named")
    if facts is not None:
        found.extend(_against_facts(body, derived, facts))
    return found


def _against_facts(body: str, derived: str | None, facts: Facts) -> list[str]:
    found: list[str] = []
    event = facts.event
    if derived is not None and derived.lower() != event.canonical_name.lower():
        found.append(f"GCN derives {derived}, but this circular is about {event.canonical_name}")
    if event.is_retracted:
        found.append("the event has been retracted")
    if event.is_test or facts.mode != "live":
        found.append("this is not a real event: do not submit")
    if not facts.coverage:
        found.append("nothing has been observed yet")
    for candidate in facts.candidates:
        level = candidate.credible_level_2d
        if level is None:
            found.append(f"{candidate.name}: its credible level in the map is not known")
        elif level > MAX_CREDIBLE_LEVEL:
            found.append(
                f"{candidate.name} lies outside the {MAX_CREDIBLE_LEVEL:.0%} region of the map"
            )
        elif candidate.map_sha256 != facts.map_sha256:
            found.append(f"{candidate.name}: its credible level belongs to an older map")
    stale = {item.telescope for item in facts.coverage if item.map_sha256 != facts.map_sha256}
    found.extend(f"{name}: coverage belongs to an older map" for name in sorted(stale))
    found.extend(_dates(body, facts))
    return found


def _dates(body: str, facts: Facts) -> list[str]:
    """Every date must come from this event's data."""
    known = [facts.event.notice_at]
    if facts.event.event_time is not None:
        known.append(facts.event.event_time)
    for item in facts.coverage:
        known += [item.first_exposure_at, item.last_exposure_end]
    known += [item.first_time for item in facts.candidates if item.first_time is not None]
    days = {value.date().isoformat() for value in known}
    return [
        f"the date {match} does not occur in this event's data"
        for match in sorted({item.group(0) for item in _DATE.finditer(body)})
        if match not in days
    ]
