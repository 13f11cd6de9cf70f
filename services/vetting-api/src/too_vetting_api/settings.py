"""Settings of vetting-api: ``TOO_VETTING_API_<FIELD>``."""

from pathlib import Path

from pydantic import Field, SecretStr
from too_common.settings import ServiceSettings, service_config


class VettingApiSettings(ServiceSettings):
    """What an operator may set for the front door."""

    model_config = service_config("vetting-api")

    bootstrap_username: str | None = Field(
        None, description="Login of the first account, made if there is none"
    )
    bootstrap_password: SecretStr | None = Field(
        None, description="Password of the first account (or ..._FILE)"
    )
    bootstrap_name: str = Field("", description="Name of the first account's person")
    bootstrap_affiliation: str = Field("", description="Affiliation of the first account's person")
    simulators_url: str = Field(
        "", description="Page of the simulators, linked from the banner; empty in production"
    )
    session_lifetime_h: float = Field(
        24.0 * 14, gt=0, description="A login ends after this time without use"
    )
    login_attempts: int = Field(
        10, ge=1, description="Failed logins per name and per address in a quarter of an hour"
    )
    forward_timeout_s: float = Field(
        60.0, gt=0, description="How long an owner may take to answer a forwarded request"
    )
    upload_limit_mb: float = Field(64.0, gt=0, description="Largest request that is forwarded")
    candidate_file_limit_mb: float = Field(8.0, gt=0, description="Largest file of candidates")
    catalogue_dir: Path | None = Field(
        None, description="Where catalogue snapshots lie; default <TOO_DATA_DIR>/vetting-api"
    )
    load_sample_catalogue: bool = Field(
        default=True, description="Load the embedded sample (OpenNGC) if no catalogue is there"
    )
    trust_forwarded_for: bool = Field(
        default=False,
        description="Take the client's address from X-Forwarded-For (Ingress)",
    )
