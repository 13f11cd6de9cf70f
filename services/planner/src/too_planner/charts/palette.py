"""Colours and shapes of the charts, for light and dark pages."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class ThemeName(StrEnum):
    """Palettes."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class Theme:
    """Colours of one palette.

    Attributes
    ----------
    bands : dict
        Colour of each part of a day; night is the background.
    inks : tuple of str
        Of things that must be told apart.
    """

    background: str
    panel: str
    text: str
    muted: str
    line: str
    bands: dict[str, str]
    inks: tuple[str, ...]
    c50: str
    c90: str
    peak: str
    limit: str
    moon: str
    sun: str
    good: str


LIGHT = Theme(
    background="#ffffff",
    panel="#ffffff",
    text="#14181f",
    muted="#566070",
    line="#c9ced6",
    bands={"day": "#efe3bd", "civil": "#e3e0d2", "nautical": "#e6e8ec", "astronomical": "#f1f3f6"},
    inks=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#5b3f8c"),
    c50="#a33b00",
    c90="#0b4f86",
    peak="#b0003a",
    limit="#b0003a",
    moon="#6b6f7a",
    sun="#b07d00",
    good="#0072b2",
)
DARK = Theme(
    background="#141a24",
    panel="#141a24",
    text="#e8ecf3",
    muted="#9aa6b8",
    line="#3a465a",
    bands={"day": "#4d4424", "civil": "#3a3a35", "nautical": "#29303c", "astronomical": "#1d2532"},
    inks=("#56b4e9", "#ff9a4d", "#3ecfa0", "#e79cc6", "#e6c229", "#a8d8ff", "#b79be8"),
    c50="#ffd166",
    c90="#6cb4ff",
    peak="#ff6b6b",
    limit="#ff7d8a",
    moon="#c3cad6",
    sun="#ffd166",
    good="#56b4e9",
)
THEMES = {ThemeName.LIGHT: LIGHT, ThemeName.DARK: DARK}

FILTER_INKS: dict[str, tuple[int, str]] = {
    "u": (6, "hexagon"),
    "g": (2, "circle"),
    "r": (1, "square"),
    "i": (3, "diamond"),
    "z": (4, "up"),
    "y": (5, "down"),
    "Y": (5, "down"),
    "J": (0, "circle"),
    "H": (4, "square"),
    "K": (3, "up"),
}
"""Colour and shape of the usual filters, the same in every chart."""
_OTHER = ((0, "hexagon"), (4, "down"), (6, "diamond"), (5, "up"))


def filter_style(theme: Theme, name: str) -> tuple[str, str]:
    """Colour and shape of a filter."""
    known = FILTER_INKS.get(name) or FILTER_INKS.get(name[-1:])
    ink, shape = known or _OTHER[sum(name.encode()) % len(_OTHER)]
    return theme.inks[ink], shape


_CIVIDIS = (
    (0.0, (0, 34, 78)),
    (0.25, (65, 77, 107)),
    (0.5, (124, 123, 120)),
    (0.75, (188, 174, 108)),
    (1.0, (254, 232, 56)),
)
"""Cividis (Nunez, Anderton and Renslow 2018), five stops of it."""
_VIRIDIS = (
    (0.0, (68, 1, 84)),
    (0.25, (59, 82, 139)),
    (0.5, (33, 145, 140)),
    (0.75, (94, 201, 98)),
    (1.0, (253, 231, 37)),
)
"""Viridis (Smith and van der Walt), five stops of it: from dark to light also in grey."""


def sequence_color(part: float) -> str:
    """Colour of a place in a sequence, 0 to 1: first dark, last light."""
    return _between(_VIRIDIS, 0.08 + 0.84 * min(max(part, 0.0), 1.0))


def amount_color(part: float) -> str:
    """Colour of an amount, 0 to 1."""
    return _between(_CIVIDIS, min(max(part, 0.0), 1.0))


def _between(stops: tuple[tuple[float, tuple[int, int, int]], ...], part: float) -> str:
    places = [place for place, _ in stops]
    channels = [
        round(float(np.interp(part, places, [color[axis] for _, color in stops])))
        for axis in range(3)
    ]
    return "#{:02x}{:02x}{:02x}".format(*channels)
