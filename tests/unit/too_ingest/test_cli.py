"""The command line of ingest, without any server."""

import json
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


def test_parse_needs_something():
    assert _run()[0] == 2
    assert _run("--manifest", "/nowhere/table.csv")[0] == 2
