"""Errors by what the caller must do: retry, park, reconcile, or tell the person.

The type decides, never a text. A catch-all stands only at the edge of a loop, and it records.
"""

from typing import Any


class TooError(Exception):
    """Base of all errors that this program raises on purpose."""


class TransientError(TooError):
    """The other side is away for now: try again later, nothing was done."""


class PermanentError(TooError):
    """Trying again will not help: park the message or hold the job, and tell a person."""


class UnknownOutcomeError(TooError):
    """An outward act may or may not have happened: reconcile by reading, never send blindly."""


class RefusedError(TooError):
    """The caller's mistake, or a rule that forbids the act: shown to the person.

    Parameters
    ----------
    detail
        What is wrong and where, in words for the person who asked.
    status
        HTTP status of the answer.
    code
        Stable word for programs, e.g. ``payload_changed``.
    extra
        Further members of the problem document (RFC 9457 section 3.2).
    """

    status = 409
    code = "refused"

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        code: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status or type(self).status
        self.code = code or type(self).code
        self.extra = extra or {}


class NotFoundError(RefusedError):
    """There is no such thing."""

    status = 404
    code = "not_found"


class InvalidError(RefusedError):
    """The request is well-formed but cannot be meant."""

    status = 422
    code = "invalid"


class ConflictError(RefusedError):
    """The thing has changed, or is in a state that forbids the act."""

    status = 409
    code = "conflict"


class TooLargeError(RefusedError):
    """More bytes than are taken."""

    status = 413
    code = "too_large"


class UnauthorizedError(RefusedError):
    """No token, or one that is not valid."""

    status = 401
    code = "unauthorized"


class ForbiddenError(RefusedError):
    """The token's scopes do not allow this."""

    status = 403
    code = "forbidden"


class UnavailableError(RefusedError):
    """A part that is needed for the answer is away; asking again later may help."""

    status = 503
    code = "unavailable"
