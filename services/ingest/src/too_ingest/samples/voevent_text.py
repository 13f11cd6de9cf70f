"""VOEvents of the sample alerts, in the dialect of GCN Classic."""

from collections.abc import Iterable
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "http://www.ivoa.net/xml/VOEvent/v2.0"
TJD_ORIGIN = datetime(1968, 5, 24, tzinfo=UTC)

Param = tuple[str, str, str]
"""Name, value, unit."""


def iso(moment: datetime, digits: int = 2) -> str:
    """Time as GCN Classic prints it, without a zone."""
    whole = moment.astimezone(UTC)
    fraction = f"{whole.microsecond / 1e6:.{digits}f}"[1:]
    if fraction.startswith(".") and whole.microsecond / 1e6 < 1 - 0.5 * 10**-digits:
        return whole.strftime("%Y-%m-%dT%H:%M:%S") + fraction
    return whole.strftime("%Y-%m-%dT%H:%M:%S") + "." + "9" * digits


def tjd_sod(moment: datetime) -> tuple[str, str]:
    """Truncated Julian day and second of day."""
    span = moment.astimezone(UTC) - TJD_ORIGIN
    return str(span.days), f"{span.seconds + span.microseconds / 1e6:.2f}"


def _param(item: Param) -> str:
    name, value, unit = item
    shown = f" unit={quoteattr(unit)}" if unit else ""
    return f"<Param name={quoteattr(name)} value={quoteattr(value)}{shown}/>"


def voevent(
    *,
    ivorn: str,
    date: datetime,
    author: str,
    params: Iterable[Param],
    groups: dict[str, Iterable[Param]],
    event_time: datetime,
    position: tuple[float, float, float],
    concept: str,
    cites: Iterable[str] = (),
) -> bytes:
    """Compose a packet.

    Parameters
    ----------
    position
        Right ascension, declination and error radius in degrees.
    """
    ra_deg, dec_deg, radius_deg = position
    listed = "".join(_param(item) for item in params)
    grouped = "".join(
        f"<Group name={quoteattr(name)}>{''.join(_param(item) for item in items)}</Group>"
        for name, items in groups.items()
    )
    cited = "".join(f'<EventIVORN cite="followup">{escape(cite)}</EventIVORN>' for cite in cites)
    citations = f"<Citations>{cited}</Citations>" if cited else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<voe:VOEvent ivorn={quoteattr(ivorn)} role="observation" version="2.0" '
        f'xmlns:voe="{NAMESPACE}">'
        f"<Who><AuthorIVORN>ivo://nasa.gsfc.tan/gcn</AuthorIVORN><Author><shortName>"
        f"{escape(author)}</shortName></Author><Date>{date:%Y-%m-%dT%H:%M:%S}</Date>"
        "<Description>Sample alert of the local stack</Description></Who>"
        f"<What>{listed}{grouped}</What>"
        '<WhereWhen><ObsDataLocation><ObservatoryLocation id="GEOLUN"/><ObservationLocation>'
        '<AstroCoordSystem id="UTC-FK5-GEO"/><AstroCoords coord_system_id="UTC-FK5-GEO">'
        f'<Time unit="s"><TimeInstant><ISOTime>{iso(event_time)}</ISOTime></TimeInstant></Time>'
        '<Position2D unit="deg"><Name1>RA</Name1><Name2>Dec</Name2>'
        f"<Value2><C1>{ra_deg:.4f}</C1><C2>{dec_deg:.4f}</C2></Value2>"
        f"<Error2Radius>{radius_deg:.4f}</Error2Radius></Position2D></AstroCoords>"
        "</ObservationLocation></ObsDataLocation></WhereWhen>"
        f'<Why importance="0.95"><Inference probability="1.0"><Concept>{escape(concept)}'
        f"</Concept></Inference></Why>{citations}</voe:VOEvent>\n"
    ).encode()
