"""What the engine is given: a problem of visits, windows and weights."""

from dataclasses import dataclass

from too_planner.coverage import Atoms
from too_planner.timeline import Rules
from too_planner.visibility import Interval


@dataclass(frozen=True)
class Problem:
    """What is to be scheduled. All times are seconds after one epoch.

    Attributes
    ----------
    rules
        Visits, intervals, slews, dead times, gap.
    atoms
        What the fields see.
    dark
        Dark intervals, in order.
    max_fields
        Different fields at most.
    target
        Stop when this weight is covered.
    fill
        Use left-over time for single visits of unseen sky.
    in_order
        Keep the order of the fields (manual lists).
    structures
        How many block structures are tried.
    seed
        Of the search.
    deadline_s
        The search ends after so many seconds at the latest.
    """

    rules: Rules
    atoms: Atoms
    dark: tuple[Interval, ...]
    max_fields: int | None = None
    target: float | None = None
    fill: bool = True
    in_order: bool = False
    structures: int = 48
    seed: int = 1
    deadline_s: float = 10.0

    @property
    def size(self) -> int:
        """Number of candidate fields."""
        return len(self.rules.intervals)
