"""Child processes: their logs, their end, and the launcher that ties them to their parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from too_common.local.process import (
    ManagedProcess,
    ProcessSpec,
    StartError,
    end_leftover,
    log_tail,
)

_STUBBORN = (
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); signal.pause()"
)


def _spec(log: Path, *code: str, **more: object) -> ProcessSpec:
    return ProcessSpec("child", (sys.executable, "-c", *code), log, **more)  # type: ignore[arg-type]


def _log_has(log: Path, text: str) -> bool:
    return log.exists() and text in log.read_text()


def test_a_child_that_ends_while_starting_is_reported_with_its_log(tmp_path: Path) -> None:
    child = ManagedProcess(_spec(tmp_path / "log", "print('no such port'); raise SystemExit(3)"))
    with pytest.raises(StartError, match=r"(?s)child ended with code 3.*no such port"):
        child.wait_ready(lambda: False, 20)


def test_a_child_that_is_not_ready_in_time_is_reported(tmp_path: Path) -> None:
    child = ManagedProcess(_spec(tmp_path / "log", "import signal; signal.pause()"))
    try:
        with pytest.raises(StartError, match="not ready after 0 s"):
            child.wait_ready(lambda: False, 0.05)
    finally:
        assert child.stop()
    assert not child.running


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = ManagedProcess(_spec(log, _STUBBORN, stop=((signal.SIGTERM, 0.1),)))
    child.wait_ready(lambda: _log_has(log, "deaf"), 20)
    assert not child.stop()
    assert child.popen.returncode == -signal.SIGKILL


def test_a_child_gets_the_environment_it_was_given_and_no_other(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = ManagedProcess(
        _spec(log, "import os; print(sorted(os.environ))", environment={"TOO_ONLY": "1"})
    )
    child.popen.wait()
    assert "TOO_ONLY" in log.read_text()
    assert "HOME" not in log.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent death signal")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = f"""
import sys, signal
from pathlib import Path
from too_common.local.process import ManagedProcess, ProcessSpec
log = Path({str(log)!r})
child = ManagedProcess(ProcessSpec("child", (sys.executable, "-c",
    "import os, signal; print('up', os.getpid(), flush=True); signal.pause()"), log,
    die_with_parent=True))
child.wait_ready(lambda: log.exists() and "up" in log.read_text(), 20)
print(child.pid, flush=True)
signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        # the launcher became the program: same process id
        assert str(child.pid) in log.read_text()
        parent.kill()
        parent.wait()
    child.wait(10)


def test_the_launcher_refuses_when_the_parent_is_gone_already() -> None:
    launcher = Path(sys.modules["too_common.local.process"].__file__ or "").with_name("launch.py")
    result = subprocess.run(
        [sys.executable, "-I", "-S", str(launcher), "--parent", "1", "--", "echo", "started"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "started" not in result.stdout


def test_only_our_own_leftovers_are_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ours = ManagedProcess(_spec(log, "import signal; signal.pause()", "marker-of-this-test"))
    arguments = {"end_signal": signal.SIGTERM, "timeout_s": 5.0}
    try:
        assert not end_leftover(ours.pid, marker="another", **arguments)  # type: ignore[arg-type]
        assert ours.running
        assert not end_leftover(os.getpid(), marker="no-such-argument", **arguments)  # type: ignore[arg-type]
    finally:
        # waited for by nobody but us: a zombie until then
        ours.signal(signal.SIGTERM)
        ours.popen.wait()
    assert not end_leftover(ours.pid, marker="marker-of-this-test", **arguments)  # type: ignore[arg-type]


def test_the_end_of_a_log_is_short(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {n}\n" for n in range(10_000)))
    tail = log_tail(log)
    assert tail.endswith("line 9999")
    assert len(tail.splitlines()) == 12
    assert log_tail(tmp_path / "none") == "(no log)"
