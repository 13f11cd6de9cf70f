"""GCN's subject rules, on subjects as people write them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_circulars.subject import canonical_name, derive_event, problems


@pytest.mark.parametrize(
    ("subject", "event"),
    [
        ("GRB 230812B: optical observations", "GRB 230812B"),
        ("SGR 1935+2154: no counterpart", "SGR 1935+2154"),
        ("LIGO/Virgo/KAGRA S231127cg: ZTF observations", "LIGO/Virgo/KAGRA S231127cg"),
        ("LIGO/Virgo S190425z: report", "LIGO/Virgo S190425z"),
        ("IceCube-230724A: candidates", "IceCube-230724A"),
        ("ZTF observations of IceCube 230724A", "IceCube-230724A"),
        ("EP240508a: upper limits", "EP240508a"),
        ("sb25021804: optical", "sb25021804"),
        ("FRB 20240114A: limits", "FRB 20240114A"),
        ("AT2017gfo spectrum", "AT 2017gfo"),
    ],
)
def test_events_are_derived(subject, event):
    assert derive_event(subject) == event
    assert problems(subject) == []


@pytest.mark.parametrize("subject", ["S231127cg: observations", "GRB 230812", "Fermi trigger No 7"])
def test_what_the_site_cannot_parse(subject):
    assert derive_event(subject) is None


@pytest.mark.parametrize(
    ("subject", "phrase"),
    [
        ("GRB 230812B software: update", "re: "),
        ("GRB 230812B draft of a report", "draft"),
        ("SUBJECT: GRB 230812B", "subject:"),
        ("Out of office", "out of office"),
    ],
)
def test_automatic_replies_are_refused(subject, phrase):
    assert any(phrase in item for item in problems(subject))


def test_empty_and_keywordless_subjects_are_refused():
    assert problems("  ") == ["the subject is empty"]
    assert problems("hello world") == ["the subject names no event and none of GCN's keywords"]


@given(st.text(max_size=200))
def test_any_text_is_judged_without_failing(text):
    problems(text)
    derive_event(text)


@given(
    st.from_regex(r"S2[0-9][01][0-9][0-3][0-9][a-z]{1,3}", fullmatch=True),
    st.sampled_from(["ZTF observations", "no counterpart candidates", "two candidates"]),
)
def test_our_names_of_superevents_always_parse(superevent, rest):
    name = canonical_name("lvk", superevent, None)
    assert derive_event(f"{name}: {rest}") == name


@pytest.mark.corpus
def test_real_circulars_derive_the_event_of_the_site(test_data_dir):
    folder = Path(test_data_dir) / "circulars"
    compared = 0
    for file in sorted(folder.glob("*.json")):
        record = json.loads(file.read_text())
        if "eventId" in record:
            compared += 1
            assert derive_event(record["subject"]) == record["eventId"], file.name
    assert compared >= 5
