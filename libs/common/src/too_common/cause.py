"""Why something happens: carried from the incoming notice through the whole cascade."""

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from too_common.contracts.base import Envelope, Mode
from too_common.ids import uuid7


@dataclass(frozen=True, slots=True)
class Cause:
    """Correlation, causation, world and person behind a change."""

    correlation_id: UUID = field(default_factory=uuid7)
    causation_id: UUID | None = None
    mode: Mode = Mode.LIVE
    drill_id: UUID | None = None
    actor: UUID | None = None

    @classmethod
    def of(cls, envelope: Envelope[Any]) -> "Cause":
        """Cause of what a message brings about."""
        return cls(
            correlation_id=envelope.correlation_id,
            causation_id=envelope.id,
            mode=envelope.mode,
            drill_id=envelope.drill_id,
            actor=envelope.actor,
        )

    def with_(self, **changes: Any) -> "Cause":
        """Copy with other values, e.g. ``cause.with_(mode=Mode.DRILL)``."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, str | None]:
        """Plain form for job rows and columns."""
        return {
            "correlation_id": str(self.correlation_id),
            "causation_id": str(self.causation_id) if self.causation_id else None,
            "mode": self.mode.value,
            "drill_id": str(self.drill_id) if self.drill_id else None,
            "actor": str(self.actor) if self.actor else None,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Cause":
        """Inverse of `to_json`."""

        def read(name: str) -> UUID | None:
            return UUID(value[name]) if value.get(name) else None

        return cls(
            correlation_id=read("correlation_id") or uuid7(),
            causation_id=read("causation_id"),
            mode=Mode(value.get("mode") or "live"),
            drill_id=read("drill_id"),
            actor=read("actor"),
        )
