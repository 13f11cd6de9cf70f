"""Apache Kafka's jars: which ones, their checksums, and how they come into the cache folder.

`kafka.lock` lists every jar with its SHA-256, so what runs is what was tested. `jgo` fetches the
missing ones from the Maven repository (no Maven needed); a jar whose checksum is not the locked
one is never used. The cache is outside the project, shared by all clones of one user.
"""

import contextlib
import fcntl
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KAFKA = "org.apache.kafka:kafka_2.13:4.3.1"
_LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"  # Kafka's logs, else they are lost
LOCK_FILE = Path(__file__).with_name("kafka.lock")
_DOWNLOADS = 6
_TIMEOUT_S = 20
_PROGRESS_EVERY = 5
_CHUNK = 1 << 20


class JarsUnavailableError(Exception):
    """The jars are not in the cache and could not be fetched; the message says why."""


class WrongChecksumError(Exception):
    """A jar is not the one that was locked: nothing of it may run."""


@dataclass(frozen=True)
class LockedJar:
    """One line of the lock file."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where a Maven repository keeps it, relative to the repository's folder."""
        return Path(
            *self.group.split("."),
            self.artifact,
            self.version,
            f"{self.artifact}-{self.version}.jar",
        )

    @property
    def coordinate(self) -> str:
        """``group:artifact:version``."""
        return f"{self.group}:{self.artifact}:{self.version}"


def cache_dir() -> Path:
    """Folder for what is downloaded once: `TOO_CACHE_DIR`, else the user's cache folder."""
    chosen = os.environ.get("TOO_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "too-marshal"


def read_lock(lock_file: Path = LOCK_FILE) -> list[LockedJar]:
    """Read the lock file: ``group:artifact:version sha256`` a line, in class path order."""
    jars = []
    for line in lock_file.read_text(encoding="utf-8").splitlines():
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        try:
            coordinate, sha256 = text.split()
            group, artifact, version = coordinate.split(":")
            bytes.fromhex(sha256)
        except ValueError:
            raise ValueError(f"{lock_file.name}: cannot read the line {line!r}") from None
        jars.append(LockedJar(group, artifact, version, sha256.lower()))
    return jars


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def install_jars(
    report: Callable[[str], None] = lambda _line: None,
    *,
    repository: Path | None = None,
    lock_file: Path = LOCK_FILE,
    fetch: Callable[[LockedJar, Path], None] | None = None,
) -> list[Path]:
    """Bring every locked jar into the cache, checked.

    Parameters
    ----------
    report
        Told what goes on, a line at a time.
    repository
        Folder in the layout of a Maven repository; `cache_dir()` / "maven" if left out.
    fetch
        Brings one jar into the folder; `jgo` if left out.

    Returns
    -------
    list of Path
        The class path.

    Raises
    ------
    JarsUnavailableError
        If a jar is missing and the repository cannot be reached.
    WrongChecksumError
        If what the repository sends is not what was locked.
    """
    folder = repository or cache_dir() / "maven"
    folder.mkdir(parents=True, exist_ok=True)
    jars = read_lock(lock_file)
    with _only_one(folder / ".lock"):
        missing = [jar for jar in jars if not _is_there(jar, folder)]
        if missing:
            _fetch_all(missing, folder, fetch or _fetch_with_jgo, report)
    return [folder / jar.path for jar in jars]


def _is_there(jar: LockedJar, folder: Path) -> bool:
    """Whether the jar is in the cache; what an aborted or false download left is removed."""
    path = folder / jar.path
    if not path.exists():
        return False
    if sha256_of(path) == jar.sha256:
        return True
    path.unlink()
    return False


def _fetch_all(
    missing: list[LockedJar],
    folder: Path,
    fetch: Callable[[LockedJar, Path], None],
    report: Callable[[str], None],
) -> None:
    report(f"Kafka: fetching {len(missing)} jars into {folder} (once, about 45 MB)")
    done = 0
    lock = threading.Lock()

    def one(jar: LockedJar) -> None:
        nonlocal done
        path = folder / jar.path
        try:
            fetch(jar, folder)
        except Exception as error:  # whatever the network or the package throws
            path.unlink(missing_ok=True)
            raise JarsUnavailableError(f"{jar.coordinate}: {error}") from error
        found = sha256_of(path)
        if found != jar.sha256:
            path.unlink()
            raise WrongChecksumError(
                f"{jar.coordinate} has SHA-256 {found}, but {LOCK_FILE.name} has {jar.sha256}"
            )
        with lock:
            done += 1
            if done % _PROGRESS_EVERY == 0 or done == len(missing):
                report(f"Kafka: {done} of {len(missing)} jars")

    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        futures = [pool.submit(one, jar) for jar in missing]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _fetch_with_jgo(jar: LockedJar, folder: Path) -> None:
    context = _jgo_context(folder)
    context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()


def _jgo_context(folder: Path) -> Any:
    """`jgo`'s context; `TOO_MAVEN_REPOSITORY` names a mirror to use instead of the default."""
    from jgo.maven import MavenContext, PythonResolver

    mirror = os.environ.get("TOO_MAVEN_REPOSITORY")
    return MavenContext(
        resolver=PythonResolver(),
        repo_cache=folder,
        local_repos=[],
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=_TIMEOUT_S,
    )


def make_lock(repository: Path | None = None) -> str:
    """Resolve Kafka and what it needs at run time, and return the text of a new lock file."""
    from jgo.parse import Coordinate

    folder = repository or cache_dir() / "maven"
    context = _jgo_context(folder)
    group, artifact, version = KAFKA.split(":")
    wanted = context.create_dependency(
        Coordinate(groupId=group, artifactId=artifact, version=version, scope="compile")
    )
    inputs, transitive = context.resolver.resolve([wanted])
    items = [
        dependency.artifact
        for dependency in (*inputs, *transitive)
        if dependency in inputs or dependency.scope in {"compile", "runtime"}
    ]
    # By itself: resolved together, its managed versions would replace Kafka's own.
    group, artifact, version = _LOGGING.split(":")
    items.append(context.project(group, artifact).at_version(version).artifact())
    lines = [f"# {KAFKA} and what it needs at run time: `make lock-kafka` writes this file"]
    lines += [
        f"{item.groupId}:{item.artifactId}:{item.version} {sha256_of(item.resolve())}"
        for item in items
    ]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def _only_one(lock_path: Path) -> Iterator[None]:
    """Keep a second process from fetching at the same time."""
    with lock_path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    if sys.argv[1:] == ["--lock"]:
        LOCK_FILE.write_text(make_lock(), encoding="utf-8")
    for jar in install_jars(lambda line: print(line, flush=True)):  # noqa: T201 - a command
        print(jar)  # noqa: T201 - the class path, for `make`
