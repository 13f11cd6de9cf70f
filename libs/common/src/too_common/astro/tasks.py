"""Work on sky maps for worker processes: top-level functions, bytes and arrays in and out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from too_common.astro.errors import SkyMapError
from too_common.astro.sphere import FloatArray

if TYPE_CHECKING:
    from too_common.astro.occultation import EarthDisc
    from too_common.astro.skymap import SkyMap


@dataclass(frozen=True)
class NormalisedMap:
    """A checked map in the form in which it is kept and served.

    Attributes
    ----------
    fits : bytes
        Multi-order FITS file; the same map gives the same bytes.
    sha256 : str
        Hash of `fits`.
    facts : dict
        Fields of :class:`too_common.contracts.ingest.MapFacts`.
    contours : dict
        GeoJSON FeatureCollection of the 50 % and 90 % regions.
    """

    fits: bytes
    sha256: str
    facts: dict[str, Any]
    contours: dict[str, Any]


def normalise_map(data: bytes, max_decompressed_bytes: int | None = None) -> NormalisedMap:
    """Read a map from outside; raises SkyMapError if it cannot be used.

    Parameters
    ----------
    max_decompressed_bytes : int, optional
        Cap on the size of a gzipped file after decompression, instead of the default one.
    """
    from too_common.astro.skymap import SkyMap

    if max_decompressed_bytes is None:
        return _normalised(SkyMap.from_fits(data))
    return _normalised(SkyMap.from_fits(data, max_decompressed_bytes=max_decompressed_bytes))


def cone_map(
    ra_deg: float,
    dec_deg: float,
    radius_deg: float,
    containment: float,
    systematic_deg: float = 0.0,
    earth: "EarthDisc | None" = None,
) -> NormalisedMap:
    """Map of an error circle, see :func:`too_common.astro.cone.cone_skymap`.

    With `earth`, what is behind the Earth's disc is taken out.
    """
    from too_common.astro.cone import cone_skymap

    return _masked(cone_skymap(ra_deg, dec_deg, radius_deg, containment, systematic_deg), earth)


def ellipse_map(
    ra_deg: float,
    dec_deg: float,
    semi_major_deg: float,
    semi_minor_deg: float,
    position_angle: float,
    containment: float,
    systematic_deg: float = 0.0,
    earth: "EarthDisc | None" = None,
) -> NormalisedMap:
    """Map of an error ellipse, see :func:`too_common.astro.cone.ellipse_skymap`."""
    from too_common.astro.cone import ellipse_skymap

    skymap = ellipse_skymap(
        ra_deg,
        dec_deg,
        semi_major_deg,
        semi_minor_deg,
        position_angle,
        containment,
        systematic_deg,
    )
    return _masked(skymap, earth)


def polygon_map(
    corners_deg: Sequence[tuple[float, float]],
    containment: float = 1.0,
    earth: "EarthDisc | None" = None,
) -> NormalisedMap:
    """Map of an error box, see :func:`too_common.astro.polygon.polygon_skymap`."""
    from too_common.astro.polygon import polygon_skymap

    return _masked(polygon_skymap(corners_deg, containment), earth)


def region_moc(map_fits: bytes, level: float, form: str) -> bytes:
    """Region of a map as a MOC file, see :mod:`too_common.astro.moc`."""
    from too_common.astro.moc import Moc, MocFormat
    from too_common.astro.skymap import SkyMap

    return Moc.of_region(SkyMap.from_fits(map_fits), level).written(MocFormat(form))


@dataclass(frozen=True, eq=False)
class Levels:
    """Credible levels of positions: 2-D, and 3-D (NaN where there is no distance)."""

    level_2d: FloatArray
    level_3d: FloatArray


def levels_for(
    map_fits: bytes,
    ra_deg: ArrayLike,
    dec_deg: ArrayLike,
    distance_mpc: ArrayLike | None = None,
    distance_err_mpc: ArrayLike | None = None,
) -> Levels:
    """Credible levels of positions in a map."""
    import numpy as np

    from too_common.astro.skymap import SkyMap

    skymap = SkyMap.from_fits(map_fits)
    flat = skymap.credible_level(ra_deg, dec_deg)
    if distance_mpc is None:
        return Levels(flat, np.full(np.shape(flat), np.nan))
    return Levels(flat, skymap.credible_level_3d(ra_deg, dec_deg, distance_mpc, distance_err_mpc))


def _masked(skymap: "SkyMap", earth: "EarthDisc | None") -> NormalisedMap:
    if earth is None:
        return _normalised(skymap)
    from too_common.astro import occultation

    seen = {
        "earth_ra_deg": earth.ra_deg,
        "earth_dec_deg": earth.dec_deg,
        "earth_radius_deg": earth.radius_deg,
    }
    try:
        masked, behind = occultation.without_the_earth(skymap, earth)
    except SkyMapError:
        # nearly all of it: then position or spacecraft is wrong, and the map stays as it is
        behind = occultation.occulted_probability(skymap, earth)
        return _normalised(skymap, {**seen, "occulted_probability": behind})
    facts = {**seen, "occulted_probability": behind, "is_occultation_masked": behind > 0}
    return _normalised(masked if behind > 0 else skymap, facts)


def _normalised(skymap: "SkyMap", more: dict[str, Any] | None = None) -> NormalisedMap:
    facts = skymap.facts().model_dump(mode="json") | (more or {})
    contours = skymap.contours()
    # the file comes last: it is as large as the map itself
    fits = skymap.to_fits()
    return NormalisedMap(fits, hashlib.sha256(fits).hexdigest(), facts, contours)
