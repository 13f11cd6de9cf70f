"""Choose and order the exposures of one telescope: greedy coverage in superblocks.

A *superblock* visits D fields in the first filter, then the same D in the same order in the
second, and so on, so that every field waits D slots between two visits. A night is a list of
superblocks; which fields get their positions is a maximum coverage over a matching. Several
structures are tried from a seed, the best few are compiled with exact slews, and what time is
left over is filled with sky that has not been seen. Nothing that does not fit is ever placed.

The engine behind `schedule` may be replaced: it takes a `Problem`, and gives visits.
"""

import numpy as np

from too_planner.matching import Assignment
from too_planner.structures import Block, NightPlan, Problem, Structures
from too_planner.timeline import Cursor, Placed, compile_block

__all__ = ["Problem", "schedule"]

_PADS_S = (0.0, 4.0, 12.0)
"""Added to a slot for slews; the best is kept."""
_KEEP = 2
"""Structures that are compiled per pad."""
_EXTRA_ROUNDS = 2


def schedule(problem: Problem) -> list[Placed]:
    """Schedule the visits of a window.

    Returns
    -------
    list of Placed
        In order of time.
    """
    if problem.size == 0 or not problem.dark:
        return []
    night = NightPlan(
        [],
        [Cursor(begin) for begin, _ in problem.dark],
        set(),
        np.zeros(len(problem.atoms.weight), dtype=bool),
    )
    if problem.in_order:
        _place_in_order(problem, night)
    else:
        for _ in range(1 + _EXTRA_ROUNDS):
            before = len(night.visits)
            night = _one_round(problem, night)
            if len(night.visits) == before or _enough(problem, night):
                break
        if problem.fill:
            _fill(problem, night)
    return sorted(night.visits, key=lambda placed: placed.start_s)


def _enough(problem: Problem, night: NightPlan) -> bool:
    if problem.max_fields is not None and len(night.done) >= problem.max_fields:
        return True
    if problem.target is None:
        return False
    return float(problem.atoms.weight[night.covered].sum()) >= problem.target


def _place_in_order(problem: Problem, night: NightPlan) -> None:
    """A person's list: as it stands, in the first dark interval that takes each field."""
    left = list(range(problem.size))
    for number, (_, end) in enumerate(problem.dark):
        placed, night.cursors[number] = compile_block(
            problem.rules, night.cursors[number], left, end, keep_order=True
        )
        night.visits.extend(placed)
        taken = {visit.field for visit in placed}
        left = [index for index in left if index not in taken]


def _one_round(problem: Problem, night: NightPlan) -> NightPlan:
    """Try structures on the free ends of the dark intervals; the best that can be compiled."""
    best, best_key = night, (-1.0, 0.0)
    for pad in _PADS_S:
        planner = Structures(problem, night, pad)
        for blocks, assignment in planner.best(_KEEP):
            for by_gain in (False, True):
                trial = _compile(problem, night, planner, blocks, assignment, by_gain)
                weight = float(problem.atoms.weight[trial.covered].sum())
                key = (round(weight, 6), -trial.weight_time)
                if key > best_key and len(trial.visits) > len(night.visits):
                    best, best_key = trial, key
    return best


def _compile(
    problem: Problem,
    night: NightPlan,
    planner: Structures,
    blocks: list[Block],
    assignment: Assignment,
    by_gain: bool,
) -> NightPlan:
    trial = night.copy()
    fields_at = {place: index for index, place in assignment.position_of.items()}
    first = 0
    for block in blocks:
        chosen = [fields_at[p] for p in range(first, first + block.fields) if p in fields_at]
        first += block.fields
        if not chosen:
            continue
        end = problem.dark[block.span][1]
        cursor = trial.cursors[block.span]
        ordered = _order(problem, planner, block, chosen, cursor, by_gain)
        placed, trial.cursors[block.span] = compile_block(problem.rules, cursor, ordered, end)
        trial.visits.extend(placed)
        for visit in placed:
            trial.done.add(visit.field)
            trial.covered[problem.atoms.of_field[visit.field]] = True
    return trial


def _order(
    problem: Problem,
    planner: Structures,
    block: Block,
    chosen: list[int],
    cursor: Cursor,
    by_gain: bool,
) -> list[int]:
    """Nearest next field that leaves every other one time before it sets."""
    slot = planner.slots[0]
    span_end = problem.dark[block.span][1]
    windows = {index: planner.windows(index, block, span_end) for index in chosen}
    weight = problem.atoms.weight
    left = sorted(chosen, key=lambda index: windows[index][-1][1])
    members = np.array(left)
    weights = np.array([weight[problem.atoms.of_field[index]].sum() for index in left])
    width = max(len(found) for found in windows.values())
    first = np.full((len(left), width), np.inf)
    last = np.full((len(left), width), -np.inf)
    for row, index in enumerate(left):
        for number, (begin, end) in enumerate(windows[index]):
            first[row, number], last[row, number] = begin, end
    time, current = max(cursor.free_s, block.begin_s), cursor.field
    ordered: list[int] = []
    while len(members):
        # within a slot of the deadline the next choice may come too late: still worth a try
        ready = ((first <= time + 1.0) & (time <= last + slot)).any(axis=1)
        if not ready.any():
            coming = first[(first > time) & (first <= last + slot)]
            if not coming.size:
                ordered.extend(int(index) for index in members)
                break
            time = float(coming.min())
            ready = ((first <= time + 1.0) & (time <= last + slot)).any(axis=1)
        # fields sorted by deadline: the first `tight` must go before anything else may
        spare = last.max(axis=1) - time - slot * np.arange(len(members))
        urgent = np.flatnonzero(spare < slot)
        pool = np.flatnonzero(ready)
        if len(urgent):
            inside = pool[pool <= urgent[0]]
            pool = inside if len(inside) else pool
        if current is None:
            pick = pool[int(np.argmax(weights[pool]))]
            cost = 0.0
        else:
            slews = problem.rules.slews.row(current)[members[pool]]
            extra = np.maximum(slews - problem.rules.overhead_s, 0.0)
            rank = np.lexsort((-weights[pool] if by_gain else slews, np.round(extra, 1)))
            pick, cost = pool[rank[0]], float(extra[rank[0]])
        current = int(members[pick])
        ordered.append(current)
        time += slot + cost
        keep = np.arange(len(members)) != pick
        members, weights, first, last = members[keep], weights[keep], first[keep], last[keep]
    return ordered


def _fill(problem: Problem, night: NightPlan) -> None:
    """Single first visits of unseen sky in the time left at the end of each dark interval."""
    rules = problem.rules
    seen = {placed.field for placed in night.visits}
    for number, (_, end) in enumerate(problem.dark):
        cursor = night.cursors[number]
        while not _enough(problem, night):
            best: tuple[float, int] | None = None
            for index in range(problem.size):
                if index in seen or not rules.intervals[index]:
                    continue
                gain = problem.atoms.gain(index, night.covered)
                if gain <= 1e-9 or (best is not None and gain <= best[0]):
                    continue
                start = rules.fits(index, 0, cursor.ready(rules, index, 0))
                if start is None or start > cursor.free_s + 600.0:
                    continue
                if start + rules.steps[0].duration_s <= end:
                    best = (gain, index)
            if best is None:
                break
            index = best[1]
            start = cursor.visit(rules, index, 0, end)
            if start is None:
                break
            night.visits.append(Placed(index, 0, start))
            night.done.add(index)
            seen.add(index)
            night.covered[problem.atoms.of_field[index]] = True
