"""Whether what the parsers made of a message is right: a notice that can be stored, or a reason."""

import json
import math
from datetime import UTC, datetime
from uuid import UUID

from too_ingest.event_state import NoticeRecord, event_state, is_stale
from too_ingest.localization_plan import candidates
from too_ingest.notices import ParsedNotice, ParseError, parse_notice
from too_ingest.report import describe

LONGEST_REASON = 1000
_NOW = datetime(2026, 11, 22, tzinfo=UTC)
_ID = UUID(int=1)


class Wrong(Exception):  # noqa: N818 - a finding, not an error of the program
    """The parsers broke their promise."""


def judge(raw: bytes, topic: str | None) -> str:
    """Read a message and look at what came of it.

    Returns
    -------
    str
        'notice', 'housekeeping' or 'refused'.

    Raises
    ------
    Wrong
        If the outcome is neither a sound notice nor a reason that a person can read.
    Exception
        Whatever the parsers raise beside `ParseError`: a finding too.
    """
    try:
        notice = parse_notice(raw, topic)
    except ParseError as error:
        reason = str(error)
        if not reason or len(reason) > LONGEST_REASON or "\0" in reason:
            raise Wrong(f"refused without a clear reason: {reason[:80]!r}") from error
        reason.encode("utf-8")
        return "refused"
    _sound(notice)
    return "housekeeping" if notice.is_housekeeping else "notice"


def _sound(notice: ParsedNotice) -> None:
    row = notice.to_row()
    text = json.dumps(row, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    if _holds_nul(row):
        raise Wrong("a text that no database takes")
    if ParsedNotice.model_validate(json.loads(text)).native_id != notice.native_id:
        raise Wrong("another notice when read back")
    json.dumps(describe(notice), allow_nan=False).encode("utf-8")
    if (notice.ra_deg is None) != (notice.dec_deg is None):
        raise Wrong("half a position")
    ra_deg, dec_deg = notice.ra_deg or 0.0, notice.dec_deg or 0.0
    if not (0 <= ra_deg < 360 and -90 <= dec_deg <= 90):
        raise Wrong(f"no position on the sky: {ra_deg}, {dec_deg}")
    region = notice.region
    lengths = [x for x in (region.radius_deg, *(region.semi_axes_deg or ())) if x is not None]
    if any(not 0 < x < 180 or not math.isfinite(x) for x in lengths):
        raise Wrong(f"no error region: {lengths}")
    if region.containment is not None and not 0 < region.containment <= 1:
        raise Wrong(f"no containment: {region.containment}")
    if not notice.mission or not notice.notice_type:
        raise Wrong("no mission or no type")
    if any(len(i) > 200 for i in (notice.native_id or "", *notice.aliases)):
        raise Wrong("an id that no index takes")
    record = NoticeRecord(_ID, "0" * 64, _NOW, notice)
    event_state([record])
    candidates(notice)
    is_stale(notice, now=_NOW, source_time=None, age_limit_s=3600, event_age_limit_s=3600)


def _holds_nul(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(name) or _holds_nul(item) for name, item in value.items())
    if isinstance(value, list | tuple):
        return any(_holds_nul(item) for item in value)
    return isinstance(value, str) and "\0" in value
