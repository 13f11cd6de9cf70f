"""Control of the simulated world: clock, faults, people, and what was told. JSON in and out.

Only JSON is taken, so that no other web page can make a browser send such a request.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from too_simulators.core.clock import ClockError
from too_simulators.core.faults import FaultRequest
from too_simulators.host.gracedb import Superevent
from too_simulators.host.overview import next_window, overview
from too_simulators.paging.records import Behaviour
from too_simulators.paging.slack import SlackError
from too_simulators.paging.telephones import TelephoneError
from too_simulators.world import World

_LONGEST_POLL_S = 60.0
BodyT = TypeVar("BodyT", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MoveClock(_Body):
    """Exactly one of the first three; `settle` waits until the world has caught up."""

    advance_s: float | None = Field(default=None, ge=0)
    to: AwareDatetime | None = None
    speed: float | None = Field(default=None, gt=0)
    settle: bool = False


class PhoneAct(_Body):
    """What the owner of a telephone does."""

    do: Literal["answer", "press", "hang_up", "text"]
    digits: str = Field(default="", pattern=r"^[0-9*#]*$")
    body: str = ""
    to: str | None = None


class PhoneSetup(_Body):
    """A telephone: its label on the page, and what its owner does unasked."""

    label: str | None = None
    behaviour: Behaviour | None = None


class ButtonPress(_Body):
    """Somebody presses a button in Slack."""

    channel: str
    ts: str
    action_id: str
    user_id: str = "U0SIMUSER1"
    user_name: str = "simulated.user"


class FileName(_Body):
    """A delivered file."""

    file: str


class QueueName(_Body):
    """A queue of ZTF's scheduler."""

    queue_name: str


class Switch(_Body):
    """Something that is on or off."""

    on: bool = True


def problem(status: int, detail: str) -> JSONResponse:
    """An error in words."""
    return JSONResponse(
        {"status": status, "title": "Refused", "detail": detail},
        status_code=status,
        media_type="application/problem+json",
    )


class Control:
    """Routes below ``/control``.

    Parameters
    ----------
    world
        What is controlled.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Routes relative to ``/control``."""
        taking = self._taking
        return [
            Route("/clock", self._clock, methods=["GET"]),
            Route("/clock", taking(MoveClock, self._move), methods=["POST"]),
            Route("/clock/next-window", taking(Switch, self._next_window), methods=["POST"]),
            Route("/journal", self._journal, methods=["GET"]),
            Route("/overview", self._overview, methods=["GET"]),
            Route("/settle", taking(Switch, self._settle), methods=["POST"]),
            Route("/faults", self._faults, methods=["GET"]),
            Route("/faults", taking(FaultRequest, self._fault_on), methods=["POST"]),
            Route("/faults", self._faults_off, methods=["DELETE"]),
            Route("/faults/{fault_id}", self._faults_off, methods=["DELETE"]),
            Route("/telephones/{number}", taking(PhoneSetup, self._set_up), methods=["PUT"]),
            Route("/telephones/{number}", taking(PhoneAct, self._phone), methods=["POST"]),
            Route("/gracedb/superevents", taking(Superevent, self._superevent), methods=["POST"]),
            Route("/slack/press", taking(ButtonPress, self._press), methods=["POST"]),
            Route("/telescopes/{name}/load", taking(FileName, self._load), methods=["POST"]),
            Route("/ztf/restart", taking(Switch, self._ztf_restart), methods=["POST"]),
            Route("/ztf/delete-queue", taking(QueueName, self._ztf_delete), methods=["POST"]),
            Route("/ztf/older-server", taking(Switch, self._ztf_older), methods=["POST"]),
        ]

    def _taking(
        self, model: type[BodyT], handle: Callable[[Request, BodyT], Awaitable[Response]]
    ) -> Any:
        async def endpoint(request: Request) -> Response:
            if not request.headers.get("content-type", "").startswith("application/json"):
                return problem(415, "send application/json")
            try:
                body = model.model_validate_json(await request.body() or b"{}")
            except ValidationError as error:
                return problem(422, str(error))
            try:
                answer = await handle(request, body)
            except (ClockError, TelephoneError, SlackError) as error:
                return problem(409, str(error))
            self._world.nudge()
            return answer

        return endpoint

    # --- clock --------------------------------------------------------------------------------

    async def _clock(self, request: Request) -> Response:
        query = request.query_params
        if "after" in query:
            try:
                after, timeout_s = int(query["after"]), float(query.get("timeout_s", "25"))
            except ValueError:
                return problem(422, "after and timeout_s are numbers")
            await self._world.clock.wait_change(after, min(max(timeout_s, 0.0), _LONGEST_POLL_S))
        return self._reading()

    def _reading(self) -> Response:
        return JSONResponse(self._world.clock.reading().model_dump(mode="json"))

    async def _move(self, request: Request, body: MoveClock) -> Response:
        del request
        clock = self._world.clock
        if [body.advance_s, body.to, body.speed].count(None) != 2:
            return problem(422, "send exactly one of advance_s, to, speed")
        if body.advance_s is not None:
            self._moved(clock.advance(body.advance_s), "advance")
        elif body.to is not None:
            self._moved(clock.to(body.to), "to")
        elif body.speed is not None:
            self._moved(clock.set_speed(body.speed), "speed", speed=body.speed)
        if body.settle:
            await self._world.settle()
        return self._reading()

    def _moved(self, at: datetime, how: str, **more: Any) -> None:
        self._world.journal.add("clock.moved", to=at.isoformat(), how=how, **more)

    async def _next_window(self, request: Request, body: Switch) -> Response:
        del request, body
        at, why = next_window(self._world)
        self._moved(self._world.clock.to(max(at, self._world.clock.now())), "next-window", why=why)
        return JSONResponse({**self._world.clock.reading().model_dump(mode="json"), "why": why})

    # --- what was told ------------------------------------------------------------------------

    async def _journal(self, request: Request) -> Response:
        kind = request.query_params.get("kind")
        try:
            after = int(request.query_params.get("after", "0"))
        except ValueError:
            return problem(422, "after is a number")
        entries = self._world.journal.entries(kind, after)
        return JSONResponse([entry.model_dump(mode="json") for entry in entries])

    async def _overview(self, request: Request) -> Response:
        del request
        return JSONResponse(overview(self._world))

    async def _settle(self, request: Request, body: Switch) -> Response:
        del request, body
        await self._world.settle()
        return self._reading()

    # --- faults -------------------------------------------------------------------------------

    async def _faults(self, request: Request) -> Response:
        del request
        return JSONResponse(self._world.faults.state.model_dump(mode="json"))

    async def _fault_on(self, request: Request, body: FaultRequest) -> Response:
        del request
        fault = self._world.faults.switch_on(body)
        self._world.journal.add("fault.on", **fault.model_dump(mode="json"))
        return JSONResponse(fault.model_dump(mode="json"), status_code=201)

    async def _faults_off(self, request: Request) -> Response:
        removed = self._world.faults.switch_off(request.path_params.get("fault_id"))
        self._world.journal.add("fault.off", removed=removed)
        self._world.nudge()
        return JSONResponse({"removed": removed})

    # --- people -------------------------------------------------------------------------------

    async def _set_up(self, request: Request, body: PhoneSetup) -> Response:
        telephone = self._world.telephones.telephone(request.path_params["number"])
        if body.label is not None:
            telephone.label = body.label
        if body.behaviour is not None:
            telephone.behaviour = body.behaviour
        return JSONResponse(telephone.model_dump(mode="json"))

    async def _phone(self, request: Request, body: PhoneAct) -> Response:
        network, now = self._world.telephones, self._world.clock.now()
        number = request.path_params["number"]
        network.step(now)
        if body.do == "text":
            message = network.text(number, body.body, body.to, now)
            return JSONResponse(message.model_dump(mode="json"))
        if body.do == "press":
            call = network.press(number, body.digits, now)
        elif body.do == "answer":
            call = network.answer(number, now)
        else:
            call = network.hang_up(number, now)
        return JSONResponse(call.model_dump(mode="json"))

    async def _superevent(self, request: Request, body: Superevent) -> Response:
        del request
        try:
            self._world.gracedb.put(body)
        except ValueError as error:
            return problem(422, str(error))
        self._world.journal.add("gracedb.superevent", superevent_id=body.superevent_id)
        return JSONResponse({"superevent_id": body.superevent_id}, status_code=201)

    async def _press(self, request: Request, body: ButtonPress) -> Response:
        del request
        user = {"id": body.user_id, "username": body.user_name, "name": body.user_name}
        answer = await self._world.slack_api.press(body.channel, body.ts, body.action_id, user)
        return JSONResponse(answer)

    async def _load(self, request: Request, body: FileName) -> Response:
        robots = {name.value: robot for name, robot in self._world.robots.items()}
        robot = robots.get(request.path_params["name"])
        if robot is None or body.file not in robot.state.delivered:
            return problem(404, "no such file at that telescope")
        robot.load_now(body.file)
        return JSONResponse({"ok": True})

    # --- ZTF ----------------------------------------------------------------------------------

    async def _ztf_restart(self, request: Request, body: Switch) -> Response:
        del request, body
        self._world.ztf.restart()
        return JSONResponse({"ok": True})

    async def _ztf_delete(self, request: Request, body: QueueName) -> Response:
        del request
        if body.queue_name not in self._world.ztf.state.queues:
            return problem(404, "no such queue")
        self._world.ztf.remove(body.queue_name, "a person")
        return JSONResponse({"ok": True})

    async def _ztf_older(self, request: Request, body: Switch) -> Response:
        del request
        self._world.ztf_api.older = body.on
        return JSONResponse({"older": body.on})
