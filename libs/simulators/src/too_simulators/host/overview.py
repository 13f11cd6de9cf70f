"""What the page shows, in one answer; and where the button "to the next window" leads."""

import re
from datetime import datetime, timedelta
from typing import Any

from too_simulators.core.sky import CERRO_TOLOLO, HANLE, KITT_PEAK, PALOMAR, is_night, next_night
from too_simulators.files.robot import FileRobot
from too_simulators.world import World

_SHOWN = 40
_FICTIONAL = re.compile(r"^\+1(\d{3})?55501\d{2}$")
_SITES = {
    "Palomar": PALOMAR,
    "Cerro Tololo": CERRO_TOLOLO,
    "Kitt Peak": KITT_PEAK,
    "Hanle": HANLE,
}


def next_window(world: World) -> tuple[datetime, str]:
    """Earliest future start of a queued observation; else the next dusk somewhere.

    Returns
    -------
    datetime
        Stack time.
    str
        Why, in words.
    """
    now = world.clock.now()
    starts = [
        (at, f"{name} starts what is queued")
        for name, at in world.next_observations(now).items()
        if at is not None and at > now
    ]
    if starts:
        return min(starts)
    dusks = []
    for name, site in _SITES.items():
        dawn = next_night(now, site, begin=False)
        dusk = next_night(max(now, dawn), site, begin=True)
        dusks.append((max(dusk, now + timedelta(seconds=1)), f"the night begins at {name}"))
    return min(dusks)


def overview(world: World) -> dict[str, Any]:
    """Everything that the page for people shows."""
    now = world.clock.now()
    return {
        "clock": world.clock.reading().model_dump(mode="json"),
        "telephones": _telephones(world),
        "slack": [
            message.model_dump(mode="json") | {"buttons": message.buttons()}
            for message in world.slack.state.messages[-_SHOWN:]
        ],
        "mail": [
            mail.model_dump(mode="json", exclude={"raw"})
            for mail in world.mailbox.state.mails[-_SHOWN:]
        ],
        "ztf": _ztf(world),
        "telescopes": [_file_telescope(robot, now) for robot in world.robots.values()],
        "circulars": [
            one.model_dump(mode="json", exclude={"body"})
            for one in world.gcn.state.circulars[-_SHOWN:]
        ],
        "faults": world.faults.state.model_dump(mode="json")["faults"],
    }


def _telephones(world: World) -> list[dict[str, Any]]:
    network = world.telephones
    shown = []
    for telephone in network.state.telephones.values():
        call = network.live_call(telephone.number)
        last = [one for one in network.state.calls.values() if one.to == telephone.number]
        messages = [
            message
            for message in network.state.messages.values()
            if telephone.number in {message.to, message.from_}
        ]
        shown.append(
            telephone.model_dump(mode="json")
            | {
                "shown_number": shown_number(telephone.number),
                "call": None if call is None else _call(call.model_dump(mode="json")),
                "calls": [_call(one.model_dump(mode="json")) for one in last[-5:]],
                "messages": [m.model_dump(mode="json") for m in messages[-_SHOWN:]],
            }
        )
    return shown


def shown_number(number: str) -> str:
    """A number as the page shows it: fictional ones (555-01xx) whole, others almost hidden."""
    return number if _FICTIONAL.match(number) else f"{number[:3]}…{number[-2:]}"


def _call(call: dict[str, Any]) -> dict[str, Any]:
    keys = ("sid", "status", "phase", "created_at", "answered_at", "ended_at", "heard", "pressed")
    return {key: call[key] for key in keys}


def _file_telescope(robot: FileRobot, now: datetime) -> dict[str, Any]:
    state = robot.state
    return {
        "name": robot.model.name.value,
        "night": is_night(now, robot.model.site),
        "delivered": [one.model_dump(mode="json") for one in state.delivered.values()],
        "taking": None if state.taking is None else state.taking.model_dump(mode="json"),
        "runs": [
            {
                "name": run.name,
                "state": run.state.value,
                "planned": run.planned,
                "taken": len(run.exposures),
                "begin": None if run.begin is None else run.begin.isoformat(),
                "end": run.end.isoformat(),
            }
            for run in list(state.runs.values())[-_SHOWN:]
        ],
    }


def _ztf(world: World) -> dict[str, Any]:
    state = world.ztf.state
    return {
        "night": is_night(world.clock.now(), PALOMAR),
        "older_server": world.ztf_api.older,
        "current": state.current,
        "taking": None if state.taking is None else state.taking.model_dump(mode="json"),
        "queues": [
            {
                "queue_name": queue.queue_name,
                "validity_window_mjd": queue.validity_window_mjd,
                "is_too": queue.is_too,
                "planned": queue.planned,
                "taken": sum(one.queue_name == queue.queue_name for one in state.history),
            }
            for queue in state.queues.values()
        ],
        "exposures": [one.model_dump(mode="json") for one in state.history[-_SHOWN:]],
    }
