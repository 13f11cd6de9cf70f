"""A run as pictures (SVG): share of the bound, times, growth."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.planner import report
from benchmarks.planner.report import SETUPS, achieved, parts, share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, GRID = "#1b2733", "#5b6876", "#dfe4e9"
OURS, GWEMOPT, BALANCE, TILEPY = "#0b5fa5", "#d1495b", "#e8a33d", "#4a8f5c"
_COLOURS = {"gwemopt": GWEMOPT, "gwemopt balance": BALANCE, "tilepy": TILEPY,
            "tilepy, inner circle": "#93c47d"}  # fmt: skip
_TITLES = {
    "ztf_primary": "ZTF, primary grid", "ztf_full": "ZTF, all fields", "decam": "DECam",
    "gattini": "Gattini", "growth_india": "GROWTH-India",
}  # fmt: skip
_SERIES = (OURS, GWEMOPT, TILEPY, BALANCE, "#6c5b9e")


def draw(result: dict[str, Any], folder: Path) -> None:
    """All pictures that a run has the numbers for."""
    if any(achieved(row) is not None for row in result["ours"].values()):
        shares(result, folder)
        times(result, folder)
    if any(achieved(row) is not None for row in result["free"].values()):
        free(result, folder)
    if result["growth"]:
        growth(result["growth"], folder)


def _begin() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update(
        {
            "svg.hashsalt": "planner", "svg.fonttype": "path", "font.size": 10,
            "axes.edgecolor": SOFT, "axes.labelcolor": INK, "text.color": INK,
            "xtick.color": SOFT, "ytick.color": SOFT, "axes.spines.top": False,
            "axes.spines.right": False, "axes.grid": True, "grid.color": GRID,
            "grid.linewidth": 0.8, "axes.axisbelow": True, "legend.frameon": False,
            "axes.titlesize": 10.5, "axes.titleweight": "bold", "axes.titlelocation": "left",
        }
    )  # fmt: skip
    import matplotlib.pyplot as plt

    return plt


def _save(plt: Any, figure: "Figure", path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _ordered(result: dict[str, Any]) -> list[str]:
    return sorted(result["areas"], key=lambda name: float(result["areas"][name]))


def _short(name: str) -> str:
    return name.removesuffix("_bayestar").removeprefix("sim_").replace("GBM_", "")


def _peer_rows(result: dict[str, Any], setup: str, objective: str) -> dict[str, dict[str, Any]]:
    """Rows of peers by variant, then by map; tilepy's stand beside both ZTF set-ups."""
    found: dict[str, dict[str, Any]] = {}
    for row in result["peers"].values():
        name, its_setup, its_objective = parts(row["scenario"])
        if (its_setup, its_objective) == (setup, objective):
            found.setdefault(row["variant"], {})[name] = row
    return found


def shares(result: dict[str, Any], folder: Path) -> None:
    """Strict score over the kit's bound, per set-up and map: ours and the peers."""
    plt = _begin()
    maps = _ordered(result)
    figure, axes = plt.subplots(
        2, len(SETUPS), figsize=(13.5, 6.6), sharey=True, layout="constrained"
    )
    drawn: dict[str, Any] = {}
    for line, objective in enumerate(("seq", "any")):
        for column, setup in enumerate(SETUPS):
            axis = axes[line, column]
            variants = _peer_rows(result, setup, objective)
            _points(axis, result, maps, setup, objective, variants, drawn)
            axis.axhline(1, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
            axis.set_xlim(-0.6, len(maps) - 0.4)
            axis.set_ylim(-0.04, 1.08)
            axis.set_xticks(range(len(maps)), [_short(name) for name in maps] if line else [],
                            rotation=40, ha="right")  # fmt: skip
            axis.grid(axis="x", visible=False)
            if line == 0:
                axis.set_title(_TITLES[setup])
        word = "whole sequence" if objective == "seq" else "one epoch"
        axes[line, 0].set_ylabel(f"{word}\nprobability / kit's bound")
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=len(drawn))
    figure.suptitle(
        "Share of the proven bound, strict scores (hollow: lenient). "
        "The bound forgets slews and filter changes.",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    _save(plt, figure, folder / "planner-share-of-bound.svg")


def _points(
    axis: "Axes", result: dict[str, Any], maps: list[str], setup: str, objective: str,
    variants: dict[str, dict[str, Any]], drawn: dict[str, Any],
) -> None:  # fmt: skip
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        (name, _COLOURS.get(name, SOFT), rows) for name, rows in sorted(variants.items())
    ]
    ours = {name: result["ours"].get(f"{name}__{setup}__{objective}", {}) for name in maps}
    kinds.append(("ours", OURS, ours))
    for place, (label, colour, rows) in enumerate(kinds):
        shift = (place - (len(kinds) - 1) / 2) * 0.16
        for number, name in enumerate(maps):
            row = rows.get(name)
            bound = result["kit_bounds"].get(f"{name}__{setup}__{objective}")
            if row is None or not row:
                continue
            strict, lenient = share(row, bound), share(row, bound, "lenient")
            x = number + shift
            if strict is None:
                if "failure" in row:
                    axis.plot([x], [0], marker="x", color=colour, markersize=5, clip_on=False)
                continue
            if lenient is not None:
                axis.plot([x, x], [strict, lenient], color=colour, linewidth=1, alpha=0.5)
                axis.plot([x], [lenient], "o", color="white", markeredgecolor=colour, markersize=5)
            marker = "D" if label == "ours" else "o"
            (mark,) = axis.plot([x], [strict], marker, color=colour, markersize=6, linestyle="")
            drawn.setdefault(label, mark)


def times(result: dict[str, Any], folder: Path) -> None:
    """Seconds of a plan on a logarithmic axis, ours warm and cold beside the peers'."""
    plt = _begin()
    maps = _ordered(result)
    figure, axes = plt.subplots(
        1, len(SETUPS), figsize=(13.5, 4.2), sharey=True, layout="constrained"
    )
    drawn: dict[str, Any] = {}
    for axis, setup in zip(axes, SETUPS, strict=True):
        for number, name in enumerate(maps):
            _seconds(axis, result, name, setup, number, drawn)
        axis.set_yscale("log")
        axis.set_ylim(0.01, 200)
        axis.set_yticks([0.01, 0.1, 1, 10, 100], ["0.01", "0.1", "1", "10", "100"])
        axis.set_xlim(-0.6, len(maps) - 0.4)
        axis.set_xticks(range(len(maps)), [_short(name) for name in maps], rotation=40, ha="right")
        axis.grid(axis="x", visible=False)
        axis.set_title(_TITLES[setup])
    axes[0].set_ylabel("seconds of one plan (wall)")
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=4)
    _save(plt, figure, folder / "planner-times.svg")


def _seconds(
    axis: "Axes", result: dict[str, Any], name: str, setup: str, number: int,
    drawn: dict[str, Any],
) -> None:  # fmt: skip
    for objective, fill in (("any", "white"), ("seq", None)):
        scenario = f"{name}__{setup}__{objective}"
        word = "sequence" if objective == "seq" else "one epoch"
        ours, cold = result["ours"].get(scenario, {}), result["cold"].get(scenario, {})
        marks: list[tuple[str, str, str, float | None, float]] = [
            (f"ours, warm, {word}", "D", OURS, ours.get("wall_s"), -0.22),
            (f"ours, first plan, {word}", "v", "#7fb2dd", ours.get("first_s"), -0.08),
            (f"ours, cold process, {word}", "s", "#0a2f52", cold.get("wall_s"), 0.06),
        ]
        for row in result["peers"].values():
            if row["scenario"] == scenario and row["variant"] in {"gwemopt", "tilepy"}:
                shift = 0.2 if row["peer"] == "gwemopt" else 0.32
                value = row.get("warm_s") or row.get("first_s")
                marks.append(
                    (f"{row['peer']}, plan, {word}", "o", _COLOURS[row["peer"]], value, shift)
                )
        for label, marker, colour, value, shift in marks:
            if value is None:
                continue
            (mark,) = axis.plot(
                [number + shift], [value], marker, color=fill or colour, markeredgecolor=colour,
                markersize=5.5, linestyle="",
            )  # fmt: skip
            drawn.setdefault(label, mark)


def free(result: dict[str, Any], folder: Path) -> None:
    """One epoch with free pointing: ours beside tilepy's."""
    plt = _begin()
    found = report.free_rows(result)

    def place(item: tuple[dict[str, Any], list[dict[str, Any]]]) -> tuple[int, float]:
        name, setup, _ = parts(item[0]["scenario"])
        return SETUPS.index(setup), float(result["areas"].get(name, 0))

    found.sort(key=place)
    height = 0.32 * len(found) + 1.4
    figure, axis = plt.subplots(figsize=(8.5, height), layout="constrained")
    drawn: dict[str, Any] = {}
    labels = []
    for number, (ours, peers) in enumerate(reversed(found)):
        name, setup, _ = parts(ours["scenario"])
        labels.append(f"{_TITLES[setup].split(',')[0]}  {_short(name)}")
        marks = [(row["variant"], _COLOURS[row["variant"]], "o", achieved(row)) for row in peers]
        marks.append(("ours", OURS, "D", achieved(ours)))
        known = [value for *_, value in marks if value is not None]
        if known:
            axis.plot([min(known), max(known)], [number, number], color=GRID, linewidth=3)
        for label, colour, marker, value in marks:
            if value is None:
                continue
            (mark,) = axis.plot([value], [number], marker, color=colour, markersize=6, linestyle="")
            drawn.setdefault(label, mark)
    axis.set_yticks(range(len(labels)), labels)
    axis.set_xlim(0, 1.02)
    axis.set_xlabel("probability seen once (strict, pointings off the grid)")
    axis.grid(axis="y", visible=False)
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=3)
    _save(plt, figure, folder / "planner-free-pointing.svg")


def growth(found: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    """Processor time against the sizes of a problem."""
    plt = _begin()
    figure, grid = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
    panels = grid.ravel()
    _curves(panels[0], found["area"], "telescope", "area_deg2", "cpu_s")
    panels[0].set(title="Area of the map", xlabel="90 % area (deg²)", xscale="log")
    panels[1].set(title="Leaves of the map", xlabel="leaves (ZTF, one region)", xscale="log")
    for key, label, colour in (("read_cpu_s", "bytes to points", BALANCE), ("cpu_s", "plan", OURS)):
        panels[1].plot([row["leaves"] for row in found["leaves"]],
                       [row[key] for row in found["leaves"]], "o-", color=colour,
                       label=label)  # fmt: skip
    _curves(panels[2], found["fields"], "telescope", "fields", "cpu_s")
    panels[2].set(title="Fields of the grid", xlabel="fields (part of the grid)")
    _curves(panels[3], found["exposures"], "telescope", "exposures", "cpu_s")
    panels[3].set(title="Exposures in the plan", xlabel="exposures")
    _curves(panels[4], found["telescopes"], "area_deg2", "telescopes", "cpu_s", " deg²")
    panels[4].set(title="Telescopes, each for itself", xlabel="telescopes")
    _curves(panels[5], found["telescopes"], "area_deg2", "telescopes", "shared_cpu_s", " deg²")
    panels[5].set(title="Telescopes that share the sky", xlabel="telescopes")
    for panel in panels:
        panel.set_ylabel("processor s")
        panel.legend()
        if panel.get_xscale() == "log" and panel is not panels[0]:
            continue
        if panel is panels[0]:
            panel.set_yscale("log")
        else:
            panel.set_ylim(bottom=0)
    for panel in panels[4:]:
        counts = sorted({row["telescopes"] for row in found["telescopes"]})
        panel.set_xticks(counts, [str(count) for count in counts])
    _save(plt, figure, folder / "planner-growth.svg")


def _curves(
    axis: "Axes", rows: list[dict[str, Any]], by: str, x: str, y: str, unit: str = ""
) -> None:
    for number, kind in enumerate(dict.fromkeys(row[by] for row in rows)):
        some = sorted((row[x], row[y]) for row in rows if row[by] == kind)
        name = f"{kind:,.0f}{unit}".replace(",", " ") if isinstance(kind, float) else str(kind)
        axis.plot([value for value, _ in some], [value for _, value in some], "o-",
                  color=_SERIES[number % len(_SERIES)], label=name)  # fmt: skip
