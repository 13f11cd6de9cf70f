"""What each stream's error radius means, and where that is written: the one place for it.

The radius of a notice is kept as stated. Its containment, and whether systematics are in it, come
from here where the message itself does not say. A figure to be added in quadrature stands only
where a source publishes one; a stream that leaves systematics out and publishes no figure says so
in its note.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Convention:
    """Meaning of one stream's error radius.

    Parameters
    ----------
    containment
        Probability within the radius; None if nobody states it.
    systematic_included
        Whether the radius holds the systematics; None if unknown or disputed.
    systematic_deg
        To be added in quadrature at the same containment; None if included or not published.
    source
        Who says so.
    """

    containment: float | None = None
    systematic_included: bool | None = None
    systematic_deg: float | None = None
    source: str = ""


def _rms(*parts: tuple[float, float]) -> float:
    """Root mean square of a mixture of (weight, radius in degrees)."""
    weight = sum(w for w, _ in parts)
    return round(math.sqrt(sum(w * r * r for w, r in parts) / weight), 2)


ROBOBA_SYSTEMATIC_DEG = {
    "long": _rms((0.58, 1.9), (0.42, 4.1)),
    "short": _rms((0.39, 2.6), (0.61, 4.4)),
    "": _rms((0.52, 1.8), (0.47, 4.1)),
}
"""Systematics of Fermi GBM's ground positions by class of burst (empty: not known).

R.m.s. of the two-component mixtures of GCN Circular 25726, whose figures are read as 68 % radii.
"""
_ROBOBA = (
    "68 %, statistical only (GCN schema). To be added in quadrature: r.m.s. of the RoboBA "
    "systematic mixture (GCN Circular 25726), its figures read as 68 % radii"
)
_NONE_PUBLISHED = "; no figure for the systematics is published"
_GBM_FLIGHT = Convention(
    0.68, systematic_included=True, source="68 %, statistical and systematic (GCN schema)"
)
_GBM_GROUND = Convention(
    0.68,
    systematic_included=False,
    systematic_deg=ROBOBA_SYSTEMATIC_DEG[""],
    source=_ROBOBA,
)
_LAT = Convention(
    0.9,
    systematic_included=False,
    source="90 %, statistical only (mission page at gcn.nasa.gov; the older page at gcn.gsfc says "
    "1 sigma)" + _NONE_PUBLISHED,
)
_BAT = Convention(
    0.9,
    source="90 %; whether systematics are included is disputed (text notices and the mission page: "
    "statistical only; GCN Circular 32060: included)",
)
_XRT = Convention(
    0.9, systematic_included=True, source="90 %, systematics included (Circulars of the team)"
)
_UVOT = Convention(
    0.9,
    systematic_included=True,
    source="90 %, systematics included (Circulars of the team); a VOEvent resolves 0.36 arcsec at "
    "best (four decimals)",
)
_TRACK = Convention(
    0.9,
    systematic_included=False,
    source="90 %, statistical only (mission page; src_error_90)" + _NONE_PUBLISHED,
)
_IBAS = Convention(0.9, source="90 % (Circulars of IBAS; not stated by the mission)")
_MAXI = Convention(
    0.9, systematic_included=True, source="90 %, systematics included (mission page)"
)
_GECAM = Convention(
    0.68,
    systematic_included=False,
    source="68 %, statistical only (mission page)" + _NONE_PUBLISHED,
)

CONVENTIONS: dict[str, Convention] = {
    "FERMI_GBM_FLT_POS": _GBM_FLIGHT,
    "FERMI_GBM_GND_POS": _GBM_GROUND,
    "FERMI_GBM_FIN_POS": _GBM_GROUND,
    "FERMI_GBM_POS_TEST": Convention(0.68, source="68 %, as the positions that it imitates"),
    "FERMI_GBM_SUBTHRESH": Convention(
        0.68,
        systematic_included=True,
        source="68 %, statistical and systematic (mission page of the sub-threshold search)",
    ),
    "FERMI_LAT_POS_INI": _LAT,
    "FERMI_LAT_POS_UPD": _LAT,
    "FERMI_LAT_POS_DIAG": _LAT,
    "FERMI_LAT_TRANS": _LAT,
    "FERMI_LAT_POS_TEST": _LAT,
    "FERMI_LAT_MONITOR": _LAT,
    "FERMI_LAT_GND": _LAT,
    "FERMI_LAT_OFFLINE": _LAT,
    "SWIFT_BAT_GRB_POS_ACK": _BAT,
    "SWIFT_BAT_GRB_LC": _BAT,
    "SWIFT_BAT_GRB_LC_PROC": _BAT,
    "SWIFT_BAT_SCALEDMAP": _BAT,
    "SWIFT_BAT_GRB_POS_TEST": _BAT,
    "SWIFT_BAT_TRANS": _BAT,
    "SWIFT_BAT_QL_POS": _BAT,
    "SWIFT_BAT_SUB_THRESHOLD": _BAT,
    "SWIFT_BAT_SLEW_POS": _BAT,
    "SWIFT_BAT_SUBSUB": _BAT,
    "SWIFT_BAT_KNOWN_SRC": _BAT,
    "SWIFT_BAT_MONITOR": _BAT,
    "SWIFT_XRT_POSITION": _XRT,
    "SWIFT_XRT_CENTROID": _XRT,
    "SWIFT_XRT_IMAGE": _XRT,
    "SWIFT_XRT_IMAGE_PROC": _XRT,
    "SWIFT_UVOT_POS": _UVOT,
    "SWIFT_UVOT_POS_NACK": _UVOT,
    "INTEGRAL_WAKEUP": _IBAS,
    "INTEGRAL_REFINED": _IBAS,
    "INTEGRAL_OFFLINE": _IBAS,
    "INTEGRAL_WEAK": _IBAS,
    "MAXI_UNKNOWN": _MAXI,
    "MAXI_KNOWN": _MAXI,
    "MAXI_TEST": _MAXI,
    "GECAM_FLT": _GECAM,
    "GECAM_GND": _GECAM,
    "ICECUBE_ASTROTRACK_GOLD": _TRACK,
    "ICECUBE_ASTROTRACK_BRONZE": _TRACK,
    "ICECUBE_CASCADE": Convention(
        0.9, systematic_included=True, source="90 %, systematics included (mission page)"
    ),
    "AMON_ICECUBE_COINC": Convention(
        0.9, systematic_included=False, source="90 %, statistical only (AMON)" + _NONE_PUBLISHED
    ),
    "AMON_ICECUBE_HESE": Convention(
        0.9,
        systematic_included=False,
        source="90 %, statistical only (mission page of the old HESE stream)" + _NONE_PUBLISHED,
    ),
    "AMON_ICECUBE_EHE": Convention(
        0.5,
        systematic_included=False,
        source="50 % (equals src_error_50; the old EHE stream gives no 90 %), statistical only"
        + _NONE_PUBLISHED,
    ),
    "AMON_NU_EM_COINC": Convention(
        0.5,
        systematic_included=False,
        source="50 % (the Params src_err_50 and src_err_90 are arcmin), statistical only"
        + _NONE_PUBLISHED,
    ),
    "HAWC_BURST_MONITOR": Convention(
        0.9,
        systematic_included=False,
        source="90 %, statistical only (mission page)" + _NONE_PUBLISHED,
    ),
    "SVOM": Convention(
        0.9, systematic_included=True, source="R90, systematics included (mission page's table)"
    ),
    "km3net": Convention(
        0.9, systematic_included=True, source="90 %, systematics included (mission page)"
    ),
    "icecube JSON": Convention(
        0.9,
        source="circularised approximation; the team asks for the HEALPix map instead (mission "
        "page)",
    ),
    "GRB_CNTRPART": Convention(
        systematic_included=True, source="containment not stated; systematics included (GCN)"
    ),
}
"""By type of GCN Classic, or by stream where a mission has one convention for all."""
UNKNOWN = Convention()


def convention(name: str) -> Convention:
    """Meaning of a stream's radius; nothing is claimed of an unknown one."""
    return CONVENTIONS.get(name, UNKNOWN)
