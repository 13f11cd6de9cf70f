"""Writes the text of a detection circular from facts.

One event, plain sentences, no tabs, one row per object, units in the head of a table; every form of
a time is printed from one value; nothing is claimed that was not executed or vetted.
"""

from datetime import datetime

from too_circulars.facts import Author, CandidateFact, Coverage, Facts

MAX_LISTED_CANDIDATES = 20
MIN_PRINTED_PERCENT = 0.1

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def compose_subject(facts: Facts) -> str:
    """Subject: event, instruments, result."""
    telescopes = _join(sorted({item.telescope for item in facts.coverage}))
    if not telescopes:
        return f"{facts.event.canonical_name}: no observations yet"
    count = len(facts.candidates)
    if count == 0:
        return f"{facts.event.canonical_name}: {telescopes} observations"
    noun = "counterpart candidate" if count == 1 else "counterpart candidates"
    return f"{facts.event.canonical_name}: {count} {noun} from {telescopes} observations"


def compose_body(facts: Facts, acknowledgements: dict[str, str], collaboration: str) -> str:
    """Body of the circular.

    Parameters
    ----------
    facts
        What is known.
    acknowledgements
        Fixed sentence of each telescope.
    collaboration
        On whose behalf the authors report; empty for nobody's.
    """
    parts = [
        _authors_line(facts.authors, collaboration),
        _opening(facts),
        *(_observation(facts, name) for name in sorted({c.telescope for c in facts.coverage})),
        _candidates(facts),
        _calibration(facts),
        *(
            acknowledgements[name]
            for name in sorted({c.telescope for c in facts.coverage})
            if name in acknowledgements
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _authors_line(authors: tuple[Author, ...], collaboration: str) -> str:
    named = [
        f"{author.name} ({author.affiliation})" if author.affiliation else author.name
        for author in authors
    ]
    behalf = f" on behalf of {collaboration}" if collaboration else ""
    if not named:
        return f"[name the authors] report{behalf}:"
    verb = "reports" if len(named) == 1 else "report"
    return f"{_join(named)} {verb}{behalf}:"


def _opening(facts: Facts) -> str:
    event = facts.event
    names = _join(
        [
            facts.telescope_names.get(name, name)
            for name in sorted({item.telescope for item in facts.coverage})
        ]
    )
    when = f", which occurred on {_time(event.event_time)} UTC" if event.event_time else ""
    notice = f"{event.notice_type} notice of {_time(event.notice_at)} UTC"
    if not facts.coverage:
        return f"No observations of {event.canonical_name}{when} have been carried out yet."
    return (
        f"We observed the localization region of {event.canonical_name}{when} ({notice}), "
        f"with {names}. Probabilities below refer to {facts.map_description}."
    )


def _observation(facts: Facts, telescope: str) -> str:
    rows = [item for item in facts.coverage if item.telescope == telescope]
    start = min(item.first_exposure_at for item in rows)
    end = max(item.last_exposure_end for item in rows)
    delay = ""
    if facts.event.event_time is not None:
        hours = (start - facts.event.event_time).total_seconds() / 3600.0
        delay = f", {_delay(hours)} after the event,"
    long_name = facts.telescope_names.get(telescope, telescope)
    opening = (
        f"Observations with {long_name} started at {_time(start)} UTC{delay} and ended at "
        f"{_time(end)} UTC."
    )
    return " ".join([opening, *(_filter_sentence(item) for item in rows)])


def _filter_sentence(item: Coverage) -> str:
    length = f" of {item.exposure_s:g} s" if item.exposure_s else ""
    noun = "exposure" if item.exposures == 1 else "exposures"
    fields = f" of {item.fields} fields" if item.fields > 1 else ""
    depth = (
        f", to a median 5-sigma depth of {item.depth_mag:.1f} mag (AB)"
        if item.depth_mag is not None
        else ""
    )
    return (
        f"In {item.filter}, {item.exposures} {noun}{length}{fields} cover {_area(item.area_deg2)} "
        f"square degrees and enclose {_percent(item.probability)} of the probability{depth}."
    )


def _candidates(facts: Facts) -> str:
    if not facts.coverage:
        return ""
    if facts.candidates_considered == 0:
        return "The search for counterparts in these data is in progress."
    judged = (
        f"{facts.candidates_considered} candidates were inspected by eye; "
        f"{facts.candidates_rejected} were rejected."
    )
    if not facts.candidates:
        return f"{judged} No likely counterpart has been identified so far."
    rows = [_row(item, facts.event.event_time) for item in facts.candidates]
    listed = rows[:MAX_LISTED_CANDIDATES]
    head = ("Name", "IAU name", "RA (J2000, deg)", "Dec (J2000, deg)", "First detection (UTC)",
            "Delay (h)", "Filter", "Mag (AB)", "Error")  # fmt: skip
    table = _table([head, *listed])
    more = (
        f"\n{len(rows) - len(listed)} further candidates are not listed."
        if len(rows) > len(listed)
        else ""
    )
    return f"{judged} The following remain as candidates:\n\n{table}{more}"


def _row(item: CandidateFact, event_time: datetime | None) -> tuple[str, ...]:
    delay = "-"
    if item.first_time is not None and event_time is not None:
        delay = f"{(item.first_time - event_time).total_seconds() / 3600.0:.2f}"
    return (
        item.name,
        item.iau_name or "-",
        f"{item.ra_deg:.5f}",
        f"{item.dec_deg:+.5f}",
        _time(item.first_time) if item.first_time else "-",
        delay,
        item.filter or "-",
        f"{item.magnitude:.2f}" if item.magnitude is not None else "-",
        f"{item.magnitude_error:.2f}" if item.magnitude_error is not None else "-",
    )


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _calibration(facts: Facts) -> str:
    if not any(item.depth_mag is not None for item in facts.coverage):
        return ""
    return "Magnitudes are in the AB system and not corrected for Galactic extinction."


def _time(value: datetime) -> str:
    return f"{value.year}-{value.month:02d}-{value.day:02d} {value:%H:%M:%S}"


def _delay(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"


def _area(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _percent(value: float) -> str:
    percent = value * 100.0
    if percent < MIN_PRINTED_PERCENT:
        return f"less than {MIN_PRINTED_PERCENT:g}%"
    return f"{percent:.0f}%" if percent >= 10 else f"{percent:.1f}%"


def _join(names: list[str]) -> str:
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
