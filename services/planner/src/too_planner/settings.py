"""Settings of the planner."""

from pathlib import Path

from pydantic import Field
from too_common.settings import ServiceSettings, service_config


class PlannerSettings(ServiceSettings):
    """Read from ``TOO_PLANNER_<NAME>``."""

    model_config = service_config("planner")

    workers: int = Field(2, ge=0, le=16, description="Processes that make plans")
    worker_memory_mb: int = Field(2500, description="Address space of a planning process")
    telescopes_dir: Path | None = Field(
        None,
        description="Folder with telescope files (*.yaml) and grid files (*.npz) of the operator; "
        "a file replaces the built-in telescope of the same name",
    )
    plan_deadline_s: float = Field(
        120.0, gt=0, description="A plan that takes longer is given up and a person is told"
    )
    network_deadline_s: float = Field(
        20.0, gt=0, description="How long telescopes that share the sky are improved"
    )
