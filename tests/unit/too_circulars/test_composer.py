"""What the composer says, and what the checks find."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from too_circulars.checks import check
from too_circulars.composer import compose_body, compose_subject
from too_circulars.facts import Author, CandidateFact, Coverage, EventFact, Facts
from too_circulars.subject import problems

T0 = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
MAP = "a" * 64


def facts(**changes):
    coverage = Coverage(
        telescope="ZTF", filter="g", exposures=24, exposure_s=300.0, fields=12, area_deg2=312.4,
        probability=0.634, depth_mag=21.52, first_exposure_at=T0 + timedelta(hours=1.5),
        last_exposure_end=T0 + timedelta(hours=4), map_sha256=MAP,
    )  # fmt: skip
    base = Facts(
        event=EventFact(
            event_id=uuid4(),
            name="S261122ab",
            canonical_name="LIGO/Virgo/KAGRA S261122ab",
            mission="lvk",
            kind="gw",
            event_time=T0,
            notice_type="INITIAL",
            notice_at=T0 + timedelta(minutes=30),
            is_test=False,
            is_retracted=False,
        ),
        map_description="the sky map of the notice",
        map_sha256=MAP,
        coverage=(coverage,),
        authors=(Author(uuid4(), "A. Observer", "Some Observatory", "on duty"),),
        telescope_names={"ZTF": "the Zwicky Transient Facility"},
    )
    return replace(base, **changes)


def body(known):
    return compose_body(known, {"ZTF": "Thanks to ZTF."}, "the collaboration")


def candidate(**changes):
    base = CandidateFact(
        name="ZTF26aaaaaaa", iau_name="AT2026abc", ra_deg=150.12345, dec_deg=-2.5,
        first_time=T0 + timedelta(hours=2), filter="g", magnitude=20.1, magnitude_error=0.1,
        redshift=None, host_name=None, credible_level_2d=0.4, map_sha256=MAP,
    )  # fmt: skip
    return replace(base, **changes)


def test_a_composed_text_says_what_was_executed():
    known = facts()
    text = body(known)
    assert compose_subject(known) == "LIGO/Virgo/KAGRA S261122ab: ZTF observations"
    assert "A. Observer (Some Observatory) reports on behalf of the collaboration:" in text
    assert "24 exposures of 300 s of 12 fields cover 312 square degrees" in text
    assert "63% of the probability" in text
    assert "21.5 mag (AB)" in text
    assert "1.5 hours after the event" in text
    assert "search for counterparts in these data is in progress" in text
    assert text.rstrip().endswith("Thanks to ZTF.")
    assert check(compose_subject(known), text, known) == []


def test_without_exposures_nothing_is_claimed():
    known = facts(coverage=())
    text = body(known)
    assert "No observations" in text
    assert "We observed" not in text
    assert "nothing has been observed yet" in check(compose_subject(known), text, known)


def test_vetted_candidates_stand_in_one_table_row_each():
    known = facts(candidates=(candidate(),), candidates_considered=5, candidates_rejected=4)
    text = body(known)
    assert "5 candidates were inspected by eye; 4 were rejected." in text
    row = next(line for line in text.splitlines() if line.startswith("ZTF26aaaaaaa"))
    assert "150.12345 | -2.50000" in " ".join(row.split())
    assert "2.00" in row
    assert "1 counterpart candidate from ZTF observations" in compose_subject(known)
    assert check(compose_subject(known), text, known) == []


def test_none_found_is_said_only_after_vetting():
    text = body(facts(candidates_considered=3, candidates_rejected=3))
    assert "No likely counterpart has been identified so far." in text


def test_a_position_outside_the_localization_is_found():
    known = facts(
        candidates=(candidate(credible_level_2d=0.999), candidate(name="x", map_sha256="b" * 64)),
        candidates_considered=2,
    )
    found = check(compose_subject(known), body(known), known)
    assert "ZTF26aaaaaaa lies outside the 99% region of the map" in found
    assert "x: its credible level belongs to an older map" in found


def test_a_date_from_another_event_is_found():
    known = facts()
    text = body(known) + "\nStarted 2023-08-23.\n"
    assert "the date 2023-08-23 does not occur in this event's data" in check(
        compose_subject(known), text, known
    )


def test_retracted_tested_and_drilled_events_are_not_for_submission():
    known = facts()
    retracted = replace(known, event=replace(known.event, is_retracted=True))
    assert "the event has been retracted" in check("GRB 230812B", "x", retracted)
    drill = replace(known, mode="drill")
    assert "this is not a real event: do not submit" in check("GRB 230812B", "x", drill)


def test_unnamed_authors_tabs_and_foreign_letters_are_found():
    known = facts(authors=())
    found = check(compose_subject(known), body(known) + "\tä", known)
    assert {"the authors are not named", "the body holds tabs"} <= set(found)
    assert "the text holds characters beyond ASCII" in found


def test_composed_subjects_are_always_acceptable():
    for count in range(4):
        known = facts(candidates=tuple(candidate(name=f"c{i}") for i in range(count)))
        assert problems(compose_subject(known)) == []
