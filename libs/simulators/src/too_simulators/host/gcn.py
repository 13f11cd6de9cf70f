"""GCN's circulars: the prefilled form, and the API for submitters."""

import hmac
from collections.abc import Callable
from datetime import datetime
from html import escape
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from too_simulators.core.store import Journal

FIRST_ID = 90_001
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="/static/page.css"></head><body>
<header><strong>GCN Circulars</strong> <span class="tag">simulated</span></header>
<main class="form">{content}</main></body></html>"""


class Circular(BaseModel):
    """A submitted circular."""

    circular_id: int
    subject: str
    body: str
    created_at: AwareDatetime
    by: str
    is_published: bool = False
    """Whether it has been sent to the readers of the Kafka topic."""


class GcnState(BaseModel):
    """All that is kept on disk."""

    circulars: list[Circular] = Field(default_factory=list)


class GcnSite:
    """Routes below ``/gcn``.

    Parameters
    ----------
    state
        As loaded from disk.
    journal
        Where submissions are written down.
    token
        Bearer that counts as a submitter's.
    now
        Stack clock.
    """

    def __init__(
        self, state: GcnState, journal: Journal, *, token: str, now: Callable[[], datetime]
    ) -> None:
        self.state = state
        self._journal = journal
        self._token = token
        self._now = now

    def routes(self) -> list[Route]:
        """Routes relative to the host."""
        return [
            Route("/circulars/new", self._form, methods=["GET"]),
            Route("/circulars/new", self._submit, methods=["POST"]),
            Route("/circulars/{number:int}", self._show, methods=["GET"]),
            Route("/api/circulars", self._api, methods=["POST", "PUT"]),
        ]

    async def _form(self, request: Request) -> Response:
        subject = escape(request.query_params.get("subject", ""))
        body = escape(request.query_params.get("body", ""))
        content = (
            '<h1>New GCN Circular</h1><form method="post" action="/gcn/circulars/new">'
            f'<label>Subject<input name="subject" required value="{subject}"></label>'
            f'<label>Body<textarea name="body" rows="24" required>{body}</textarea></label>'
            "<button>Send</button></form>"
        )
        return HTMLResponse(_PAGE.format(title="New GCN Circular", content=content))

    async def _submit(self, request: Request) -> Response:
        form = await request.form()
        subject, body = form.get("subject"), form.get("body")
        if not isinstance(subject, str) or not isinstance(body, str) or not subject or not body:
            return PlainTextResponse("subject and body are needed", 400)
        made = self._keep(subject, body.replace("\r\n", "\n"), "form")
        return Response(status_code=303, headers={"Location": f"/gcn/circulars/{made.circular_id}"})

    async def _show(self, request: Request) -> Response:
        number = request.path_params["number"]
        for one in self.state.circulars:
            if one.circular_id == number:
                content = (
                    f"<h1>GCN Circular {number}</h1><h2>{escape(one.subject)}</h2>"
                    f"<pre>{escape(one.body)}</pre>"
                )
                return HTMLResponse(_PAGE.format(title=f"Circular {number}", content=content))
        return PlainTextResponse("Not Found", 404)

    async def _api(self, request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return PlainTextResponse("Not Found", 404)
        if request.method != "POST":
            return PlainTextResponse("Method Not Allowed", 405)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, self._token):
            return PlainTextResponse("Forbidden", 403)
        try:
            content: Any = await request.json()
        except ValueError:
            content = None
        subject = content.get("subject") if isinstance(content, dict) else None
        body = content.get("body") if isinstance(content, dict) else None
        if not isinstance(subject, str) or not isinstance(body, str) or not subject or not body:
            return PlainTextResponse("invalid subject or body", 400)
        if content.get("format", "text/plain") not in {"text/plain", "text/markdown"}:
            return PlainTextResponse("invalid format", 400)
        made = self._keep(subject, body, "api")
        return JSONResponse(
            {
                "circularId": made.circular_id,
                "createdOn": int(made.created_at.timestamp() * 1000),
                "subject": made.subject,
                "body": made.body,
                "submittedHow": "api",
            }
        )

    def _keep(self, subject: str, body: str, by: str) -> Circular:
        made = Circular(
            circular_id=FIRST_ID + len(self.state.circulars),
            subject=subject,
            body=body,
            created_at=self._now(),
            by=by,
        )
        self.state.circulars.append(made)
        self._journal.add("gcn.circular", **made.model_dump(mode="json"))
        return made
