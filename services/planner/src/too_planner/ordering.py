"""Change the order of a night so that less time goes into slews and filter changes.

Only places where a step costs more than the read-out are touched: parts of the row between such
places are turned around or exchanged, single visits next to them are moved to where they are on
the way. A change is kept if every visit still can be made.
"""

import time

import numpy as np

from too_planner.nightsky import FloatArray
from too_planner.sequence import IntArray, Timing, Visits, cheapest_places

_WORTH_S = 0.5
_EDGES = 48
_MOVED = 200
_TRIES = 12


def shorten(timing: Timing, visits: Visits, until: float) -> Visits:
    """Change the order so that less time goes into slews and filter changes."""
    while time.perf_counter() < until:
        changed = False
        for improve in (_exchange, _reverse, _relocate):
            better = improve(timing, visits, until)
            if better is not None:
                visits, changed = better, True
        if not changed:
            break
    return visits


def _extra(timing: Timing, visits: Visits) -> FloatArray:
    return np.asarray(timing.between(visits) - timing.rules.overhead_s)


def _costly(timing: Timing, visits: Visits) -> IntArray:
    """Places before which a step costs more than the read-out, the costliest, rising."""
    extra = _extra(timing, visits)
    worst = np.argsort(-extra)[:_EDGES]
    return np.asarray(np.sort(worst[extra[worst] > _WORTH_S]) + 1)


def _step(timing: Timing, visits: Visits, first: IntArray, second: IntArray) -> FloatArray:
    """Dead time between visits at some places; none where the second is beyond the end."""
    inside = second < len(visits)
    other = np.minimum(second, len(visits) - 1)
    field, step = visits.field, visits.step
    cost = timing.cost(field[first], step[first], field[other], step[other])
    return np.where(inside, cost, 0.0)


def _reverse(timing: Timing, visits: Visits, until: float) -> Visits | None:
    """Turn a part of the row around."""
    found = None
    while time.perf_counter() < until:
        cut = _costly(timing, visits)
        if len(cut) < 1:
            return found
        ends = np.append(cut, len(visits))
        i, j = (values.ravel() for values in np.meshgrid(cut, ends, indexing="ij"))
        keep = j > i + 1
        i, j = i[keep], j[keep]
        gain = _step(timing, visits, i - 1, i) + _step(timing, visits, j - 1, j)
        gain -= _step(timing, visits, i - 1, j - 1) + _step(timing, visits, i, j)
        better = None
        for place in np.argsort(-gain)[:_TRIES]:
            if gain[place] < _WORTH_S:
                break
            order = np.arange(len(visits))
            order[i[place] : j[place]] = order[i[place] : j[place]][::-1]
            trial = visits.take(order)
            if timing.feasible(trial) is not None:
                better = trial
                break
        if better is None:
            return found
        visits = found = better
    return found


def _exchange(timing: Timing, visits: Visits, until: float) -> Visits | None:
    """Let two neighbouring parts of the row change places."""
    found = None
    while time.perf_counter() < until:
        cut = np.append(_costly(timing, visits), len(visits))
        if len(cut) < 3:
            return found
        a, b, c = np.meshgrid(
            np.arange(len(cut)), np.arange(len(cut)), np.arange(len(cut)), indexing="ij"
        )
        keep = (a < b) & (b < c)
        i, j, k = cut[a[keep]], cut[b[keep]], cut[c[keep]]
        gain = sum(_step(timing, visits, p - 1, p) for p in (i, j, k))
        gain -= _step(timing, visits, i - 1, j)
        gain -= _step(timing, visits, k - 1, i) + _step(timing, visits, j - 1, k)
        better = None
        for place in np.argsort(-gain)[:_TRIES]:
            if gain[place] < _WORTH_S:
                break
            p, q, r = int(i[place]), int(j[place]), int(k[place])
            order = np.concatenate(
                [np.arange(p), np.arange(q, r), np.arange(p, q), np.arange(r, len(visits))]
            )
            trial = visits.take(order)
            if timing.feasible(trial) is not None:
                better = trial
                break
        if better is None:
            return found
        visits = found = better
    return found


def _relocate(timing: Timing, visits: Visits, until: float) -> Visits | None:
    """Move single visits to where they are on the way."""
    found = None
    saving = _savings(timing, visits)
    worst = np.argsort(-saving)[:_MOVED]
    worst = worst[saving[worst] > timing.rules.overhead_s + _WORTH_S]
    for one, which in zip(visits.field[worst].tolist(), visits.step[worst].tolist(), strict=True):
        if time.perf_counter() > until:
            break
        place = int(np.flatnonzero((visits.field == one) & (visits.step == which))[0])
        saved = float(_savings(timing, visits)[place])
        if saved <= timing.rules.overhead_s + _WORTH_S:
            continue
        rest = visits.take(np.delete(np.arange(len(visits)), place))
        low, high = float(visits.low[place]), float(visits.high[place])
        tries = cheapest_places(
            timing, rest, one, which, low, high, 4, detour_below=saved - _WORTH_S
        )
        for _, where in tries:
            trial = rest.insert(where, one, which, low, high)
            if timing.feasible(trial) is not None:
                visits = found = trial
                break
    return found


def _savings(timing: Timing, visits: Visits) -> FloatArray:
    """Dead time that would be saved without each visit, one read-out included."""
    size = len(visits)
    if size < 3:
        return np.zeros(size)
    between = timing.between(visits)
    field, step = visits.field, visits.step
    saved = np.zeros(size)
    saved[1:-1] = between[:-1] + between[1:]
    saved[1:-1] -= timing.cost(field[:-2], step[:-2], field[2:], step[2:])
    saved[0], saved[-1] = between[0], between[-1]
    return saved
