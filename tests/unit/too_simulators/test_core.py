from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import BaseModel
from too_simulators.core.faults import FaultBoard, FaultKind, FaultRequest, FaultState
from too_simulators.core.sky import (
    CERRO_TOLOLO,
    HANLE,
    PALOMAR,
    altitude_and_hour_angle,
    from_mjd,
    is_night,
    next_night,
    sun_altitude_deg,
    to_mjd,
)
from too_simulators.core.store import Journal, StateFiles

AT = datetime(2031, 3, 20, 3, 0, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.at = AT

    def __call__(self):
        return self.at


def test_journal_is_read_again_and_a_torn_line_is_left_out(tmp_path):
    path = tmp_path / "journal.jsonl"
    clock = Clock()
    journal = Journal(path, stack_now=clock, wall_now=clock)
    journal.add("twilio.message", to="+15550101")
    journal.add("ztf.exposure", field_id=1)
    journal.close()
    with path.open("a") as file:
        file.write('{"seq": 3, "stack_ti')
    again = Journal(path, stack_now=clock, wall_now=clock)
    assert [entry.kind for entry in again.entries()] == ["twilio.message", "ztf.exposure"]
    assert [entry.seq for entry in again.entries("twilio")] == [1]
    assert again.entries("twil") == []
    assert [entry.seq for entry in again.entries(after=1)] == [2]
    assert again.add("ztf.exposure").seq == 3
    again.close()
    third = Journal(path, stack_now=clock, wall_now=clock)
    assert [entry.seq for entry in third.entries()] == [1, 2, 3]
    third.close()


class Kept(BaseModel):
    number: int = 0


def test_states_are_written_when_they_change(tmp_path):
    files = StateFiles(tmp_path)
    assert files.load("x", Kept) is None
    files.save("x", Kept(number=1))
    first = (tmp_path / "x.json").stat().st_mtime_ns
    files.save("x", Kept(number=1))
    assert (tmp_path / "x.json").stat().st_mtime_ns == first
    assert StateFiles(tmp_path).load("x", Kept) == Kept(number=1)
    (tmp_path / "x.json").write_text("{")
    assert StateFiles(tmp_path).load("x", Kept) is None
    assert (tmp_path / "x.unreadable").exists()


def test_faults_are_used_up_or_end():
    clock = Clock()
    board = FaultBoard(FaultState(), now=clock)
    board.switch_on(FaultRequest(route="PUT /ztf/*", kind=FaultKind.STATUS, times=2))
    ended = board.switch_on(FaultRequest(route="robot ZTF", kind=FaultKind.CLOUDS, for_s=60))
    assert board.take("GET /ztf/queues", FaultKind.STATUS) is None
    assert board.take("PUT /ztf/queues", FaultKind.HTML) is None
    assert board.take("PUT /ztf/queues", {FaultKind.STATUS}) is not None
    assert board.take("PUT /ztf/queues", FaultKind.STATUS) is not None
    assert board.take("PUT /ztf/queues", FaultKind.STATUS) is None
    assert board.peek("robot ZTF", FaultKind.CLOUDS) == ended
    clock.at += timedelta(seconds=61)
    assert board.peek("robot ZTF", FaultKind.CLOUDS) is None


def test_a_fault_with_an_end_still_holds_for_what_lies_before_it():
    """After a jump of the clock the past is worked off with the weather of then."""
    clock = Clock()
    board = FaultBoard(FaultState(), now=clock)
    board.switch_on(FaultRequest(route="robot ZTF", kind=FaultKind.CLOUDS, for_s=3600))
    clock.at += timedelta(hours=5)
    assert board.peek("robot ZTF", FaultKind.CLOUDS, AT + timedelta(minutes=30)) is not None
    assert board.peek("robot ZTF", FaultKind.CLOUDS, AT + timedelta(minutes=90)) is None
    assert board.switch_off() in {0, 1}


@pytest.mark.parametrize("site", [PALOMAR, CERRO_TOLOLO, HANLE])
def test_positions_agree_with_astropy(site):
    from astropy import units as u
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_sun
    from astropy.time import Time

    place = EarthLocation.from_geodetic(site.longitude_deg, site.latitude_deg, 1700)
    times = Time(datetime(2026, 3, 20, 3, tzinfo=UTC)) + np.arange(0, 24, 3) * u.hour
    ra, dec = np.array([10.0, 120.0, 300.0]), np.array([-60.0, 20.0, 85.0])
    for time in times:
        frame = AltAz(obstime=time, location=place)
        sun = get_sun(time).transform_to(frame).alt.deg
        assert sun_altitude_deg(np.array([time.mjd]), site)[0] == pytest.approx(sun, abs=0.03)
        expected = SkyCoord(ra * u.deg, dec * u.deg).transform_to(frame).alt.deg
        altitude, _ = altitude_and_hour_angle(ra, dec, time.to_datetime(UTC), site)
        assert altitude == pytest.approx(expected, abs=0.03)


def test_nights_and_dates():
    dusk = next_night(AT - timedelta(hours=3), PALOMAR, begin=True)
    assert is_night(dusk, PALOMAR)
    assert not is_night(dusk - timedelta(minutes=1), PALOMAR)
    dawn = next_night(dusk, PALOMAR, begin=False)
    assert timedelta(hours=9) < dawn - dusk < timedelta(hours=12)
    assert abs(from_mjd(to_mjd(AT)) - AT) < timedelta(milliseconds=1)
