"""A program's planning profile, fitted to one telescope."""

from too_common.contracts.notify import PlanningProfile

from too_planner.request import PlanRequest, Window
from too_planner.telescope import TelescopeDefinition


def request_of_profile(
    profile: PlanningProfile, telescope: TelescopeDefinition, window: Window
) -> PlanRequest:
    """What a program asks of a telescope.

    A profile is written for many telescopes. Filters that this one does not have are left out
    with their exposure times; if none is left, the telescope's own sequence is used, with the
    profile's exposure time if that is one for all.
    """
    filters, times = fit_filters(profile.filters, profile.exposure_times_s, telescope)
    return PlanRequest(
        telescope=telescope.name,
        windows=(window,),
        filters=filters,
        exposure_times_s=times,
        min_gap_s=profile.min_gap_s,
        max_fields=profile.max_fields,
        probability=profile.probability,
        airmass_max=profile.airmass_max,
        require_references=profile.require_references,
    )


def fit_filters(
    filters: tuple[str, ...] | None,
    times: tuple[float, ...] | None,
    telescope: TelescopeDefinition,
) -> tuple[tuple[str, ...] | None, tuple[float, ...] | None]:
    """Filters and exposure times that were written for many telescopes, for this one."""
    if filters is not None:
        if times is not None and len(times) == 1:
            times = times * len(filters)
        kept = [
            (name, times[place] if times is not None and len(times) == len(filters) else None)
            for place, name in enumerate(filters)
            if name in telescope.filters
        ]
        if kept:
            filters = tuple(name for name, _ in kept)
            if times is not None:
                times = tuple(time for _, time in kept if time is not None) or None
        else:
            filters = None
            times = times[:1] if times is not None and len(set(times)) == 1 else None
    elif times is not None and len(times) not in {1, len(telescope.defaults.filters)}:
        # n exposures without named filters: the telescope's first filter n times
        filters = (telescope.defaults.filters[0],) * len(times)
    return filters, times
