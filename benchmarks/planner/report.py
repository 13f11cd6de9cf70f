"""A run as words: tables in Markdown."""

from collections.abc import Iterator
from statistics import median
from typing import Any

SETUPS = ("ztf_primary", "ztf_full", "decam", "gattini", "growth_india")
OBJECTIVES = ("any", "seq")


def parts(scenario: str) -> tuple[str, str, str]:
    """Map, set-up and objective."""
    map_name, setup, objective = scenario.split("__")
    return map_name, setup, objective


def value_of(score: dict[str, Any], scenario: str) -> float:
    """The figure that a scenario's objective asks for."""
    return float(score["P1" if scenario.endswith("any") else "Pseq"])


def achieved(row: dict[str, Any], mode: str = "strict") -> float | None:
    """What a row's schedule has; None if there is none."""
    found = row.get("scores", {}).get(mode)
    return None if found is None else value_of(found, row["scenario"])


def violations(row: dict[str, Any], mode: str = "strict") -> int:
    """Broken rules of a schedule; what is allowed but useless is not counted."""
    found = row.get("scores", {}).get(mode, {}).get("violations", {})
    left_out = {"early_revisit", "slew_missing_s"}
    return sum(int(value) for key, value in found.items() if key not in left_out)


def broken(result: dict[str, Any]) -> bool:
    """True if a schedule of ours breaks a rule, or could not be made."""
    rows = [*result["ours"].values(), *result["cold"].values(), *result["free"].values()]
    return any("failure" in row or violations(row) for row in rows)


def tighter(row: dict[str, Any]) -> float | None:
    """The bound that counts slews, where the plan has one."""
    found = row.get("bound") or {}
    return None if found.get("without_slews") is None else float(found["value"])


def own_bound(row: dict[str, Any]) -> float | None:
    """The plan's bound that forgets slews."""
    found = row.get("bound") or {}
    value = found.get("without_slews")
    value = found.get("value") if value is None else value
    return None if value is None else float(value)


def share(row: dict[str, Any], bound: float | None, mode: str = "strict") -> float | None:
    """What of a bound is achieved."""
    value = achieved(row, mode)
    return None if value is None or not bound else value / bound


def table(result: dict[str, Any], *, small_deg2: float) -> str:
    """The run as Markdown."""
    about = result["about"]
    loads = about.get("loads", [])
    lines = [
        "# The planner on the benchmark kit",
        "",
        (
            f"{about.get('machine')}, {about.get('begun')}; {about.get('spent_s', 0) / 60:.0f} min "
            f"in all. Load average when it began: {', '.join(str(load) for load in loads)}."
        ),
        "",
        (
            "Scores are the kit's, strict unless it says lenient. *Kit's bound* and *our bound* "
            "forget slews and"
        ),
        (
            "filter changes; *with slews* counts them. Times are medians over "
            f"{about.get('repeats')} repeated plans in one warm process whose"
        ),
        "map and grid are in memory; *first* is the first plan that can be carried out.",
        "",
        *_setups(result),
        *_five(result),
        *_peers_beside(result),
        *_free(result, small_deg2),
        *_scenarios(result),
        *_cold(result),
        *_failures(result),
    ]
    return "\n".join(lines) + "\n"


def _select(result: dict[str, Any], kind: str, setup: str, objective: str) -> list[dict[str, Any]]:
    return [
        row for _, row in sorted(result[kind].items())
        if parts(row["scenario"])[1:] == (setup, objective)
    ]  # fmt: skip


def _known(values: Iterator[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean_worst(values: list[float]) -> str:
    return f"{sum(values) / len(values):.4f} / {min(values):.4f}" if values else ""


def _middle(values: list[float], digits: int = 2) -> str:
    return f"{median(values):.{digits}f} / {max(values):.{digits}f}" if values else ""


def _setups(result: dict[str, Any]) -> list[str]:
    kit = result["kit_bounds"]
    lines = [
        "## By set-up: ours",
        "",
        (
            "| set-up | objective | scenarios | violations | of the kit's bound: mean / worst "
            "| of our bound | of our bound with slews | warm s: median / most | cpu s "
            "| first s | cold process s | its MB |"
        ),
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for setup in SETUPS:
        for objective in OBJECTIVES:
            rows = _select(result, "ours", setup, objective)
            done = [row for row in rows if "failure" not in row]
            if not done:
                continue
            cold = [r for r in _select(result, "cold", setup, objective) if "failure" not in r]
            of_kit = _known(share(row, kit.get(row["scenario"])) for row in done)
            of_own = _known(share(row, own_bound(row)) for row in done)
            of_tight = _known(share(row, tighter(row)) for row in done)
            lines.append(
                f"| {setup} | {objective} | {len(rows)} | {sum(violations(r) for r in done)} "
                f"| {_mean_worst(of_kit)} | {_mean_worst(of_own)} | {_mean_worst(of_tight)} "
                f"| {_middle([r['wall_s'] for r in done])} | {_middle([r['cpu_s'] for r in done])} "
                f"| {_middle([r['first_s'] for r in done])} "
                f"| {_middle([r['wall_s'] for r in cold])} "
                f"| {max((r['peak_mb'] for r in cold), default=0):.0f} |"
            )
    peak = max((row.get("peak_mb", 0) for row in result["ours"].values()), default=0)
    return [
        *lines,
        "",
        f"The warm process that planned all of them took {peak:.0f} MB at most.",
        "",
    ]


def _five(result: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, area in sorted(result["areas"].items(), key=lambda item: item[1]):
        found = [result["ours"].get(f"{name}__{setup}__seq", {}) for setup in SETUPS]
        if any("wall_s" not in row for row in found):
            continue
        read = min(row["read_s"] for row in found)
        lines.append(
            f"| {name} | {area:.0f} | {read:.2f} | {sum(r['wall_s'] for r in found):.2f} "
            f"| {sum(r['cpu_s'] for r in found):.2f} |"
        )
    if not lines:
        return []
    return [
        "## Five set-ups from one map, one after the other in one process", "",
        "| map | 90 % area deg2 | map read s | five plans s (medians, added) | cpu s |",
        "|---|---:|---:|---:|---:|", *lines, "",
    ]  # fmt: skip


def _peers_beside(result: dict[str, Any]) -> list[str]:
    if not result["peers"]:
        return []
    lines = [
        "## Other planners on the same maps, in the same run", "",
        ("A peer's *cold* is its process with imports and the first plan, *first* that plan alone, "
        "*warm* a second one in"),
        (f"the same process. What takes more than {result['about'].get('peer_limit_s'):g} s is "
        "ended, and not tried on wider maps. tilepy points where"),
        ("it likes and has one epoch: it is scored with free pointing, beside our plan on the "
        "grid; the next table has ours"),
        "with free pointing.", "",
    ]  # fmt: skip
    for setup in SETUPS:
        for objective in OBJECTIVES:
            rows = _select(result, "peers", setup, objective)
            if rows:
                lines += _beside(result, setup, objective, rows)
    return lines


def _beside(
    result: dict[str, Any], setup: str, objective: str, rows: list[dict[str, Any]]
) -> list[str]:
    lines = [
        f"### {setup}, {objective}", "",
        ("| map | planner | strict | lenient | of the kit's bound (strict) | exposures "
        "| rules broken | slew s missing | cold s | first s | warm s | MB |"),
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for map_name in sorted(result["areas"], key=lambda name: float(result["areas"][name])):
        scenario = f"{map_name}__{setup}__{objective}"
        bound = result["kit_bounds"].get(scenario)
        ours = result["ours"].get(scenario)
        cold = result["cold"].get(scenario, {})
        if ours is not None and "failure" not in ours:
            lines.append(
                f"| {map_name} | **ours** | {_three(achieved(ours))} | {_three(achieved(ours))} "
                f"| {_three(share(ours, bound))} | {ours['exposures']} | {violations(ours)} | 0 "
                f"| {_two(cold.get('wall_s'))} | {_two(ours['first_s'])} | {_two(ours['wall_s'])} "
                f"| {cold.get('peak_mb', 0):.0f} |"
            )
        lines += [
            _peer_line(map_name, row, bound) for row in rows if row["scenario"] == scenario
        ]  # fmt: skip
    return [*lines, ""]


def _peer_line(map_name: str, row: dict[str, Any], bound: float | None) -> str:
    if "failure" in row:
        return f"| {map_name} | {row['variant']} | {row['failure']} | | | | | | | | | |"
    strict = row.get("scores", {}).get("strict", {})
    missing = strict.get("violations", {}).get("slew_missing_s", 0)
    return (
        f"| {map_name} | {row['variant']} | {_three(achieved(row))} "
        f"| {_three(achieved(row, 'lenient'))} | {_three(share(row, bound))} "
        f"| {strict.get('exposures', '')} | {violations(row)} | {missing:.0f} "
        f"| {_two(row['cold_s'])} | {_two(row['first_s'])} | {_two(row['warm_s'])} "
        f"| {row['peak_mb']} |"
    )


def free_rows(result: dict[str, Any]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Our free pointings, and tilepy's on the same scenario."""
    return [
        (
            ours,
            [row for _, row in sorted(result["peers"].items())
             if row["peer"] == "tilepy" and row["scenario"] == name],
        )
        for name, ours in sorted(result["free"].items())
    ]  # fmt: skip


def _free(result: dict[str, Any], small_deg2: float) -> list[str]:
    found = free_rows(result)
    if not found:
        return []
    lines = [
        "## One epoch, pointings off the grid: `too plan --free-pointing` and tilepy", "",
        f"Both are scored with free pointing. Small maps (up to {small_deg2:.0f} deg2) come first.",
        "",
        ("| map | area deg2 | set-up | ours P1 | exposures | first look h | s (cold process) "
        "| tilepy P1 strict / lenient | exposures | first look h | s (cold process) |"),
        "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for ours, peers in sorted(
        found, key=lambda item: float(result["areas"].get(parts(item[0]["scenario"])[0], 0))
    ):
        map_name, setup, _ = parts(ours["scenario"])
        strict = ours.get("scores", {}).get("strict", {})
        mine = (
            f"| {map_name} | {result['areas'].get(map_name, 0):.0f} | {setup} "
            f"| {_three(achieved(ours)) or ours.get('failure', '')} "
            f"| {strict.get('exposures', '')} | {_two(strict.get('t_mean_h'))} "
            f"| {_two(ours.get('wall_s'))} "
        )
        for row in peers or [{}]:
            other = row.get("scores", {}).get("strict", {})
            kind = " (inner circle)" if "inner" in row.get("variant", "") else ""
            told = f"{_three(achieved(row))} / {_three(achieved(row, 'lenient'))}{kind}"
            lines.append(
                f"{mine}| {row.get('failure') or (told if row else '')} "
                f"| {other.get('exposures', '')} | {_two(other.get('t_mean_h'))} "
                f"| {_two(row.get('cold_s'))} |"
            )
    return [*lines, ""]


def _scenarios(result: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for setup in SETUPS:
        for objective in OBJECTIVES:
            rows = [r for r in _select(result, "ours", setup, objective) if "failure" not in r]
            if not rows:
                continue
            lines += [
                f"### {setup}, {objective}", "",
                ("| map | strict | kit's bound | share | our bound | with slews | exposures "
                "| violations | warm s | cpu s | first s (its share) | cold s |"),
                "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
            ]  # fmt: skip
            for row in rows:
                name = row["scenario"]
                bound = result["kit_bounds"].get(name)
                lines.append(
                    f"| {parts(name)[0]} | {_four(achieved(row))} | {_four(bound)} "
                    f"| {_four(share(row, bound))} | {_four(own_bound(row))} "
                    f"| {_four(tighter(row))} | {row['exposures']} | {violations(row)} "
                    f"| {row['wall_s']:.2f} | {row['cpu_s']:.2f} "
                    f"| {row['first_s']:.2f} ({_three(row['first_share'])}) "
                    f"| {_two(result['cold'].get(name, {}).get('wall_s'))} |"
                )
            lines.append("")
    return ["## Every scenario: ours", "", *lines] if lines else []


def _cold(result: dict[str, Any]) -> list[str]:
    rows = [row for row in result["cold"].values() if "failure" not in row]
    if not rows:
        return []
    return [
        "## Cold: `too plan` as a process of its own", "",
        (f"{len(rows)} scenarios: wall {_middle([r['wall_s'] for r in rows])} s (median / most), "
        f"processor {_middle([r['cpu_s'] for r in rows])} s, peak "
        f"{_middle([r['peak_mb'] for r in rows], 0)} MB."), "",
    ]  # fmt: skip


def _failures(result: dict[str, Any]) -> list[str]:
    found = [
        f"- {kind} {row['scenario']}: {row['failure']}"
        for kind in ("ours", "cold", "free")
        for row in result[kind].values()
        if "failure" in row
    ]
    return ["## Failed", "", *found, ""] if found else []


def _two(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _three(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _four(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
