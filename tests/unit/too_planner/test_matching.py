"""Coverage over a matching against exhaustive search."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from too_planner.coverage import make_atoms
from too_planner.matching import assign, bit_sets


def feasible(chosen: tuple[int, ...], allowed: np.ndarray) -> bool:
    """Hall's condition, checked on every subset."""
    for size in range(1, len(chosen) + 1):
        for part in combinations(chosen, size):
            if np.any(allowed[list(part)], axis=0).sum() < size:
                return False
    return True


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**31), density=st.floats(0.1, 0.9))
def test_disjoint_fields_are_chosen_optimally(seed, density):
    rng = np.random.default_rng(seed)
    fields, positions = int(rng.integers(1, 8)), int(rng.integers(1, 6))
    allowed = rng.random((fields, positions)) < density
    weight = rng.uniform(0.1, 1, fields)
    atoms = make_atoms([np.array([i]) for i in range(fields)], weight)
    found = assign(bit_sets(allowed), positions, atoms, np.zeros(len(atoms.weight), dtype=bool))
    best = max(
        weight[list(part)].sum()
        for size in range(fields + 1)
        for part in combinations(range(fields), size)
        if feasible(part, allowed)
    )
    assert abs(found.weight - best) < 1e-9
    places = list(found.position_of.values())
    assert len(set(places)) == len(places)
    assert all(allowed[index, place] for index, place in found.position_of.items())


def test_limits_of_fields_and_of_weight():
    atoms = make_atoms([np.array([i]) for i in range(6)], np.array([6.0, 5, 4, 3, 2, 1]))
    nothing = np.zeros(6, dtype=bool)
    allowed = [0b111111] * 6
    assert set(assign(allowed, 6, atoms, nothing, max_fields=2).position_of) == {0, 1}
    assert set(assign(allowed, 6, atoms, nothing, target=10.0).position_of) == {0, 1}
    assert assign(allowed, 0, atoms, nothing).position_of == {}
    assert assign([0] * 6, 6, atoms, nothing).weight == 0.0
