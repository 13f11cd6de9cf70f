"""Tables and pictures of a run."""

from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

SETUPS = ("ztf_primary", "ztf_full", "decam", "gattini", "growth_india")


def _setup(row: dict[str, Any]) -> str:
    return str(row["scenario"]).split("__")[1]


def _objective(row: dict[str, Any]) -> str:
    return "any" if str(row["scenario"]).endswith("any") else "seq"


def value_of(score: dict[str, Any], scenario: str) -> float:
    """The figure that a scenario's objective asks for."""
    return float(score["P1" if scenario.endswith("any") else "Pseq"])


def table(result: dict[str, Any]) -> str:
    """The run as Markdown."""
    lines = [
        "# The planner on the benchmark kit",
        "",
        f"{result['machine']}, {result['date']}. Load while measured: {result['load']}.",
        "CPU times are medians over repeated plans in one warm process; `first` is the time to the",
        "first plan that can be carried out. Shares are strict scores over the bound.",
        "",
        (
            "| setup | objective | scenarios | violations | of the kit's bound: mean / worst "
            "| of our bound: mean / worst | cpu s: median / most | first cpu s: median |"
        ),
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for setup in SETUPS:
        for objective in ("any", "seq"):
            rows = [
                row
                for row in result["ours"]
                if _setup(row) == setup and _objective(row) == objective
            ]
            if not rows:
                continue
            kit = [row["share_kit"] for row in rows if row["share_kit"] is not None]
            own = [row["share_own"] for row in rows if row["share_own"] is not None]
            cpu = [row["cpu_s"] for row in rows]
            lines.append(
                f"| {setup} | {objective} | {len(rows)} | {sum(row['violations'] for row in rows)} "
                f"| {_mean(kit)} / {min(kit, default=0):.3f} "
                f"| {_mean(own)} / {min(own, default=0):.3f} "
                f"| {median(cpu):.2f} / {max(cpu):.2f} "
                f"| {median(row['first_cpu_s'] for row in rows):.2f} |"
            )
    heads = ("scenario", "achieved (strict)", "our bound", "kit's bound", "share", "exposures")
    lines += ["", "## Every scenario", "", f"| {' | '.join(heads)} | cpu s |"]
    lines += ["|---|---:|---:|---:|---:|---:|---:|"]
    for row in result["ours"]:
        if row["bound"] is None or not row["bound_kit"]:
            continue
        numbers = (row["achieved"], row["bound"], row["bound_kit"])
        lines.append(
            f"| {row['scenario']} | {' | '.join(f'{value:.4f}' for value in numbers)} "
            f"| {row['share_kit']:.3f} | {row['exposures']} | {row['cpu_s']:.2f} |"
        )
    if result["cold"]:
        lines += ["", "## Cold: `too plan` as a process of its own", "",
                  "| scenario | wall s | cpu s | peak MB |", "|---|---:|---:|---:|"]  # fmt: skip
        lines += [
            f"| {row['scenario']} | {row['wall_s']} | {row['cpu_s']} | {row['peak_mb']} |"
            for row in result["cold"]
        ]
    if result["peers"]:
        lines += ["", "## Other planners on the same maps, in the same run", "",
                  "| planner | scenario | strict | lenient | cold s | warm wall s / cpu s | MB |",
                  "|---|---|---:|---:|---:|---:|---:|"]  # fmt: skip
        lines += [_peer(row) for row in result["peers"]]
    return "\n".join(lines) + "\n"


def _mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.3f}" if values else "-"


def _peer(row: dict[str, Any]) -> str:
    if "failure" in row:
        return f"| {row['peer']} | {row['scenario']} | {row['failure']} | | | | |"
    strict, lenient = (value_of(row[mode], row["scenario"]) for mode in ("strict", "lenient"))
    return (
        f"| {row['peer']} | {row['scenario']} | {strict:.3f} | {lenient:.3f} | {row['cold_s']} "
        f"| {row['warm_s']} / {row['warm_cpu_s']} | {row['peak_mb']} |"
    )


def pictures(result: dict[str, Any], folder: Path) -> None:
    """Share of the bound, time against quality, and growth, as SVG."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "planner"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for number, setup in enumerate(SETUPS):
        for objective, marker in (("any", "o"), ("seq", "s")):
            rows = [
                row for row in result["ours"]
                if _setup(row) == setup and _objective(row) == objective and row["share_kit"]
            ]  # fmt: skip
            shift = -0.12 if objective == "any" else 0.12
            axes.plot(
                [number + shift] * len(rows), [row["share_kit"] for row in rows], marker, alpha=0.7,
                color="tab:blue" if objective == "any" else "tab:orange",
                label=objective if number == 0 else None,
            )  # fmt: skip
    peers = defaultdict(list)
    for row in result["peers"]:
        bound = result["kit_bounds"].get(row["scenario"])
        if "failure" not in row and bound:
            peers[row["peer"]].append((row, value_of(row["strict"], row["scenario"]) / bound))
    for (name, rows), color in zip(sorted(peers.items()), ("tab:red", "tab:purple"), strict=False):
        axes.plot(
            [SETUPS.index(_setup(row)) for row, _ in rows], [share for _, share in rows], "x",
            color=color, label=f"{name} (strict)",
        )  # fmt: skip
    axes.set_xticks(range(len(SETUPS)), SETUPS)
    axes.set_ylabel("strict score / kit's bound")
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    figure.savefig(folder / "share_of_bound.svg", metadata={"Date": None})
    plt.close(figure)
    if result["growth"]:
        _growth(result["growth"], folder)


def _growth(growth: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(2, 2, figsize=(9, 6.5), layout="constrained")
    axes = grid.ravel()
    for name in dict.fromkeys(row["telescope"] for row in growth["area"]):
        rows = [row for row in growth["area"] if row["telescope"] == name]
        axes[0].loglog([r["area_deg2"] for r in rows], [r["cpu_s"] for r in rows], "o-", label=name)
    axes[0].set_xlabel("90 % area of the map (deg$^2$)")
    for place, (key, label) in enumerate(
        (("exposures", "exposures in the plan (ZTF)"), ("fields", "fields of the grid (DECam)")), 1
    ):
        rows = growth[key]
        axes[place].plot([row[key] for row in rows], [row["cpu_s"] for row in rows], "o-")
        axes[place].set_xlabel(label)
    for radius in dict.fromkeys(row["radius_deg"] for row in growth["telescopes"]):
        rows = [row for row in growth["telescopes"] if row["radius_deg"] == radius]
        axes[3].plot(
            [row["telescopes"] for row in rows], [row["cpu_s"] for row in rows], "o-",
            label=f"radius {radius:g} deg",
        )  # fmt: skip
    axes[3].set_xlabel("telescopes, one after the other")
    for item in axes:
        item.set_ylabel("cpu s")
        item.grid(alpha=0.3)
    axes[0].legend()
    axes[3].legend()
    figure.savefig(folder / "growth.svg", metadata={"Date": None})
    plt.close(figure)
