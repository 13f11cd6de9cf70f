"""The preferred localization: chosen by rule, whatever the order, and told why."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from too_common.contracts.ingest import LocalizationOrigin
from too_ingest.localization_plan import MAP_RANK
from too_ingest.preference import choose, why_not

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Item:
    rank: int
    minutes: int = 0
    map_sha256: str | None = "a"
    mission: str = "fermi_gbm"
    origin: str = LocalizationOrigin.CONE
    area: float = 100.0
    notice_at: datetime = field(init=False)
    facts: dict[str, Any] = field(init=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "notice_at", NOW + timedelta(minutes=self.minutes))
        object.__setattr__(self, "facts", {"area90_deg2": self.area})


CONE, LATE_CONE = Item(30), Item(10, 60)
OLD_MAP = Item(MAP_RANK, map_sha256="b", origin=LocalizationOrigin.EMBEDDED)
NEW_MAP = Item(MAP_RANK, 1, map_sha256="c", origin=LocalizationOrigin.URL)
JOINT = Item(MAP_RANK - 1, 1, map_sha256="d", origin=LocalizationOrigin.EMBEDDED)
WAITING = Item(MAP_RANK + 50, 1440, None)


def chosen(*items: Item) -> tuple[Item, str]:
    choice = choose(items)
    assert choice is not None
    return choice.item, choice.reason


def test_map_over_cone_then_stage_then_time_and_why():
    assert choose([WAITING]) is None
    assert chosen(CONE) == (CONE, "error region of the notice; the only localization so far")
    item, why = chosen(CONE, LATE_CONE)
    assert item is CONE
    assert why.endswith("of the more precise stage of the mission's analysis")
    item, why = chosen(CONE, OLD_MAP, LATE_CONE)
    assert (item, why) == (OLD_MAP, "map in the notice; a map goes before an error region")
    item, why = chosen(JOINT, NEW_MAP, OLD_MAP, CONE, WAITING)
    assert item is NEW_MAP
    assert why == "map named by the notice; the newest of the best kind (2026-11-22 03:01:00 UTC)"
    item, why = chosen(JOINT, OLD_MAP)
    assert item is OLD_MAP
    assert "combined with another observatory" in why
    same = Item(30, map_sha256="z")
    assert chosen(CONE, same) == (
        same,
        "error region of the notice; as good and as new as another; chosen by content",
    )


def test_between_missions_the_smallest_area_counts_not_the_stage():
    lat = Item(20, 5, map_sha256="l", mission="fermi_lat", area=0.8)
    gbm = Item(MAP_RANK + 30, 9, map_sha256="g", area=572.0, origin=LocalizationOrigin.URL)
    item, why = chosen(gbm, lat, CONE)
    assert item is lat
    assert "fermi_lat 0.8, fermi_gbm 572" in why
    choice = choose([gbm, lat])
    assert choice is not None
    assert why_not(gbm, choice).startswith("map named by the notice; preferred instead: error")
    # within a mission its own rule holds: a newer stage counts although an older is smaller
    coarse = Item(30, 9, map_sha256="x", mission="fermi_lat", area=900.0)
    assert chosen(gbm, lat, coarse)[0] is gbm


def test_an_upload_goes_before_what_was_there_and_behind_what_is_newer():
    upload = Item(MAP_RANK, 2, map_sha256="u", mission="", origin=LocalizationOrigin.UPLOAD)
    item, why = chosen(OLD_MAP, NEW_MAP, upload)
    assert item is upload
    assert why.startswith("map uploaded by a person; ")
    newer = Item(MAP_RANK, 3, map_sha256="n", origin=LocalizationOrigin.EMBEDDED)
    assert chosen(upload, newer)[0] is newer
    assert chosen(upload) == (upload, "map uploaded by a person; nothing of its kind is newer")


@given(
    st.lists(
        st.builds(
            Item,
            st.sampled_from([0, 10, MAP_RANK - 1, MAP_RANK]),
            st.integers(0, 3),
            st.sampled_from(["a", "b", "c", None]),
            st.sampled_from(["x", "y"]),
            st.sampled_from(list(LocalizationOrigin)),
            st.sampled_from([1.0, 10.0]),
        ),
        max_size=5,
    )
)
def test_the_choice_depends_on_no_order(items: list[Item]):
    def value(order: tuple[Item, ...]) -> tuple[Any, ...] | None:
        choice = choose(order)
        if choice is None:
            return None
        item = choice.item
        return item.rank, item.minutes, item.map_sha256, item.mission, choice.reason

    found = {value(order) for order in itertools.permutations(items)}
    # two that differ in their origin alone are one map under two labels
    assert len({v[:4] if v else v for v in found}) == 1
