"""Typed settings: from the environment, or secrets from files. Every field is described.

``TOO_<NAME>`` is common to all services, ``TOO_<SERVICE>_<NAME>`` belongs to one. A secret may also
be given as ``..._FILE``, the path of a file that holds it.
"""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SERVICES = ("ingest", "notify", "planner", "queue-submit", "vetting-api", "circulars")
"""The six services, in the order in which an alert meets them."""

PUBLIC_PORTS = {
    "vetting-api": 8400,
    "ingest": 8410,
    "notify": 8411,
    "planner": 8412,
    "queue-submit": 8413,
    "circulars": 8415,
}
"""Default public port of each service."""
INTERNAL_PORTS = {
    "vetting-api": 8434,
    "ingest": 8430,
    "notify": 8431,
    "planner": 8432,
    "queue-submit": 8433,
    "circulars": 8435,
}
"""Default internal port (metrics, admin API) of each service."""


class _FileSecrets(BaseSettings):
    """Base that also reads ``<PREFIX><FIELD>_FILE``."""

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        prefix = str(cls.model_config.get("env_prefix", ""))
        for name in cls.model_fields:
            path = os.environ.get(f"{prefix}{name}_FILE".upper())
            if path and not name.endswith("_file") and values.get(name) is None:
                try:
                    values[name] = Path(path).read_text(encoding="utf-8").strip()
                except OSError as error:
                    message = f"{prefix}{name}_FILE".upper()
                    raise ValueError(f"{message}: cannot read {path}: {error.strerror}") from error
        return values


class CommonSettings(_FileSecrets):
    """What all services share; read from ``TOO_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="TOO_", extra="ignore")

    profile: Literal["local", "test", "production"] = Field(
        "production", description="In which world we are; simulators are refused in production"
    )
    data_dir: Path = Field(Path("var"), description="State of the local stack, caches")
    kafka_bootstrap_servers: str = Field("127.0.0.1:8450", description="Brokers of our own bus")
    database_url: SecretStr | None = Field(
        None, description="The administrator's address, used by `too db` and `too up` alone"
    )
    bus_prefix: str = Field(
        "", description="Put before each topic and group where several stacks share a cluster"
    )
    stack_clock_url: str | None = Field(
        None, description="Owner of the stack clock (the simulators); unset: 1:1 with the machine"
    )
    public_base_url: str = Field(
        "http://127.0.0.1:8400", description="Address of the front door as people see it"
    )
    trusted_keys_file: Path | None = Field(
        None, description="JWK set with the public key of every service; kid = service name"
    )
    bus_partitions: int = Field(12, description="Partitions of each event topic; never changed")
    bus_replication: int = Field(1, description="Replicas of each topic; 3 in production")
    log_json: bool = Field(
        default=True, description="JSON log lines; false: for a person's terminal"
    )
    log_level: str = Field("INFO", description="Least severity that is logged")
    ingest_url: str = Field("http://127.0.0.1:8410", description="Base address of ingest")
    notify_url: str = Field("http://127.0.0.1:8411", description="Base address of notify")
    planner_url: str = Field("http://127.0.0.1:8412", description="Base address of planner")
    queue_submit_url: str = Field("http://127.0.0.1:8413", description="Base of queue-submit")
    vetting_api_url: str = Field("http://127.0.0.1:8400", description="Base of vetting-api")
    circulars_url: str = Field("http://127.0.0.1:8415", description="Base address of circulars")

    def url_of(self, service: str) -> str:
        """Base address of a service."""
        return str(getattr(self, service.replace("-", "_") + "_url")).rstrip("/")


def service_config(name: str) -> SettingsConfigDict:
    """Configuration of a service's settings class: prefix ``TOO_<SERVICE>_``."""
    prefix = f"TOO_{name.replace('-', '_').upper()}_"
    return SettingsConfigDict(env_prefix=prefix, extra="ignore")


class ServiceSettings(_FileSecrets):
    """Base of every service's settings."""

    database_url: SecretStr = Field(
        SecretStr(""), description="PostgreSQL address of this service's own role"
    )
    signing_key_file: Path | None = Field(
        None, description="Ed25519 private JWK with which this service signs its one-minute tokens"
    )
    http_host: str = Field("127.0.0.1", description="Address on which to listen")
    http_port: int | None = Field(None, description="Public port; default by service")
    internal_port: int | None = Field(None, description="Port of metrics and admin API")
    workers: int = Field(1, ge=0, le=16, description="Processes for CPU work")
    worker_memory_mb: int = Field(3000, description="Address space of a worker process")
    db_pool_size: int = Field(8, ge=2, description="Connections kept open")
