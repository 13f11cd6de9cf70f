"""Two plans side by side: what they see, what they share, what one of them adds."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from too_common.astro.footprint import Footprint

from too_planner import coverage
from too_planner.coverage import Points
from too_planner.pointings_file import PointingsError, places_of, rows_of


@dataclass(frozen=True)
class PlanFile:
    """A plan as a file tells it.

    Attributes
    ----------
    rows : list of dict
        Exposures.
    document : dict
        The whole plan, if the file has it.
    """

    name: str
    telescope: str | None
    rows: list[dict[str, Any]]
    document: dict[str, Any]

    @property
    def places(self) -> list[tuple[float, float]]:
        """Different places, dithers left out."""
        return places_of(row for row in self.rows if int(row.get("dither") or 0) == 0)

    @property
    def fields(self) -> dict[str, tuple[float, float]]:
        """Places by field, or by themselves where a field has no name."""
        found: dict[str, tuple[float, float]] = {}
        for row in self.rows:
            place = (float(row["ra_deg"]), float(row["dec_deg"]))
            label = str(row.get("field_id") or f"{place[0]:.4f},{place[1]:.4f}")
            found.setdefault(label, place)
        return found


def read_plan(path: Path) -> PlanFile:
    """Read a plan: JSON, CSV or ECSV as this program writes them.

    Raises
    ------
    PointingsError
        If the file has no exposures.
    """
    rows = rows_of(path)
    document: dict[str, Any] = {}
    if path.suffix == ".json":
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        document = content if isinstance(content, dict) else {}
    for number, row in enumerate(rows, start=1):
        try:
            float(row["ra_deg"]), float(row["dec_deg"]), float(row["exposure_s"])
        except (KeyError, TypeError, ValueError) as error:
            raise PointingsError(
                f"{path.name}, row {number}: no exposure of a plan ({error})"
            ) from error
    telescope = document.get("telescope") or (rows[0].get("telescope") if rows else None)
    return PlanFile(path.name, telescope, rows, document)


def compare(
    first: PlanFile,
    second: PlanFile,
    cameras: tuple[Footprint, Footprint],
    points: Points | None = None,
) -> dict[str, Any]:
    """Compare two plans.

    Parameters
    ----------
    cameras
        Field of view of each.
    points
        A map: both plans are measured on it. Without one the probabilities are those that the
        plans tell themselves.

    Returns
    -------
    dict
        ``plans`` (numbers of each), ``fields`` (shared, only in one of them), ``area_deg2`` and
        ``probability`` of both together, of what they share, and of what only one of them sees.
    """
    a, b = set(first.fields), set(second.fields)
    same_names = first.telescope is not None and first.telescope == second.telescope
    shared = sorted(a & b) if same_names else []
    return {
        "plans": [_numbers(plan) for plan in (first, second)],
        "fields": {
            "shared": shared,
            "only_first": sorted(a - set(shared)),
            "only_second": sorted(b - set(shared)),
        },
        "area_deg2": _areas(first, second, cameras),
        "probability": None if points is None else _probabilities(first, second, cameras, points),
    }


def _numbers(plan: PlanFile) -> dict[str, Any]:
    by_filter: dict[str, int] = {}
    for row in plan.rows:
        by_filter[str(row.get("filter"))] = by_filter.get(str(row.get("filter")), 0) + 1
    told = plan.document.get("statistics") or {}
    bound = (plan.document.get("bound") or {}).get("value")
    return {
        "file": plan.name,
        "telescope": plan.telescope,
        "map_sha256": plan.document.get("map_sha256"),
        "fields": len(plan.fields),
        "exposures": len(plan.rows),
        "exposures_by_filter": by_filter,
        "exposure_time_s": sum(float(row["exposure_s"]) for row in plan.rows),
        "first_exposure": min((str(row.get("start")) for row in plan.rows), default=None),
        "probability": told.get("probability"),
        "probability_sequence": told.get("probability_sequence"),
        "bound": bound,
    }


def _areas(
    first: PlanFile, second: PlanFile, cameras: tuple[Footprint, Footprint]
) -> dict[str, float]:
    """Solid angles, on points laid over both plans."""
    sky = _sky_around([(first, cameras[0]), (second, cameras[1])])
    if len(sky) == 0:
        return dict.fromkeys(("first", "second", "both", "shared"), 0.0)
    one, two = _seen(first, cameras[0], sky), _seen(second, cameras[1], sky)
    area = sky.area_deg2
    return {
        "first": round(float(area[one].sum()), 3),
        "second": round(float(area[two].sum()), 3),
        "both": round(float(area[one | two].sum()), 3),
        "shared": round(float(area[one & two].sum()), 3),
    }


def _sky_around(plans: list[tuple[PlanFile, Footprint]]) -> Points:
    """HEALPix points over the fields of view, fine against the smaller camera."""
    from too_common.astro import pixels

    smallest = min(camera.radius_deg for _, camera in plans)
    order = int(np.clip(np.ceil(np.log2(58.6 / (smallest / 24.0))), 6, 12))
    found: list[Any] = []
    for plan, camera in plans:
        for ra, dec in plan.places:
            found.append(_pixels_around(ra, dec, camera.radius_deg, order))
    index = np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)
    ra_deg, dec_deg = pixels.centres(np.full(len(index), order), index)
    area = np.full(len(index), float(pixels.pixel_area_sr(np.array([order]))[0]) * 3282.80635)
    return Points.make(np.atleast_1d(ra_deg), np.atleast_1d(dec_deg), area, area)


def _pixels_around(ra_deg: float, dec_deg: float, radius_deg: float, order: int) -> Any:
    from too_common.astro import pixels
    from too_common.astro.sphere import from_tangent_plane

    reach = np.degrees(np.tan(np.radians(min(radius_deg, 80.0)))) * 1.05
    step = 58.6 / 2**order * 0.6
    axis = np.arange(-reach, reach + step, step)
    x, y = (values.ravel() for values in np.meshgrid(axis, axis))
    near_ra, near_dec = from_tangent_plane(ra_deg, dec_deg, x, y)
    index29 = pixels.lonlat_to_index(near_ra % 360.0, near_dec)
    return np.unique(index29 >> (2 * (29 - order)))


def _seen(plan: PlanFile, camera: Footprint, points: Points) -> Any:
    places = np.array(plan.places, dtype=np.float64).reshape(-1, 2)
    members = coverage.members_of(points, camera, places[:, 0], places[:, 1])
    return coverage.union_of(members, len(points))


def _probabilities(
    first: PlanFile, second: PlanFile, cameras: tuple[Footprint, Footprint], points: Points
) -> dict[str, float]:
    one, two = _seen(first, cameras[0], points), _seen(second, cameras[1], points)
    weight = points.weight
    return {
        "first": round(float(weight[one].sum()), 6),
        "second": round(float(weight[two].sum()), 6),
        "both": round(float(weight[one | two].sum()), 6),
        "shared": round(float(weight[one & two].sum()), 6),
        "only_first": round(float(weight[one & ~two].sum()), 6),
        "only_second": round(float(weight[two & ~one].sum()), 6),
        "difference": round(float(weight[two].sum() - weight[one].sum()), 6),
    }
