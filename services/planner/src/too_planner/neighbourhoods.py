"""Search in large neighbourhoods: take fields out of a row, put in what fits then.

As `kernels.py`, whose functions it uses: plain Python that `compiling.py` may replace.
"""

from typing import Any, NamedTuple

from too_planner.kernels import (
    F,
    Model,
    Row,
    Work,
    add_field,
    copy_row,
    draw,
    drop,
    gain_of,
    see,
)

_STALE = 0.7
"""A field whose gain has shrunk to less than this share of what it was waits for its turn."""
_AT_RANDOM = 0.15
"""Share of the rounds in which fields come back in any order."""
_STRETCHES, _REGIONS, _WHERE_LOST = 0.5, 0.3, 0.8
"""Shares of the ways in which fields are chosen to be taken out."""


class Effort(NamedTuple):
    """How the search goes about it.

    Attributes
    ----------
    per_s : float
        Weight that a second of dead time is worth.
    late : float
        Weight that is lost if all first looks come at the end of the night.
    ruin : int
        Fields that are taken out at once, at most.
    give_up : int
        Fields that do not fit, after which no more are tried.
    blink : float
        Chance not to look at a place.
    noise : float
        By which keys are spread.
    share : float
        Chance of a field that is not in the row to be tried.
    exponential : ndarray, shape (1024,)
        Quantiles of the exponential distribution.
    """

    per_s: float
    late: float
    ruin: int
    give_up: int
    blink: float
    noise: float
    share: float
    exponential: F


def fill_up(  # noqa: C901  the same
    model: Model,
    row: Row,
    candidates: int,
    steps: int,
    effort: Effort,
    factor: F,
    work: Work,
    any_order: bool = False,
) -> int:
    """Insert candidates, those that add most first; how many there are then in `work.added`.

    Keys are spread by noise; a key that overlaps have made stale is renewed when its turn comes.
    """
    key, random = work.key, work.random
    for c in range(candidates):
        gain = gain_of(model, row, work.candidate[c])
        key[c] = -1.0
        if gain > 1e-9:
            spread = draw(random)
            key[c] = gain * factor[work.candidate[c]] * (1.0 + effort.noise * (spread - 0.5))
            if any_order:
                key[c] = spread
    failed, added = 0, 0
    while failed < effort.give_up:
        if row.counts[1] >= model.most or row.seen[0] >= model.target:
            break
        best, top = -1, 0.0
        for c in range(candidates):
            if key[c] > top:
                best, top = c, key[c]
        if best < 0:
            break
        field = work.candidate[best]
        gain = gain_of(model, row, field)
        key[best] = -1.0
        if gain <= 1e-9:
            continue
        if not any_order and gain * factor[field] < _STALE * top:
            key[best] = gain * factor[field]
            continue
        if add_field(model, row, field, steps, effort.blink, work):
            work.added[added] = field
            added += 1
        else:
            failed += 1
    return added


def score(model: Model, row: Row, effort: Effort) -> float:
    """Weight, less what dead time and late first looks are worth."""
    size = row.counts[0]
    dead, late = 0.0, 0.0
    for i in range(size):
        if i > 0:
            dead += row.link[i] - model.length[row.step[i - 1]] - model.overhead
        if row.step[i] == 0:
            late += row.start[i] - model.begin
    if row.counts[1] > 0:
        late /= row.counts[1] * model.span
    return min(row.seen[0], model.target) - effort.per_s * dead - effort.late * late  # type: ignore[no-any-return]


def stretch_gone(model: Model, row: Row, most: int, work: Work) -> int:
    """Mark neighbours in time, mostly where much time is lost between visits."""
    size, random, out = row.counts[0], work.random, work.out
    at, chosen = int(draw(random) * size), 0
    if draw(random) < _WHERE_LOST:
        for _ in range(3):
            other = int(draw(random) * size)
            if (
                min(at, other) > 0
                and row.link[other] - model.length[row.step[other - 1]]
                > row.link[at] - model.length[row.step[at - 1]]
            ):
                at = other
        at = max(0, at - int(draw(random) * most))
    while chosen < most and at < size:
        field = row.field[at]
        if not out[field]:
            out[field] = True
            work.gone[chosen] = field
            chosen += 1
        at += 1
    return chosen


def region_gone(model: Model, row: Row, most: int, work: Work) -> int:
    """Mark neighbours on the sky."""
    size, out = row.counts[0], work.out
    centre = row.field[int(draw(work.random) * size)]
    out[centre] = True
    work.gone[0] = centre
    chosen = 1
    while chosen < most:
        near, nearest = -2.0, -1
        for i in range(size):
            field = row.field[i]
            if row.step[i] != 0 or out[field]:
                continue
            cosine = (
                model.vector[centre, 0] * model.vector[field, 0]
                + model.vector[centre, 1] * model.vector[field, 1]
                + model.vector[centre, 2] * model.vector[field, 2]
            )
            if cosine > near:
                near, nearest = cosine, field
        if nearest < 0:
            break
        out[nearest] = True
        work.gone[chosen] = nearest
        chosen += 1
    return chosen


def choose_gone(model: Model, row: Row, effort: Effort, work: Work) -> int:
    """Mark fields to take out: a stretch of the row, a region of the sky, or any."""
    kind, most = draw(work.random), 1 + int(draw(work.random) * effort.ruin)
    if row.counts[0] == 0:
        return 0
    if kind < _STRETCHES:
        return stretch_gone(model, row, most, work)
    if kind < _STRETCHES + _REGIONS:
        return region_gone(model, row, most, work)
    chosen = 0
    for _ in range(most):
        field = row.field[int(draw(work.random) * row.counts[0])]
        if not work.out[field]:
            work.out[field] = True
            work.gone[chosen] = field
            chosen += 1
    return chosen


def improve(
    model: Model,
    current: Row,
    best: Row,
    trial: Row,
    rounds: int,
    heat: F,
    effort: Effort,
    even: F,
    work: Work,
) -> None:
    """Take fields out, put back what fits then, keep what is better or, at times, a bit worse.

    Parameters
    ----------
    current, best, trial
        Where the search is, the best so far, and room for a third; `trial.cover` belongs to
        `current` between calls.
    heat : ndarray, shape (2,)
        Weight by which a row may be worse; its factor per round.
    even : ndarray, shape (n,)
        Ones.
    """
    fields = len(model.intervals)
    now, top = score(model, current, effort), score(model, best, effort)
    for _ in range(rounds):
        heat[0] *= heat[1]
        copy_row(current, trial)
        gone = choose_gone(model, trial, effort, work)
        for i in range(gone):
            see(model, trial, work.gone[i], -1)
        drop(model, trial, work.out)
        candidates = 0
        for field in range(fields):
            if trial.place[field, 0] < 0 and (
                work.out[field] or effort.share >= 1.0 or draw(work.random) < effort.share
            ):
                work.candidate[candidates] = field
                candidates += 1
        for i in range(gone):
            work.out[work.gone[i]] = False
        any_order = draw(work.random) < _AT_RANDOM
        steps = len(model.length)
        added = fill_up(model, trial, candidates, steps, effort, even, work, any_order)
        fresh = score(model, trial, effort)
        if fresh > now - heat[0] * effort.exponential[int(draw(work.random) * 1023.999)]:
            copy_row(trial, current)
            now = fresh
            most = min(best.seen[0], model.target)
            seen = min(trial.seen[0], model.target)
            if seen > most + 1e-9 or (seen > most - 1e-9 and fresh > top):
                copy_row(trial, best)
                top = fresh
        else:
            for i in range(added):
                see(model, trial, work.added[i], -1)
            for i in range(gone):
                see(model, trial, work.gone[i], 1)


COMPILED: tuple[Any, ...] = (
    fill_up, score, stretch_gone, region_gone, choose_gone, improve,
)  # fmt: skip
"""What can be compiled, what is called before what calls it."""
