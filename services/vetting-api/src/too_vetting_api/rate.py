"""Limit of failed logins, per name and per address, kept in memory of each process."""

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

WINDOW_MIN = 15
ADDRESS_FACTOR = 5
"""Several people may sit behind one address."""


class LoginLimit:
    """Counts failures in a moving window of a quarter of an hour.

    Parameters
    ----------
    attempts
        Failures per name after which the door stays shut for a while.
    """

    def __init__(self, attempts: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._by_name = RateLimitItemPerMinute(attempts, WINDOW_MIN)
        self._by_address = RateLimitItemPerMinute(attempts * ADDRESS_FACTOR, WINDOW_MIN)

    def allowed(self, name: str, address: str) -> bool:
        """True if another attempt may be made."""
        return self._limiter.test(self._by_name, "name", name) and self._limiter.test(
            self._by_address, "address", address
        )

    def failed(self, name: str, address: str) -> None:
        """Count a failure."""
        self._limiter.hit(self._by_name, "name", name)
        self._limiter.hit(self._by_address, "address", address)
