"""What outlives the process: a journal of all that was told from outside, and states.

The journal is append-only JSON lines, so that a test can judge after every service was killed.
States are small JSON files, written whole and renamed into place.
"""

import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ValidationError

StateT = TypeVar("StateT", bound=BaseModel)


class Entry(BaseModel):
    """One line of the journal."""

    seq: int
    stack_time: AwareDatetime
    wall_time: AwareDatetime
    kind: str
    data: dict[str, Any]


class Journal:
    """Everything the outside world was told or did, in order.

    Parameters
    ----------
    path
        File of JSON lines; read at start, appended to afterwards.
    stack_now, wall_now
        The two clocks.
    """

    def __init__(
        self, path: Path, *, stack_now: Callable[[], datetime], wall_now: Callable[[], datetime]
    ) -> None:
        self._path = path
        self._stack_now = stack_now
        self._wall_now = wall_now
        self._entries = list(_read_entries(path))
        self._file = path.open("a", encoding="utf-8")
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            self._file.write("\n")  # ends the torn line, so that the next one can be read

    def add(self, kind: str, /, **data: Any) -> Entry:
        """Append an entry; it is on its way to the disk when this returns."""
        entry = Entry(
            seq=self._entries[-1].seq + 1 if self._entries else 1,
            stack_time=self._stack_now(),
            wall_time=self._wall_now(),
            kind=kind,
            data=data,
        )
        self._entries.append(entry)
        self._file.write(entry.model_dump_json() + "\n")
        self._file.flush()
        return entry

    def entries(self, kind: str | None = None, after: int = 0) -> list[Entry]:
        """Entries of a kind (``twilio`` means ``twilio.*`` too), later than a number."""
        return [
            entry
            for entry in self._entries
            if entry.seq > after
            and (kind is None or entry.kind == kind or entry.kind.startswith(f"{kind}."))
        ]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _read_entries(path: Path) -> Iterator[Entry]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield Entry.model_validate_json(line)
        except ValidationError:
            continue  # the last line of a process that was killed while writing


class StateFiles:
    """States of the simulators as files ``<name>.json``.

    Parameters
    ----------
    folder
        Where they are kept; made if absent.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._written: dict[str, str] = {}

    def load(self, name: str, model: type[StateT]) -> StateT | None:
        """State of a name, or None; an unreadable file is put aside, never overwritten."""
        path = self._folder / f"{name}.json"
        if not path.exists():
            return None
        try:
            state = model.model_validate_json(path.read_bytes())
        except ValidationError:
            path.replace(path.with_suffix(".unreadable"))
            return None
        return state

    def save(self, name: str, state: BaseModel) -> None:
        """Write a state if it changed since it was last written."""
        text = state.model_dump_json()
        if self._written.get(name) == text:
            return
        path = self._folder / f"{name}.json"
        part = path.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
        self._written[name] = text


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def compact_json(value: object) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))
