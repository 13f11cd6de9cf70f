"""What charts against time share: the axis, the twilight behind, titles and footers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from too_planner.charts.drawing import Drawing
from too_planner.charts.palette import Theme

_STEPS_MIN = (10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1440)
_CHARACTER = 0.56
"""Width of a usual letter in units of the size of its font."""


def parse(text: str) -> datetime:
    """A time of a document."""
    return datetime.fromisoformat(text)


def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name; UTC is UTC."""
    return UTC if name == "UTC" else ZoneInfo(name)


@dataclass(frozen=True)
class TimeAxis:
    """Times along x.

    Attributes
    ----------
    begin, end : datetime
    left, right : float
        Pixels.
    zone : str
        In which the labels are written.
    """

    begin: datetime
    end: datetime
    left: float
    right: float
    zone: str = "UTC"

    def x(self, at: datetime | str) -> float:
        """Pixel of a time."""
        moment = parse(at) if isinstance(at, str) else at
        part = (moment - self.begin) / (self.end - self.begin)
        return self.left + part * (self.right - self.left)

    def ticks(self) -> list[tuple[float, str]]:
        """Places and labels of round times, as many as there is room for."""
        minutes = (self.end - self.begin).total_seconds() / 60
        room = max(2, int((self.right - self.left) / 62))
        step = next((s for s in _STEPS_MIN if minutes / s <= room), _STEPS_MIN[-1])
        local = self.begin.astimezone(zone_of(self.zone))
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        found: list[tuple[float, str]] = []
        count = int((local - midnight).total_seconds() / 60 / step)
        while True:
            at = midnight + timedelta(minutes=count * step)
            count += 1
            if at < self.begin:
                continue
            if at > self.end:
                return found
            text = f"{at:%d %b}" if (at.hour, at.minute) == (0, 0) else f"{at:%H:%M}"
            found.append((self.x(at), text))

    @property
    def caption(self) -> str:
        """What the labels are, with the day on which the axis begins."""
        local = self.begin.astimezone(zone_of(self.zone))
        return f"{local:%Y-%m-%d} {'UTC' if self.zone == 'UTC' else self.zone.replace('_', ' ')}"


def draw_bands(
    sheet: Drawing, theme: Theme, axis: TimeAxis, bands: Sequence[dict[str, Any]], *,
    top: float, bottom: float,
) -> None:  # fmt: skip
    """Twilight and day behind a panel; the night is bare."""
    for band in bands:
        color = theme.bands.get(band["kind"])
        left, right = max(axis.x(band["begin"]), axis.left), min(axis.x(band["end"]), axis.right)
        if color is not None and right > left:
            sheet.rect(left, top, right - left, bottom - top, fill=color)


def draw_time_axis(
    sheet: Drawing, theme: Theme, axis: TimeAxis, *, top: float, bottom: float,
    labels: bool = True,
) -> None:  # fmt: skip
    """Grid lines, and the times below."""
    for x, text in axis.ticks():
        sheet.line(x, top, x, bottom, stroke=theme.line, width=0.7)
        if labels and axis.left + 4 <= x <= axis.right - 4:
            sheet.text(x, bottom + 15, text, size=12, anchor="middle", color=theme.muted)


def fitted(text: str, width: float, size: float) -> str:
    """The text, cut with an ellipsis if it is wider than there is room."""
    most = int(width / (size * _CHARACTER))
    return text if len(text) <= most else text[: max(most - 1, 1)].rstrip() + "…"


def wrapped(text: str, width: float, size: float, *, most: int = 3) -> list[str]:
    """The text in lines that fit."""
    lines: list[str] = [""]
    for part in text.split(" "):
        longer = f"{lines[-1]} {part}".strip()
        if len(longer) * size * _CHARACTER > width and lines[-1]:
            lines.append(part)
        else:
            lines[-1] = longer
    if len(lines) > most:
        lines = [*lines[: most - 1], fitted(" ".join(lines[most - 1 :]), width, size)]
    return lines


def draw_heading(
    sheet: Drawing, theme: Theme, title: str, subtitle: str, *, margin: float = 16.0
) -> float:
    """Title and a line below; gives the y below them."""
    room = sheet.width - 2 * margin
    y = 26.0
    for line in wrapped(title, room, 17, most=2):
        sheet.text(margin, y, line, size=17, bold=True, color=theme.text)
        y += 21
    for line in wrapped(subtitle, room, 13, most=3):
        sheet.text(margin, y, line, size=13, color=theme.muted)
        y += 17
    return y


def draw_footer(
    sheet: Drawing, theme: Theme, lines: Sequence[str], *, margin: float = 16.0
) -> None:
    """How it was made, small, at the lower edge."""
    y = sheet.height - 8.0 - 13.0 * (len(lines) - 1)
    for line in lines:
        sheet.text(margin, y, line, size=10.5, color=theme.muted)
        y += 13.0


def footer_lines(made: Sequence[str], width: float, *, margin: float = 16.0) -> list[str]:
    """The provenance in lines that fit."""
    return wrapped(" · ".join(made), width - 2 * margin, 10.5, most=3)
