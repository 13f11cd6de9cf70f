"""Calls to other services over HTTP: signed for ourselves, with time-outs; large things by hash."""

import hashlib
from pathlib import Path
from typing import Any

import httpx
import structlog

from too_common.auth.tokens import Keys
from too_common.contracts.base import BlobRef
from too_common.errors import NotFoundError, PermanentError, RefusedError, TransientError
from too_common.settings import CommonSettings

log = structlog.get_logger(__name__)

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
BLOB_TIMEOUT = httpx.Timeout(120.0, connect=3.0)
CACHE_LIMIT_BYTES = 2 * 1024**3
"""Oldest blobs go when the cache is larger."""


class ServiceClient:
    """Asks other services in our own name.

    Parameters
    ----------
    common
        Addresses of the services, and the folder for the cache.
    keys
        Our signing key.
    client
        HTTP client.
    """

    def __init__(self, common: CommonSettings, keys: Keys, client: httpx.AsyncClient) -> None:
        self._common = common
        self._keys = keys
        self._client = client
        self._cache = common.data_dir / "cache" / keys.service

    def url(self, service: str, path: str) -> str:
        """Address of a path below a service's API."""
        if path.startswith("/api/"):
            return f"{self._common.url_of(service)}{path}"
        return f"{self._common.url_of(service)}/api/{service}/v1{path}"

    async def request(
        self,
        method: str,
        service: str,
        path: str,
        *,
        json: Any = None,
        params: dict[str, Any] | None = None,
        limits: httpx.Timeout = TIMEOUT,
    ) -> httpx.Response:
        """Ask another service.

        Raises
        ------
        TransientError
            If it does not answer, or answers 5xx or 429.
        NotFoundError, RefusedError
            If it answers 404, or another 4xx (with its reason).
        """
        headers = {"Authorization": f"Bearer {self._keys.sign_for_service(service)}"}
        try:
            answer = await self._client.request(
                method,
                self.url(service, path),
                json=json,
                params=params,
                headers=headers,
                timeout=limits,
            )
        except httpx.HTTPError as error:
            raise TransientError(f"{service} does not answer: {type(error).__name__}") from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise TransientError(f"{service} answers {answer.status_code} to {method} {path}")
        if answer.status_code == 404:
            raise NotFoundError(_detail(answer))
        if answer.status_code >= 400:
            raise RefusedError(_detail(answer), status=answer.status_code)
        return answer

    async def get_json(self, service: str, path: str, params: dict[str, Any] | None = None) -> Any:
        """GET a JSON document; errors as in `request`."""
        return (await self.request("GET", service, path, params=params)).json()

    async def post_json(self, service: str, path: str, body: Any) -> Any:
        """POST a JSON document; errors as in `request`."""
        return (await self.request("POST", service, path, json=body)).json()

    async def fetch_blob(self, ref: BlobRef) -> bytes:
        """Fetch something large from its owner, check it, and keep it by its hash.

        Raises
        ------
        PermanentError
            If the bytes do not have the hash of the reference.
        TransientError
            If the owner does not answer.
        """
        return (await self.fetch_blob_file(ref)).read_bytes()

    async def fetch_blob_file(self, ref: BlobRef) -> Path:
        """Like `fetch_blob`, but gives the cached file (for workers and memory maps)."""
        path = self._cache / ref.sha256[:2] / ref.sha256
        if path.exists():
            return path
        answer = await self.request("GET", ref.owner, ref.uri, limits=BLOB_TIMEOUT)
        data = answer.content
        found = hashlib.sha256(data).hexdigest()
        if found != ref.sha256:
            raise PermanentError(
                f"{ref.uri} of {ref.owner}: hash is {found[:12]}, not {ref.sha256[:12]}"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(data)
        part.replace(path)
        self._prune()
        return path

    def _prune(self) -> None:
        files = [item for item in self._cache.glob("*/*") if item.is_file()]
        total = sum(item.stat().st_size for item in files)
        for item in sorted(files, key=lambda entry: entry.stat().st_mtime):
            if total <= CACHE_LIMIT_BYTES:
                return
            total -= item.stat().st_size
            item.unlink(missing_ok=True)


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("detail") or answer.text[:300])
    except (ValueError, AttributeError):
        return answer.text[:300]
