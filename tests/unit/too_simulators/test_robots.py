"""What must hold for every exposure, whatever was asked and however the clock jumped."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from too_simulators.core.faults import FaultBoard, FaultState
from too_simulators.core.sky import (
    CERRO_TOLOLO,
    PALOMAR,
    altitude_and_hour_angle,
    is_night,
    to_mjd,
)
from too_simulators.core.store import Journal
from too_simulators.files.programs import FileTelescopeState
from too_simulators.files.robot import FileRobot
from too_simulators.files.telescopes import MODELS
from too_simulators.settings import FileTelescope
from too_simulators.ztf.engine import ZtfEngine, ZtfState
from too_simulators.ztf.queue import read_queue

NOON = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
JUMPS = st.lists(
    st.floats(min_value=1, max_value=30_000) | st.sampled_from([5.0, 86_400.0]),
    min_size=1,
    max_size=12,
)
POSITIONS = st.lists(
    st.tuples(st.floats(0, 359), st.floats(-60, 88), st.sampled_from([30.0, 300.0])),
    min_size=1,
    max_size=8,
)
NO_HURRY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Clock:
    def __init__(self):
        self.at = NOON

    def __call__(self):
        return self.at


def parts(folder):
    clock = Clock()
    number = len(list(folder.iterdir()))
    journal = Journal(folder / f"{number}.jsonl", stack_now=clock, wall_now=clock)
    return clock, journal, FaultBoard(FaultState(), now=clock)


@NO_HURRY
@given(positions=POSITIONS, jumps=JUMPS, begin_h=st.floats(0, 20), hours=st.floats(0.1, 20))
def test_ztf(tmp_path, positions, jumps, begin_h, hours):
    clock, journal, faults = parts(tmp_path)
    engine = ZtfEngine(ZtfState(), journal, faults, now=clock)
    begin = NOON + timedelta(hours=begin_h)
    window = [to_mjd(begin), to_mjd(begin + timedelta(hours=hours))]
    targets = [
        {
            "field_id": 100 + number,
            "filter_id": 1 + number % 3,
            "program_id": 2,
            "program_pi": "Kulkarni/x",
            "subprogram_name": "ToO_x",
            "ra": ra,
            "dec": dec,
            "exposure_time": exposure_s,
            "max_airmass": 2.0,
            "n_repeats": 1 + number % 2,
        }
        for number, (ra, dec, exposure_s) in enumerate(positions)
    ]
    body = {
        "queue_name": "ToO_x",
        "queue_type": "list",
        "validity_window_mjd": window,
        "targets": targets,
    }
    engine.add(read_queue(body, NOON))
    expected = engine.next_observation(NOON)
    for jump in jumps:
        clock.at += timedelta(seconds=jump)
        engine.step(clock.at)
    history = engine.state.history
    journal.close()
    for before, after in pairwise(history):
        assert before.end <= after.start
    for one in history:
        assert one.end <= clock.at
        handed = one.start - timedelta(seconds=135)
        assert window[0] - 1e-6 <= to_mjd(one.start)
        assert to_mjd(handed) <= window[1]
        assert is_night(one.start - timedelta(seconds=10), PALOMAR)
        assert one.airmass < 2.2
    for number in range(len(targets)):
        assert sum(one.request_id == number for one in history) <= 1 + number % 2
    if history:
        assert expected is not None
        assert abs(history[0].start - expected) < timedelta(seconds=400)


@NO_HURRY
@given(positions=POSITIONS, jumps=JUMPS)
def test_file_robot(tmp_path, positions, jumps):
    import json

    clock, journal, faults = parts(tmp_path)
    root = tmp_path / f"root-{len(list(tmp_path.iterdir()))}"
    robot = FileRobot(
        MODELS[FileTelescope.DECAM],
        root,
        FileTelescopeState(),
        journal,
        faults,
        now=clock,
        take_after_s=60,
    )
    script = [
        {"expType": "object", "expTime": exposure_s, "RA": ra, "dec": dec, "filter": "g"}
        for ra, dec, exposure_s in positions
    ]
    (root / "ToO_x.json").write_text(json.dumps(script))
    robot.look_into_folder()
    expected = robot.next_observation(NOON)
    for jump in jumps:
        clock.at += timedelta(seconds=jump)
        robot.step(clock.at)
    journal.close()
    run = robot.state.runs.get("ToO_x")
    taken = [] if run is None else run.exposures
    for before, after in pairwise(taken):
        assert before.end <= after.start
    for one in taken:
        assert one.end <= clock.at
        assert is_night(one.start - timedelta(seconds=28), CERRO_TOLOLO)
        altitude, hour_angle_h = altitude_and_hour_angle(
            np.array([one.ra_deg]), np.array([one.dec_deg]), one.start, CERRO_TOLOLO
        )
        assert altitude[0] > 22.3
        assert abs(hour_angle_h[0]) < 5.35
    assert len({one.index for one in taken}) == len(taken)
    if taken:
        assert expected is not None
        assert abs(taken[0].start - expected) < timedelta(seconds=400)
        document = json.loads((root / "executed" / "ToO_x.json").read_text())
        assert [one["exposure_id"] for one in document["exposures"]] == [
            one.exposure_id for one in taken
        ]
