"""Gattini's database: stacks that were taken, read by a role that may only read."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import asyncpg
from too_common.db.engine import asyncpg_url
from too_common.errors import TransientError

from too_queue_submit.telescopes.records import as_utc

QUERY = """
SELECT s.field, s.fieldseq, min(s.datebeg) AS datebeg, avg(p.limmagpsf) AS limmag
FROM splitstacks s JOIN squadphoto p ON p.stackquadid = s.stackquadid
WHERE s.field = ANY($1)
GROUP BY s.field, s.fieldseq
"""


class GattiniClient:
    """Reads stacks.

    Parameters
    ----------
    url
        PostgreSQL address.
    statement_timeout_s
        The server ends a query that takes longer.
    """

    def __init__(self, url: str, *, statement_timeout_s: float) -> None:
        self._url = asyncpg_url(url)
        self._timeout_s = statement_timeout_s

    async def stacks(
        self, fields: Iterable[int], begin: datetime, end: datetime
    ) -> list[dict[str, Any]]:
        """Stacks of fields that began in a range of time: ``field, fieldseq, datebeg, limmag``.

        The column of the time is not known to be indexed, nor its type: it is compared here.

        Raises
        ------
        TransientError
            If the database does not answer, or not in time.
        """
        try:
            connection = await asyncpg.connect(
                self._url,
                timeout=self._timeout_s,
                server_settings={
                    "default_transaction_read_only": "on",
                    "statement_timeout": str(int(self._timeout_s * 1000)),
                    "application_name": "too-queue-submit",
                },
            )
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            raise TransientError(f"Gattini's database: {type(error).__name__}") from error
        try:
            rows = await connection.fetch(QUERY, sorted(set(fields)), timeout=self._timeout_s + 1)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            raise TransientError(f"Gattini's database: {type(error).__name__}") from error
        finally:
            connection.terminate()
        return [dict(row) for row in rows if begin <= as_utc(row["datebeg"]) <= end]
