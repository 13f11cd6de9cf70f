"""Alerts of every mission, read into one model. Pure: bytes in, `ParsedNotice` out."""

from too_ingest.notices.model import (
    ErrorRegion,
    NoticeFormat,
    ParsedNotice,
    ParseError,
    RegionShape,
    SkymapKind,
    SkymapSource,
    TimeQuality,
)
from too_ingest.notices.registry import parse_notice

__all__ = [
    "ErrorRegion",
    "NoticeFormat",
    "ParseError",
    "ParsedNotice",
    "RegionShape",
    "SkymapKind",
    "SkymapSource",
    "TimeQuality",
    "parse_notice",
]
