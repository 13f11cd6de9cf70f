from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_queue_submit import names

PLAN = UUID("019aa000-0000-7000-8000-0000deadbeef")


def test_an_example():
    assert names.outer_name("S250818k", PLAN, b"content") == "ToO_S250818k_deadbeef_ed7002"


@given(st.text(max_size=80), st.uuids(), st.binary(max_size=50))
def test_always_safe_and_short_enough(event, plan, content):
    name = names.outer_name(names.safe_event(event), plan, content)
    assert len(name) <= names.MAX_LENGTH
    assert names.is_safe(name)
    assert "/" not in name
    assert ".." not in name
    assert "?" not in name  # a camera mode can ride in a queue's name


def test_deterministic_and_bound_to_content_and_plan():
    assert names.outer_name("a", PLAN, b"1") == names.outer_name("a", PLAN, b"1")
    assert names.outer_name("a", PLAN, b"1") != names.outer_name("a", PLAN, b"2")
    other = UUID("019aa000-0000-7000-8000-0000deadbee0")
    assert names.outer_name("a", PLAN, b"1") != names.outer_name("a", other, b"1")


def test_the_last_hex_digits_tell_uuid7_apart():
    first = UUID("019aa000-0000-7000-8000-000000000001")
    second = UUID("019aa000-0000-7000-8000-000000000002")
    assert names.outer_name("a", first, b"") != names.outer_name("a", second, b"")


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", "a?mode_num=3", "a b", ".hidden", "x" * 51, "a..b", "-rf", "a\n"]
)
def test_refuses_unsafe_names(name):
    assert not names.is_safe(name)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("S250818k", "S250818k"),
        (None, "manual"),
        ("GRB 230307A", "GRB-230307A"),
        ("IceCube/138283:14780365", "IceCube-138283-14780365"),
        ("../../etc/passwd", "etc-passwd"),
        ("x" * 60, "x" * 28),
        ("???", "event"),
        ("../", "event"),
    ],
)
def test_event_names_become_safe(raw, expected):
    assert names.safe_event(raw) == expected
