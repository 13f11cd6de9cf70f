"""Secrets of the local stack: made once, kept below ``var/secrets`` with mode 0600.

The credentials of the simulated world are made up like all the others: nothing outside knows them.
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from too_common.auth.tokens import make_key_pair
from too_common.local.files import write_private, write_private_json
from too_common.settings import SERVICES

OPERATOR = "operator"
"""Signs the one-minute tokens with which `too` speaks to the internal admin API."""
ADMIN_USERNAME = "astronomer"


@dataclass(frozen=True)
class StackSecrets:
    """Everything that the stack keeps secret."""

    folder: Path
    values: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def database_password(self, role: str) -> str:
        """Password of a role of the database."""
        return self.values[f"database_{role.replace('-', '_')}"]

    def signing_key_file(self, service: str) -> Path:
        """Private JWK of a service."""
        return self.folder / f"{service}.jwk.json"

    @property
    def trusted_keys_file(self) -> Path:
        """JWK set with all public keys."""
        return self.folder / "trusted-keys.json"

    @property
    def ssh_key_file(self) -> Path:
        """Private key with which files are brought to the telescopes."""
        return self.folder / "telescopes_ed25519"


def _token(length: int = 24) -> str:
    return secrets.token_urlsafe(length)


def _hex(length: int) -> str:
    return secrets.token_hex(length)


def _new_values() -> dict[str, str]:
    return {
        **{f"database_{service.replace('-', '_')}": _token() for service in SERVICES},
        "database_gattini": _token(),
        "admin_password": secrets.token_urlsafe(9),
        # in the shapes that Twilio's and Slack's clients expect
        "twilio_account_sid": "AC" + _hex(16),
        "twilio_api_key_sid": "SK" + _hex(16),
        "twilio_api_key_secret": _hex(16),
        "twilio_auth_token": _hex(16),
        "slack_token": f"xoxb-{secrets.randbelow(10**12):012d}-{_hex(12)}",
        "slack_signing_secret": _hex(16),
        "depot_password": _token(),
        "gattini_reader_password": _token(),
        "gcn_submitter_token": _token(),
    }


def load_or_create(folder: Path) -> StackSecrets:
    """Read the secrets, making those that are missing (also those of a newer version)."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    file = folder / "stack.json"
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    values = {**_new_values(), **kept}
    if values != kept:
        write_private_json(file, values)
    stack = StackSecrets(folder=folder, values=values)
    _make_signing_keys(stack)
    if not stack.ssh_key_file.exists():
        _make_ssh_key(stack.ssh_key_file)
    return stack


def _make_signing_keys(stack: StackSecrets) -> None:
    trusted: list[dict[str, Any]] = []
    for service in (*SERVICES, OPERATOR):
        file = stack.signing_key_file(service)
        if not file.exists():
            private, _public = make_key_pair(service)
            write_private_json(file, private)
        private = json.loads(file.read_text())
        trusted.append({name: value for name, value in private.items() if name != "d"})
    text = json.dumps({"keys": trusted}, indent=2) + "\n"
    if not stack.trusted_keys_file.exists() or stack.trusted_keys_file.read_text() != text:
        write_private(stack.trusted_keys_file, text)


def _make_ssh_key(file: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    write_private(file, private.decode())
    write_private(file.with_suffix(".pub"), f"{public.decode()} too-marshal\n")
