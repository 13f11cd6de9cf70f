"""Errors of the domain: each says, in words for a person, why something must not be sent."""


class DomainError(ValueError):
    """Base of the refusals below. ``code`` is stable, for pages and tests."""

    def __init__(self, detail: str, *, code: str = "refused") -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


class PlanRefusedError(DomainError):
    """The plan cannot become a payload of this facility."""

    def __init__(self, detail: str, *, code: str = "plan_refused") -> None:
        super().__init__(detail, code=code)


class WindowRefusedError(DomainError):
    """The window of time must not be sent (rule 7)."""


class LimitExceededError(DomainError):
    """The payload is beyond the limits of facility or allocation (rule 8)."""


class ForbiddenTransitionError(DomainError):
    """The table of transitions has no such step."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="forbidden_transition")
