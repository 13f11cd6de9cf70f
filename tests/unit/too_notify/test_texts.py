import pytest
from too_common.contracts.base import Mode
from too_common.contracts.ingest import EventKind
from too_notify import phones, texts


def page(title):
    return texts.Page(
        title=title, code="K7QX", address="https://too.example/incidents/1", programs=("GW",)
    )


def test_title_says_what_where_and_how_far(picture):
    title = texts.title(picture(), Mode.LIVE)
    assert title == (
        "S250818k gravitational wave: BNS 90%, HasNS 99%, 150+-40 Mpc, 120 deg2 (90%), "
        "FAR 1 per 3.2e+02 yr"
    )


def test_unknown_facts_are_left_out(picture):
    bare = picture(
        map_facts=None,
        kind=EventKind.GRB,
        name="bn180116026",
        facts={"far_hz": None, "classification": {}, "properties": {}},
    )
    assert texts.title(bare, Mode.LIVE) == "bn180116026 gamma-ray burst"


@pytest.mark.parametrize(
    ("mode", "is_test", "first"),
    [(Mode.DRILL, False, "DRILL"), (Mode.TEST, False, "TEST"), (Mode.LIVE, True, "TEST")],
)
def test_what_is_not_live_says_so_first(picture, mode, is_test, first):
    title = texts.title(picture(is_test=is_test), mode)
    assert title.split()[0] == first
    message = texts.sms_page(page(title))
    assert message.split()[0] == first


def test_sms_is_short_and_plain(picture):
    message = texts.sms_page(page(texts.title(picture(), Mode.DRILL) + " x" * 300))
    assert len(message) <= texts.SMS_LIMIT
    assert message.isascii()
    assert message.endswith("Answer ACK K7QX https://too.example/incidents/1")


def test_voice_spells_ids_and_units(picture):
    said = texts.voice_page(page(texts.title(picture(), Mode.LIVE)))
    assert "S 2 5 0 8 1 8 k" in said
    assert "square degrees" in said
    assert "megaparsec" in said
    assert "Press 1" in said


def test_stand_down_says_so():
    said = texts.stand_down("S250818k", "retracted", Mode.DRILL)
    assert said == "DRILL STAND DOWN S250818k: retracted. No action needed."


@pytest.mark.parametrize("good", ["+1 555 555 0100", "+15555550100", "+1 (555) 555-0100"])
def test_numbers_are_normalised(good):
    assert phones.normalise(good) == "+15555550100"


@pytest.mark.parametrize("bad", ["5555550100", "+0155", "+1555x", "", "+", "+1234567890123456"])
def test_what_is_no_number_is_refused_without_repeating_it(bad):
    with pytest.raises(ValueError, match="international") as caught:
        phones.normalise(bad)
    if bad not in {"", "+"}:
        assert bad not in str(caught.value)


def test_numbers_are_masked():
    assert phones.mask("+15555550100") == "…00"
    assert phones.mask(None) is None
