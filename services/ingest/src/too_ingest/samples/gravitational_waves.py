"""Sample alerts of LIGO, Virgo and KAGRA in igwn.gwalert JSON."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

from too_ingest.samples.message import SampleMessage
from too_ingest.samples.observable import choose_galaxy
from too_ingest.samples.skymaps import gravitational_wave_map, offset

TOPIC = "igwn.gwalert"
EVENT_AGE_S = 120.0
INITIAL_DELAY_S = 45.0
UPDATE_DELAY_S = 300.0
RETRACTION_DELAY_S = 120.0
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def superevent_id(event_time: datetime, serial: int) -> str:
    """``S<yymmdd>`` and letters that count up; two letters at least, so that they look late."""
    letters, number = "", serial + len(_LETTERS)
    while number >= 0:
        letters = _LETTERS[number % len(_LETTERS)] + letters
        number = number // len(_LETTERS) - 1
    return f"S{event_time:%y%m%d}{letters}"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _alert(superevent: str, kind: str, created: datetime, event: dict[str, Any] | None) -> bytes:
    document = {
        "alert_type": kind,
        "time_created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "superevent_id": superevent,
        "urls": {"gracedb": f"https://gracedb.ligo.org/superevents/{superevent}/view/"},
        "event": event,
        "external_coinc": None,
    }
    return json.dumps(document).encode()


def _event(
    event_time: datetime,
    skymap: bytes,
    *,
    far_hz: float,
    classification: dict[str, float],
    properties: dict[str, float],
) -> dict[str, Any]:
    return {
        "significant": True,
        "time": _time(event_time),
        "far": far_hz,
        "instruments": ["H1", "L1", "V1"],
        "group": "CBC",
        "pipeline": "gstlal",
        "search": "AllSky",
        "properties": properties,
        "classification": classification,
        "duration": None,
        "central_frequency": None,
        "skymap": base64.b64encode(skymap).decode("ascii"),
    }


def _message(superevent: str, body: bytes, delay_s: float) -> SampleMessage:
    return SampleMessage(TOPIC, superevent, body, delay_s, superevent)


def binary_neutron_star(now: datetime, serial: int) -> list[SampleMessage]:
    """A binary neutron star: PRELIMINARY and INITIAL with one map, UPDATE with a better one."""
    event_time = now - timedelta(seconds=EVENT_AGE_S)
    galaxy = choose_galaxy(now, serial)
    name = superevent_id(event_time, serial)
    angle = 20.0 + 17.0 * (serial % 8)
    first_centre = offset(galaxy.ra_deg, galaxy.dec_deg, 1.2, -1.0)
    first = gravitational_wave_map(
        *first_centre,
        semi_axes_deg=(9.5, 3.6),
        position_angle_deg=angle,
        distance_mpc=galaxy.distance_mpc * 1.06,
        event_time=event_time,
        name=name,
    )
    second_centre = offset(galaxy.ra_deg, galaxy.dec_deg, -0.6, 0.5)
    second = gravitational_wave_map(
        *second_centre,
        semi_axes_deg=(6.5, 2.6),
        position_angle_deg=angle,
        distance_mpc=galaxy.distance_mpc * 1.02,
        event_time=event_time,
        name=name,
    )
    classes = {"BNS": 0.973, "NSBH": 0.022, "BBH": 0.0, "Terrestrial": 0.005}
    later = {"BNS": 0.991, "NSBH": 0.008, "BBH": 0.0, "Terrestrial": 0.001}
    properties = {"HasNS": 1.0, "HasRemnant": 0.98, "HasMassGap": 0.01}
    steps = (
        ("PRELIMINARY", 0.0, first, 3.1e-12, classes, properties),
        ("INITIAL", INITIAL_DELAY_S, first, 3.1e-12, classes, properties),
        ("UPDATE", UPDATE_DELAY_S, second, 3.1e-12, later, {**properties, "HasRemnant": 0.99}),
    )
    return [
        _message(
            name,
            _alert(
                name,
                kind,
                now + timedelta(seconds=delay),
                _event(
                    event_time, skymap, far_hz=far, classification=probabilities, properties=flags
                ),
            ),
            delay,
        )
        for kind, delay, skymap, far, probabilities, flags in steps
    ]


def retracted_event(now: datetime, serial: int) -> list[SampleMessage]:
    """A neutron star and black hole that turns out to be noise: PRELIMINARY, RETRACTION."""
    event_time = now - timedelta(seconds=EVENT_AGE_S)
    galaxy = choose_galaxy(now, serial + 1)
    name = superevent_id(event_time, serial)
    skymap = gravitational_wave_map(
        *offset(galaxy.ra_deg, galaxy.dec_deg, -1.0, 0.8),
        semi_axes_deg=(11.0, 4.0),
        position_angle_deg=65.0,
        distance_mpc=galaxy.distance_mpc * 1.1,
        event_time=event_time,
        name=name,
    )
    event = _event(
        event_time,
        skymap,
        far_hz=2.4e-9,
        classification={"BNS": 0.61, "NSBH": 0.31, "BBH": 0.0, "Terrestrial": 0.08},
        properties={"HasNS": 1.0, "HasRemnant": 0.85, "HasMassGap": 0.05},
    )
    created = now + timedelta(seconds=RETRACTION_DELAY_S)
    return [
        _message(name, _alert(name, "PRELIMINARY", now, event), 0.0),
        _message(name, _alert(name, "RETRACTION", created, None), RETRACTION_DELAY_S),
    ]
