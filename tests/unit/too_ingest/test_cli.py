"""The command line of ingest, without any server."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from too_ingest.cli import app
from too_ingest.report import KEYS
from too_ingest.samples import make_sample
from typer.testing import CliRunner

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
REGION = {
    "shape",
    "radius_deg",
    "containment",
    "semi_axes_deg",
    "position_angle_deg",
    "sigma_deg",
    "systematic_deg",
}


def _run(*arguments: str) -> tuple[int, list[dict]]:
    result = CliRunner().invoke(app, ["parse", *arguments])
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    return result.exit_code, lines


def test_parse_prints_one_object_per_file_in_order(tmp_path: Path):
    bodies = [make_sample(name, NOW, 0)[0] for name in ("gbm", "icecube", "bns")]
    paths = []
    for number, message in enumerate(bodies):
        path = tmp_path / f"{number}.notice"
        path.write_bytes(message.body)
        paths.append(str(path))
    code, found = _run(*paths)
    assert code == 0
    assert [item["native_id"] for item in found] == [m.native_id for m in bodies]
    for item in found:
        assert list(item) == ["file", "ok", "failure", *KEYS]
        assert set(item["error_region"]) == REGION
        assert set(item["skymap"]) == {"kind", "url"}
        assert item["ok"] is True
    assert found[0]["event_time"].endswith("Z")
    assert found[2]["skymap"]["kind"] == "embedded"


def test_parse_of_a_table_uses_its_topics_and_tells_failures(tmp_path: Path):
    message = make_sample("gbm", NOW, 0)[0]
    (tmp_path / "good.xml").write_bytes(message.body)
    (tmp_path / "bad.xml").write_bytes(b"<oops")
    table = tmp_path / "table.csv"
    table.write_text(
        f"topic,file,more\r\n{message.topic},good.xml,1\r\n(none),bad.xml,2\r\n,missing.xml,3\r\n"
    )
    code, found = _run("--manifest", str(table))
    assert code == 1
    assert [item["file"] for item in found] == ["good.xml", "bad.xml", "missing.xml"]
    assert [item["ok"] for item in found] == [True, False, False]
    assert found[0]["notice_type"] == "FERMI_GBM_FLT_POS"
    assert found[1]["failure"].startswith("The notice cannot be read")
    assert "opened" in found[2]["failure"]
    assert found[1]["mission"] is None


def _refusal(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["parse", *arguments])
    assert result.exit_code == 2
    assert result.stdout == ""
    return " ".join(result.stderr.split())


def test_wrong_arguments_are_told_before_anything_is_printed(tmp_path: Path):
    columns = tmp_path / "columns.csv"
    columns.write_text("name,topic\r\na,b\r\n")
    letters = tmp_path / "letters.csv"
    letters.write_bytes(b"file\r\n\xff\xfe\xfd\r\n")
    assert "--manifest" in _refusal()
    assert "No such file" in _refusal("--manifest", str(tmp_path / "nowhere.csv"))
    assert "directory" in _refusal("--manifest", str(tmp_path))
    assert "no column 'file'" in _refusal("--manifest", str(columns))
    assert "UTF-8" in _refusal("--manifest", str(letters))


def test_inputs_that_are_no_files_fail_with_a_sentence_and_keep_their_place(tmp_path: Path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    good = make_sample("gbm", NOW, 0)[0]
    (tmp_path / "good").write_bytes(good.body)
    names = ("empty", "folder", "good", "missing", "good")
    code, found = _run(*(str(tmp_path / name) for name in names))
    assert code == 1
    assert [Path(item["file"]).name for item in found] == list(names)
    assert [item["ok"] for item in found] == [False, False, True, False, True]
    for item in found:
        assert item["ok"] or (item["failure"].endswith(".") and item["aliases"] is None)
    assert "empty" in found[0]["failure"]
    assert "folder" in found[1]["failure"]


def test_a_table_without_rows_is_no_failure_and_blank_topics_fall_back(tmp_path: Path):
    table = tmp_path / "table.csv"
    table.write_bytes("\ufefffile,topic\r\n".encode())
    assert _run("--manifest", str(table)) == (0, [])
    (tmp_path / "plain.json").write_text('{"id": "1", "ra": 1.0, "dec": 2.0}')
    table.write_text("file,topic\nplain.json,\nplain.json,(none)\n")
    topic = "gcn.notices.chime.frb"
    code, found = _run("--manifest", str(table), "--topic", topic)
    assert code == 0
    assert [item["mission"] for item in found] == ["chime", "unknown"]


def test_standard_input():
    body = make_sample("gbm", NOW, 0)[0].body
    result = CliRunner().invoke(app, ["parse", "-"], input=body)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["file"] == "-"


def test_it_needs_no_server_and_no_environment(tmp_path: Path):
    path = tmp_path / "a.xml"
    path.write_bytes(make_sample("gbm", NOW, 0)[0].body)
    code = (
        "import sys; from too_ingest.cli import app\n"
        "try:\n    app(['parse', sys.argv[1]])\nexcept SystemExit as end:\n"
        "    heavy = {'sqlalchemy', 'asyncpg', 'confluent_kafka', 'fastapi'} & set(sys.modules)\n"
        "    sys.exit(end.code or len(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env={}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True
