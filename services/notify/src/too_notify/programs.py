"""Science programs: criteria, planning profile, submission policy, priority and paging."""

from enum import IntEnum

from pydantic import BaseModel, ConfigDict, Field
from too_common.contracts.ingest import EventKind
from too_common.contracts.notify import PlanningProfile, SubmissionPolicy

from too_notify.criteria import AllOf, AnyOf, Criteria
from too_notify.predicates import EventKindIs, Flag, FlagIs, MapIs, MissionIs, Quantity, QuantityIs


class Severity(IntEnum):
    """How loudly a program calls; a higher one pages anew, a lower one joins."""

    INFORM = 0
    """Slack only; nobody is woken."""
    PAGE = 1
    URGENT = 2


class ProgramContent(BaseModel):
    """One version of a science program."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    description: str = Field(default="", max_length=2000)
    criteria: Criteria
    planning: PlanningProfile = PlanningProfile()
    submission: SubmissionPolicy = SubmissionPolicy()
    priority: int = Field(default=100, ge=0, description="Lower is more important")
    severity: Severity = Severity.PAGE
    is_active: bool = True


_NOT_TEST = FlagIs(flag=Flag.TEST, value=False)
_NOT_RETRACTED = FlagIs(flag=Flag.RETRACTED, value=False)


def sample_programs() -> tuple[ProgramContent, ...]:
    """Programs that a new installation starts with, to be edited or switched off."""
    return (
        ProgramContent(
            name="Close and well localized GW",
            description="First map within 200 Mpc and 200 deg2: three exposures of 200 s, at most "
            "20 fields a night, until 70 % of the map is covered.",
            criteria=AllOf(
                of=(
                    EventKindIs(any_of=(EventKind.GW,)),
                    _NOT_TEST,
                    _NOT_RETRACTED,
                    MapIs(which="first"),
                    QuantityIs(quantity=Quantity.DISTANCE_MPC, below=200),
                    QuantityIs(quantity=Quantity.AREA90_DEG2, below=200),
                )
            ),
            planning=PlanningProfile(
                exposure_times_s=(200.0, 200.0, 200.0), probability=0.7, max_fields=20
            ),
            priority=10,
        ),
        ProgramContent(
            name="Any significant GW",
            description="Every significant gravitational-wave event gets plans, whatever its area "
            "and distance.",
            criteria=AllOf(
                of=(
                    EventKindIs(any_of=(EventKind.GW,)),
                    _NOT_TEST,
                    _NOT_RETRACTED,
                    AnyOf(
                        of=(
                            FlagIs(flag=Flag.SIGNIFICANT),
                            # LVK's own threshold per pipeline for compact binaries; for notices
                            # that carry no flag (before O4).
                            QuantityIs(quantity=Quantity.FAR_HZ, below=7.7e-8),
                        )
                    ),
                )
            ),
            priority=50,
        ),
        ProgramContent(
            name="GRB prompt",
            description="Bursts of Fermi GBM that are localized to better than 15 degrees.",
            criteria=AllOf(
                of=(
                    EventKindIs(any_of=(EventKind.GRB,)),
                    MissionIs(any_of=("fermi_gbm",)),
                    _NOT_TEST,
                    _NOT_RETRACTED,
                    FlagIs(flag=Flag.SUBTHRESHOLD, value=False),
                    AnyOf(
                        of=(
                            QuantityIs(quantity=Quantity.ERROR_RADIUS_DEG, below=15),
                            QuantityIs(quantity=Quantity.AREA90_DEG2, below=2000),
                        )
                    ),
                )
            ),
            priority=60,
        ),
        ProgramContent(
            name="Neutrino gold",
            description="IceCube tracks of the gold stream: signalness of at least one half.",
            criteria=AllOf(
                of=(
                    EventKindIs(any_of=(EventKind.NEUTRINO,)),
                    _NOT_TEST,
                    _NOT_RETRACTED,
                    QuantityIs(quantity=Quantity.SIGNALNESS, at_least=0.5),
                )
            ),
            priority=70,
        ),
    )
