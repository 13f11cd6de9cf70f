"""What all pages share: templates, words for numbers and times, the frame around a page."""

import json
import math
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse
from too_common.context import Context
from too_common.errors import RefusedError

from too_vetting_api.front_door import Gateway
from too_vetting_api.security import Viewer, viewer_of

TEMPLATES = Path(__file__).parent.parent / "templates"
Person = Annotated[Viewer, Depends(viewer_of)]
"""The person in front of the page; without login the answer is the login page."""

YEAR_S = 365.25 * 86400

STATE_TONE = {
    "wanted": "good",
    "pending": "warn",
    "not_wanted": "",
    "triggered": "bad",
    "acknowledged": "good",
    "resolved": "",
    "planning": "info",
    "ready": "good",
    "failed": "bad",
    "superseded": "",
    "draft": "info",
    "approved": "info",
    "sending": "info",
    "accepted": "good",
    "delivered": "good",
    "rejected": "bad",
    "unknown": "bad",
    "active": "good",
    "partial": "warn",
    "complete": "good",
    "expired": "",
    "cancel_requested": "warn",
    "cancelled": "",
    "cancel_failed": "bad",
    "discarded": "",
    "alive": "good",
    "silent": "bad",
    "refused": "bad",
    "absent": "",
    "missing": "bad",
    "caught_up": "good",
    "known": "good",
    "well": "good",
    "away": "warn",
    "running": "info",
    "waiting": "info",
    "done": "good",
    "stopped": "warn",
    "ended": "",
    "off": "",
    "simulated": "warn",
    "live": "good",
    "sent": "good",
    "abandoned": "",
    "new": "info",
    "interesting": "warn",
    "counterpart": "good",
    "queued": "info",
    "undelivered": "bad",
    "answered": "good",
    "completed": "good",
    "raised": "bad",
}
"""Colour of a state's label; its word always stands with it."""

WORDS = {
    "not_wanted": "not wanted",
    "cancel_requested": "withdrawal asked",
    "cancelled": "withdrawn",
    "cancel_failed": "withdrawal failed",
    "caught_up": "caught up",
    "early_warning": "early warning",
    "gw": "gravitational wave",
    "grb": "gamma-ray burst",
    "neutrino": "neutrino",
    "frb": "fast radio burst",
    "by_hand": "by hand",
    "stand_down": "stand-down",
}


def word(value: Any) -> str:
    """A state in words."""
    text = str(getattr(value, "value", value))
    return WORDS.get(text, text.replace("_", " "))


def pill(value: Any, text: str | None = None) -> Markup:
    """A state's label."""
    if value is None:
        return Markup("")
    key = str(getattr(value, "value", value))
    tone = STATE_TONE.get(key, "")
    return Markup('<span class="pill {}">{}</span>').format(tone, text or word(value))


def number(value: Any, digits: int = 3) -> str:
    """A number with so many significant digits, without needless exponents."""
    if value is None:
        return "\u2013"
    amount = float(value)
    if not math.isfinite(amount):
        return "\u2013"
    if amount == 0:
        return "0"
    size = math.floor(math.log10(abs(amount)))
    if size >= 6 or size < -4:
        mantissa = amount / 10**size
        return f"{mantissa:.{max(digits - 1, 0)}f} \u00d7 10{str(size).translate(_RAISED)}"
    places = digits - 1 - size
    return f"{round(amount, places):,.{max(places, 0)}f}".replace(",", "\u202f")


def count(value: Any) -> str:
    """A whole number with its thousands apart."""
    return "\u2013" if value is None else f"{int(value):,}".replace(",", "\u202f")


def span(begin: Any, end: Any) -> Markup:
    """From and to in UTC; the day is said once if it is the same."""
    first, last = parsed(begin), parsed(end)
    if first is None or last is None:
        return Markup("\u2013")
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    form = "%H:%M" if first.date() == last.date() else "%d %b %H:%M"
    return Markup(
        '<time class="nowrap" datetime="{}">{}</time>\u2009\u2013 '
        '<time class="nowrap" datetime="{}">{}</time>'
    ).format(
        first.isoformat(), first.strftime("%d %b %H:%M"), last.isoformat(), last.strftime(form)
    )


_RAISED = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)


def percent(value: Any, digits: int = 1) -> str:
    """A share of one in per cent."""
    if value is None or not math.isfinite(float(value)):
        return "\u2013"
    return f"{100 * float(value):.{digits}f}\u202f%"


def far(value: Any) -> str:
    """A false-alarm rate as one per so many years, days or hours."""
    if value is None or not float(value) > 0:
        return "\u2013"
    seconds = 1 / float(value)
    for unit, length in (("years", YEAR_S), ("days", 86400.0), ("hours", 3600.0)):
        if seconds >= length:
            return f"1 in {number(seconds / length, 3)} {unit}"
    return f"1 in {number(seconds, 3)} s"


def duration(seconds: Any) -> str:
    """Seconds in words."""
    if seconds is None:
        return "\u2013"
    total = float(seconds)
    sign, total = ("\u2212", -total) if total < 0 else ("", total)
    if total < 10:
        return f"{sign}{total:.2g} s"
    if total < 120:
        return f"{sign}{total:.0f} s"
    if total < 7200:
        return f"{sign}{total / 60:.0f} min"
    if total < 48 * 3600:
        return f"{sign}{total / 3600:.1f} h"
    return f"{sign}{total / 86400:.1f} d"


def parsed(value: Any) -> datetime | None:
    """A time from a model or from JSON."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(str(value))


def utc(value: Any, seconds: bool = True) -> Markup:
    """A time in UTC; the script adds the person's time to the title."""
    at = parsed(value)
    if at is None:
        return Markup("\u2013")
    at = at.astimezone(UTC)
    text = at.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%m-%d %H:%M")
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), text)


def age(value: Any) -> Markup:
    """Age in words, kept up to date by the script."""
    at = parsed(value)
    if at is None:
        return Markup("\u2013")
    at = at.astimezone(UTC)
    return Markup('<time datetime="{}" data-age>{}</time>').format(
        at.isoformat(), at.strftime("%Y-%m-%d %H:%M")
    )


def hms(ra_deg: Any) -> str:
    """Right ascension in hours, minutes, seconds."""
    if ra_deg is None:
        return "\u2013"
    tenths = round(float(ra_deg) % 360 / 15 * 36000) % (24 * 36000)
    return f"{tenths // 36000:02d}:{tenths // 600 % 60:02d}:{tenths % 600 / 10:04.1f}"


def dms(dec_deg: Any) -> str:
    """Declination in degrees, minutes, seconds."""
    if dec_deg is None:
        return "\u2013"
    total = round(abs(float(dec_deg)) * 3600)
    sign = "\u2212" if float(dec_deg) < 0 else "+"
    return f"{sign}{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}"


def https_only(address: Any) -> str:
    """An address of others, if it is one that a link may have."""
    text = str(address)
    return text if urlsplit(text).scheme in {"https", "http"} else "#"


@cache
def environment() -> Environment:
    """Jinja's environment; made at first use, undefined names are errors."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals["span"] = span
    env.filters.update(
        word=word,
        pill=pill,
        number=number,
        count=count,
        percent=percent,
        far=far,
        duration=duration,
        utc=utc,
        age=age,
        hms=hms,
        dms=dms,
        https_only=https_only,
        query=urlencode,
        pretty=lambda value: json.dumps(value, indent=2, ensure_ascii=False, default=str),
    )
    return env


def render(
    request: Request,
    template: str,
    viewer: Viewer | None,
    *,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """A page or a fragment of one."""
    ctx: Context = request.app.state.ctx
    world = {
        "is_simulated": bool(ctx.common.stack_clock_url) or bool(ctx.settings.simulators_url),
        "is_movable": bool(ctx.common.stack_clock_url),
        "simulators_url": ctx.settings.simulators_url,
        "now": ctx.clock.now(),
        "speed": ctx.clock.speed,
        "profile": ctx.common.profile,
    }
    html = (
        environment()
        .get_template(template)
        .render(viewer=viewer, world=world, path=request.url.path, **values)
    )
    return HTMLResponse(html, status_code=status)


def gateway(request: Request, viewer: Viewer) -> Gateway:
    """Other services, asked in the name of the person."""
    return Gateway(request.app.state.ctx, viewer.principal)


async def ask(
    gate: Gateway, service: str, path: str, params: dict[str, Any] | None = None
) -> tuple[Any, str | None]:
    """What a service answers, or why it does not: a page never fails because another is away."""
    try:
        return await gate.get(service, path, params), None
    except RefusedError as error:
        return None, error.detail


def listed(answer: Any) -> list[dict[str, Any]]:
    """The items of a list answer, whether it is a bare list or a page of one."""
    if isinstance(answer, dict):
        for key in ("items", "results", "data"):
            if isinstance(answer.get(key), list):
                return list(answer[key])
        return []
    return list(answer or [])


def note(text: str) -> Markup:
    """A line that says why something is not shown."""
    return Markup('<p class="note warn">{}</p>').format(escape(text))
