"""Small files of the local stack: written whole or not at all, and private where secret."""

import json
import os
import secrets
from pathlib import Path
from typing import Any


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, replacing it in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    scratch.replace(path)


def write_private_json(path: Path, value: Any) -> None:
    """`write_private` of a JSON document."""
    write_private(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def keep_secret(path: Path, length: int = 24) -> str:
    """The secret kept in a file, made at the first call."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(length))
    return path.read_text(encoding="utf-8").strip()
