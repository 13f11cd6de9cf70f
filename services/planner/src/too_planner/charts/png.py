"""Drawings as PNG, by matplotlib's Agg renderer: imported when the first PNG is asked for."""

import io
from typing import Any

import numpy as np

from too_planner.charts.drawing import Drawing, FloatArray, Path, Text

_DPI = 72.0
"""One pixel of a drawing is one point, so that sizes of text are the same."""


def to_png(drawing: Drawing, *, scale: float = 2.0) -> bytes:
    """The drawing with `scale` pixels per unit of length.

    Parameters
    ----------
    scale
        2 for screens and slides, more for print.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(drawing.width / _DPI, drawing.height / _DPI),
        dpi=_DPI,
        facecolor=drawing.background,
    )
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0.0, drawing.width)
    axes.set_ylim(drawing.height, 0.0)
    clips = {name: _mpl_path((ring,), closed=True) for name, ring in drawing.clips.items()}
    for number, mark in enumerate(drawing.marks):
        if isinstance(mark, Path):
            _add_path(axes, mark, clips, number)
        else:
            _add_text(axes, mark, number)
    stream = io.BytesIO()
    metadata = {
        "Title": _latin(drawing.title),
        "Description": _latin(drawing.description),
        "Software": "ToO Marshal",
    }
    figure.savefig(stream, format="png", dpi=_DPI * scale, metadata=metadata)
    return stream.getvalue()


def _mpl_path(rings: tuple[FloatArray, ...], *, closed: bool) -> Any:
    from matplotlib.path import Path as MplPath

    vertices: list[FloatArray] = []
    codes: list[int] = []
    for ring in rings:
        points = np.concatenate([ring, ring[:1]]) if closed else ring
        vertices.append(points)
        steps = [MplPath.MOVETO] + [MplPath.LINETO] * (len(points) - 1)
        if closed:
            steps[-1] = MplPath.CLOSEPOLY
        codes += [int(step) for step in steps]
    return MplPath(np.concatenate(vertices), np.array(codes, dtype=np.uint8))


def _add_path(axes: Any, mark: Path, clips: dict[str, Any], number: int) -> None:
    from matplotlib.colors import to_rgba
    from matplotlib.patches import PathPatch

    face = to_rgba(mark.fill, mark.fill_opacity * mark.opacity) if mark.fill else "none"
    edge = to_rgba(mark.stroke, mark.opacity) if mark.stroke else "none"
    patch = PathPatch(
        _oriented(mark),
        facecolor=face,
        edgecolor=edge,
        linewidth=mark.width if mark.stroke else 0.0,
        linestyle=(0.0, tuple(v / mark.width for v in mark.dash)) if mark.dash else "solid",
        joinstyle="round",
        zorder=number,
    )
    # add_patch would measure every curve for limits that are set already
    axes.add_artist(patch)
    if mark.clip:
        patch.set_clip_path(clips[mark.clip], axes.transData)
    else:
        patch.set_clip_on(False)


def _oriented(mark: Path) -> Any:
    """Rings turned so that the non-zero rule, which Agg knows, fills as even-odd would.

    Good for rings that do not cross: a ring inside an odd number of others is a hole.
    """
    if not mark.fill or len(mark.rings) < 2:
        return _mpl_path(mark.rings, closed=mark.closed)
    from matplotlib.path import Path as MplPath

    paths = [MplPath(ring) for ring in mark.rings]
    turned: list[FloatArray] = []
    for index, ring in enumerate(mark.rings):
        depth = sum(
            1
            for other, path in enumerate(paths)
            if other != index and path.contains_point(tuple(ring[0]))
        )
        wanted = 1.0 if depth % 2 == 0 else -1.0
        x, y = ring[:, 0], ring[:, 1]
        area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
        turned.append(ring if area * wanted >= 0 else ring[::-1])
    return _mpl_path(tuple(turned), closed=mark.closed)


def _add_text(axes: Any, mark: Text, number: int) -> None:
    from matplotlib.patheffects import withStroke

    made = axes.text(
        mark.x,
        mark.y,
        mark.text.replace("$", r"\$"),
        fontsize=mark.size,
        ha={"start": "left", "middle": "center", "end": "right"}[mark.anchor],
        va="baseline",
        color=mark.color,
        alpha=mark.opacity,
        rotation=-mark.rotate,
        rotation_mode="anchor",
        fontweight="bold" if mark.bold else "normal",
        family="DejaVu Sans",
        zorder=number,
        clip_on=False,
    )
    if mark.halo:
        made.set_path_effects([withStroke(linewidth=3.0, foreground=mark.halo)])


def _latin(text: str) -> str:
    """Text chunks of PNG hold Latin-1."""
    return text.encode("latin-1", "replace").decode("latin-1")
