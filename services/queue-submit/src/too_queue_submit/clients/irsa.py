"""IRSA's TAP service: quadrants of ZTF's exposures.

pyvo blocks, so it runs in a thread under a time limit of our own. A cut answer is no error
(``OVERFLOW``): the time range is halved until each piece fits. ADQL has no parameters, so only
numbers are formatted into the query.
"""

import asyncio
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import requests
from too_common.errors import PermanentError, TransientError

COLUMNS = ("field", "rcid", "fid", "expid", "obsjd", "exptime", "maglimit", "ipac_gid")
SHORTEST_JD = 60.0 / 86400
"""A minute of quadrants that does not fit means that the limit is set wrongly."""


@dataclass(frozen=True)
class TapQuery:
    """One reading: fields below 2000 and a range of Julian dates."""

    fields: tuple[int, ...]
    begin_jd: float
    end_jd: float

    def adql(self, table: str) -> str:
        """The query; ``table`` was checked when the settings were read."""
        fields = ", ".join(str(int(field)) for field in self.fields)
        return (
            f"SELECT {', '.join(COLUMNS)} FROM {table} "  # noqa: S608 - numbers and a checked name
            f"WHERE field IN ({fields}) AND field < 2000 "
            f"AND obsjd BETWEEN {float(self.begin_jd)!r} AND {float(self.end_jd)!r}"
        )


class IrsaClient:
    """Reads quadrant rows.

    Parameters
    ----------
    url, table
        The TAP service and its table.
    max_rows
        Asked for at most; more is OVERFLOW.
    timeout_s
        For one reading, all its pieces together.
    login
        Account and password, where proprietary rows are wanted.
    """

    def __init__(
        self,
        url: str,
        *,
        table: str,
        max_rows: int,
        timeout_s: float,
        login: tuple[str, str] | None = None,
    ) -> None:
        self._url = url
        self._table = table
        self._max_rows = max_rows
        self._timeout_s = timeout_s
        self._login = login

    async def quadrants(
        self, fields: Iterable[int], begin_jd: float, end_jd: float
    ) -> list[dict[str, Any]]:
        """Quadrant rows of fields in a range of time.

        Raises
        ------
        TransientError
            If the service does not answer in time.
        PermanentError
            If it refuses the query.
        """
        wanted = tuple(sorted({int(field) for field in fields if 0 < int(field) < 2000}))
        if not wanted:
            return []
        query = TapQuery(wanted, begin_jd, end_jd)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.to_thread(self._read, query)
        except TimeoutError as error:
            raise TransientError("IRSA does not answer in time") from error

    def _read(self, query: TapQuery) -> list[dict[str, Any]]:
        from pyvo.dal import DALQueryError, DALServiceError, TAPService

        with requests.Session() as session:
            session.trust_env = False
            session.auth = self._login
            session.mount(self._url, _Impatient(self._timeout_s))
            try:
                service = TAPService(self._url, session=session)
                return self._read_piece(service, query)
            except DALQueryError as error:
                raise PermanentError(f"IRSA refuses the query: {error}"[:300]) from error
            except (DALServiceError, requests.RequestException, OSError) as error:
                raise TransientError(f"IRSA: {type(error).__name__}") from error

    def _read_piece(self, service: Any, query: TapQuery) -> list[dict[str, Any]]:
        with warnings.catch_warnings():
            # pyvo warns of an overflow; we look at the status ourselves
            warnings.simplefilter("ignore")
            result = service.search(query.adql(self._table), maxrec=self._max_rows)
        if result.query_status == "OVERFLOW":
            middle = (query.begin_jd + query.end_jd) / 2
            if query.end_jd - query.begin_jd < SHORTEST_JD:
                raise PermanentError("IRSA cuts its answer even for one minute: raise max_rows")
            first = TapQuery(query.fields, query.begin_jd, middle)
            second = TapQuery(query.fields, middle, query.end_jd)
            return self._read_piece(service, first) + self._read_piece(service, second)
        table = result.to_table()
        return [{name: _plain(row[name]) for name in COLUMNS} for row in table]


class _Impatient(requests.adapters.HTTPAdapter):
    """Puts a time limit on every request of the session."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._timeout_s = timeout_s

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Send with the limit where pyvo names none."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout_s
        return super().send(request, *args, **kwargs)


def _plain(value: Any) -> Any:
    """Python value; masked becomes None."""
    if value is np.ma.masked:
        return None
    return value.item() if hasattr(value, "item") else value
