"""What slews and filter changes cost at least: the cuts that make the bound tighter.

*Slews.* After a visit the telescope stays, or goes to another candidate field: the pause until the
next exposure is at least the larger of read-out and the quickest slew to any other candidate. It
may stay if the field's next visit is the next exposure; then the pause fills the gap between the
two visits, if that is longer. Every visit but the last of a night is followed by such a pause.

*Filter changes.* Between the first and the last visit of a field's sequence the filter changes at
least as often as the sequence does. Fields whose whole sequences have to lie in stretches of time
that do not overlap need changes of their own. So in a stretch of T seconds, with visits that need
u each, dead time o in it, and f fields of that kind with m changes of c seconds each,

    u * visits + c * m * f <= T + o,

and if one such field is chosen, only whole visits fit into what its changes leave: with
N = floor((T + o) / u) and N' = floor((T + o - c m) / u), visits + (N - N') * z <= N, true for
z = 0 and for z = 1. Of whole sequences of k visits at most floor((T + o - c m) / (k u)) fit.
"""

from itertools import pairwise

import numpy as np

from too_planner.bound_windows import BoolArray, Cut, IntArray, Stretches, Windows
from too_planner.nightsky import FloatArray
from too_planner.structures import Problem

_CHOSEN = 1e-3
_OVERFULL = 1e-4
_CHAINS = 12
"""Stretches in which fields with changes of their own are looked for in each round."""


def least_pauses(problem: Problem, possible: BoolArray) -> FloatArray:
    """Least dead time after a visit of each field, shape (steps, fields)."""
    rules = problem.rules
    change = least_change(problem)
    moved = np.full(problem.size, rules.overhead_s)
    if possible.sum() > 1:
        chosen = np.flatnonzero(possible)
        moved[chosen] = np.maximum(
            rules.slews.take(chosen).nearest_s(rules.overhead_s), rules.overhead_s
        )
    pauses = np.tile(moved, (len(rules.steps), 1)) + change
    for step, template in enumerate(rules.steps[:-1]):
        stays = max(rules.overhead_s + change, rules.min_gap_s - template.duration_s)
        pauses[step] = np.minimum(pauses[step], stays)
    return pauses


def least_change(problem: Problem) -> float:
    """Least time for the filter between two visits, whichever they are."""
    steps = problem.rules.steps
    same = any(a.last_filter == b.first_filter for a in steps for b in steps)
    return 0.0 if same else problem.rules.filter_change_s


def changes_within(problem: Problem) -> int:
    """Filter changes between the first and the last visit of a sequence, at least."""
    steps = problem.rules.steps
    return sum(a.last_filter != b.first_filter for a, b in pairwise(steps))


class Changes:
    """Cuts by filter changes, in stretches of one night.

    Parameters
    ----------
    problem, windows
        The problem and the windows of its visits. Visits of several lengths count as the shortest.
    """

    def __init__(self, problem: Problem, windows: Windows) -> None:
        self._cost = problem.rules.filter_change_s * changes_within(problem)
        self._tail = problem.rules.overhead_s
        self._unit = float(windows.length.min()) + self._tail
        size = len(windows.possible)
        last = windows.steps - 1
        low, high = windows.low.min(axis=1), windows.high.max(axis=1) + windows.length
        self._low, self._high = low.reshape(-1, size), high.reshape(-1, size)
        self._open = self._low[0]
        """From the first possible start of a sequence ..."""
        self._close = self._high[last]
        """... to its last possible end."""
        self._blocks = windows.blocks
        self._possible = windows.possible

        self.useless = self._cost <= 0
        """The filter never has to be changed."""

    def cuts(self, choice: FloatArray, most: int) -> list[Cut]:
        """Stretches that are overfull if filter changes count."""
        found: list[tuple[float, Cut]] = []
        for opens, closes in self._stretches(choice):
            found.extend(self._in_stretch(choice, opens, closes))
        found.sort(key=lambda item: -item[0])
        return [cut for _, cut in found[:most]]

    def _stretches(self, choice: FloatArray) -> list[tuple[float, float]]:
        """Stretches of one night that are asked most of, whole nights among them."""
        used = np.flatnonzero((choice > _CHOSEN) & self._possible)
        found: list[tuple[float, float, float]] = []
        for begin, end in self._blocks:
            inside = used[(self._open[used] >= begin - 1e-6) & (self._close[used] <= end + 1e-6)]
            if not len(inside):
                continue
            opens = np.unique(
                np.quantile(self._open[inside], np.linspace(0, 1, 16), method="lower")
            )
            closes = np.unique(
                np.quantile(self._close[inside], np.linspace(0, 1, 16), method="higher")
            )
            for a in opens:
                for b in closes[closes > a]:
                    wanted = float(choice @ self._visits(a, b))
                    room = (b - a + self._tail) / self._unit
                    found.append((wanted - room, float(a), float(b)))
        found.sort(reverse=True)
        return [(a, b) for _, a, b in found[:_CHAINS]]

    def _visits(self, begin: float, end: float) -> FloatArray:
        """Visits of each field that have to lie in a stretch."""
        inside = (self._low >= begin - 1e-6) & (self._high <= end + 1e-6)
        return np.asarray((inside & self._possible).sum(axis=0), dtype=np.float64)

    def _in_stretch(self, choice: FloatArray, begin: float, end: float) -> list[tuple[float, Cut]]:
        visits = self._visits(begin, end)
        seconds = end - begin + self._tail + 0.01
        chain = self._chain(choice, begin, end)
        if not len(chain):
            return []
        found = []
        factors = visits.copy()
        factors[chain] += self._cost / self._unit
        found.append(Cut(factors, seconds / self._unit))
        whole = float(np.floor(seconds / self._unit))
        left = float(np.floor((seconds - self._cost) / self._unit))
        factors = visits.copy()
        factors[chain[np.argmax(choice[chain])]] += whole - left
        found.append(Cut(factors, whole))
        inside = (visits == len(self._low)).astype(np.float64)
        fields = np.floor((seconds - self._cost) / (len(self._low) * self._unit))
        found.append(Cut(inside, max(float(fields), 0.0)))
        broken = [(float(choice @ cut.factors) - cut.limit, cut) for cut in found]
        return [item for item in broken if item[0] > _OVERFULL]

    def _chain(self, choice: FloatArray, begin: float, end: float) -> IntArray:
        """Fields with sequences that cannot overlap in time, of the largest choice together."""
        inside = (self._open >= begin - 1e-6) & (self._close <= end + 1e-6)
        fields = np.flatnonzero(inside & self._possible & (choice > _CHOSEN))
        fields = fields[np.argsort(self._close[fields], kind="stable")]
        closes = self._close[fields]
        # the best of the first n fields, with the last of them or without
        before = np.searchsorted(closes, self._open[fields] + 1e-9, side="right")
        best = np.zeros(len(fields) + 1)
        taken = np.zeros(len(fields), dtype=bool)
        for place, index in enumerate(fields.tolist()):
            value = best[before[place]] + choice[index]
            taken[place] = value > best[place]
            best[place + 1] = max(value, best[place])
        chain: list[int] = []
        place = len(fields)
        while place > 0:
            if taken[place - 1]:
                chain.append(int(fields[place - 1]))
                place = int(before[place - 1])
            else:
                place -= 1
        return np.array(chain, dtype=np.int64)


def stretches_with_pauses(problem: Problem, windows: Windows) -> Stretches | None:
    """Stretches in which each visit takes its least pause; None if that is the read-out always."""
    pauses = least_pauses(problem, windows.possible)[:, windows.possible]
    if pauses.size == 0 or float(pauses.max()) <= problem.rules.overhead_s + 1e-6:
        return None
    every = least_pauses(problem, windows.possible).ravel()
    tail = float(every[np.tile(windows.possible, windows.steps)].max())
    return Stretches(windows, windows.length + every, tail)
