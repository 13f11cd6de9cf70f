"""One-minute tokens (JWT, Ed25519), signed by the caller, checked with public keys by deployment.

Nobody's failure stops the others: no token server is asked. ``aud`` is the callee; the front door
signs for people (``sub`` = account), a service signs for itself (scope ``machine``).
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from too_common.auth.principal import SCOPES, Principal
from too_common.errors import UnauthorizedError

LIFETIME_S = 60
"""A deactivated account is out within this time."""
LEEWAY_S = 10
"""Clocks of two machines may differ by so much."""
FRONT_DOOR = "vetting-api"
"""The one service that may sign for a person."""
ALGORITHM = "Ed25519"


def make_key_pair(service: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """New private and public JWK of a service; ``kid`` is its name."""
    key = OKPKey.generate_key("Ed25519", parameters={"kid": service, "use": "sig"})
    return dict(key.as_dict(private=True)), dict(key.as_dict(private=False))


class Keys:
    """The key with which we sign, and everybody's public ones.

    Parameters
    ----------
    service
        Our own name.
    private
        Our private JWK; None if this process never signs.
    trusted
        Public JWKs of all services.
    """

    def __init__(
        self, service: str, private: dict[str, Any] | None, trusted: Iterable[dict[str, Any]]
    ) -> None:
        self.service = service
        self._private = OKPKey.import_key(private) if private else None
        self._trusted = KeySet([OKPKey.import_key(item) for item in trusted])

    @classmethod
    def from_files(cls, service: str, private: Path | None, trusted: Path | None) -> "Keys":
        """Read the keys by deployment; missing settings mean no key (every token is refused)."""
        own = json.loads(private.read_text(encoding="utf-8")) if private else None
        others = json.loads(trusted.read_text(encoding="utf-8"))["keys"] if trusted else []
        return cls(service, own, others)

    def sign_for_service(self, audience: str) -> str:
        """Token with which this service calls another for itself."""
        return self._sign({"sub": self.service, "scope": "machine", "aud": audience})

    def sign_for_person(
        self, *, audience: str, account_id: UUID, name: str, scopes: Iterable[str]
    ) -> str:
        """Token with which the front door forwards a person's request."""
        return self._sign(
            {
                "sub": str(account_id),
                "name": name,
                "scope": " ".join(sorted(scopes)),
                "aud": audience,
            }
        )

    def _sign(self, claims: dict[str, Any]) -> str:
        if self._private is None:
            raise UnauthorizedError(f"{self.service} has no signing key (SIGNING_KEY_FILE)")
        now = int(datetime.now(UTC).timestamp())
        header = {"alg": ALGORITHM, "kid": self.service}
        body = {"iss": self.service, "iat": now, "exp": now + LIFETIME_S, **claims}
        return jwt.encode(header, body, self._private, algorithms=[ALGORITHM])

    def verify(self, token: str) -> Principal:
        """Who the token speaks for.

        Raises
        ------
        UnauthorizedError
            If it is not signed by a service we trust, is for another audience, or has expired.
        """
        try:
            decoded = jwt.decode(token, self._trusted, algorithms=[ALGORITHM])
            claims = decoded.claims
            registry = jwt.JWTClaimsRegistry(
                leeway=LEEWAY_S,
                iss={"essential": True},
                sub={"essential": True},
                exp={"essential": True},
                aud={"essential": True, "value": self.service},
            )
            registry.validate(claims)
        except (JoseError, ValueError, KeyError) as error:
            raise UnauthorizedError(
                "token refused: malformed, expired, or not signed by a service that is trusted "
                f"here ({type(error).__name__})"
            ) from error
        issuer = str(claims["iss"])
        if decoded.header.get("kid") != issuer:
            raise UnauthorizedError("token refused: signed by another than its issuer")
        scopes = frozenset(str(claims.get("scope", "")).split()) & frozenset(SCOPES)
        if "machine" in scopes:
            if scopes != {"machine"} or claims["sub"] != issuer:
                raise UnauthorizedError("token refused: a service speaks for itself alone")
            return Principal(scopes=scopes, name=issuer, service=issuer)
        if issuer != FRONT_DOOR:
            raise UnauthorizedError("token refused: only the front door speaks for people")
        return Principal(
            scopes=scopes, account_id=UUID(str(claims["sub"])), name=str(claims.get("name", ""))
        )
