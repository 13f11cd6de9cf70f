"""One OpenAPI document from those of all six services."""

import asyncio
import time
from copy import deepcopy
from typing import Any

import httpx
import structlog
from too_common.context import Context
from too_common.settings import SERVICES

from too_vetting_api.resources import Resources

log = structlog.get_logger(__name__)

KEEP_S = 30.0
"""How long a merged document is kept; a service that was away appears soon after."""
OWN = "vetting-api"


async def merged_document(ctx: Context, own: dict[str, Any]) -> dict[str, Any]:
    """Fetch and merge; services that are away are named in the description."""
    resources: Resources = ctx.resources
    made = resources.openapi.get("made")
    if isinstance(made, float) and time.monotonic() - made < KEEP_S:
        kept = resources.openapi["document"]
        if isinstance(kept, dict):
            return kept
    others = [name for name in SERVICES if name != OWN]
    found = await asyncio.gather(*(_fetch(ctx, name) for name in others))
    documents = {OWN: own, **dict(zip(others, found, strict=True))}
    document = merge(documents, ctx.common.public_base_url)
    resources.openapi.update(made=time.monotonic(), document=document)
    return document


async def _fetch(ctx: Context, service: str) -> dict[str, Any] | None:
    try:
        answer = await ctx.http.get(
            f"{ctx.common.url_of(service)}/api/{service}/v1/openapi.json", timeout=5.0
        )
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        log.warning("openapi_missing", owner=service, error=type(error).__name__)
        return None
    return document


def merge(documents: dict[str, dict[str, Any] | None], base_url: str) -> dict[str, Any]:
    """Put documents together: schemas and operation ids get their service's name.

    Parameters
    ----------
    documents
        By service; None if it could not be read.
    base_url
        Address of the front door.
    """
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    away = sorted(name for name, document in documents.items() if document is None)
    for service, document in documents.items():
        if document is None:
            continue
        prefix = "".join(part.title() for part in service.split("-"))
        document = _renamed(deepcopy(document), prefix)  # noqa: PLW2901
        schemas.update(document.get("components", {}).get("schemas", {}))
        for path, item in document.get("paths", {}).items():
            if not path.startswith(f"/api/{service}/v1"):
                continue
            for operation in item.values():
                if not isinstance(operation, dict):
                    continue
                operation["tags"] = [service]
                name = operation.get("operationId")
                if name:
                    operation["operationId"] = f"{service.replace('-', '_')}_{name}"
                operation["security"] = [{"token": []}, {"session": []}]
            paths[path] = item
    note = f" Away when this was made: {', '.join(away)}." if away else ""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ToO Marshal",
            "version": "1",
            "description": "Every service behind one address. Send `Authorization: Bearer "
            "too_pat_...` (a personal token from the account page), or be logged in." + note,
        },
        "servers": [{"url": base_url}],
        "tags": [{"name": name} for name in documents],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "too_session"},
            },
        },
    }


def _renamed(value: Any, prefix: str) -> Any:
    """Prefix the names of schemas, where they stand and where they are meant."""
    if isinstance(value, list):
        return [_renamed(item, prefix) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        if key == "$ref" and isinstance(item, str):
            head, _, name = item.rpartition("/")
            found[key] = f"{head}/{prefix}{name}" if head.endswith("/schemas") else item
        elif key == "mapping" and isinstance(item, dict):
            found[key] = {
                name: f"#/components/schemas/{prefix}{target.rpartition('/')[2]}"
                for name, target in item.items()
                if isinstance(target, str)
            }
        elif key == "schemas" and isinstance(item, dict):
            found[key] = {
                f"{prefix}{name}": _renamed(entry, prefix) for name, entry in item.items()
            }
        else:
            found[key] = _renamed(item, prefix)
    return found
