"""Which fields get the positions of a night: maximum coverage over a matching.

A set of fields can be observed if each finds a position (a slot, or a place in a superblock) of
its own at which it is visible: a transversal matroid. Fields are taken by what they add to the
covered sky; a field that finds no free position may push others along an augmenting path, so no
position is wasted by an early choice.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from too_planner.coverage import Atoms


@dataclass
class Assignment:
    """Result of a matching."""

    position_of: dict[int, int]
    """Position of each chosen field."""
    weight: float
    """Sky that the chosen fields add."""
    covered: NDArray[np.bool_]
    """Atoms covered afterwards."""


class _Matcher:
    """Augmenting paths on bit sets: bit p of `allowed[i]` is set if field i may use position p."""

    def __init__(self, allowed: list[int], positions: int) -> None:
        self.allowed = allowed
        self.free = (1 << positions) - 1
        self.owner: dict[int, int] = {}
        self.held: dict[int, int] = {}
        # positions from which no free one can be reached any more; stays true for ever
        self.dead = 0

    def add(self, candidate: int) -> bool:
        """Give a field a position, moving others if need be."""
        start = self.allowed[candidate] & ~self.dead
        if not start:
            return False
        visited = 0
        parent: dict[int, int] = {}
        queue = [candidate]
        for current in queue:
            fresh = self.allowed[current] & ~self.dead & ~visited
            visited |= fresh
            free = fresh & self.free
            if free:
                self._shift(free & -free, current, parent)
                return True
            while fresh:
                bit = fresh & -fresh
                fresh ^= bit
                parent[self.owner[bit]] = current
                queue.append(self.owner[bit])
        self.dead |= visited
        return False

    def _shift(self, bit: int, current: int, parent: dict[int, int]) -> None:
        self.free ^= bit
        while True:
            held = self.held.get(current)
            self.owner[bit] = current
            self.held[current] = bit
            if held is None:
                return
            bit, current = held, parent[current]

    def positions(self) -> dict[int, int]:
        """Position number of each field."""
        return {index: bit.bit_length() - 1 for index, bit in self.held.items()}


def assign(
    allowed: list[int],
    positions: int,
    atoms: Atoms,
    covered: NDArray[np.bool_],
    *,
    max_fields: int | None = None,
    target: float | None = None,
    factor: NDArray[np.float64] | None = None,
) -> Assignment:
    """Choose fields greedily by the sky that they add.

    Parameters
    ----------
    allowed
        For each field the set of its positions as an integer; 0: not to be used.
    positions
        Number of positions.
    atoms
        What fields see.
    covered
        Atoms that count for nothing; not changed.
    max_fields
        At most so many fields.
    target
        Stop when the covered weight reaches this.
    factor
        Of each field's weight when it is compared with others: fields that are known to be good
        go first.
    """
    matcher = _Matcher(allowed, positions)
    done = covered.copy()
    weight = float(atoms.weight[done].sum()) if target is not None else 0.0
    size = len(allowed)
    rank = np.ones(size) if factor is None else factor
    heap = [
        (-atoms.gain(index, done) * float(rank[index]), index)
        for index, mask in enumerate(allowed)
        if mask
    ]
    heapq.heapify(heap)
    limit = positions if max_fields is None else min(positions, max_fields)
    chosen, added = 0, 0.0
    while heap and chosen < limit and (target is None or weight + added < target):
        stale, index = heapq.heappop(heap)
        gain = atoms.gain(index, done)
        if gain <= 1e-12:
            continue
        now = gain * float(rank[index])
        if now < -stale - 1e-15 and heap and now < -heap[0][0]:
            heapq.heappush(heap, (-now, index))
            continue
        if matcher.add(index):
            chosen += 1
            added += gain
            done[atoms.of_field[index]] = True
    return Assignment(matcher.positions(), added, done)


def bit_sets(allowed: NDArray[np.bool_]) -> list[int]:
    """Rows of a boolean matrix as integers, column 0 being the lowest bit."""
    packed = np.packbits(allowed, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]
