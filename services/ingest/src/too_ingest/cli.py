"""`too ingest ...`: read alerts without any server, send samples, replay files.

`parse` imports nothing that needs a database or a broker.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, help="Send, replay and read alerts")

MAX_FILE_BYTES = 64 * 1024 * 1024
STANDARD_INPUT = "-"


def _manifest_inputs(manifest: Path, topic: str | None) -> list[tuple[str, Path, str | None]]:
    """Rows of a table, which is read whole before anything is printed.

    Raises
    ------
    typer.BadParameter
        If it cannot be read, is no table of text, or has no column ``file``.
    """
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as table:
            reader = csv.DictReader(table)
            if "file" not in (reader.fieldnames or ()):
                raise typer.BadParameter(f"{manifest} has no column 'file' in its first line")
            rows = [
                ((row.get("file") or "").strip(), (row.get("topic") or "").strip() or topic)
                for row in reader
            ]
    except OSError as error:
        raise typer.BadParameter(f"{manifest} cannot be opened: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise typer.BadParameter(f"{manifest} is no CSV table in UTF-8: {error}") from error
    return [(name, manifest.parent / name, its_topic) for name, its_topic in rows if name]


def _read(path: Path) -> tuple[bytes, None] | tuple[None, str]:
    """Bytes of a file, or why there are none."""
    if str(path) == STANDARD_INPUT:
        raw = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    else:
        try:
            if path.is_dir():
                return None, "It is a folder, not a file."
            with path.open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            return None, f"The file cannot be opened: {why}."
    if len(raw) > MAX_FILE_BYTES:
        return None, f"The file is larger than {MAX_FILE_BYTES // 1024**2} MiB."
    return raw, None


def _reports(inputs: Iterable[tuple[str, Path, str | None]]) -> Iterator[dict[str, Any]]:
    from too_ingest.report import failed, report

    for name, path, topic in inputs:
        raw, failure = _read(path)
        yield failed(name, failure or "") if raw is None else report(name, raw, topic)


@app.command()
def parse(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files with one notice each; - is standard input")
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option(
            help="Kafka topic they came on; without it, or in parentheses, the content decides. "
            "With --manifest: for rows that name none"
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="CSV table with a column 'file' (path relative to the table) and perhaps 'topic'; "
            "other columns are ignored"
        ),
    ] = None,
) -> None:
    """Read alerts and print what they say, without any server.

    One JSON object per input, one per line, in the order of the inputs: mission, notice type, ids
    and their other spellings, times (ISO 8601, UTC), position and error region, false-alarm rate in
    Hz, classification, flags, sky map, citations, tags. What is not known is null. What cannot be
    read has "ok": false and a sentence in "failure".

    The notice type is the name that GCN Classic has for it, SVOM's sub-type, LVK's alert type, or,
    in the unified schema, record number and alert type as they are stated.

    Exit code 0: all were read; 1: at least one was not; 2: wrong arguments.

    For instance:

      too ingest parse alert.xml

      too ingest parse --topic igwn.gwalert S241125n-*.json

      too ingest parse --manifest alerts/INDEX.csv > alerts.jsonl
    """
    if not files and manifest is None:
        raise typer.BadParameter("give one or more files, or --manifest TABLE.csv")
    inputs = [(str(path), path, topic) for path in files or ()]
    if manifest is not None:
        inputs += _manifest_inputs(manifest, topic)
    complete = True
    for found in _reports(inputs):
        # bytes: a name or a text may hold what the terminal's encoding has not
        line = json.dumps(found, ensure_ascii=False, allow_nan=False) + "\n"
        sys.stdout.buffer.write(line.encode("utf-8", errors="surrogateescape"))
        complete = complete and bool(found["ok"])
    sys.stdout.flush()
    if not complete:
        raise typer.Exit(1)


@app.command()
def sample(
    name: Annotated[str, typer.Argument(help="bns, gbm, icecube or retracted")] = "bns",
    at_once: Annotated[bool, typer.Option(help="Without pauses between the messages")] = False,
) -> None:
    """Send a sample alert to the running stack."""
    from too_common.cli.client import Api

    sent = Api().request(
        "POST", "ingest", f"/samples/{name}", params={"at_once": str(at_once).lower()}
    )
    typer.echo(f"{sent['name']}: {sent['native_id']}, {len(sent['messages'])} messages")
    for message in sent["messages"]:
        typer.echo(f"  {message['due_at']}  {message['topic']}")


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Files with one notice each")],
    topic: Annotated[str, typer.Option(help="Kafka topic the notices came on")] = "",
    live: Annotated[
        bool, typer.Option(help="As if they came from the stream: they may page people")
    ] = False,
) -> None:
    """Hand files to the running stack as notices of the past, which page nobody."""
    from too_common.cli.client import Api

    api = Api()
    complete = True
    for path in files:
        try:
            raw = path.read_bytes()
        except OSError as error:
            typer.echo(f"{path}: cannot be opened: {error.strerror}", err=True)
            complete = False
            continue
        taken = api.request(
            "POST",
            "ingest",
            "/notices",
            params={"topic": topic, "replay": str(not live).lower()},
            content=raw,
            headers={"Content-Type": "application/octet-stream"},
        )
        typer.echo(f"{path}: {taken['state']}, event {taken['event_id']}")
        if taken["state"] == "dead":
            typer.echo(f"  {taken['reason']}", err=True)
            complete = False
    if not complete:
        raise typer.Exit(1)


POLL_S = 1.0
ENDED = frozenset({"done", "failed", "stopped"})


@app.command()
def backfill(
    since: Annotated[str, typer.Option(help="ISO 8601; without an offset it is UTC")],
    until: Annotated[str | None, typer.Option(help="ISO 8601; left out: up to now")] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="May be repeated; left out: all that are listened to")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for its end and print what it brought")] = True,
) -> None:
    """Have the running marshal read the broker's topics again from a time on."""
    import time

    from too_common.cli.client import Api

    api = Api()
    body = {"since": _moment(since), "until": until and _moment(until), "topics": topic or []}
    made = api.post("ingest", "/backfills", body)
    typer.echo(f"backfill {made['id']}: {len(made['topics'])} topics")
    while wait and made["state"] not in ENDED:
        time.sleep(POLL_S)
        made = api.get("ingest", f"/backfills/{made['id']}")
    typer.echo(
        f"{made['state']}: {made['read']} read, {made['new']} new, {made['known']} known, "
        f"{made['failed']} failed" + (f" ({made['left']} left)" if made["left"] else "")
    )
    if made["reason"]:
        typer.echo(made["reason"], err=True)
    if made["state"] == "failed":
        raise typer.Exit(1)


def _moment(text: str) -> str:
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 time") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


@app.command()
def drill(
    event: Annotated[
        str | None, typer.Argument(help="Past event: its id, its name or a mission's id")
    ] = None,
    speed: Annotated[float, typer.Option(help="Gaps between its notices shrink by this")] = 1.0,
    stop: Annotated[str | None, typer.Option(help="Send no more notices of this drill")] = None,
    end: Annotated[str | None, typer.Option(help="End this drill and close its events")] = None,
) -> None:
    """Run a past event through the whole chain as a drill; without arguments, list the drills."""
    from too_common.cli.client import Api, print_table

    api = Api()
    if event is not None:
        made = api.post("ingest", "/drills", {"event": event, "speed": speed})
        typer.echo(f"drill {made['id']} of {made['source_name']}, {len(made['notices'])} notices")
        for notice in made["notices"]:
            typer.echo(f"  {notice['due_at']}  {notice['notice_type']}")
    elif stop is not None or end is not None:
        verb, drill_id = ("stop", stop) if stop is not None else ("end", end)
        made = api.post("ingest", f"/drills/{drill_id}/{verb}")
        typer.echo(f"drill {made['id']} of {made['source_name']}: {made['state']}")
    else:
        print_table(
            (
                (
                    one["id"],
                    one["source_name"],
                    f"{one['speed']:g}",
                    one["state"],
                    f"{sum(n['state'] == 'sent' for n in one['notices'])}/{len(one['notices'])}",
                    one["begun_at"],
                )
                for one in api.get("ingest", "/drills")
            ),
            ("drill", "event", "speed", "state", "sent", "begun"),
        )
