"""What people write on the command line, read."""

from datetime import UTC, datetime, timedelta

import typer


def words_of(error: ValueError) -> str:
    """What is wrong, in one line: pydantic's errors, bad maps, bad files."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(_problem(item["loc"], item["msg"]) for item in error.errors())


def _problem(place: tuple[int | str, ...], message: str) -> str:
    """One problem that pydantic found: where, and what."""
    words = message.removeprefix("Value error, ")
    where = ".".join(str(part) for part in place)
    return f"{where}: {words}" if where else words


def words(text: str | None) -> list[str] | None:
    """Words between blanks or commas."""
    return None if text is None else text.replace(",", " ").split()


def numbers_of(text: str | None) -> list[float] | None:
    """Numbers between blanks or commas."""
    found = words(text)
    try:
        return None if found is None else [float(word) for word in found]
    except ValueError as error:
        raise typer.BadParameter(f"not numbers: {text}") from error


def magnitudes_of(text: str) -> dict[str, float]:
    """Magnitudes by filter, e.g. ``g=-15.5 r=-16``."""
    found: dict[str, float] = {}
    for word in text.replace(",", " ").split():
        name, sign, value = word.partition("=")
        try:
            found[name] = float(value)
        except ValueError as error:
            raise typer.BadParameter(f"--absolute-mag: 'r=-16', not {word!r}") from error
        if not sign or not name:
            raise typer.BadParameter(f"--absolute-mag: 'r=-16', not {word!r}")
    return found


def windows_of(
    start: datetime | None, end: datetime | None, windows: list[str] | None
) -> list[dict[str, datetime]]:
    """The windows of a request, UTC; 24 hours from now if nothing is said."""
    if windows:
        if start is not None or end is not None:
            raise typer.BadParameter("either --window, or --start and --end")
        return [_window(text) for text in windows]
    begin = (start or datetime.now(UTC)).replace(tzinfo=UTC)
    finish = end.replace(tzinfo=UTC) if end else begin + timedelta(hours=24)
    return [_forward(begin, finish)]


def _window(text: str) -> dict[str, datetime]:
    begin, slash, end = text.partition("/")
    try:
        first, last = (datetime.fromisoformat(part.strip()) for part in (begin, end))
    except ValueError as error:
        raise typer.BadParameter(f"--window BEGIN/END, not {text!r}") from error
    if not slash:
        raise typer.BadParameter(f"--window BEGIN/END, not {text!r}")
    return _forward(*(t.replace(tzinfo=UTC) if t.tzinfo is None else t for t in (first, last)))


def _forward(begin: datetime, end: datetime) -> dict[str, datetime]:
    if end <= begin:
        raise typer.BadParameter("the window ends before it begins, or has no length")
    return {"begin": begin, "end": end}
