"""Localizations of notices and the preference among them."""

from datetime import UTC, datetime

from too_common.contracts.ingest import LocalizationOrigin
from too_ingest.localization_plan import (
    MAP_RANK,
    Cone,
    candidates,
    cone_of,
)
from too_ingest.notices import (
    ErrorRegion,
    NoticeFormat,
    ParsedNotice,
    RegionShape,
    SkymapKind,
    SkymapSource,
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
BASE = ParsedNotice(mission="x", notice_type="y", format=NoticeFormat.JSON, native_id="1")
CIRCLE = ErrorRegion(shape=RegionShape.CIRCLE, radius_deg=5.2, containment=0.68, systematic_deg=3.1)
PLACED = BASE.model_copy(update={"ra_deg": 10.0, "dec_deg": 5.0, "region": CIRCLE})


def test_cone_keeps_stated_containment_and_systematics():
    cone = cone_of(PLACED)
    assert cone is not None
    assert (cone.radius_deg, cone.containment, cone.systematic_deg) == (5.2, 0.68, 3.1)
    assert Cone.from_row(cone.to_row()) == cone


def test_no_error_no_cone_unless_the_mission_says_how_large():
    bare = PLACED.model_copy(update={"region": ErrorRegion()})
    assert cone_of(bare) is None
    assumed = cone_of(bare.model_copy(update={"assumed_radius_deg": 10.0}))
    assert assumed is not None
    assert assumed.radius_deg == 10.0
    assert cone_of(BASE) is None


def test_ellipse_and_corners():
    ellipse = ErrorRegion(
        shape=RegionShape.ELLIPSE,
        semi_axes_deg=(0.5, 0.6),
        position_angle_deg=None,
        containment=0.9,
    )
    cone = cone_of(PLACED.model_copy(update={"region": ellipse}))
    assert cone is not None
    assert cone.semi_axes_deg == (0.5, 0.6)
    assert Cone.from_row(cone.to_row()) == cone
    corners = ((9.0, 6.0), (11.0, 6.0), (11.0, 4.0), (9.0, 4.0))
    box = ErrorRegion(shape=RegionShape.RECTANGLE, corners_deg=corners, containment=0.9)
    around = cone_of(PLACED.model_copy(update={"region": box}))
    assert around is not None
    assert around.radius_deg is None
    assert around.containment == 0.9
    assert Cone.from_row(around.to_row()) == around
    # however the sender lists the corners, the box is the same
    mixed = box.model_copy(update={"corners_deg": tuple(corners[i] for i in (2, 0, 3, 1))})
    assert cone_of(PLACED.model_copy(update={"region": mixed})) == around


def test_a_map_by_address_has_a_cone_beside_it_an_embedded_one_has_not():
    url = SkymapSource(kind=SkymapKind.URL, url="https://gracedb.ligo.org/x.fits")
    both = candidates(PLACED.model_copy(update={"skymaps": (url,)}))
    assert [c.origin for c in both] == [LocalizationOrigin.URL, LocalizationOrigin.CONE]
    inside = SkymapSource(kind=SkymapKind.EMBEDDED, data=b"SIMPLE")
    joint = SkymapSource(kind=SkymapKind.EMBEDDED, data=b"SIMPLE2", label="combined")
    found = candidates(PLACED.model_copy(update={"skymaps": (inside, joint)}))
    assert [c.rank for c in found] == [MAP_RANK, MAP_RANK - 1]


def test_a_retraction_gives_no_localization():
    assert candidates(PLACED.model_copy(update={"is_retraction": True})) == ()
