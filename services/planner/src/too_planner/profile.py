"""A program's planning profile, fitted to one telescope."""

from too_common.contracts.notify import PlanningProfile

from too_planner.request import DepthTarget, Objective, PlanRequest, Window
from too_planner.telescope import FilterOrder, TelescopeDefinition


def request_of_profile(
    profile: PlanningProfile,
    telescope: TelescopeDefinition,
    window: Window,
    *,
    has_distance: bool = False,
) -> PlanRequest:
    """What a program asks of a telescope.

    A profile is written for many telescopes. Filters that this one does not have are left out
    with their exposure times; if none is left, the telescope's own sequence is used, with the
    profile's exposure time if that is one for all. A target's magnitude counts where the map has
    distances and the telescope's depth in one of the filters is known.

    Parameters
    ----------
    has_distance
        The map has distances.
    """
    filters, times = fit_filters(profile.filters, profile.exposure_times_s, telescope)
    order = profile.filter_order or telescope.defaults.filter_order.value
    integrated = order == FilterOrder.INTEGRATED.value
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
        objective=None if profile.objective is None else Objective(profile.objective),
        filter_order=None if profile.filter_order is None else FilterOrder(profile.filter_order),
        # where single looks count there is no sequence to be completed
        balanced=profile.balanced if profile.objective != "any" or integrated else None,
        dither=profile.dither,
        moon_separation_min_deg=profile.moon_separation_min_deg,
        galactic_latitude_min_deg=profile.galactic_latitude_min_deg,
        depth=_depth(profile, telescope, filters) if has_distance else None,
    )


def _depth(
    profile: PlanningProfile, telescope: TelescopeDefinition, filters: tuple[str, ...] | None
) -> DepthTarget | None:
    used = filters if filters is not None else telescope.defaults.filters
    known = {
        name: value
        for name, value in (profile.absolute_mag or {}).items()
        if name in used and telescope.depth_in(name) is not None and -35 <= value <= 10
    }
    return DepthTarget(absolute_mag=known) if known else None


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
