"""Build the image, and run each of the six services from it as production does.

Read-only, without capabilities, as a numeric user that is not root, against an embedded PostgreSQL
and Kafka on this machine: first the migration as the service's own role, then the service until it
is ready. Needs podman; where no image registry is reached, the base image is made with debootstrap
(`--make-base`, as root). A missing tool is an error that names it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import which
from urllib.error import URLError
from urllib.request import urlopen

from too_common.auth.tokens import make_key_pair
from too_common.db.migrate import provision, service_url
from too_common.local.kafka import EmbeddedKafka
from too_common.local.ports import free_ports
from too_common.local.postgres import EmbeddedPostgres
from too_common.settings import SERVICES

ROOT = Path(__file__).resolve().parents[1]
IMAGE = "localhost/too-marshal:check"
BASE = "localhost/library/python:3.12-slim-bookworm"
READY_S = 120.0
CA_FILE = Path("/etc/ssl/certs/ca-certificates.crt")


def run(*command: str, quiet: bool = False) -> str:
    """Run a command; exits with its output if it fails."""
    done = subprocess.run(  # noqa: S603  -- commands of this file
        command, text=True, capture_output=quiet, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} ... failed\n{done.stdout or ''}{done.stderr or ''}")
    return (done.stdout or "").strip()


def need(tool: str, package: str) -> None:
    """Exit if a tool is missing."""
    if which(tool) is None:
        sys.exit(f"{tool} is missing: install it (Debian and Ubuntu: apt-get install {package})")


def make_base() -> None:
    """Make the base image from Debian's packages, for machines without an image registry."""
    need("debootstrap", "debootstrap")
    if not subprocess.run(  # noqa: S603  -- a command of this file
        [str(which("podman")), "image", "exists", BASE], check=False
    ).returncode:
        return
    with tempfile.TemporaryDirectory(prefix="too-base-") as folder:
        print("base image: debootstrap (about 80 s)", flush=True)
        packages = "python3,python3-venv,python3-pip,ca-certificates"
        run("debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", folder,
            quiet=True)  # fmt: skip
        tar = Path(folder).with_suffix(".tar")
        try:
            run("tar", "-C", folder, "-cf", str(tar), ".")
            run("podman", "import", "--quiet", str(tar), BASE, quiet=True)
        finally:
            tar.unlink(missing_ok=True)


def build(base: str | None) -> None:
    """Build the image from deploy/Containerfile."""
    command = ["podman", "build", "-f", "deploy/Containerfile", "-t", IMAGE, "--network", "host"]
    if base:
        command += ["--pull=never", "--build-arg", f"PYTHON_IMAGE={base}"]
    if CA_FILE.exists():
        command += ["--secret", f"id=ca,src={CA_FILE}"]
    started = time.monotonic()
    run(*command, str(ROOT))
    size = run("podman", "image", "inspect", IMAGE, "--format", "{{.Size}}", quiet=True)
    print(
        f"image built in {time.monotonic() - started:.0f} s, {int(size) / 1e6:.0f} MB", flush=True
    )


def environment(
    folder: Path, service: str, url: str, kafka: int, ports: dict[str, int]
) -> list[str]:
    """Options that give a container its environment and keys."""
    upper = service.replace("-", "_").upper()
    values = {
        "TOO_PROFILE": "test",
        "TOO_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka}",
        "TOO_INGEST_GCN_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka}",
        "TOO_TRUSTED_KEYS_FILE": "/keys/trusted.json",
        f"TOO_{upper}_SIGNING_KEY_FILE": f"/keys/{service}.json",
        f"TOO_{upper}_DATABASE_URL": url,
        f"TOO_{upper}_HTTP_PORT": str(ports["http"]),
        f"TOO_{upper}_INTERNAL_PORT": str(ports["internal"]),
    }
    options = ["--volume", f"{folder}:/keys:ro"]
    for name, value in values.items():
        options += ["--env", f"{name}={value}"]
    return options


HARDENED = (
    "--network", "host", "--read-only", "--tmpfs", "/tmp:rw,size=512m,mode=1777",  # noqa: S108
    "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "10001:10001",
    # podman's defaults exceed what an unprivileged machine may set
    "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096",
)  # fmt: skip


def try_service(service: str, folder: Path, url: str, kafka: int) -> None:
    """Migrate, start, wait until ready, and stop one service."""
    http, internal = free_ports(2)
    options = environment(folder, service, url, kafka, {"http": http, "internal": internal})
    name = f"too-check-{service}"
    run("podman", "run", "--rm", *HARDENED, *options, IMAGE, "db", "migrate", "--service", service,
        quiet=True)  # fmt: skip
    started = time.monotonic()
    run("podman", "run", "--detach", "--name", name, *HARDENED, *options, IMAGE, "serve", service,
        quiet=True)  # fmt: skip
    try:
        answer = wait_ready(f"http://127.0.0.1:{http}/readyz", name)
        memory = run("podman", "stats", "--no-stream", "--format", "{{.MemUsage}}", name,
                     quiet=True)  # fmt: skip
        print(f"{service}: ready in {time.monotonic() - started:.1f} s, {memory}, "
              f"{json.dumps(answer['parts'])}", flush=True)  # fmt: skip
    finally:
        run("podman", "stop", "--time", "40", name, quiet=True)
        run("podman", "rm", name, quiet=True)


def wait_ready(address: str, name: str) -> dict[str, dict[str, str]]:
    """Ask until the service is ready; exits with its log if it never is."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            with urlopen(address, timeout=2) as answer:  # noqa: S310  -- loopback
                document: dict[str, dict[str, str]] = json.load(answer)
                return document
        except (URLError, OSError):
            time.sleep(0.3)
    log = subprocess.run(  # noqa: S603  -- a command of this file
        [str(which("podman")), "logs", "--tail", "30", name],
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    sys.exit(f"{name} was not ready in {READY_S:g} s:\n{log.stdout}{log.stderr}")


def main() -> None:
    """Build and try all six."""
    import asyncio

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--make-base", action="store_true", help="make the base with debootstrap")
    parser.add_argument("--no-build", action="store_true", help="use the image that is there")
    parser.add_argument("--services", nargs="*", default=list(SERVICES), help="only these")
    given = parser.parse_args()
    need("podman", "podman")
    base = BASE if given.make_base else None
    if given.make_base:
        make_base()
    if not given.no_build:
        build(base)
    with tempfile.TemporaryDirectory(prefix="too-images-") as name:
        folder = Path(name)
        keys = folder / "keys"
        keys.mkdir()
        public = []
        for service in SERVICES:
            private, one = make_key_pair(service)
            (keys / f"{service}.json").write_text(json.dumps(private))
            public.append(one)
        (keys / "trusted.json").write_text(json.dumps({"keys": public}))
        for path in (folder, keys, *keys.iterdir()):
            # keys of this check alone, which the container's own user must read
            os.chmod(path, 0o755 if path.is_dir() else 0o644)  # noqa: PTH101
        ports = free_ports(3)
        postgres = EmbeddedPostgres(folder / "pg", ports[0], durable=False)
        kafka = EmbeddedKafka(folder / "kafka", ports[1], ports[2])
        postgres.start()
        try:
            kafka.start()
            admin = postgres.url()
            asyncio.run(provision(admin, dict.fromkeys(given.services, "check")))
            for service in given.services:
                try_service(service, keys, service_url(admin, service, "check"), ports[1])
        finally:
            kafka.stop()
            postgres.stop()
    print(f"{len(given.services)} services ran from the image")


if __name__ == "__main__":
    main()
