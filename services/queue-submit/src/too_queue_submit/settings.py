"""Settings of queue-submit, read from ``TOO_QUEUE_SUBMIT_<FIELD>``."""

from pathlib import Path

from pydantic import Field
from too_common.settings import ServiceSettings, service_config


class QueueSubmitSettings(ServiceSettings):
    """What an operator chooses. Facilities stand in a file of their own (see ``facilities.py``)."""

    model_config = service_config("queue-submit")

    facilities_file: Path | None = Field(
        None,
        description="YAML with the facilities: addresses, keys, allocation, limits. Unset: the "
        "five telescopes without any address, so that drafts are made and nothing can be sent",
    )
    armed: bool = Field(
        default=False,
        description="Global arm switch: without it nothing is sent to a real telescope, whatever "
        "the facilities' modes say",
    )
    lease_s: float = Field(
        45.0,
        ge=5,
        description="Wall seconds for which one sender owns a facility; an attempt ends within "
        "two thirds of it, and a crashed one is reconciled after it",
    )
    watch_interval_s: float = Field(
        180.0, gt=0, description="Stack seconds between two looks at a queue of ours"
    )
    progress_interval_s: float = Field(
        300.0, gt=0, description="Stack seconds between two readings of executed exposures"
    )
    progress_nights: float = Field(
        3.0, ge=0, description="Days after a window's end in which late processing is still read"
    )
    auto_retry_s: float = Field(
        30.0, gt=0, description="Stack seconds after which a waiting automatic send is tried again"
    )
    max_send_attempts: int = Field(
        5, ge=1, description="Attempts that provably sent nothing, before a person is asked"
    )
    reachability_interval_s: float = Field(
        60.0, gt=0, description="Wall seconds between two looks at each facility that is not off"
    )
