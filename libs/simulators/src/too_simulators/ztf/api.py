"""ZTF's scheduler over HTTP: JSON bodies everywhere, on GET and DELETE too, no authentication."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from too_simulators.core.faults import FaultBoard, FaultKind
from too_simulators.core.sky import to_mjd
from too_simulators.core.store import compact_json
from too_simulators.ztf.engine import ZtfEngine
from too_simulators.ztf.queue import (
    PROTECTED,
    QueueRefusedError,
    ServerFailureError,
    read_queue,
    survey_status,
)

_WINDOW_MJD = (57754.0, 62502.0)
"""2017 to 2030: the range that PUT /validity_window alone checks."""
_HISTORY_DATE_LIMIT = "2022-01-01"


class ZtfApi:
    """Routes below ``/ztf``.

    Parameters
    ----------
    engine
        The model.
    faults
        ``other_content`` on ``PUT /ztf/queues``: somebody else's content sits under the name.
    older
        Answer as the older server: 200 with an empty body to a creation too, empty 404.
    now
        Stack clock.
    nudge
        Called after each change.
    """

    def __init__(
        self,
        engine: ZtfEngine,
        faults: FaultBoard,
        *,
        older: bool,
        now: Callable[[], datetime],
        nudge: Callable[[], None],
    ) -> None:
        self.older = older
        self._engine = engine
        self._faults = faults
        self._now = now
        self._nudge = nudge

    def routes(self) -> list[Route]:
        """Routes relative to the host."""
        return [
            Route("/queues", self._guarded(self._put_queue), methods=["PUT"]),
            Route("/queues", self._guarded(self._get_queues), methods=["GET"]),
            Route("/queues", self._guarded(self._delete_queue), methods=["DELETE"]),
            Route("/current_queue", self._guarded(self._get_current), methods=["GET"]),
            Route("/current_queue", self._guarded(self._put_current), methods=["PUT"]),
            Route("/validity_window", self._guarded(self._put_window), methods=["PUT"]),
            Route("/obs_history", self._guarded(self._get_history), methods=["GET"]),
        ]

    def _guarded(self, handle: Callable[[Any], Response]) -> Any:
        """Read the JSON body; what the server does not expect is a 500."""

        async def endpoint(request: Request) -> Response:
            raw = await request.body()
            try:
                body = json.loads(raw) if raw or request.url.path.endswith("queues") else None
                answer = handle(body)
            except (ServerFailureError, ValueError, TypeError, KeyError, AttributeError):
                return PlainTextResponse(
                    "500 Internal Server Error\n\nServer got itself in trouble", status_code=500
                )
            self._nudge()
            return answer

        return endpoint

    def _status(self, name: str) -> dict[str, Any]:
        now = self._now()
        current = self._engine.state.current == name
        if name in PROTECTED:
            return survey_status(name, current=current)
        return self._engine.state.queues[name].status(mjd=to_mjd(now), current=current)

    def _known(self, name: Any) -> bool:
        return name in PROTECTED or name in self._engine.state.queues

    def _put_queue(self, body: Any) -> Response:
        now = self._now()
        self._engine.step(now)
        name = body.get("queue_name") if isinstance(body, dict) else None
        foreign = self._faults.take("PUT /ztf/queues", FaultKind.OTHER_CONTENT)
        if foreign is not None and not self._known(name):
            other = dict(body)
            other["targets"] = [
                {**target, "program_pi": "Other/person", "field_id": 245, "ra": 180.0, "dec": -10.0}
                for target in body["targets"][:1]
            ]
            self._engine.add(read_queue(other, now))
        if self._known(name):
            # neither compared nor replaced
            return self._answer(f"Queue {name} already exists")
        try:
            queue = read_queue(body, now)
        except QueueRefusedError as refused:
            return PlainTextResponse(str(refused), status_code=400)
        self._engine.add(queue)
        return self._answer(f"Submitted queue {name}", 201)

    def _answer(self, text: str, status: int = 200) -> Response:
        return Response(status_code=200) if self.older else PlainTextResponse(text, status)

    def _get_queues(self, body: Any) -> Response:
        self._engine.choose(self._now())
        name = body.get("queue_name")
        if name is not None:
            if not self._known(name):
                return self._absent(name)
            return JSONResponse(self._status(name))
        names = [*PROTECTED, *self._engine.state.queues]
        return JSONResponse([self._status(one) for one in names])

    def _absent(self, name: Any) -> Response:
        text = "" if self.older else f"Queue {name} does not exist"
        return PlainTextResponse(text, status_code=404)

    def _delete_queue(self, body: Any) -> Response:
        name = body.get("queue_name")
        if name in PROTECTED:
            return PlainTextResponse(f"Cannot delete queue {name}", status_code=403)
        if name is None or name not in self._engine.state.queues:
            return PlainTextResponse(f"Queue {name} does not exist", status_code=400)
        self._engine.remove(name, "api")
        return self._answer(f"Deleted queue {name}")

    def _get_current(self, body: Any) -> Response:
        del body
        self._engine.choose(self._now())
        return JSONResponse(self._status(self._engine.state.current))

    def _put_current(self, body: Any) -> Response:
        name = body["queue_name"]
        if not self._known(name):
            return self._absent(name)
        self._engine.make_current(name)
        return self._answer(f"Current queue is {name}")

    def _put_window(self, body: Any) -> Response:
        name = body.get("queue_name")
        window = body.get("validity_window")
        if name is None or window is None:
            return PlainTextResponse("queue_name and validity_window are needed", status_code=400)
        if name in PROTECTED:
            return PlainTextResponse(f"Cannot change queue {name}", status_code=403)
        if name not in self._engine.state.queues:
            return self._absent(name)
        begin, end = float(window[0]), float(window[1])
        if begin >= end or not all(_WINDOW_MJD[0] <= at <= _WINDOW_MJD[1] for at in (begin, end)):
            raise ServerFailureError("assertion")
        self._engine.set_window(name, (begin, end))
        return self._answer(f"Changed the window of {name}")

    def _get_history(self, body: Any) -> Response:
        date = None if body is None else body.get("date")
        if date is None:
            day = self._now().astimezone(UTC).date()
        else:
            day = datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC).date()
            if date > _HISTORY_DATE_LIMIT:
                return PlainTextResponse("date is out of range", status_code=400)
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        rows = [
            exposure.history_row()
            for exposure in self._engine.state.history
            if begin <= exposure.start < begin + timedelta(days=1)
        ]
        return JSONResponse({"history": compact_json(rows) if rows else []})
