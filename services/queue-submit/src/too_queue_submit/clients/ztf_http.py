"""ZTF's scheduler over HTTP: JSON bodies everywhere, also on GET and DELETE.

The older server answers 200 with an empty body to a creation, the newer one 201; both answer 200
to a name that exists, whatever its content. So 200 means 'read it back'.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx
from too_common.errors import TransientError, UnknownOutcomeError

from too_queue_submit.clients.base import (
    BeforeAct,
    Identity,
    NotSentError,
    Presence,
    QueueEntry,
    ReadBack,
    Recorder,
    SendResult,
    SendState,
    Withdrawal,
)
from too_queue_submit.errors import DomainError
from too_queue_submit.names import PREFIX, is_safe
from too_queue_submit.telescopes.ztf import check_queue_object
from too_queue_submit.telescopes.ztf_progress import parse_history

SIMULATOR_PATH = "/__simulator__"


class ZtfHttpClient:
    """One scheduler.

    Parameters
    ----------
    base_url
        Without a slash at the end.
    client
        Without redirects and without the environment's proxies.
    timeout_s
        Of each call.
    now
        Stack time, for the last check of the window.
    """

    def __init__(
        self,
        base_url: str,
        client: httpx.AsyncClient,
        *,
        timeout_s: float,
        now: Callable[[], datetime],
    ) -> None:
        self._base = base_url.rstrip("/")
        self._client = client
        self._timeout = httpx.Timeout(timeout_s, connect=min(3.0, timeout_s))
        self._now = now

    async def identify(self, recorder: Recorder) -> Identity:
        """Ask the path that no real server has, and read its clock."""
        started = time.monotonic()
        try:
            answer = await self._call("GET", SIMULATOR_PATH, None, recorder)
        except httpx.HTTPError as error:
            raise NotSentError(_words(error)) from error
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise NotSentError(f"the scheduler answers {answer.status_code}")
        is_simulator = False
        if answer.status_code == HTTPStatus.OK:
            try:
                body = answer.json()
                is_simulator = isinstance(body, dict) and body.get("simulator") is True
            except ValueError:
                is_simulator = False
        return Identity(is_simulator, _date(answer), time.monotonic() - started)

    async def send(
        self, name: str, payload: bytes, *, before_act: BeforeAct, recorder: Recorder
    ) -> SendResult:
        """PUT the queue object's exact bytes."""
        self._last_check(name, payload)
        await before_act()
        try:
            answer = await self._call("PUT", "/queues", payload, recorder)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotSentError(_words(error)) from error
        except httpx.HTTPError as error:
            raise UnknownOutcomeError(f"no answer to the queue: {_words(error)}") from error
        status, text = answer.status_code, answer.text.strip()[:500]
        if status == HTTPStatus.CREATED:
            return SendResult(SendState.ACCEPTED, text)
        if status == HTTPStatus.OK:
            return SendResult(SendState.AMBIGUOUS, text)
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return SendResult(SendState.REJECTED, f"{status}: {text or answer.reason_phrase}")
        raise UnknownOutcomeError(f"the scheduler answers {status}: {text}")

    async def read_back(self, name: str, recorder: Recorder) -> ReadBack:
        """GET by name: 200 or 404; anything else is no answer."""
        answer = await self._read("/queues", {"queue_name": name}, recorder)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return ReadBack(Presence.GONE, detail="no queue of that name")
        if answer.status_code != HTTPStatus.OK:
            raise TransientError(f"the scheduler answers {answer.status_code} to a look")
        try:
            status = answer.json()
        except ValueError as error:
            raise TransientError("the scheduler's answer is no JSON") from error
        if not isinstance(status, dict) or "queue_name" not in status:
            raise TransientError("the scheduler's answer is no queue status")
        return ReadBack(Presence.PRESENT, answer.content)

    async def history(self, begin: datetime, recorder: Recorder) -> list[dict[str, Any]] | None:
        """Exposures of today (UT), and of the day of ``begin`` where the server tells it.

        Dates after 2022-01-01 are refused by both known versions; today works without a date.
        """
        answer = await self._read("/obs_history", {}, recorder)
        if answer.status_code != HTTPStatus.OK:
            return None
        try:
            rows = parse_history(answer.json())
        except ValueError:
            return None
        if begin.astimezone(UTC).date() == self._now().date():
            return rows
        earlier = await self._read("/obs_history", {"date": f"{begin:%Y-%m-%d}"}, recorder)
        if earlier.status_code != HTTPStatus.OK:
            return None
        try:
            return parse_history(earlier.json()) + rows
        except ValueError:
            return None

    async def withdraw(
        self,
        name: str,
        reason: str,  # noqa: ARG002 - a queue has no room for a reason
        recorder: Recorder,
        *,
        leave_notice: bool,  # noqa: ARG002 - nor for a notice
    ) -> Withdrawal:
        """DELETE, then GET: success only if it says 404. 400 to DELETE means absent, or no name."""
        before = await self.read_back(name, recorder)
        if before.presence is not Presence.PRESENT:
            return Withdrawal(gone=True, removed=False, detail="it was not there")
        body = json.dumps({"queue_name": name}).encode()
        try:
            answer = await self._call("DELETE", "/queues", body, recorder)
            detail = f"the scheduler answers {answer.status_code}: {answer.text.strip()[:200]}"
        except httpx.HTTPError as error:
            detail = _words(error)
        after = await self.read_back(name, recorder)
        gone = after.presence is not Presence.PRESENT
        return Withdrawal(gone=gone, removed=gone, detail=detail)

    async def queue(self, recorder: Recorder) -> list[QueueEntry]:
        """All queues with their targets decoded."""
        answer = await self._read("/queues", {}, recorder)
        if answer.status_code != HTTPStatus.OK:
            raise TransientError(f"the scheduler answers {answer.status_code}")
        try:
            statuses = answer.json()
            return [_entry(status) for status in statuses]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TransientError(f"the scheduler's list cannot be read: {error}") from error

    async def ping(self, recorder: Recorder) -> None:
        """Ask for the current queue."""
        answer = await self._read("/current_queue", {}, recorder)
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TransientError(f"the scheduler answers {answer.status_code}")

    async def close(self) -> None:
        """The HTTP client is the service's own and stays open."""

    def _last_check(self, name: str, payload: bytes) -> None:
        queue = json.loads(payload)
        if queue.get("queue_name") != name or not is_safe(name):
            raise NotSentError("the payload's name is not the submission's")
        try:
            check_queue_object(queue, self._now())
        except DomainError as error:
            raise NotSentError(error.detail) from error

    async def _read(self, path: str, body: dict[str, Any], recorder: Recorder) -> httpx.Response:
        try:
            return await self._call("GET", path, json.dumps(body).encode(), recorder)
        except httpx.HTTPError as error:
            raise TransientError(_words(error)) from error

    async def _call(
        self, method: str, path: str, body: bytes | None, recorder: Recorder
    ) -> httpx.Response:
        operation = f"{method} {path}"
        try:
            answer = await self._client.request(
                method,
                f"{self._base}{path}",
                content=body,
                headers={} if body is None else {"Content-Type": "application/json"},
                timeout=self._timeout,
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            recorder.add(operation, request=body or b"", error=_words(error))
            raise
        recorder.add(
            operation,
            request=body or b"",
            status=str(answer.status_code),
            response=answer.content,
        )
        return answer


def _entry(status: dict[str, Any]) -> QueueEntry:
    rows = status.get("queue")
    decoded = json.loads(rows) if isinstance(rows, str) else (rows or [])
    name = str(status["queue_name"])
    return QueueEntry(
        name=name, is_ours=name.startswith(f"{PREFIX}_"), summary={**status, "queue": decoded}
    )


def _date(answer: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def _words(error: httpx.HTTPError) -> str:
    return f"the scheduler: {type(error).__name__}{f': {error}' if str(error) else ''}"[:300]
