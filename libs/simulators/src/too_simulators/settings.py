"""Settings of the simulators, read from ``TOO_SIMULATORS_*``."""

import os
from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class FileTelescope(StrEnum):
    """Telescopes that take files over sftp."""

    DECAM = "DECam"
    KPED = "KPED"
    GATTINI = "Gattini"
    GROWTH_INDIA = "GROWTH-India"


def _state_dir() -> Path:
    return Path(os.environ.get("TOO_DATA_DIR", "var")) / "simulators"


class SimulatorSettings(BaseSettings):
    """Where the simulated world listens, what it keeps, and its made-up credentials."""

    model_config = SettingsConfigDict(env_prefix="TOO_SIMULATORS_", extra="ignore")

    http_host: str = Field("127.0.0.1", description="Loopback only, unless in a container")
    http_port: int = Field(8401, ge=0, description="All simulated hosts under path prefixes")
    public_url: str | None = Field(None, description="Address of the above, if it is another")
    smtp_port: int = Field(8441, ge=0, description="Mail server")
    sftp_decam_port: int = Field(8442, ge=0, description="sftp server of DECam")
    sftp_kped_port: int = Field(8443, ge=0, description="sftp server of KPED")
    sftp_gattini_port: int = Field(8444, ge=0, description="sftp server of Gattini")
    sftp_growth_india_port: int = Field(8445, ge=0, description="sftp server of GROWTH-India")
    sftp_user: str = Field("too", description="User of all sftp servers")
    sftp_authorized_keys_file: Path | None = Field(
        None, description="Public keys that may log in beside our own"
    )
    state_dir: Path = Field(default_factory=_state_dir, description="States, journal, files, keys")

    twilio_account_sid: str = Field("AC" + "0" * 32, description="The one account")
    twilio_api_key_sid: str = Field("SK" + "0" * 32, description="User name of the API key")
    twilio_api_key_secret: SecretStr = Field(
        SecretStr("simulated-api-key-secret"), description="Password of the API key"
    )
    twilio_auth_token: SecretStr = Field(
        SecretStr("simulated-auth-token"), description="Signs callbacks; a password too"
    )
    slack_token: SecretStr = Field(SecretStr("xoxb-simulated"), description="The bot's token")
    slack_signing_secret: SecretStr = Field(
        SecretStr("simulated-signing-secret"), description="Signs interactions"
    )
    notify_webhook_base_url: str | None = Field(
        None, description="Where incoming messages and presses of buttons go"
    )
    twilio_sms_path: str = Field(
        "/webhooks/twilio/sms", description="Path of the webhook for incoming messages"
    )
    slack_interactions_path: str = Field(
        "/webhooks/slack/interactions", description="Path of the webhook for pressed buttons"
    )

    ztf_older_server: bool = Field(default=False, description="Answer as the older scheduler does")
    irsa_first_s: float = Field(600.0, description="End of exposure to its first quadrants")
    irsa_spread_s: float = Field(900.0, description="From the first quadrants to the last")
    irsa_max_rows: int = Field(200_000, description="More rows than that overflow")
    depot_delay_s: float = Field(1800.0, description="End of exposure to its line in the depot")
    depot_user: str = Field("depot", description="HTTP Basic user of the depot")
    depot_password: SecretStr = Field(SecretStr("simulated-depot"), description="Its password")
    reader_delay_s: float = Field(30.0, description="Delivery to being taken by a reader")
    decam_person_delay_s: float | None = Field(
        60.0, description="Delivery to being loaded by a person; none: never"
    )
    gattini_database_url: SecretStr | None = Field(
        None, description="Postgres of Gattini's pipeline, as administrator"
    )
    gattini_reader: str = Field("gattini_reader", description="Role that may only read there")
    gattini_reader_password: SecretStr = Field(
        SecretStr("simulated-reader"), description="Its password"
    )
    gcn_bootstrap_servers: str | None = Field(
        None, description="Broker that stands for GCN's: heartbeats and circulars go there"
    )
    gcn_submitter_token: SecretStr = Field(
        SecretStr("simulated-gcn-token"), description="Bearer of POST /gcn/api/circulars"
    )

    def sftp_port(self, telescope: FileTelescope) -> int:
        """Port of one sftp server."""
        return {
            FileTelescope.DECAM: self.sftp_decam_port,
            FileTelescope.KPED: self.sftp_kped_port,
            FileTelescope.GATTINI: self.sftp_gattini_port,
            FileTelescope.GROWTH_INDIA: self.sftp_growth_india_port,
        }[telescope]

    def base_url(self, http_port: int) -> str:
        """Address of the HTTP server, without a slash at the end."""
        return (self.public_url or f"http://{self.http_host}:{http_port}").rstrip("/")

    def webhook(self, path: str) -> str | None:
        """Address of one of the customer's webhooks."""
        if self.notify_webhook_base_url is None:
            return None
        return self.notify_webhook_base_url.rstrip("/") + path
