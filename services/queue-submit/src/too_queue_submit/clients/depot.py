"""ZTF's depot: nightly files over HTTP Basic. HEAD first: 404 means 'nothing yet'."""

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus

import httpx
from too_common.contracts.queue_submit import ExecutedExposure
from too_common.errors import PermanentError, TransientError

from too_queue_submit.telescopes.ztf_progress import depot_exposures, goodsubs_exposures


class DepotClient:
    """Reads one night at a time.

    Parameters
    ----------
    url
        Base address; files are at ``<url>/YYYYMMDD/...``.
    client
        HTTP client.
    timeout_s
        Of each call.
    login
        Account and password.
    """

    def __init__(
        self,
        url: str,
        client: httpx.AsyncClient,
        *,
        timeout_s: float,
        login: tuple[str, str] | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._client = client
        self._timeout = httpx.Timeout(timeout_s, connect=min(5.0, timeout_s))
        self._auth = httpx.BasicAuth(*login) if login else None

    async def exposures(
        self, night: date, centres: Mapping[str, tuple[float, float]]
    ) -> tuple[ExecutedExposure, ...]:
        """Good exposures of a night (UT date) at the given fields.

        Raises
        ------
        TransientError
            If the depot does not answer.
        PermanentError
            If it refuses our credentials, or sends something else than its files.
        """
        stamp = f"{night:%Y%m%d}"
        raw = await self._get(f"{stamp}/ztf_recentproc_{stamp}.json")
        try:
            if raw is not None:
                return depot_exposures(raw, centres)
            raw = await self._get(f"{stamp}/goodsubs_{stamp}.txt")
            return () if raw is None else goodsubs_exposures(raw.decode(), centres)
        except (ValueError, KeyError, TypeError) as error:
            raise PermanentError(f"the depot's file of {stamp} cannot be read: {error}") from error

    async def _get(self, path: str) -> bytes | None:
        if not self._exists(await self._call("HEAD", path)):
            return None
        answer = await self._call("GET", path)
        return answer.content if self._exists(answer) else None

    @staticmethod
    def _exists(answer: httpx.Response) -> bool:
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return False
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise PermanentError("the depot refuses our credentials")
        if answer.status_code != HTTPStatus.OK:
            raise TransientError(f"the depot answers {answer.status_code}")
        return True

    async def _call(self, method: str, path: str) -> httpx.Response:
        try:
            return await self._client.request(
                method,
                f"{self._url}/{path}",
                auth=self._auth,
                timeout=self._timeout,
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            raise TransientError(f"the depot: {type(error).__name__}") from error
