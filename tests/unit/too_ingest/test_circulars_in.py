"""Circulars of others: read leniently, without addresses, and what they speak of."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_common.contracts.ingest import CircularPlace
from too_ingest.circulars_in.record import (
    NAMELESS,
    is_circulars_topic,
    public_name,
    read_circular,
    shown_id,
    without_addresses,
)
from too_ingest.circulars_in.references import burst_name, references
from too_ingest.notices import ParseError


def record(**changes):
    made = {
        "circularId": 90001,
        "subject": "LIGO/Virgo/KAGRA S261122ab: upper limits",
        "body": "We observed the localization.",
        "submitter": "A. Name at Institute <a.name@example.org>",
        "createdOn": 1_795_316_400_000,
        **changes,
    }
    return json.dumps({k: v for k, v in made.items() if v is not None}).encode()


def test_a_circular_is_read_without_its_address():
    circular = read_circular(record(eventId="LIGO/Virgo/KAGRA S261122ab", eventType=["GW"]))
    assert circular.circular_id == 90001
    assert circular.created_at == datetime(2026, 11, 22, 3, tzinfo=UTC)
    assert circular.submitter == "A. Name at Institute"
    assert circular.version == 1
    assert circular.event_types == ("GW",)
    kept = without_addresses(record(editedBy="B <b@example.org>"))
    assert b"@" not in kept
    assert read_circular(kept).content_sha256 == read_circular(record()).content_sha256


@pytest.mark.parametrize("bare", ["a.name@example.org", "<a.name@example.org>", " ", ""])
def test_a_bare_address_is_withheld(bare):
    assert public_name(bare) == NAMELESS


def test_numbers_are_not_always_whole():
    assert shown_id(read_circular(record(circularId=34776.5)).circular_id) == "34776.5"
    assert shown_id(read_circular(record(circularId=-1)).circular_id) == "-1"
    assert shown_id(read_circular(record(circularId="34284")).circular_id) == "34284"


def test_a_bibcode_is_no_new_content_but_a_corrected_text_is():
    first = read_circular(record())
    assert read_circular(record(bibcode="2026GCN.1N")).content_sha256 == first.content_sha256
    corrected = read_circular(record(body="We observed nothing.", version=2))
    assert corrected.content_sha256 != first.content_sha256
    assert corrected.version == 2


@pytest.mark.parametrize("field", ["circularId", "subject", "body", "submitter", "createdOn"])
def test_what_the_schema_requires_is_required(field):
    with pytest.raises(ParseError):
        read_circular(record(**{field: None}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = (
    "circularId",
    "subject",
    "body",
    "submitter",
    "createdOn",
    "version",
    "eventId",
    "eventType",
    "editedOn",
    "format",
    "bibcode",
)


@given(changes=st.dictionaries(st.sampled_from(FIELDS), json_values), cut=st.integers(0, 400))
def test_nothing_that_comes_breaks_the_reader(changes, cut):
    body = record(**changes)
    for raw in (body, body[:cut]):
        try:
            circular = read_circular(raw)
        except ParseError:
            continue
        assert "@" not in circular.submitter
        references(circular.subject, circular.body)
        burst_name(circular.subject)


@pytest.mark.parametrize(
    ("text", "native_id", "missions"),
    [
        ("S230904n: one candidate", "S230904n", ("lvk",)),
        ("mock MS260605l", "MS260605l", ("lvk",)),
        ("a Fermi GRB (Trigger 713559497)", "713559497", ("fermi_gbm", "fermi_lat")),
        ("trigger No. 713559497", "713559497", ("fermi_gbm", "fermi_lat")),
        ("trigger 713559497 / 230812790", "bn230812790", ("fermi_gbm", "fermi_lat")),
        ("afterglow of Fermi GRB 230827256", "bn230827256", ("fermi_gbm", "fermi_lat")),
        ("Swift/BAT triggered (trigger=1186032)", "1186032", ("swift",)),
        ("SVOM/sb25021804", "sb25021804", ("svom",)),
        ("EP-WXT (ID: 01709130123)", "01709130123", ("einstein_probe",)),
        ("notices_amon_g_b/138171_065736218.amon", "138171_65736218", ("icecube",)),
    ],
)
def test_ids_are_found(text, native_id, missions):
    found = {one.native_id: one for one in references("subject", text)}
    assert found[native_id].missions == missions
    assert found[native_id].place is CircularPlace.BODY
    assert references(text, text)[0].place is CircularPlace.SUBJECT


def test_what_is_no_id_is_not_taken_for_one():
    text = "Flux 1234567.8, phone 555-0100, JD 2460123.5, S/N 5, GRB 230812B, CALS230904 30 s"
    assert references("A subject", text) == ()
    assert burst_name("GRB 230812B: report") == burst_name("GRB230812B report")
    assert burst_name("IceCube-230724A: none")[0] == "IceCube-230724A"
    assert burst_name("EP240315a: X-rays")[0] == "EP240315a"
    assert burst_name("LIGO/Virgo/KAGRA S230904n") is None


def test_topics_of_circulars():
    assert is_circulars_topic("gcn.circulars")
    assert is_circulars_topic("gcn.circulars.gw")
    assert not is_circulars_topic("gcn.notices.circularsomething")


EXPECTED = {
    34284: {"IceCube-230724A"},
    34294: {"IceCube-230727A"},
    34397: {"GRB 230812B", "713559497"},
    34508: {"GRB 230812B"},
    34574: {"bn230827256"},
    34599: {"S230830b"},
    34651: {"GRB 230906A"},
    34662: {"GRB 230911C"},
    34688: {"S230904n"},
    34713: {"S230914ak"},
    34717: {"S230904n"},
    34738: {"GRB 230918B"},
    34755: {"S230917af"},
    34763: {"S230922g"},
}
"""What the subject of each real circular says it is about."""


@pytest.mark.corpus
def test_real_circulars_are_read_and_say_what_they_are_about(test_data_dir):
    files = sorted((test_data_dir / "circulars").glob("*.json"))
    assert len(files) == 15
    for file in files:
        circular = read_circular(file.read_bytes())
        assert int(circular.circular_id) == int(file.stem)
        subject = {
            one.native_id
            for one in references(circular.subject, circular.body)
            if one.place is CircularPlace.SUBJECT
        }
        named = burst_name(circular.subject)
        about = subject | ({named[0]} if named else set())
        # 34514 writes the burst's year with four digits: no event, as on the site
        assert about == EXPECTED.get(int(file.stem), set()), file.name
        assert "@" not in circular.submitter
