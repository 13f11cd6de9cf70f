"""A window of a day is two part-nights, one at each end: what misses the first waits for nobody."""

from datetime import UTC, datetime, timedelta

import numpy as np
from too_common.astro.cone import cone_skymap
from too_planner import planning, scheduler
from too_planner.coverage import Atoms, Points
from too_planner.structures import Problem
from too_planner.timeline import Placed

from .conftest import inputs_for
from .test_timeline import rules


def test_a_visit_that_misses_its_night_takes_nobody_with_it():
    """Ten seconds late for the first part-night, a field must not push the others to the second."""
    both = [(0.0, 150.0), (80000.0, 90000.0)]
    problem = Problem(
        rules=rules([both, [(0.0, 3000.0)], [(0.0, 3000.0)]], filters=("g",)),
        atoms=Atoms(np.ones(3), [np.array([k]) for k in range(3)]),
        dark=((0.0, 3000.0), (80000.0, 90000.0)),
    )
    planned = [Placed(1, 0, 0.0), Placed(0, 0, 50.0), Placed(2, 0, 400.0)]
    carried_out = scheduler._exact(problem, planned)
    assert [visit.field for visit in carried_out] == [1, 2]
    assert carried_out[-1].start_s < 3000.0


def test_a_second_part_night_makes_no_plan_worse(telescopes):
    """Sky that is up late in the first part-night is planned, whatever comes after it."""
    begin = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    points = Points.of_map(cone_skymap(140.0, 25.0, 14.0, 0.9), 8)

    def covered(hours: float) -> float:
        windows = [{"begin": begin, "end": begin + timedelta(hours=hours)}]
        asked = {"windows": windows, "filters": ["g", "r", "g"], "probability": 1.0}
        inputs = inputs_for(telescopes["ZTF"], points, **asked)
        return planning.make_plan(inputs).statistics.probability_sequence

    one, two = covered(11.0), covered(24.0)
    assert one > 0.5
    assert two > one - 0.05
