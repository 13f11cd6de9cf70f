"""Rows with exact times: against a slow reckoning, with and without the compiler."""

import importlib.util
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from too_planner import compiling, kernels, neighbourhoods, search
from too_planner.scheduler import solve
from too_planner.timeline import Cursor

from .test_bound import problem_of


def night(seed: int, *, filters=("g", "r"), fields=10, length_s=4000.0, gap_s=400.0):
    return problem_of(
        np.random.default_rng(seed),
        fields=fields,
        filters=filters,
        length_s=length_s,
        gap_s=gap_s,
        two_nights=seed % 2 == 1,
    )


def searched(problem, units: int) -> search.Search:
    problem = replace(problem, structures=units)
    found = search.Search(problem, np.ones(problem.size), 99.0, time.perf_counter() + 60.0)
    found.run()
    return found


def plain(name: str):
    """The module once more, as it stands in its file: nothing of it is compiled."""
    module = sys.modules[f"too_planner.{name}"]
    spec = importlib.util.spec_from_file_location(f"plain_{name}", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def slow_starts(model, row) -> tuple[np.ndarray, np.ndarray]:
    """Earliest and latest starts by going over all limits until nothing changes."""
    size = int(row.counts[0])
    early, late = row.low[:size].copy(), row.high[:size].copy()
    where = {(int(row.field[i]), int(row.step[i])): i for i in range(size)}
    pairs = [
        (
            i - 1,
            i,
            model.length[row.step[i - 1]]
            + model.pause[row.field[i - 1], row.field[i]]
            + model.change[row.step[i - 1], row.step[i]],
        )
        for i in range(1, size)
    ]
    pairs += [
        (i, where[field, step + 1], model.gap)
        for (field, step), i in where.items()
        if (field, step + 1) in where
    ]
    for _ in range(size + 1):
        for a, b, least in pairs:
            early[b] = max(early[b], early[a] + least)
            late[a] = min(late[a], late[b] - least)
    return early, late


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    filters=st.sampled_from([("g",), ("g", "r"), ("g", "r", "g")]),
    gap_s=st.sampled_from([0.0, 333.0, 900.0]),
)
def test_a_row_is_what_it_says_after_many_changes(seed, filters, gap_s):
    problem = night(seed, filters=filters, gap_s=gap_s)
    found = searched(problem, 1)
    row, model = found.best, found.model
    size, steps = int(row.counts[0]), len(filters)
    early, late = slow_starts(model, row)
    np.testing.assert_allclose(row.start[:size], early, atol=1e-6)
    np.testing.assert_allclose(row.latest[:size], late, atol=1e-6)
    assert np.all(early <= late + 1e-5)
    fields = np.flatnonzero(row.place[:, 0] >= 0)
    assert row.counts[1] == len(fields)
    assert size == steps * len(fields)
    assert row.seen[0] == pytest.approx(problem.atoms.union(fields.tolist()), abs=1e-9)
    for field in fields.tolist():
        places = row.place[field]
        assert np.all(np.diff(places) > 0)
        assert np.all(row.field[places] == field)
        assert np.all(np.diff(row.start[places]) >= gap_s - 1e-6)
    # and it can be carried out, at these times or earlier (in an interval before the chosen one)
    cursor = Cursor(problem.dark[0][0])
    for visit in found.placed():
        start = cursor.visit(problem.rules, visit.field, visit.step, problem.dark[-1][1])
        assert start is not None
        assert start <= visit.start_s + 1e-6


def test_plain_python_gives_the_same_row(monkeypatch):
    if not compiling.compile_kernels():
        pytest.skip("the compiler is switched off")
    problem = night(5, filters=("g", "r", "g"), fields=14, length_s=9000.0)
    compiled = searched(problem, 1)
    rows, ways = plain("kernels"), plain("neighbourhoods")
    for module in (rows, ways):
        for function in [*rows.COMPILED, *ways.COMPILED]:
            if hasattr(module, function.__name__):
                monkeypatch.setattr(module, function.__name__, function)
    monkeypatch.setattr(search, "kernels", rows)
    monkeypatch.setattr(search, "neighbourhoods", ways)
    slow = searched(problem, 1)
    assert type(kernels.put) is not type(rows.put)
    assert slow.placed() == compiled.placed()
    assert slow.best.seen[0] == compiled.best.seen[0]


def test_the_search_is_reproducible_and_never_gets_worse():
    problem = night(8, fields=30, length_s=6000.0)
    first, again = searched(problem, 6), searched(problem, 6)
    assert first.placed() == again.placed()
    assert first.best.seen[0] >= searched(problem, 0).best.seen[0]


def test_visits_of_a_field_may_lie_in_different_intervals():
    problem = night(1, fields=1, gap_s=400.0)
    rules = problem.rules
    rules.intervals[0] = [(0.0, 150.0), (3000.0, 3150.0)]
    placed = solve(problem).placed
    assert [(visit.step, visit.start_s) for visit in placed] == [(0, 0.0), (1, 3000.0)]


def test_machine_code_that_can_only_be_read_is_copied(tmp_path, monkeypatch):
    kept = compiling.cache_folder(tmp_path / "kept")
    assert kept is not None
    (kept / "code").write_text("machine")
    monkeypatch.setattr(compiling.tempfile, "gettempdir", lambda: str(tmp_path))
    writable = compiling._can_write
    monkeypatch.setattr(compiling, "_can_write", lambda folder: folder != kept and writable(folder))
    copy = compiling.cache_folder(tmp_path / "kept")
    assert copy is not None
    assert copy.is_relative_to(tmp_path / f"too-planner-{os.getuid()}")
    assert (copy / "code").read_text() == "machine"
    copy.chmod(0o777)
    assert compiling.cache_folder(tmp_path / "kept") is None


def test_without_the_compiler_the_warm_up_says_so():
    done = subprocess.run(
        [sys.executable, "-m", "too_planner.compiling"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "plain Python" in done.stdout


def test_what_is_compiled_is_all_there_is():
    for module in (kernels, neighbourhoods):
        plain_ones = {
            name
            for name, value in vars(plain(module.__name__.rsplit(".", 1)[1])).items()
            if callable(value) and getattr(value, "__module__", "").startswith("plain_")
        }
        classes = {name for name in plain_ones if name[0].isupper()}
        assert plain_ones - classes == {function.__name__ for function in module.COMPILED}
