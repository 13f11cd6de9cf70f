"""The page offers what there is, and shows no number that could be somebody's."""

import json
import re

import pytest
from too_simulators.core.faults import FaultKind
from too_simulators.host.application import STATIC
from too_simulators.host.overview import shown_number


def test_the_page_offers_every_fault():
    script = (STATIC / "page.js").read_text()
    kinds = re.search(r"const KINDS = (\[.*?\]);", script, re.DOTALL)
    assert kinds
    assert set(json.loads(kinds.group(1))) == set(FaultKind)


def test_nothing_is_fetched_from_elsewhere_and_nothing_runs_inline():
    for name in ("index.html", "page.js", "page.css"):
        text = (STATIC / name).read_text()
        assert "http://" not in text
        assert "https://" not in text
        assert "innerHTML" not in text
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"\son\w+=|<script>|style=", page)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+15550101", "+15550101"),
        ("+12025550123", "+12025550123"),
        ("+15555550199", "+15555550199"),
        ("+12025551234", "+12…34"),
        ("+4930123456", "+49…56"),
    ],
)
def test_numbers(number, shown):
    assert shown_number(number) == shown
