"""The command line: quick to answer, clear when something is missing."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from too_common.cli import COMMANDS, build, main
from too_common.cli.client import Api, ask, items_of, print_table, read_access
from too_common.cli.clock import seconds_of
from too_common.cli.errors import CommandError
from too_common.cli.telescopes import read_references
from too_common.local.lock import StackLock
from typer.testing import CliRunner

_SLOW = {"sqlalchemy", "fastapi", "astropy", "numpy", "httpx", "aiokafka", "uvicorn", "alembic"}


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOO_DATA_DIR", str(tmp_path / "var"))
    for name in ("TOO_URL", "TOO_TOKEN", "TOO_PORT_BASE"):
        monkeypatch.delenv(name, raising=False)


def test_help_lists_every_command_and_loads_nothing_slow() -> None:
    program = (
        "import sys; from too_common.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print('MODULES', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    help_text, modules = result.stdout.split("MODULES")
    assert not _SLOW & set(modules.split())
    for name, entry in COMMANDS.items():
        assert f"  {name} " in help_text
        assert entry.help.split()[0] in help_text


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(build(name), [name, "--help"])
    assert result.exit_code == 0, result.output
    assert f" {name} " in result.output


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("ingest", {"sample", "replay", "parse"}),
        ("telescopes", {"list", "import", "import-references"}),
        ("catalogue", {"load"}),
        ("users", {"add", "passwd", "token", "test-alert"}),
        ("dlq", {"list", "show", "replay", "discard"}),
        ("db", {"migrate", "create", "drop", "recreate", "revision"}),
        ("projections", {"rebuild"}),
    ],
)
def test_groups_have_their_commands(name: str, wanted: set[str]) -> None:
    output = CliRunner().invoke(build(name), [name, "--help"]).output
    found = {line.split()[0] for line in output.splitlines() if line.startswith("  ")}
    assert wanted <= found


def test_an_unknown_command_is_an_error() -> None:
    assert CliRunner().invoke(build("nonsense"), ["nonsense"]).exit_code == 2


def test_without_a_stack_the_message_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["users", "list"])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("too: no marshal is known: start one with `make up`")


def test_an_impossible_port_base_is_a_message_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOO_PORT_BASE", "many")
    with pytest.raises(SystemExit):
        main(["up"])
    assert capsys.readouterr().err.startswith("too: TOO_PORT_BASE=many")


def test_serve_names_the_services_it_knows(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "coffee"])
    assert "there are ingest, notify" in capsys.readouterr().err


def test_access_comes_from_the_file_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "too-cli.json").write_text(json.dumps({"url": "http://a:1/", "token": "kept"}))
    assert (read_access().url, read_access().token) == ("http://a:1", "kept")
    monkeypatch.setenv("TOO_TOKEN", "given")
    assert (read_access().url, read_access().token) == ("http://a:1", "given")


def test_reset_removes_only_what_it_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "precious").write_text("not ours")
    with pytest.raises(SystemExit):
        main(["reset"])
    assert "was not made by `too up`" in capsys.readouterr().err
    lock = StackLock(folder / "too-up.lock")
    lock.acquire()
    with pytest.raises(SystemExit):
        main(["reset"])
    assert "stop it first" in capsys.readouterr().err
    assert (folder / "precious").exists()
    lock.release()
    with pytest.raises(SystemExit) as ended:
        main(["reset"])
    assert ended.value.code == 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("2.5h", 9000), ("1d", 86400), ("7", 7)]
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "soon", "1w"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="cannot read the duration"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("field_id,filter\n245,g\n246, r\n", [("245", "g"), ("246", "r")]),
        ("\ufefffield,fid\n245,1\n245,2\n", [("245", "g"), ("245", "r")]),
        ("FIELD_ID, FILTER\n12,i\n", [("12", "i")]),
    ],
)
def test_reference_lists_are_read(
    tmp_path: Path, content: str, wanted: list[tuple[str, str]]
) -> None:
    file = tmp_path / "references.csv"
    file.write_text(content, encoding="utf-8")
    assert [(row["field_id"], row["filter"]) for row in read_references(file)] == wanted


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "columns field_id and filter"),
        ("a,b\n1,2\n", "there are a, b"),
        ("field,filter\n1,\n", "line 2"),
    ],
)
def test_unusable_reference_lists_are_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "references.csv"
    file.write_text(content)
    with pytest.raises(CommandError, match=message):
        list(read_references(file))


def _client(status: int, **answer: object) -> httpx.Client:
    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, **answer)  # type: ignore[arg-type]

    return httpx.Client(transport=httpx.MockTransport(handle), base_url="http://marshal")


def test_a_refusal_is_shown_with_its_reason() -> None:
    with pytest.raises(CommandError, match="409: the payload has changed"):
        ask(_client(409, json={"detail": "the payload has changed"}), "POST", "/x")
    with pytest.raises(CommandError, match="502: nobody home"):
        ask(_client(502, text="nobody home"), "GET", "/x")


def test_answers_are_json_or_text_by_their_type() -> None:
    assert ask(_client(200, json={"a": 1}), "GET", "/x") == {"a": 1}
    assert ask(_client(200, text="a,b"), "GET", "/x") == "a,b"
    assert ask(_client(204), "DELETE", "/x") == ""


def test_a_marshal_that_is_away_is_a_message() -> None:
    def away(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    client = httpx.Client(transport=httpx.MockTransport(away), base_url="http://marshal")
    with pytest.raises(CommandError, match="is `make up` running"):
        ask(client, "GET", "/x")


def test_the_token_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOO_URL", "http://marshal")
    monkeypatch.setenv("TOO_TOKEN", "secret")
    api = Api()
    assert api.http.headers["Authorization"] == "Bearer secret"
    assert "secret" not in repr(api.http)
    api.http.close()


def test_tables_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("a", None), ("long one", 2)], ("name", "number"))
    assert capsys.readouterr().out == "name      number\na         -\nlong one  2\n"
    print_table([], ("name",))
    assert "(none)" in capsys.readouterr().out
    assert items_of({"items": [{"a": 1}]}) == items_of([{"a": 1}])
