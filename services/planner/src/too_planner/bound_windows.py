"""When visits may start, and how many fit into a stretch of time: the cuts of the bound.

Step k of a field's sequence starts no earlier than its first windows allow with the gaps before
it, and no later than the gaps after it leave. A *stretch* runs from a to b. Visits that have to
lie in it take their exposure and the dead time after it, the last one its exposure only; with
visits of one length u (dead time o in it) at most floor((b - a + o) / u) fit. Stretches that fields
cannot be observed in, such as the day, are left out. For sets of several stretches the numbers
add up, for each visit starts in one of them.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from too_planner.nightsky import FloatArray
from too_planner.structures import Problem

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_BINS = 160
"""Into which starts are sorted to look for overfull stretches; the cuts themselves are exact."""
_SLACK_S = 0.01
"""Starts are rounded to ticks, with a hair of tolerance each."""
_SWEEPS = 3
"""Of the nights, one after the other."""
_OVERFULL = 1e-4
"""Visits too many that make a cut."""


@dataclass(frozen=True)
class Cut:
    """Sum of factor times choice is at most a limit."""

    factors: FloatArray
    limit: float


@dataclass(frozen=True)
class Windows:
    """When each visit (step, field), flattened, may start.

    Attributes
    ----------
    low, high : ndarray, shape (steps * fields, pieces)
        First and last start in each piece; `low` is infinite where there is none.
    possible : ndarray of bool, shape (fields,)
        Every visit of the sequence has its time.
    length : ndarray, shape (steps * fields,)
        Of the exposures.
    blocks : ndarray, shape (blocks, 2)
        Times in which something can be observed, in order.
    """

    low: FloatArray
    high: FloatArray
    possible: BoolArray
    length: FloatArray
    blocks: FloatArray

    @property
    def steps(self) -> int:
        """Visits of a field."""
        return len(self.length) // len(self.possible)


def windows_of(problem: Problem, lead_s: tuple[float, ...]) -> Windows:
    """Windows of the visits.

    Parameters
    ----------
    lead_s
        Least time between the starts of a field's visits k and k + 1.
    """
    rules = problem.rules
    steps = len(rules.steps)
    width = max(1, *(len(found) for found in rules.intervals))
    begin = np.full((problem.size, width), np.inf)
    end = np.full((problem.size, width), -np.inf)
    for index, found in enumerate(rules.intervals):
        for number, (a, b) in enumerate(found):
            begin[index, number], end[index, number] = a, b
    lasts = [template.duration_s for template in rules.steps]
    early = np.empty((steps, problem.size))
    late = np.empty((steps, problem.size))
    ready = np.full(problem.size, -np.inf)
    for step, duration in enumerate(lasts):
        first = np.maximum(begin, ready[:, None])
        early[step] = np.where(first <= end - duration + 1e-6, first, np.inf).min(axis=1)
        ready = early[step] + (lead_s[step] if step < steps - 1 else 0.0)
    ready = np.full(problem.size, np.inf)
    for step in reversed(range(steps)):
        last = np.minimum(end - lasts[step], ready[:, None])
        late[step] = np.where(last >= begin - 1e-6, last, -np.inf).max(axis=1)
        ready = late[step] - (lead_s[step - 1] if step else 0.0)
    low = np.concatenate([np.maximum(begin, early[step][:, None]) for step in range(steps)])
    high = np.concatenate(
        [np.minimum(end - lasts[step], late[step][:, None]) for step in range(steps)]
    )
    there = high >= low - 1e-6
    possible: BoolArray = np.all(there.any(axis=1).reshape(steps, problem.size), axis=0)
    there &= np.tile(possible, steps)[:, None]
    return Windows(
        low=np.where(there, low, np.inf),
        high=np.where(there, high, -np.inf),
        possible=possible,
        length=np.repeat(np.array(lasts), problem.size),
        blocks=_blocks(begin[possible], end[possible]),
    )


def _blocks(begin: FloatArray, end: FloatArray) -> FloatArray:
    """Union of intervals."""
    real = np.isfinite(begin)
    order = np.argsort(begin[real])
    a, b = begin[real][order], np.maximum.accumulate(end[real][order])
    if not len(a):
        return np.empty((0, 2))
    fresh = np.concatenate([[True], a[1:] > b[:-1]])
    return np.stack([a[fresh], np.append(b[:-1][fresh[1:]], b[-1])], axis=-1)


@dataclass
class Stretches:
    """Looks for stretches of time that a choice of fields asks too much of.

    Attributes
    ----------
    windows
        Of the visits.
    load : ndarray, shape (steps * fields,)
        Exposure and the least dead time after it, of each visit.
    tail : float
        The largest dead time among them.
    """

    windows: Windows
    load: FloatArray
    tail: float
    _bins: int = field(init=False)

    def __post_init__(self) -> None:
        windows, blocks = self.windows, self.windows.blocks
        span = blocks[:, 1] - blocks[:, 0]
        counts = np.maximum(1, np.floor(_BINS * span / max(float(span.sum()), 1e-9)))
        counts = counts.astype(np.int64)
        self._first_bin = np.concatenate([[0], np.cumsum(counts)])
        self._bins = int(self._first_bin[-1])
        self._bin_s = span / counts
        self._counts = counts
        self._used = np.flatnonzero(np.isfinite(windows.low).any(axis=1))
        low, high = windows.low[self._used], windows.high[self._used]
        self._begin = low.min(axis=1)
        self._end = high.max(axis=1) + windows.length[self._used]
        self._first = self._bin_of(self._begin)
        self._last = self._bin_of(high.max(axis=1))
        # visits of one length: whole numbers of them fit
        self._unit = float(self.load[self._used].min()) if len(self._used) else 1.0
        self._even = len(self._used) > 0 and bool(np.ptp(self.load[self._used]) < 1e-9)
        self._visits = _Runs(self._bins, self._first, self._last, self._begin, self._end)
        self._room = self.room(self._visits.opens, self._visits.closes)
        self._whole, self._sequences = self._make_sequences()

    def _make_sequences(self) -> tuple[IntArray, "_Runs | None"]:
        """Whole sequences of fields; only whole numbers of them fit as well."""
        windows = self.windows
        size, steps = len(windows.possible), windows.steps
        fields = np.flatnonzero(windows.possible)
        load = self.load.reshape(steps, size)[:, fields]
        if steps == 1 or not len(fields) or float(np.ptp(load, axis=1).max()) > 1e-9:
            return fields, None
        place = np.full(size * steps, -1)
        place[self._used] = np.arange(len(self._used))
        first, last = place[fields], place[fields + (steps - 1) * size]
        runs = _Runs(
            self._bins, self._first[first], self._last[last], self._begin[first], self._end[last]
        )
        per_field = steps if self._even else float(load[:, 0].sum()) / self._unit
        self._fields_fit = np.floor(self.room(runs.opens, runs.closes) / per_field + 1e-9)
        return fields, runs

    def _bin_of(self, start: FloatArray) -> IntArray:
        blocks = self.windows.blocks
        block = np.clip(np.searchsorted(blocks[:, 0], start + 1e-6) - 1, 0, len(blocks) - 1)
        place = (start - blocks[block, 0]) / np.maximum(self._bin_s[block], 1e-9)
        inside = np.clip(np.floor(place).astype(np.int64), 0, self._counts[block] - 1)
        return np.asarray(self._first_bin[block] + inside)

    def room(self, begin: FloatArray, end: FloatArray) -> FloatArray:
        """Units that fit between some times, whatever is done in them."""
        total = np.zeros(np.shape(begin))
        for opens, closes in self.windows.blocks:
            seconds = np.minimum(end, closes) - np.maximum(begin, opens)
            fits = (np.maximum(seconds, 0.0) + self.tail + _SLACK_S) / self._unit
            total += np.where(seconds > 0, np.floor(fits) if self._even else fits, 0.0)
        return total

    def _wanted(self, choice: FloatArray) -> FloatArray:
        """Units that each used visit takes, times the choice of its field."""
        demand = np.tile(choice, self.windows.steps)[self._used]
        return demand if self._even else demand * self.load[self._used] / self._unit

    def _cut(self, inside: BoolArray, limit: float) -> Cut:
        """The visits (used ones) that lie inside take at most so many units."""
        units = np.zeros(len(self.load))
        chosen = self._used[inside]
        units[chosen] = 1.0 if self._even else self.load[chosen] / self._unit
        return Cut(units.reshape(self.windows.steps, -1).sum(axis=0), limit)

    def everything(self) -> Cut:
        """All visits into all of the time."""
        whole = np.ones(len(self._used), dtype=bool)
        if not len(self._used):
            return self._cut(whole, 0.0)
        room = self.room(self._begin.min(), self._end.max())
        return self._cut(whole, float(room))

    def runs(self, choice: FloatArray, most: int) -> list[Cut]:
        """Stretches from one time to another that are overfull, the worst of each end."""
        cuts = [
            self._cut(inside, float(self._room[low, high]))
            for low, high, inside in self._visits.overfull(self._wanted(choice), self._room, most)
        ]
        if self._sequences is not None:
            wanted = choice[self._whole]
            for low, high, inside in self._sequences.overfull(wanted, self._fields_fit, most):
                factors = np.zeros(len(choice))
                factors[self._whole[inside]] = 1.0
                cuts.append(Cut(factors, float(self._fields_fit[low, high])))
        return cuts

    def nights(self, choice: FloatArray) -> list[Cut]:
        """Sets of stretches, one in each night, that are overfull together.

        A visit that may be made in either of two nights lies in no single stretch. From all of the
        other nights, and from nothing in them, the stretch of one night after the other is moved
        to where most is asked too much.
        """
        blocks = len(self.windows.blocks)
        if blocks < 2 or not len(self._used):
            return []
        wanted = self._wanted(choice)
        cuts: list[Cut] = []
        for whole in (True, False):
            inside = self._climb(wanted, whole=whole)
            limit = 0.0
            for part in self._nights:
                here = inside & part.there
                if here.any():
                    limit += float(self.room(part.begin[here].min(), part.end[here].max()))
            if float(wanted[inside].sum()) > limit + _OVERFULL:
                cuts.append(self._cut(inside, limit))
        return cuts

    @cached_property
    def _nights(self) -> "list[_Night]":
        """What of the visits lies in each night."""
        low, high = self.windows.low[self._used], self.windows.high[self._used]
        last = high + self.windows.length[self._used][:, None]
        found = []
        for number, (opens, closes) in enumerate(self.windows.blocks):
            mine = (low >= opens - 1e-6) & (low <= closes)
            there = mine.any(axis=1)
            begin = np.where(mine, low, np.inf).min(axis=1)
            start = np.where(mine, high, -np.inf).max(axis=1)
            end = np.where(mine, last, -np.inf).max(axis=1)
            bins = int(self._counts[number])
            first = np.where(there, self._bin_of(np.where(there, begin, 0.0)), 0)
            final = np.where(there, self._bin_of(np.where(there, start, 0.0)), 0)
            offset = int(self._first_bin[number])
            chosen = np.flatnonzero(there)
            runs = _Runs(
                bins, first[chosen] - offset, final[chosen] - offset, begin[chosen], end[chosen]
            )
            room = self.room(runs.opens, runs.closes)
            found.append(_Night(there, chosen, begin, end, runs, room))
        return found

    def _climb(self, wanted: FloatArray, *, whole: bool) -> BoolArray:
        """Visits that lie in a set of stretches that is asked too much, one stretch a night."""
        kept = [~part.there | whole for part in self._nights]
        for _ in range(_SWEEPS):
            for number, part in enumerate(self._nights):
                others = np.all([mask for n, mask in enumerate(kept) if n != number], axis=0)
                asked = np.where(others, wanted, 0.0)
                # what the other nights hold is the same whatever is chosen here
                excess, mask = part.runs.most_overfull(asked[part.chosen], part.room)
                kept[number] = ~part.there
                if excess > 0:
                    kept[number][part.chosen[mask]] = True
        return np.asarray(np.all(kept, axis=0))


class _Runs:
    """All runs of bins, with what has to lie in them.

    Attributes
    ----------
    opens, closes : ndarray, shape (bins, bins)
        Earliest start and latest end of what lies in the run from one bin to another.
    """

    def __init__(
        self,
        bins: int,
        first: IntArray,
        last: IntArray,
        begin: FloatArray,
        end: FloatArray,
    ) -> None:
        self._bins = bins
        self._first, self._last = first, last
        self._cells = first * bins + last
        first_opens, last_closes = np.full(bins * bins, np.inf), np.full(bins * bins, -np.inf)
        np.minimum.at(first_opens, self._cells, begin)
        np.maximum.at(last_closes, self._cells, end)
        opens, closes = first_opens.reshape(bins, -1), last_closes.reshape(bins, -1)
        opens = np.minimum.accumulate(opens[::-1], axis=0)[::-1]
        closes = np.maximum.accumulate(closes[::-1], axis=0)[::-1]
        self.opens = np.minimum.accumulate(opens, axis=1)
        self.closes = np.maximum.accumulate(closes, axis=1)

    def overfull(
        self, wanted: FloatArray, room: FloatArray, most: int
    ) -> list[tuple[int, int, BoolArray]]:
        """Runs that are asked for more than there is room: first and last bin, what lies inside."""
        bins = self._bins
        excess = (self._asked(wanted) - room).ravel()
        found: list[tuple[int, int, BoolArray]] = []
        lows: set[int] = set()
        highs: set[int] = set()
        over = np.flatnonzero(excess > _OVERFULL)
        low_of, high_of = np.divmod(over, bins)
        # the shortest of stretches that are alike says most
        rank = np.lexsort((high_of - low_of, -np.round(excess[over], 6)))
        for place in rank[: 40 * most]:
            low, high = int(low_of[place]), int(high_of[place])
            if len(found) == most:
                break
            if low in lows or high in highs:
                continue
            lows.add(low)
            highs.add(high)
            found.append((low, high, (self._first >= low) & (self._last <= high)))
        return found

    def most_overfull(self, wanted: FloatArray, room: FloatArray) -> tuple[float, BoolArray]:
        """The run that is asked most too much: by how much, and what lies inside."""
        excess = (self._asked(wanted) - room).ravel()
        low, high = divmod(int(np.argmax(excess)), self._bins)
        return float(excess.max()), (self._first >= low) & (self._last <= high)

    def _asked(self, wanted: FloatArray) -> FloatArray:
        bins = self._bins
        asked = np.bincount(self._cells, wanted, bins * bins).reshape(bins, -1)
        return np.asarray(np.cumsum(np.cumsum(asked[::-1], axis=0)[::-1], axis=1))


@dataclass(frozen=True)
class _Night:
    """What of the visits lies in one night."""

    there: BoolArray
    """Visits that can be made in it."""
    chosen: IntArray
    begin: FloatArray
    end: FloatArray
    runs: _Runs
    room: FloatArray
