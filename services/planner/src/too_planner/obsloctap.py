"""Rows of ``ivoa.obsplan`` (IVOA ObsLocTAP 1.0): what other observatories' tools read.

One row per exposure. Times are MJD (UTC), wavelengths metres, angles ICRS degrees.
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from too_common.astro.footprint import Footprint
from too_common.astro.sphere import from_tangent_plane

from too_planner.geojson import outer_ring
from too_planner.plan import Plan, PlannedExposure
from too_planner.telescope import TelescopeDefinition

COLUMNS: tuple[tuple[str, str | None, str], ...] = (
    ("t_planning", "d", "MJD (UTC) when this observation was planned"),
    ("target_name", None, "what is observed"),
    ("obs_id", None, "plan and number of the exposure"),
    ("obs_collection", None, "name of the collection"),
    ("s_ra", "deg", "centre, ICRS"),
    ("s_dec", "deg", "centre, ICRS"),
    ("s_fov", "deg", "diameter of the covered region"),
    ("s_region", None, "covered region, ICRS"),
    ("s_resolution", "arcsec", "spatial resolution"),
    ("t_min", "d", "start, MJD (UTC)"),
    ("t_max", "d", "stop, MJD (UTC)"),
    ("t_exptime", "s", "exposure time"),
    ("t_resolution", "s", "temporal resolution"),
    ("em_min", "m", "shortest wavelength (nominal pass band)"),
    ("em_max", "m", "longest wavelength (nominal pass band)"),
    ("em_res_power", None, "resolving power"),
    ("o_ucd", None, "what is measured"),
    ("pol_states", None, "polarization states"),
    ("pol_xel", None, "number of polarization samples"),
    ("facility_name", None, "observatory"),
    ("instrument_name", None, "instrument"),
    ("t_plan_exptime", "s", "planned exposure time"),
    ("category", None, "Fixed, Coordinated, Window or Other"),
    ("priority", None, "0, 1 or 2 (hard to move)"),
    ("execution_status", None, "Planned, Scheduled, Unscheduled, Performed or Aborted"),
    ("tracking_type", None, "Sidereal, Solar-system-object-tracking or Fixed-az-el-transit"),
)
"""Name, unit and meaning of each column, in the order of the standard."""

BANDS_NM: dict[str, tuple[float, float]] = {
    "u": (320.0, 400.0),
    "g": (400.0, 552.0),
    "r": (552.0, 700.0),
    "i": (690.0, 820.0),
    "z": (820.0, 1000.0),
    "y": (950.0, 1080.0),
    "Y": (970.0, 1070.0),
    "J": (1170.0, 1330.0),
    "H": (1490.0, 1780.0),
    "K": (1970.0, 2380.0),
    "U": (330.0, 400.0),
    "B": (390.0, 490.0),
    "V": (500.0, 590.0),
    "R": (565.0, 725.0),
    "I": (730.0, 880.0),
}
"""Nominal pass bands in nm, good to a few per cent; other filters have none."""

_MJD_UNIX_EPOCH = 40587.0
PRIORITY_TOO = 2
"""A target of opportunity cannot be moved easily."""


def mjd(value: datetime) -> float:
    """Modified Julian Date (UTC)."""
    return _MJD_UNIX_EPOCH + value.timestamp() / 86400.0


def band_m(name: str) -> tuple[float | None, float | None]:
    """Pass band in metres; of 'ztfg', 'g-band' and the like the letter counts."""
    known = BANDS_NM.get(name) or BANDS_NM.get(name.removeprefix("ztf")[:1])
    return (None, None) if known is None else (known[0] * 1e-9, known[1] * 1e-9)


def region(footprint: Footprint, ra_deg: float, dec_deg: float) -> str:
    """Outline of one pointing as TAP 1.0 writes regions (STC-S): gaps between chips filled."""
    if footprint.circle_radius_deg is not None:
        return f"CIRCLE ICRS {ra_deg:.6f} {dec_deg:.6f} {footprint.circle_radius_deg:.6f}"
    if len(footprint.polygons) == 1:
        corners = np.asarray(footprint.polygons[0])
        ra, dec = from_tangent_plane(ra_deg, dec_deg, corners[:, 0], corners[:, 1])
        ring = np.stack([ra, dec], axis=-1)
    else:
        ring = outer_ring(footprint, ra_deg, dec_deg, edge_points=1)[:-1]
    # counter-clockwise as seen from inside the sphere, as ADQL wants polygons
    points = " ".join(f"{ra % 360.0:.6f} {dec:.6f}" for ra, dec in ring)
    return f"POLYGON ICRS {points}"


def status_of(plan_state: str) -> str:
    """What ObsLocTAP calls a plan of ours that no telescope has taken yet."""
    return {"ready": "Planned", "superseded": "Unscheduled"}.get(plan_state, "Unscheduled")


def rows_of(
    plan: Plan,
    telescope: TelescopeDefinition,
    footprint: Footprint,
    *,
    plan_id: str,
    target: str,
    made_at: datetime,
    status: str,
) -> list[dict[str, Any]]:
    """One row per exposure, every column of the standard.

    Parameters
    ----------
    target
        Name of the event.
    made_at
        When the plan was made.
    status
        Of `status_of`, or of what the telescope has told.
    """
    return [
        _row(row, telescope, footprint, plan_id, target, made_at, status) for row in plan.exposures
    ]


def _row(
    row: PlannedExposure,
    telescope: TelescopeDefinition,
    footprint: Footprint,
    plan_id: str,
    target: str,
    made_at: datetime,
    status: str,
) -> dict[str, Any]:
    shortest, longest = band_m(row.filter)
    values = {
        "t_planning": round(mjd(made_at), 8),
        "target_name": target,
        "obs_id": f"{plan_id}/{row.number}",
        "obs_collection": f"{telescope.name} target of opportunity",
        "s_ra": row.ra_deg,
        "s_dec": row.dec_deg,
        "s_fov": round(2.0 * footprint.radius_deg, 6),
        "s_region": region(footprint, row.ra_deg, row.dec_deg),
        "t_min": round(mjd(row.start), 8),
        "t_max": round(mjd(row.start + timedelta(seconds=row.exposure_s)), 8),
        "t_exptime": row.exposure_s,
        "em_min": shortest,
        "em_max": longest,
        "o_ucd": "phot.flux.density",
        "facility_name": telescope.long_name or telescope.name,
        "instrument_name": telescope.name,
        "t_plan_exptime": row.exposure_s,
        "category": "Window",
        "priority": PRIORITY_TOO,
        "execution_status": status,
        "tracking_type": "Sidereal",
    }
    return {name: values.get(name) for name, _, _ in COLUMNS}
