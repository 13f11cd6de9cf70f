"""What a run has measured so far, kept in a file after every row, so that it can go on later."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KINDS = ("ours", "cold", "free", "peers")


class Rows:
    """Rows by kind and key; every change is on disk at once.

    Parameters
    ----------
    path
        The JSON file.
    resume
        Keep what it holds; else begin anew.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self.content: dict[str, Any] = {"about": {}, "growth": {}}
        if resume and path.is_file():
            found = json.loads(path.read_text())
            if all(isinstance(found.get(kind), dict) for kind in KINDS):
                self.content = found
        for kind in KINDS:
            self.content.setdefault(kind, {})

    def has(self, kind: str, key: str, *, schedule: Path | None = None) -> bool:
        """True if a row is finished: measured, and its schedule is there unless it failed."""
        row = self.content[kind].get(key)
        if row is None:
            return False
        return schedule is None or "failure" in row or "scores" in row or schedule.is_file()

    def put(self, kind: str, key: str, row: dict[str, Any]) -> None:
        """Keep a row."""
        self.content[kind][key] = row
        self.save()

    def of(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Keys and rows of a kind, in order."""
        yield from sorted(self.content[kind].items())

    def save(self) -> None:
        """Write the file, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".part")
        draft.write_text(json.dumps(self.content, indent=1) + "\n")
        draft.replace(self._path)
