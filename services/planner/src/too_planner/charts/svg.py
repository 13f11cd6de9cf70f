"""Drawings as SVG."""

from xml.sax.saxutils import escape, quoteattr

from too_planner.charts.drawing import Drawing, FloatArray, Path, Text

_FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


def to_svg(drawing: Drawing) -> bytes:
    """The drawing as a document of its own, UTF-8."""
    width, height = _number(drawing.width), _number(drawing.height)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" font-family={quoteattr(_FONT)}>'
        ),
        f"<title>{_clean(drawing.title)}</title>",
        f"<desc>{_clean(drawing.description)}</desc>",
    ]
    if drawing.clips:
        lines.append("<defs>")
        lines += [
            f'<clipPath id={quoteattr(name)}><path d="{_d(ring, closed=True)}"/></clipPath>'
            for name, ring in drawing.clips.items()
        ]
        lines.append("</defs>")
    lines.append(f'<rect width="{width}" height="{height}" fill="{drawing.background}"/>')
    for mark in drawing.marks:
        lines.append(_path(mark) if isinstance(mark, Path) else _text(mark))
    lines.append("</svg>")
    return "\n".join(lines).encode()


def _path(mark: Path) -> str:
    d = "".join(_d(ring, closed=mark.closed) for ring in mark.rings)
    parts = [f'<path d="{d}" fill="{mark.fill or "none"}"']
    if mark.fill and len(mark.rings) > 1:
        parts.append('fill-rule="evenodd"')
    if mark.fill and mark.fill_opacity < 1:
        parts.append(f'fill-opacity="{mark.fill_opacity:g}"')
    if mark.stroke:
        parts.append(f'stroke="{mark.stroke}" stroke-width="{mark.width:g}"')
        parts.append('stroke-linejoin="round"')
    if mark.opacity < 1:
        parts.append(f'opacity="{mark.opacity:g}"')
    if mark.dash:
        parts.append(f'stroke-dasharray="{" ".join(f"{v:g}" for v in mark.dash)}"')
    if mark.clip:
        parts.append(f'clip-path="url(#{mark.clip})"')
    head = " ".join(parts)
    return f"{head}><title>{_clean(mark.tip)}</title></path>" if mark.tip else f"{head}/>"


def _text(mark: Text) -> str:
    parts = [
        f'<text x="{_number(mark.x)}" y="{_number(mark.y)}" font-size="{mark.size:g}"',
        f'fill="{mark.color}"',
    ]
    if mark.anchor != "start":
        parts.append(f'text-anchor="{mark.anchor}"')
    if mark.bold:
        parts.append('font-weight="700"')
    if mark.opacity < 1:
        parts.append(f'opacity="{mark.opacity:g}"')
    if mark.rotate:
        place = f"{_number(mark.x)} {_number(mark.y)}"
        parts.append(f'transform="rotate({mark.rotate:g} {place})"')
    if mark.halo:
        parts.append(f'stroke="{mark.halo}" stroke-width="3" paint-order="stroke"')
        parts.append('stroke-linejoin="round"')
    return f"{' '.join(parts)}>{_clean(mark.text)}</text>"


def _d(ring: FloatArray, *, closed: bool) -> str:
    points = "L".join(f"{_number(x)} {_number(y)}" for x, y in ring.tolist())
    return f"M{points}{'Z' if closed else ''}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _clean(text: str) -> str:
    """Text that XML 1.0 can hold."""
    return escape("".join(c for c in text if c in "\n\t" or c >= " "))
