"""Accounts, their scopes and secrets: rules without a database."""

import re
from collections.abc import Iterable

from too_common.errors import InvalidError

SCOPES = ("read", "plan", "vet", "submit", "admin")
"""What a person may be allowed to do; ``machine`` is for services alone."""

TOKEN_PREFIX = "too_pat"  # noqa: S105 -- the recognisable beginning, not a secret
"""Begin of every personal token, so that a leaked one can be recognised."""

PASSWORD_MIN_LENGTH = 10
"""Long beats complicated (NIST SP 800-63B asks for 8 at least)."""

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def normal_username(username: str) -> str:
    """Lower-case login name without blanks around it.

    Raises
    ------
    InvalidError
        If it is not 1 to 63 letters, digits, dots, dashes or underscores.
    """
    name = username.strip().lower()
    if not _USERNAME.fullmatch(name):
        raise InvalidError(
            f"{username!r} is no login name: 1-63 letters a-z, digits, dots, dashes, underscores"
        )
    return name


def checked_password(password: str, username: str) -> str:
    """Refuse passwords that are too short or the login name itself.

    Raises
    ------
    InvalidError
        With what is wrong.
    """
    if len(password) < PASSWORD_MIN_LENGTH:
        raise InvalidError(f"the password needs at least {PASSWORD_MIN_LENGTH} characters")
    if len(password) > 1024:
        raise InvalidError("the password has more than 1024 characters")
    if password.lower() == username.lower():
        raise InvalidError("the password is the login name")
    return password


def checked_scopes(scopes: Iterable[str], *, within: Iterable[str] | None = None) -> list[str]:
    """Scopes in their usual order, each once.

    Parameters
    ----------
    scopes
        As asked for.
    within
        The most that may be given, e.g. the account's own scopes for a token.

    Raises
    ------
    InvalidError
        If a scope is unknown or goes beyond ``within``.
    """
    asked = set(scopes)
    unknown = asked - set(SCOPES)
    if unknown:
        raise InvalidError(f"unknown scope {min(unknown)!r}; there are {', '.join(SCOPES)}")
    if within is not None and asked - set(within):
        raise InvalidError(f"scope {min(asked - set(within))!r} is not yours to give")
    if not asked:
        raise InvalidError("at least one scope is needed")
    return [scope for scope in SCOPES if scope in asked]


def safe_next(target: str | None) -> str:
    """Where to go after login: a path of ours, else the first page (no open redirect)."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    if any(ord(char) < 33 or char == "\\" for char in target):
        return "/"
    if target.split("?")[0] in {"/login", "/logout"}:
        return "/"
    return target
