"""`too ingest ...`: read alerts without any server, send samples, replay files.

`parse` imports nothing that needs a database or a broker.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, help="Send, replay and read alerts")

MAX_FILE_BYTES = 64 * 1024 * 1024


def _inputs(
    files: list[Path], topic: str | None, manifest: Path | None
) -> Iterator[tuple[str, Path, str | None]]:
    """Name to print, path and topic of each input, in order."""
    for path in files:
        yield str(path), path, topic
    if manifest is None:
        return
    with manifest.open(encoding="utf-8-sig", newline="") as table:
        reader = csv.DictReader(table)
        if "file" not in (reader.fieldnames or ()):
            raise typer.BadParameter(f"{manifest} has no column 'file'")
        for row in reader:
            name = (row.get("file") or "").strip()
            if name:
                yield name, manifest.parent / name, (row.get("topic") or "").strip() or topic


def _reports(inputs: Iterable[tuple[str, Path, str | None]]) -> Iterator[dict[str, Any]]:
    from too_ingest.report import failed, report

    for name, path, topic in inputs:
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                yield failed(name, f"The file is larger than {MAX_FILE_BYTES} bytes.")
                continue
            raw = path.read_bytes()
        except OSError as error:
            yield failed(name, f"The file cannot be opened: {error.strerror}.")
            continue
        yield report(name, raw, topic)


@app.command()
def parse(
    files: Annotated[list[Path] | None, typer.Argument(help="Files with one notice each")] = None,
    topic: Annotated[str | None, typer.Option(help="Kafka topic the notices came on")] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="CSV with columns file and topic, paths relative to it")
    ] = None,
) -> None:
    """Print one JSON object per notice, without any server; exit 1 if one could not be read."""
    if not files and manifest is None:
        raise typer.BadParameter("give files or --manifest")
    if manifest is not None and not manifest.is_file():
        raise typer.BadParameter(f"there is no file {manifest}")
    complete = True
    for found in _reports(_inputs(files or [], topic, manifest)):
        typer.echo(json.dumps(found, ensure_ascii=False))
        complete = complete and bool(found["ok"])
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
