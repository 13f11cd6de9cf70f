"""Marks on a sheet, in pixels from the upper left corner; written as SVG or PNG by others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Path:
    """Lines or filled rings (even-odd)."""

    rings: tuple[FloatArray, ...]
    closed: bool = True
    fill: str | None = None
    fill_opacity: float = 1.0
    stroke: str | None = None
    width: float = 1.0
    opacity: float = 1.0
    dash: tuple[float, ...] = ()
    clip: str | None = None
    tip: str | None = None
    """Shown where a pointer rests on it (SVG)."""


@dataclass(frozen=True)
class Text:
    """One line of text; y is its baseline."""

    x: float
    y: float
    text: str
    size: float = 12.0
    anchor: Anchor = "start"
    color: str = "#000000"
    bold: bool = False
    opacity: float = 1.0
    rotate: float = 0.0
    """Degrees, clockwise."""
    halo: str | None = None
    """Colour around the letters, for text over lines."""


Mark = Path | Text


@dataclass
class Drawing:
    """A sheet.

    Attributes
    ----------
    width, height
        Pixels.
    title, description
        For readers that cannot see it; the description says how it was made.
    """

    width: float
    height: float
    background: str
    title: str = ""
    description: str = ""
    marks: list[Mark] = field(default_factory=list)
    clips: dict[str, FloatArray] = field(default_factory=dict)

    def clip(self, name: str, ring: FloatArray) -> str:
        """Give a region a name, to draw only inside of it."""
        self.clips[name] = ring
        return name

    def path(self, rings: Iterable[FloatArray] | FloatArray, **style: object) -> None:
        """Draw lines or rings, each of shape (n, 2)."""
        parts = (rings,) if isinstance(rings, np.ndarray) else tuple(rings)
        if parts:
            self.marks.append(Path(parts, **style))  # type: ignore[arg-type]

    def line(self, x0: float, y0: float, x1: float, y1: float, **style: object) -> None:
        """Draw a straight line."""
        self.path(np.array([[x0, y0], [x1, y1]]), closed=False, **style)

    def polyline(self, x: Sequence[float], y: Sequence[float], **style: object) -> None:
        """Draw a line through points; it is broken where one is not finite."""
        points = np.stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)], axis=-1)
        good = np.isfinite(points).all(axis=1)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(np.int8)))
        runs = [points[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]
        self.path(runs, closed=False, **style)

    def rect(self, x: float, y: float, wide: float, tall: float, **style: object) -> None:
        """Draw a rectangle; `width` is that of its edge."""
        ring = np.array([[x, y], [x + wide, y], [x + wide, y + tall], [x, y + tall]])
        self.path(ring, **style)

    def symbol(self, x: float, y: float, size: float, shape: str, **style: object) -> None:
        """Draw a small closed figure around a point; see `SHAPES`."""
        self.path(np.array([x, y]) + size * SHAPES[shape], **style)

    def text(self, x: float, y: float, text: str, **style: object) -> None:
        """Write a line."""
        self.marks.append(Text(x, y, text, **style))  # type: ignore[arg-type]


def _polygon(corners: int, turn_deg: float = 0.0) -> FloatArray:
    angle = np.radians(np.arange(corners) * 360.0 / corners + turn_deg)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


SHAPES: dict[str, FloatArray] = {
    "circle": _polygon(20),
    "square": 1.15 * _polygon(4, 45.0),
    "diamond": 1.15 * _polygon(4),
    "up": 1.2 * _polygon(3, -90.0),
    "down": 1.2 * _polygon(3, 90.0),
    "hexagon": 1.1 * _polygon(6),
}
"""Figures of radius one, in the order in which filters get them."""
