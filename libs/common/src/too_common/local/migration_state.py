"""Is there anything to migrate? Answered without importing services or alembic."""

import hashlib
import importlib.util
from pathlib import Path

from too_common.settings import SERVICES


def migrations_fingerprint() -> str:
    """Hash over all migration files, found without importing the services."""
    digest = hashlib.sha256()
    for service in SERVICES:
        found = importlib.util.find_spec(f"too_{service.replace('-', '_')}")
        if found is None or found.origin is None:
            continue
        folder = Path(found.origin).parent / "migrations" / "versions"
        for file in sorted(folder.glob("*.py")):
            digest.update(f"{service}/{file.name}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
