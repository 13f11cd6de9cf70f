"""Passwords by argon2id, opaque tokens by their digest."""

import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()
"""argon2-cffi's defaults follow RFC 9106's second recommendation (64 MiB)."""


def hash_password(password: str) -> str:
    """Argon2id hash of a password (takes some 50 ms: call it in a thread)."""
    return _HASHER.hash(password)


def verify_password(hashed: str, password: str) -> bool:
    """True if the password fits the hash (takes some 50 ms: call it in a thread)."""
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def new_opaque_token(prefix: str = "too") -> str:
    """A personal token of 256 random bits; only its digest is stored."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def token_digest(token: str) -> str:
    """SHA-256 of a token, hex; tokens are random, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()
