"""Telephone numbers in E.164: checked, and masked for everybody but their owner."""

import hashlib
import hmac
import re
import secrets

_E164 = re.compile(r"^\+[1-9]\d{7,14}$")
_SEPARATORS = re.compile(r"[\s().-]")


def normalise(number: str) -> str:
    """Bring a number into E.164.

    Raises
    ------
    ValueError
        If it is none. The message does not repeat the number.
    """
    plain = _SEPARATORS.sub("", number)
    if not _E164.match(plain):
        raise ValueError("not an international number such as +1 555 ...: plus sign, then digits")
    return plain


def mask(number: str | None) -> str | None:
    """Number for others' eyes: its last two digits alone."""
    return None if number is None else f"…{number[-2:]}"


def new_verification_code() -> str:
    """Six digits."""
    return f"{secrets.randbelow(10**6):06d}"


def code_hash(account_id: str, number: str, code: str) -> str:
    """What is stored of a verification code; bound to the account and the number."""
    return hashlib.sha256(f"{account_id}:{number}:{code}".encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left, right)
