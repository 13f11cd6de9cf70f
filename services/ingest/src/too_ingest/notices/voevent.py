"""VOEvent packets, as XML (locked-down parser) and as the JSON that SCiMMA makes of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from too_ingest.notices.model import NoticeFormat, ParseError
from too_ingest.notices.values import clean_text, to_flag, to_float

MAX_XML_BYTES = 1_048_576
"""Real packets have less than 20 kB."""
_DECLARATIONS = re.compile(rb"<!\s*(DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)
_MAX_PARAMS = 2000


@dataclass(frozen=True, slots=True)
class Param:
    """One Param, with the group that it stands in (type and name, either may be empty)."""

    name: str
    value: str
    unit: str = ""
    group_type: str = ""
    group_name: str = ""

    def in_group(self, name: str) -> bool:
        """Tell whether it stands in the group of this type or name."""
        return name.lower() in {self.group_type.lower(), self.group_name.lower()}


@dataclass(frozen=True, slots=True)
class Packet:
    """A VOEvent, reduced to what any parser asks."""

    ivorn: str
    role: str
    version: str
    date: str | None = None
    params: tuple[Param, ...] = ()
    iso_time: str | None = None
    c1: str | None = None
    c2: str | None = None
    radius: str | None = None
    cites: tuple[tuple[str, str], ...] = ()
    references: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    author: str = ""
    format: NoticeFormat = NoticeFormat.VOEVENT
    _by_name: dict[str, list[Param]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for param in self.params:
            self._by_name.setdefault(param.name.lower(), []).append(param)

    @property
    def stream(self) -> str:
        """``nasa.gsfc.gcn/Fermi`` of ``ivo://nasa.gsfc.gcn/Fermi#GBM_Alert_...``."""
        return self.ivorn.removeprefix("ivo://").split("#", 1)[0]

    @property
    def local_id(self) -> str:
        """What follows the # of the ivorn."""
        return self.ivorn.split("#", 1)[1] if "#" in self.ivorn else ""

    def find(self, name: str, group: str | None = None) -> Param | None:
        """First Param of a name, whatever its case; top level before groups."""
        found = self._by_name.get(name.lower(), ())
        if group is not None:
            return next((param for param in found if param.in_group(group)), None)
        top = (p for p in found if not p.group_name and not p.group_type)
        return next(top, found[0] if found else None)

    def value(self, name: str, group: str | None = None) -> str | None:
        """Value of a Param without padding; None if absent or empty."""
        param = self.find(name, group)
        return (param.value.strip() or None) if param else None

    def number(self, name: str, group: str | None = None) -> float | None:
        """Value of a Param as a finite number."""
        return to_float(self.value(name, group))

    def any_flag(self, name: str) -> bool:
        """Tell whether a Param of this name is true, at the top or in any group."""
        return any(to_flag(param.value) for param in self._by_name.get(name.lower(), ()))

    def group(self, name: str) -> dict[str, str]:
        """All Params of the groups of a type or name."""
        return {p.name: p.value.strip() for p in self.params if p.in_group(name)}


def read_xml(raw: bytes) -> Packet:
    """Read a VOEvent.

    Raises
    ------
    ParseError
        If it is too large, carries a document type, is no well-formed XML or no VOEvent.
    """
    if len(raw) > MAX_XML_BYTES:
        raise ParseError(f"XML of {len(raw)} bytes; VOEvents above {MAX_XML_BYTES} are refused")
    if _DECLARATIONS.search(raw.replace(b"\0", b"")):
        raise ParseError("XML with a document type or entity declaration is refused")
    if b"\0" not in raw[:4]:
        # blanks before the declaration and NULs after the end are no fault of the content
        raw = raw.strip(b" \t\r\n\0")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        why = clean_text(str(getattr(error, "msg", None) or error))
        raise ParseError(f"XML is not well-formed: {why[:300]}") from error
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise ParseError("XML with a document type is refused")
    if _local(root) != "VOEvent":
        raise ParseError(f"XML is no VOEvent but <{_local(root)[:60]}>")
    return _packet(root)


def _local(element: Any) -> str:
    return str(element.tag).rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def _text(element: Any) -> str | None:
    text = (element.text or "").strip() if element is not None else ""
    return clean_text(text) or None


def _all(element: Any, name: str) -> Iterator[Any]:
    """Descendants by local name: namespaces are missing or wrong in real packets."""
    if element is not None:
        yield from (child for child in element.iter() if _local(child) == name)


def _first(element: Any, name: str) -> Any:
    return next(_all(element, name), None)


def _params(what: Any) -> Iterator[Param]:
    for element in _all(what, "Param"):
        parent = element.getparent()
        group = parent is not None and _local(parent) == "Group"
        value = element.get("value")
        if value is None:
            value = _text(_first(element, "Value")) or ""
        yield Param(
            name=clean_text(element.get("name") or ""),
            value=clean_text(value)[:4000],
            unit=clean_text(element.get("unit") or ""),
            group_type=clean_text(parent.get("type") or "") if group else "",
            group_name=clean_text(parent.get("name") or "") if group else "",
        )


def _packet(root: Any) -> Packet:
    # the observatory's own coordinates stand beside: only those of the observation count
    where = _first(root, "ObservationLocation")
    params: list[Param] = []
    for param in _params(_first(root, "What")):
        params.append(param)
        if len(params) >= _MAX_PARAMS:
            break
    why = _first(root, "Why")
    cites = [
        (clean_text(element.get("cite") or ""), _text(element) or "")
        for element in _all(_first(root, "Citations"), "EventIVORN")
    ]
    return Packet(
        ivorn=clean_text((root.get("ivorn") or "").strip())[:500],
        role=clean_text((root.get("role") or "").strip())[:40],
        version=clean_text((root.get("version") or "").strip())[:20],
        date=_text(_first(_first(root, "Who"), "Date")),
        params=tuple(params),
        iso_time=_text(_first(where, "ISOTime")),
        c1=_text(_first(where, "C1")),
        c2=_text(_first(where, "C2")),
        radius=_text(_first(where, "Error2Radius")),
        cites=tuple(cites[:100]),
        references=tuple(
            clean_text(element.get("uri") or "")[:500]
            for element in list(_all(root, "Reference"))[:50]
        ),
        author=_text(_first(_first(root, "Who"), "AuthorIVORN")) or "",
        names=tuple(text for e in list(_all(why, "Name"))[:20] if (text := _text(e)) is not None),
    )


def is_packet_json(document: dict[str, Any]) -> bool:
    """Tell whether this JSON is a VOEvent packet in disguise."""
    return isinstance(document.get("ivorn"), str) and "Who" in document and "What" in document


def read_packet_json(document: dict[str, Any]) -> Packet:
    """Read a VOEvent given as JSON (attributes and children as members, text as ``#text``)."""
    what = document.get("What")
    observation = _walk(document, "WhereWhen", "ObsDataLocation", "ObservationLocation")
    coordinates = _walk(observation, "AstroCoords")
    position = _walk(coordinates, "Position2D")
    why = _walk(document, "Why")
    return Packet(
        ivorn=str(document.get("ivorn", "")).strip()[:500],
        role=str(document.get("role", "")).strip()[:40],
        version=str(document.get("version", "")).strip()[:20],
        date=_leaf(_walk(document, "Who", "Date")),
        params=tuple(_json_params(what, "", ""))[:_MAX_PARAMS],
        iso_time=_leaf(_walk(coordinates, "Time", "TimeInstant", "ISOTime")),
        c1=_leaf(_walk(position, "Value2", "C1")),
        c2=_leaf(_walk(position, "Value2", "C2")),
        radius=_leaf(_walk(position, "Error2Radius")),
        cites=tuple(
            (str(item.get("cite", "")), _leaf(item) or "")
            for item in _listed(_walk(document, "Citations", "EventIVORN"))
            if isinstance(item, dict)
        )[:100],
        names=tuple(
            text
            for item in (*_listed(_walk(why, "Name")), *_listed(_walk(why, "Inference", "Name")))
            if (text := _leaf(item)) is not None
        )[:20],
        author=_leaf(_walk(document, "Who", "AuthorIVORN")) or "",
        format=NoticeFormat.JSON,
    )


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _walk(value: Any, *path: str) -> Any:
    for name in path:
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _leaf(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("#text", value.get("$"))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip()[:4000] or None


def _json_params(what: Any, group_type: str, group_name: str) -> Iterator[Param]:
    for item in _listed(_walk(what, "Param") if isinstance(what, dict) else None):
        if isinstance(item, dict):
            yield Param(
                name=str(item.get("name", "")),
                value=_leaf(item.get("value")) or _leaf(item.get("Value")) or "",
                unit=str(item.get("unit", "")),
                group_type=group_type,
                group_name=group_name,
            )
    if isinstance(what, dict) and not (group_type or group_name):
        for group in _listed(what.get("Group")):
            if isinstance(group, dict):
                yield from _json_params(
                    group, str(group.get("type", "") or " "), str(group.get("name", "") or " ")
                )
