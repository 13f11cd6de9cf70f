"""Where the parts of the local stack listen and what lies where on disk."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from too_common.settings import INTERNAL_PORTS, PUBLIC_PORTS

DEFAULT_PORT_BASE = 8400
_HIGHEST_OFFSET = 52
_HIGHEST_BASE = 65535 - _HIGHEST_OFFSET
SFTP_TELESCOPES = ("decam", "kped", "gattini", "growth-india")
"""Telescopes that take files, in the order of their ports."""


class LayoutError(Exception):
    """A setting of the local stack cannot be; the message is for a person."""


@dataclass(frozen=True)
class Ports:
    """Every port, at a fixed distance from the first."""

    base: int = DEFAULT_PORT_BASE

    def public(self, service: str) -> int:
        """HTTP port of a service."""
        return self.base + PUBLIC_PORTS[service] - DEFAULT_PORT_BASE

    def internal(self, service: str) -> int:
        """Port of a service's metrics and admin API."""
        return self.base + INTERNAL_PORTS[service] - DEFAULT_PORT_BASE

    def sftp(self, telescope: str) -> int:
        """Port of a telescope's sftp server."""
        return self.base + 42 + SFTP_TELESCOPES.index(telescope)

    @property
    def simulators(self) -> int:
        """HTTP port of the simulated world."""
        return self.base + 1

    @property
    def smtp(self) -> int:
        """Port of the simulated mail server."""
        return self.base + 41

    @property
    def kafka(self) -> int:
        """Port of the broker."""
        return self.base + 50

    @property
    def kafka_controller(self) -> int:
        """Port of the broker's controller."""
        return self.base + 51

    @property
    def postgres(self) -> int:
        """Port of the database."""
        return self.base + 52

    def named(self) -> dict[str, int]:
        """Every port with the name of its part, for messages."""
        return {
            "vetting-api (the web page)": self.public("vetting-api"),
            "simulators": self.simulators,
            **{name: self.public(name) for name in PUBLIC_PORTS if name != "vetting-api"},
            **{f"{name}, internal": self.internal(name) for name in INTERNAL_PORTS},
            "simulated mail server": self.smtp,
            **{f"simulated sftp of {name}": self.sftp(name) for name in SFTP_TELESCOPES},
            "Kafka": self.kafka,
            "Kafka's controller": self.kafka_controller,
            "PostgreSQL": self.postgres,
        }


@dataclass(frozen=True)
class Layout:
    """The local stack's folders and ports."""

    data_dir: Path
    ports: Ports

    @property
    def secrets_dir(self) -> Path:
        """Keys and passwords, readable by the owner alone."""
        return self.data_dir / "secrets"

    @property
    def log_dir(self) -> Path:
        """One log per process."""
        return self.data_dir / "log"

    @property
    def postgres_dir(self) -> Path:
        """The database cluster."""
        return self.data_dir / "postgres"

    @property
    def kafka_dir(self) -> Path:
        """The broker's data."""
        return self.data_dir / "kafka"

    @property
    def simulators_dir(self) -> Path:
        """What the simulated world was told."""
        return self.data_dir / "simulators"

    @property
    def cli_file(self) -> Path:
        """Address and token for `too`, and the first login."""
        return self.data_dir / "too-cli.json"

    @property
    def lock_file(self) -> Path:
        """Held while the stack runs."""
        return self.data_dir / "too-up.lock"

    @property
    def migrated_file(self) -> Path:
        """Says which migrations the embedded database has; spares looking at every start."""
        return self.data_dir / "migrated"

    @property
    def samples_file(self) -> Path:
        """There once the sample alerts were sent."""
        return self.data_dir / "samples-sent"

    @property
    def facilities_file(self) -> Path:
        """Addresses of the simulated telescopes, for queue-submit."""
        return self.secrets_dir / "facilities.yaml"

    @property
    def page_url(self) -> str:
        """Address of the web page."""
        return f"http://127.0.0.1:{self.ports.public('vetting-api')}"

    @property
    def simulators_url(self) -> str:
        """Address of the simulated world."""
        return f"http://127.0.0.1:{self.ports.simulators}"

    def service_url(self, service: str) -> str:
        """Address of a service's public port."""
        return f"http://127.0.0.1:{self.ports.public(service)}"

    def internal_url(self, service: str) -> str:
        """Address of a service's internal port."""
        return f"http://127.0.0.1:{self.ports.internal(service)}"

    def log_file(self, process: str) -> Path:
        """Log of one process."""
        return self.log_dir / f"{process}.log"


def read_layout(environment: Mapping[str, str] | None = None) -> Layout:
    """Layout from `TOO_DATA_DIR` (default ``var``) and `TOO_PORT_BASE` (default 8400).

    Raises
    ------
    LayoutError
        If the port base is not a number or leaves no room.
    """
    given = os.environ if environment is None else environment
    text = given.get("TOO_PORT_BASE") or str(DEFAULT_PORT_BASE)
    if not text.isdigit() or not 1024 <= int(text) <= _HIGHEST_BASE:
        raise LayoutError(
            f"TOO_PORT_BASE={text}: a number between 1024 and {_HIGHEST_BASE} is needed "
            f"(the stack uses the ports from there to {_HIGHEST_OFFSET} above)"
        )
    data_dir = Path(given.get("TOO_DATA_DIR") or "var").expanduser().absolute()
    return Layout(data_dir=data_dir, ports=Ports(int(text)))
