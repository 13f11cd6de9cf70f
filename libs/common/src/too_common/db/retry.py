"""Tells the absence of database or network, which passes, from a fault, which stays."""

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_TRANSIENT_STATES = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "53300",  # too_many_connections
        "55P03",  # lock_not_available
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now (starting up)
        "57014",  # query_canceled (statement_timeout)
        "25P03",  # idle_in_transaction_session_timeout
        "08000",
        "08001",
        "08003",
        "08006",  # connection failures
    }
)


def is_database_away(error: BaseException) -> bool:
    """True if trying again later may help: connection lost, server starting, deadlock."""
    if isinstance(error, PoolTimeoutError):
        return True
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or isinstance(error, InterfaceError | OperationalError):
            return True
        return _state(error.orig) in _TRANSIENT_STATES
    if isinstance(error, asyncpg.PostgresError):
        return error.sqlstate in _TRANSIENT_STATES
    # InternalClientError: the connection was lost in the middle of an operation
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return True
    return isinstance(error, ConnectionError | TimeoutError | OSError)


def _state(error: BaseException | None) -> str | None:
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
