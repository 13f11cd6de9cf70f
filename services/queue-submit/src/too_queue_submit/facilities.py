"""The facilities file: where each telescope's queue is, whose time it is, what is allowed.

Each facility has an endpoint per world. In mode ``simulated`` only the simulated address is ever
opened, in mode ``live`` only the live one: a wrong switch cannot reach the wrong telescope. The
file cannot set ``live``: that is an act of a person.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from too_common.contracts.queue_submit import FacilityMode

from too_queue_submit.allocation import Allocation, Limits
from too_queue_submit.telescopes import ADAPTERS


class FacilitiesFileError(ValueError):
    """The facilities file cannot be used; says where."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ZtfHttp(_Part):
    """The scheduler's HTTP API. It has no authentication: whoever reaches it commands."""

    kind: Literal["ztf_http"] = "ztf_http"
    base_url: str = Field(pattern=r"^https?://[^/\s]+(/[^\s?#]*)?$")
    timeout_s: float = Field(default=10.0, gt=0, le=30)


class Sftp(_Part):
    """A folder at a telescope."""

    kind: Literal["sftp"] = "sftp"
    host: str
    port: int = Field(default=22, ge=1, le=65535)
    username: str
    private_key_file: Path | None = None
    password_file: Path | None = None
    host_key_file: Path = Field(description="Public key of the server (OpenSSH): pinned")
    directory: str = Field(default=".", pattern=r"^[A-Za-z0-9._/-]+$")
    timeout_s: float = Field(default=10.0, gt=0, le=30)


class IrsaTap(_Part):
    """IRSA's TAP service, table of ZTF's quadrants."""

    kind: Literal["irsa_tap"] = "irsa_tap"
    url: str
    table: str = Field(default="ztf.ztf_current_meta_sci", pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")
    username: str | None = None
    password_file: Path | None = None
    max_rows: int = Field(default=20_000, ge=1)
    timeout_s: float = Field(default=60.0, gt=0)


class ZtfDepot(_Part):
    """ZTF's depot of nightly files."""

    kind: Literal["ztf_depot"] = "ztf_depot"
    url: str = Field(description="Base address; files are at <url>/YYYYMMDD/...")
    username: str | None = None
    password_file: Path | None = None
    timeout_s: float = Field(default=20.0, gt=0)


class GattiniDatabase(_Part):
    """Gattini's PostgreSQL, by a role that may only read."""

    kind: Literal["gattini_database"] = "gattini_database"
    url: SecretStr | None = None
    url_file: Path | None = None
    statement_timeout_s: float = Field(default=10.0, gt=0)

    @model_validator(mode="after")
    def _has_address(self) -> "GattiniDatabase":
        if (self.url is None) == (self.url_file is None):
            raise ValueError("give either url or url_file")
        return self


class Files(_Part):
    """A folder of ours with JSON or ECSV files of executed exposures."""

    kind: Literal["files"] = "files"
    path: Path


class SftpFiles(_Part):
    """The same kind of files, in a folder at the telescope's own sftp server."""

    kind: Literal["sftp_files"] = "sftp_files"
    directory: str = Field(pattern=r"^[A-Za-z0-9._/-]+$")


ProgressSource = Annotated[
    IrsaTap | ZtfDepot | GattiniDatabase | Files | SftpFiles, Field(discriminator="kind")
]


class Endpoint(_Part):
    """One world of a facility: how to send, and where to read what was observed."""

    transport: Annotated[ZtfHttp | Sftp, Field(discriminator="kind")]
    progress: tuple[ProgressSource, ...] = ()


class FacilityConfig(_Part):
    """One facility."""

    adapter: str
    telescope: str | None = Field(default=None, description="Planner's name; default: the same")
    mode: Literal["off", "simulated"] = Field(
        default="off", description="At the very first start; afterwards a person's switch decides"
    )
    simulated: Endpoint | None = None
    live: Endpoint | None = None
    allocation: Allocation = Allocation()
    limits: Limits = Limits()
    needs_person: bool = Field(
        default=False, description="A person loads what we deliver (DECam): ask if none did"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "FacilityConfig":
        if self.adapter not in ADAPTERS:
            raise ValueError(f"adapter {self.adapter!r} is not one of {', '.join(ADAPTERS)}")
        wanted = "ztf_http" if self.adapter == "ztf" else "sftp"
        for endpoint in (self.simulated, self.live):
            if endpoint is not None and endpoint.transport.kind != wanted:
                raise ValueError(f"adapter {self.adapter} needs transport kind {wanted}")
        return self

    def endpoint(self, mode: FacilityMode) -> Endpoint | None:
        """Endpoint of a world; none for ``off``."""
        if mode is FacilityMode.SIMULATED:
            return self.simulated
        return self.live if mode is FacilityMode.LIVE else None


class _FileModel(_Part):
    facilities: dict[str, FacilityConfig] = Field(min_length=1)


class Facilities(Mapping[str, FacilityConfig]):
    """The facilities by name, and by the telescope that planner knows."""

    def __init__(self, configs: Mapping[str, FacilityConfig]) -> None:
        self._configs = dict(configs)
        self._by_telescope = {
            config.telescope or name: name for name, config in self._configs.items()
        }

    def __getitem__(self, name: str) -> FacilityConfig:
        return self._configs[name]

    def __iter__(self) -> Any:
        return iter(self._configs)

    def __len__(self) -> int:
        return len(self._configs)

    def of_telescope(self, telescope: str) -> str | None:
        """Name of the facility that observes for a telescope, if any."""
        return self._by_telescope.get(telescope)


def default_facilities() -> Facilities:
    """The five telescopes without addresses: drafts are rendered, nothing can be sent."""
    return Facilities(
        {
            "ZTF": FacilityConfig(
                adapter="ztf",
                limits=Limits(dec_max_deg=87.5, hour_angle_max_h=5.95, exposure_s_max=600.0),
            ),
            "DECam": FacilityConfig(
                adapter="decam", needs_person=True, limits=Limits(hour_angle_max_h=5.3)
            ),
            "KPED": FacilityConfig(adapter="kped"),
            "Gattini": FacilityConfig(adapter="gattini"),
            "GROWTH-India": FacilityConfig(adapter="growth_india"),
        }
    )


def load_facilities(path: Path | None) -> Facilities:
    """Read the facilities file; without one, `default_facilities`.

    Relative paths in the file are relative to its folder.

    Raises
    ------
    FacilitiesFileError
        With the place and the reason.
    """
    if path is None:
        return default_facilities()
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        parsed = _FileModel.model_validate(raw)
    except (OSError, yaml.YAMLError) as error:
        raise FacilitiesFileError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FacilitiesFileError(f"{path}: {where}: {first['msg']}") from error
    return Facilities(
        {name: _absolute(config, path.parent) for name, config in parsed.facilities.items()}
    )


def _absolute(config: FacilityConfig, folder: Path) -> FacilityConfig:
    return config.model_copy(
        update={
            world: _absolute_endpoint(endpoint, folder)
            for world in ("simulated", "live")
            if (endpoint := getattr(config, world)) is not None
        }
    )


def _absolute_endpoint(endpoint: Endpoint, folder: Path) -> Endpoint:
    return endpoint.model_copy(
        update={
            "transport": _absolute_part(endpoint.transport, folder),
            "progress": tuple(_absolute_part(source, folder) for source in endpoint.progress),
        }
    )


def _absolute_part(part: Any, folder: Path) -> Any:
    changes = {
        name: folder / value
        for name, value in part
        if isinstance(value, Path) and not value.is_absolute()
    }
    return part.model_copy(update=changes)


def read_secret(path: Path | None) -> str | None:
    """Content of a secret's file, without the line end."""
    return None if path is None else path.read_text(encoding="utf-8").strip()
