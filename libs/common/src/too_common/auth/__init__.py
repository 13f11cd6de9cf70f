"""Scopes, and the one-minute tokens between services and from the front door."""

from too_common.auth.passwords import hash_password, new_opaque_token, token_digest, verify_password
from too_common.auth.principal import SCOPES, Principal
from too_common.auth.tokens import Keys, make_key_pair

__all__ = [
    "SCOPES",
    "Keys",
    "Principal",
    "hash_password",
    "make_key_pair",
    "new_opaque_token",
    "token_digest",
    "verify_password",
]
