"""Liveness and readiness, open without a token."""

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import text

from too_common.db.retry import is_database_away
from too_common.http.dependencies import Ctx

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive?", include_in_schema=False)
async def healthz() -> dict[str, str]:
    """Answer as long as the event loop runs."""
    return {"status": "alive"}


@router.get("/readyz", summary="Can the service do its work?", include_in_schema=False)
async def readyz(ctx: Ctx, response: Response) -> dict[str, Any]:
    """Answer 503 with the parts that are not ready."""
    parts: dict[str, str] = {
        name: str(ctx.state.get(name, "starting")) for name in ("relay", "bus", "jobs")
    }
    try:
        async with ctx.db.transaction() as session:
            await session.execute(text("SELECT 1"))
        parts["database"] = "running"
    except Exception as error:
        if not is_database_away(error):
            raise
        parts["database"] = "away"
    if ctx.state.get("stopping"):
        parts["service"] = "stopping"
    ready = all(state in {"running", "standby", "unused"} for state in parts.values())
    if not ready:
        response.status_code = 503
    return {"service": ctx.service, "ready": ready, "parts": parts}
