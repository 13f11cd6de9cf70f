"""How a product was made: the same words in every format."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any

ENGINE = "too-planner"


@cache
def engine_version() -> str:
    """Name and version of this program; read from its metadata once, which are files."""
    return f"{ENGINE} {version(ENGINE)}"


def digest(value: Any) -> str:
    """SHA-256 of JSON-like data, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def made_of(
    *, definition: Mapping[str, Any], telescope_revision: int | None, grid_sha256: str | None
) -> dict[str, Any]:
    """What a plan's document tells of its making, so that products can say it later."""
    return {
        "engine": engine_version(),
        "telescope_revision": telescope_revision,
        "telescope_sha256": digest(dict(definition)),
        "grid_sha256": grid_sha256,
    }


@dataclass(frozen=True)
class Provenance:
    """What a reader must know to make the same product again, or to trust it.

    Attributes
    ----------
    product
        What the file holds.
    engine, telescope_revision, telescope_sha256, grid_sha256
        Program and definition of the telescope that made the plan.
    request
        The plan's parameters, all of them.
    """

    product: str
    plan_id: str
    plan_name: str
    plan_state: str
    plan_made_at: str
    document_sha256: str | None
    telescope: str
    event: str | None = None
    event_id: str | None = None
    map_sha256: str | None = None
    localization_id: str | None = None
    program: str | None = None
    made_by: str | None = None
    engine: str | None = None
    telescope_revision: int | None = None
    telescope_sha256: str | None = None
    grid_sha256: str | None = None
    rendered_by: str = field(default_factory=engine_version)
    request: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """What is known, without what is not."""
        return {name: value for name, value in asdict(self).items() if value not in (None, {})}

    def lines(self) -> list[str]:
        """One line per fact, for headers and comments; the request as compact JSON."""
        return [
            f"{name}: {json.dumps(value, separators=(',', ':'), sort_keys=True)}"
            if isinstance(value, dict)
            else f"{name}: {value}"
            for name, value in self.as_dict().items()
        ]

    def short(self) -> list[str]:
        """The same for the foot of a chart."""
        made = f"{self.engine or self.rendered_by}, {self.plan_made_at[:19].replace('T', ' ')} UTC"
        return [
            *([f"event {self.event}"] if self.event else []),
            *([f"map {self.map_sha256[:12]}"] if self.map_sha256 else []),
            f"plan {self.plan_id}",
            *(
                [f"telescope {self.telescope} rev. {self.telescope_revision}"]
                if self.telescope_revision is not None
                else [f"telescope {self.telescope}"]
            ),
            f"made by {made}",
        ]

    def file_name(self, ending: str) -> str:
        """A name that says what is in the file."""
        parts = [self.event or "plan", self.telescope, self.plan_id[-8:]]
        name = "_".join("".join(c if c.isalnum() or c in "-." else "-" for c in p) for p in parts)
        return f"{name[:80]}.{ending}"
