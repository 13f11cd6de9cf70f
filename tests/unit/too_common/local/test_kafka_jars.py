"""The lock file decides which jars may run; nothing else gets into the class path."""

import hashlib
from pathlib import Path

import pytest
from too_common.local.kafka_jars import (
    KAFKA,
    JarsUnavailableError,
    LockedJar,
    WrongChecksumError,
    cache_dir,
    install_jars,
    read_lock,
)

_CONTENT = {"one": b"first jar", "two": b"second jar"}


def _lock(folder: Path) -> Path:
    lines = ["# a comment", ""]
    lines += [
        f"org.example.{name}:{name}:1.0 {hashlib.sha256(content).hexdigest()}"
        for name, content in _CONTENT.items()
    ]
    path = folder / "test.lock"
    path.write_text("\n".join(lines))
    return path


def _put(jar: LockedJar, folder: Path, content: bytes) -> None:
    path = folder / jar.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _good(jar: LockedJar, folder: Path) -> None:
    _put(jar, folder, _CONTENT[jar.artifact])


def test_the_committed_lock_names_kafka_and_no_address() -> None:
    jars = read_lock()
    assert KAFKA in {jar.coordinate for jar in jars}
    assert len(jars) > 40
    assert len({jar.coordinate for jar in jars}) == len(jars)
    assert all(len(jar.sha256) == 64 for jar in jars)
    # Kafka's own parts are all of one version
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {"4.3.1"}


def test_missing_jars_are_fetched_once_and_kept_in_order(tmp_path: Path) -> None:
    fetched: list[str] = []

    def fetch(jar: LockedJar, folder: Path) -> None:
        fetched.append(jar.artifact)
        _good(jar, folder)

    told: list[str] = []
    lock = _lock(tmp_path)
    repository = tmp_path / "cache"
    first = install_jars(told.append, repository=repository, lock_file=lock, fetch=fetch)
    again = install_jars(told.append, repository=repository, lock_file=lock, fetch=fetch)
    assert sorted(fetched) == ["one", "two"]
    assert first == again
    assert [path.name for path in first] == ["one-1.0.jar", "two-1.0.jar"]
    assert "2 of 2 jars" in told[-1]


def test_a_damaged_jar_in_the_cache_is_fetched_again(tmp_path: Path) -> None:
    lock, repository = _lock(tmp_path), tmp_path / "cache"
    damaged = read_lock(lock)[0]
    _put(damaged, repository, b"half a j")
    paths = install_jars(repository=repository, lock_file=lock, fetch=_good)
    assert paths[0].read_bytes() == _CONTENT["one"]


def test_another_jar_than_the_locked_one_is_refused_and_removed(tmp_path: Path) -> None:
    lock, repository = _lock(tmp_path), tmp_path / "cache"

    def fetch(jar: LockedJar, folder: Path) -> None:
        _put(jar, folder, b"something else")

    with pytest.raises(WrongChecksumError, match=r"org\.example\.one:one:1\.0 has SHA-256"):
        install_jars(repository=repository, lock_file=lock, fetch=fetch)
    assert not (repository / read_lock(lock)[0].path).exists()


def test_a_network_that_is_away_is_told_apart_from_a_false_jar(tmp_path: Path) -> None:
    def fetch(_jar: LockedJar, _folder: Path) -> None:
        raise ConnectionError("name resolution failed")

    with pytest.raises(JarsUnavailableError, match="name resolution failed"):
        install_jars(repository=tmp_path / "cache", lock_file=_lock(tmp_path), fetch=fetch)


@pytest.mark.parametrize("line", ["org.example:one 00", "a:b:c nothex", "a:b:c"])
def test_an_unreadable_lock_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.lock"
    path.write_text(line)
    with pytest.raises(ValueError, match=r"bad\.lock: cannot read the line"):
        read_lock(path)


def test_the_cache_folder_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOO_CACHE_DIR", str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"
    monkeypatch.delenv("TOO_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "too-marshal"
