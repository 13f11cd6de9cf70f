"""What criteria look at: an event and its preferred map at one moment, as one flat picture."""

import math
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from too_common.contracts.ingest import (
    AlertKind,
    CoincidenceFact,
    EventChanged,
    EventFacts,
    EventKind,
    LocalizationReady,
    MapFacts,
)

# North Galactic Pole in ICRS (Hipparcos catalogue, ESA SP-1200, volume 1, section 1.5.3).
_NGP_RA_DEG = 192.85948
_NGP_DEC_DEG = 27.12825


class Picture(BaseModel):
    """An event as it was known when it was judged; stored, so that a decision can be repeated."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    event_id: UUID
    event_revision: int
    name: str
    mission: str
    kind: EventKind
    alert_kind: AlertKind
    notice_type: str = ""
    event_time: datetime | None = None
    received_at: datetime
    is_retracted: bool = False
    is_test: bool = False
    is_subthreshold: bool = False
    is_replay: bool = False
    is_stale: bool = False
    facts: EventFacts
    tags: tuple[str, ...] = ()
    coincidences: tuple[CoincidenceFact, ...] = ()
    localization_id: UUID | None = None
    map_sha256: str | None = None
    map_is_first: bool | None = Field(default=None, description="None: there is no map yet")
    map_facts: MapFacts | None = None

    @classmethod
    def of(cls, event: EventChanged, localization: LocalizationReady | None) -> "Picture":
        """Lay an event and its preferred localization (if there is one) side by side."""
        values: dict[str, Any] = {
            name: getattr(event, name)
            for name in (
                "event_id",
                "name",
                "mission",
                "kind",
                "alert_kind",
                "notice_type",
                "event_time",
                "received_at",
                "is_retracted",
                "is_test",
                "is_subthreshold",
                "is_replay",
                "is_stale",
                "facts",
                "tags",
                "coincidences",
            )
        }
        if localization is not None:
            values |= {
                "localization_id": localization.localization_id,
                "map_sha256": localization.map.sha256,
                "map_is_first": localization.is_first,
                "map_facts": localization.facts,
            }
        # The revision travels in the envelope of the event; the caller sets it.
        return cls(event_revision=0, **values)

    def position_deg(self) -> tuple[float, float] | None:
        """Stated position, else the peak of the map: right ascension and declination, ICRS."""
        if self.facts.ra_deg is not None and self.facts.dec_deg is not None:
            return self.facts.ra_deg, self.facts.dec_deg
        if self.map_facts is not None:
            return self.map_facts.peak_ra_deg, self.map_facts.peak_dec_deg
        return None

    def abs_galactic_latitude_deg(self) -> float | None:
        """Absolute Galactic latitude of the position, or None where no position is known."""
        position = self.position_deg()
        if position is None:
            return None
        return abs(galactic_latitude_deg(*position))


def galactic_latitude_deg(ra_deg: float, dec_deg: float) -> float:
    """Galactic latitude of a direction given in ICRS, in degrees."""
    dec, pole = math.radians(dec_deg), math.radians(_NGP_DEC_DEG)
    sin_b = math.sin(dec) * math.sin(pole) + math.cos(dec) * math.cos(pole) * math.cos(
        math.radians(ra_deg - _NGP_RA_DEG)
    )
    return math.degrees(math.asin(max(-1.0, min(1.0, sin_b))))
