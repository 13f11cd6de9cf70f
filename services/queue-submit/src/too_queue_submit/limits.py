"""Limits per facility and allocation (rule 8): what is refused, and what is only warned of."""

from collections import Counter

import numpy as np

from too_queue_submit import sky
from too_queue_submit.allocation import Allocation, Limits
from too_queue_submit.errors import LimitExceededError
from too_queue_submit.plan_document import PlanDocument
from too_queue_submit.telescope_definition import TelescopeDefinition


def check_limits(
    plan: PlanDocument,
    *,
    telescope: TelescopeDefinition,
    allocation: Allocation,
    limits: Limits,
    total_time_s: float,
) -> tuple[str, ...]:
    """Refuse a plan beyond the limits; return warnings for the approver.

    Raises
    ------
    LimitExceededError
        With the first limit that is exceeded, in words for a person.
    """
    _check_counts(plan, limits=limits, total_time_s=total_time_s)
    _check_program(allocation, limits)
    _check_filters(plan, telescope=telescope, limits=limits)
    _check_geometry(plan, telescope=telescope, limits=limits)
    return _warnings(plan, telescope=telescope, limits=limits)


def check_night(*, hours_asked: float, hours_taken: float, limits: Limits) -> None:
    """Refuse when this and what is already at the facility exceed a night's share.

    Raises
    ------
    LimitExceededError
        Code ``night_hours``.
    """
    if hours_asked + hours_taken > limits.max_hours_per_night + 1e-9:
        raise LimitExceededError(
            f"{hours_asked:.2f} h asked and {hours_taken:.2f} h taken already exceed the "
            f"{limits.max_hours_per_night:g} h of a night",
            code="night_hours",
        )


def _check_counts(plan: PlanDocument, *, limits: Limits, total_time_s: float) -> None:
    count = len(plan.exposures)
    if count > limits.max_exposures:
        raise LimitExceededError(
            f"{count} exposures exceed the limit of {limits.max_exposures}", code="max_exposures"
        )
    check_night(hours_asked=total_time_s / 3600, hours_taken=0.0, limits=limits)
    for number, exposure in enumerate(plan.exposures, start=1):
        if not limits.exposure_s_min <= exposure.exposure_s <= limits.exposure_s_max:
            raise LimitExceededError(
                f"exposure {number}: {exposure.exposure_s:g} s is outside of "
                f"{limits.exposure_s_min:g} to {limits.exposure_s_max:g} s",
                code="exposure_time",
            )
    repeats = Counter(
        (e.field_id or (round(e.ra_deg, 4), round(e.dec_deg, 4)), e.filter) for e in plan.exposures
    )
    (field, band), most = repeats.most_common(1)[0]
    if most > limits.repeats_per_field_and_filter:
        raise LimitExceededError(
            f"field {field} is asked {most} times in {band}; "
            f"{limits.repeats_per_field_and_filter} are allowed",
            code="repeated_field",
        )


def _check_program(allocation: Allocation, limits: Limits) -> None:
    if limits.program_ids and allocation.program_id not in limits.program_ids:
        raise LimitExceededError(
            f"program id {allocation.program_id} is not one of {list(limits.program_ids)}",
            code="program_id",
        )


def _check_filters(plan: PlanDocument, *, telescope: TelescopeDefinition, limits: Limits) -> None:
    allowed = limits.filters or telescope.filters
    strange = sorted({e.filter for e in plan.exposures} - set(allowed)) if allowed else []
    if strange:
        raise LimitExceededError(
            f"filter {', '.join(strange)} is not one of {', '.join(allowed)}", code="filter"
        )


def _check_geometry(plan: PlanDocument, *, telescope: TelescopeDefinition, limits: Limits) -> None:
    site = telescope.place
    ra = np.array([e.ra_deg for e in plan.exposures])
    dec = np.array([e.dec_deg for e in plan.exposures])
    mid = np.array([sky.mjd(e.start) + e.exposure_s / 2 / 86400 for e in plan.exposures])
    ra_date, dec_date = sky.of_date(ra, dec, float(mid[0]))
    hour_angle_h = (sky.local_sidereal_time_deg(site, mid) - ra_date + 180) % 360 / 15 - 12
    sine = np.sin(np.radians(sky.altitude_deg(site, ra_date, dec_date, mid)))
    airmass = np.where(sine > 0, 1 / np.maximum(sine, 1e-6), np.inf)
    for index, exposure in enumerate(plan.exposures):
        label = f"exposure {index + 1} (field {exposure.field_id or 'by position'})"
        if airmass[index] > limits.airmass_max:
            raise LimitExceededError(
                f"{label}: airmass {airmass[index]:.2f} exceeds {limits.airmass_max:g}",
                code="airmass",
            )
        if abs(hour_angle_h[index]) > limits.hour_angle_max_h:
            raise LimitExceededError(
                f"{label}: hour angle {hour_angle_h[index]:.2f} h exceeds "
                f"{limits.hour_angle_max_h:g} h",
                code="hour_angle",
            )
        if not limits.dec_min_deg <= exposure.dec_deg <= limits.dec_max_deg:
            raise LimitExceededError(
                f"{label}: declination {exposure.dec_deg:.2f} deg is outside of the limits",
                code="declination",
            )


def _warnings(
    plan: PlanDocument, *, telescope: TelescopeDefinition, limits: Limits
) -> tuple[str, ...]:
    found: list[str] = []
    if telescope.airmass_max is not None:
        high = sum((e.airmass or 0.0) > telescope.airmass_max for e in plan.exposures)
        if high:
            found.append(f"{high} exposures above airmass {telescope.airmass_max:g}")
    separation = sky.moon_separation_deg(
        np.array([e.ra_deg for e in plan.exposures]),
        np.array([e.dec_deg for e in plan.exposures]),
        np.array([sky.mjd(e.start) for e in plan.exposures]),
    )
    near = int(np.sum(separation < limits.moon_separation_min_deg))
    if near:
        found.append(
            f"{near} exposures within {limits.moon_separation_min_deg:g} deg of the Moon "
            f"(closest {float(separation.min()):.1f} deg)"
        )
    return tuple(found)
