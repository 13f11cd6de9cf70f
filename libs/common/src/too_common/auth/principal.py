"""Who asks, and what they may do."""

from dataclasses import dataclass
from uuid import UUID

from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.errors import ForbiddenError

SCOPES = ("read", "plan", "vet", "submit", "admin", "machine")
"""``read`` pages, ``plan`` makes plans, ``vet`` judges candidates, ``submit`` sends to telescopes,
``admin`` runs the place, ``machine`` is a service."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A person behind the front door, or a service."""

    scopes: frozenset[str]
    account_id: UUID | None = None
    name: str = ""
    service: str | None = None
    """Name of the service that signed for itself; None if a person stands behind the call."""

    @property
    def is_machine(self) -> bool:
        """True if a service asks for itself."""
        return "machine" in self.scopes

    def may(self, scope: str) -> bool:
        """True if the scope is held; services may read, and administrators do everything."""
        if scope in self.scopes or "admin" in self.scopes:
            return True
        return scope == "read" and self.is_machine

    def check(self, *scopes: str) -> None:
        """Refuse unless one of the scopes is held.

        Raises
        ------
        ForbiddenError
            Naming the scope that is missing.
        """
        if not any(self.may(scope) for scope in scopes):
            raise ForbiddenError(f"this needs the scope {' or '.join(scopes)}")

    def cause(self, *, mode: Mode = Mode.LIVE) -> Cause:
        """Cause of what this person's command brings about."""
        return Cause(actor=self.account_id, mode=mode)
