"""Sky maps as FITS files: reading with all checks, and deterministic writing.

A map comes from outside and may be anything. :func:`read` accepts

* multi-order tables (``UNIQ`` and ``PROBDENSITY``), whole or partial: what is not listed has the
  probability 0, and the sum is checked all the same;
* flat tables (``PROB``, ``PROBABILITY`` or ``PROBDENSITY``; NESTED or RING; scalar or vector
  columns), implicit (then all pixels must be there) or with an explicit ``PIXEL`` column (then
  they may be partial);

each plain or gzipped, in ICRS. Whatever is wrong ends in a :class:`SkyMapError`.
"""

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from too_common.astro import flatmap
from too_common.astro.errors import SkyMapError
from too_common.astro.fitstable import BLOCK, Table, header_block, open_table
from too_common.astro.leaves import Leaves, empty_values
from too_common.astro.pixels import MAX_ORDER, IntArray, order_ipix_to_uniq, uniq_to_order_ipix
from too_common.astro.sphere import DEG2_PER_SR

if TYPE_CHECKING:
    from too_common.astro.skymap import SkyMap

MAX_DECOMPRESSED_BYTES = 2_000_000_000
"""Default cap on the size of a file after decompression (nside 2048 with distances: 1.6 GB)."""

NORMALISATION_TOLERANCE = 0.02
"""Maps that sum to 1 within this are normalised; others are refused."""

NORMALISED_WITHIN = 1e-9
"""Maps that sum to 1 within this are left alone, so that a second reading changes nothing."""

_ROWS_AT_ONCE = 100_000

META_KEYS = (
    "OBJECT",
    "REFERENC",
    "INSTRUME",
    "DATE-OBS",
    "MJD-OBS",
    "ORIGIN",
    "CREATOR",
    "VCSVERS",
    "LOGBCI",
    "LOGBSN",
    "DISTMEAN",
    "DISTSTD",
    "GEO_RA",
    "GEO_DEC",
    "GEO_RAD",
)
"""Header cards that are kept, in the order in which they are written."""

_DISTANCE = ("DISTMU", "DISTSIGMA", "DISTNORM")
_FLAT_NAMES = ("PROB", "PROBABILITY", "PROBDENSITY")


def read(
    data: bytes, *, max_decompressed_bytes: int = MAX_DECOMPRESSED_BYTES
) -> tuple[Leaves, dict[str, Any]]:
    """Leaves (density, and distance if there is one) and kept header values of a file."""
    with open_table(data, max_decompressed_bytes=max_decompressed_bytes) as table:
        _check_frame(table)
        if "UNIQ" in table.names:
            result = _read_multiorder(table)
        else:
            name = next((n for n in _FLAT_NAMES if n in table.names), None)
            if name is None:
                raise SkyMapError(
                    "no column with the probability",
                    "columns: " + (", ".join(table.names) or "none"),
                )
            result = flatmap.read_flat(table, name, _distance_columns(table))
        return result, _meta(table)


def check_values(table: Leaves) -> None:
    """Refuse empty maps, NaN, infinite and negative densities, zeros everywhere."""
    density = table.values[:, 0]
    if not len(table):
        raise SkyMapError("the map has no pixels", "table")
    if np.isnan(density).any():
        count = int(np.isnan(density).sum())
        raise SkyMapError(f"{count} pixels have no number (NaN)", "probability")
    if not np.isfinite(density).all():
        raise SkyMapError("a pixel has an infinite probability", "probability")
    if (density < 0).any():
        raise SkyMapError(f"{int((density < 0).sum())} pixels are negative", "probability")
    if not (density > 0).any():
        raise SkyMapError("the probability is zero everywhere", "probability")


def write(skymap: "SkyMap") -> bytes:
    """The map as bytes: fixed cards in fixed order, no date of writing."""
    columns: list[tuple[str, str, str, Any]] = [
        ("UNIQ", "K", "", None),
        ("PROBDENSITY", "D", "sr-1", skymap.probdensity),
    ]
    if skymap.is_3d:
        columns += [
            ("DISTMU", "D", "Mpc", skymap.distmu),
            ("DISTSIGMA", "D", "Mpc", skymap.distsigma),
            ("DISTNORM", "D", "Mpc-2", skymap.distnorm),
        ]
    cards: list[tuple[str, Any]] = [
        ("XTENSION", "BINTABLE"),
        ("BITPIX", 8),
        ("NAXIS", 2),
        ("NAXIS1", 8 * len(columns)),
        ("NAXIS2", len(skymap)),
        ("PCOUNT", 0),
        ("GCOUNT", 1),
        ("TFIELDS", len(columns)),
    ]
    for number, (name, form, unit, _) in enumerate(columns, start=1):
        cards += [(f"TTYPE{number}", name), (f"TFORM{number}", form)]
        if unit:
            cards.append((f"TUNIT{number}", unit))
    cards += [
        ("PIXTYPE", "HEALPIX"),
        ("ORDERING", "NUNIQ"),
        ("COORDSYS", "C"),
        ("INDXSCHM", "EXPLICIT"),
        ("MOCORDER", int(skymap.order.max())),
    ]
    for key in META_KEYS:
        value = _kept(skymap.meta.get(key))
        if value is not None:
            cards.append((key, value))
    file = io.BytesIO()
    file.write(header_block([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", True)]))
    file.write(header_block(cards))
    dtype = [(name, ">i8" if form == "K" else ">f8") for name, form, _, _ in columns]
    # in pieces: a second copy of a large map would not fit
    for first in range(0, len(skymap), _ROWS_AT_ONCE):
        piece = slice(first, first + _ROWS_AT_ONCE)
        uniq = order_ipix_to_uniq(skymap.order[piece], skymap.ipix[piece])
        rows = np.empty(len(uniq), dtype=dtype)
        rows["UNIQ"] = uniq
        for name, _, _, values in columns[1:]:
            rows[name] = values[piece]
        file.write(rows.data)
    file.write(b"\0" * (-file.tell() % BLOCK))
    return file.getvalue()


def _check_frame(table: Table) -> None:
    frame = str(table.header.get("COORDSYS", "C")).strip().upper()
    if frame[:1] in {"G", "E"} and frame not in {"EQ", "EQU", "EQUATORIAL"}:
        raise SkyMapError("only equatorial (ICRS) maps are read", f"COORDSYS = {frame}")


def _distance_columns(table: Table) -> tuple[str, ...]:
    present = [name for name in _DISTANCE if name in table.names]
    if present and len(present) < len(_DISTANCE):
        missing = [name for name in _DISTANCE if name not in present]
        raise SkyMapError("distance columns are incomplete", "missing: " + ", ".join(missing))
    return tuple(present)


def _density_factor(table: Table, name: str) -> float:
    unit = table.unit(name).lower().replace(" ", "").replace("**", "").replace("^", "")
    return DEG2_PER_SR if unit in {"deg-2", "1/deg2", "deg(-2)", "/deg2"} else 1.0


def _read_multiorder(table: Table) -> Leaves:
    if "PROBDENSITY" not in table.names:
        raise SkyMapError(
            "a multi-order map needs PROBDENSITY", "columns: " + ", ".join(table.names)
        )
    names = ("UNIQ", "PROBDENSITY", *_distance_columns(table))
    for name in names:
        if table.width(name) != 1:
            raise SkyMapError("the column of a multi-order map is no scalar", name)
    flatmap.check_count(table.n_rows, len(names) - 1)
    if not table.n_rows:
        raise SkyMapError("the map has no pixels", "table")
    if table.dtype["UNIQ"].kind not in "iu":
        raise SkyMapError("pixel numbers are no integers", "UNIQ")
    if any(table.dtype[name].kind not in "fiu" for name in names):
        raise SkyMapError("a column has no real numbers", ", ".join(names))
    order, ipix = np.empty(table.n_rows, dtype=np.int8), np.empty(table.n_rows, dtype=np.int64)
    values = empty_values(table.n_rows, len(names) - 1)
    end = 0
    for chunk in table.chunks():
        begin, end = end, end + len(chunk)
        order[begin:end], ipix[begin:end] = _pixels(chunk["UNIQ"].astype(np.int64))
        for number, name in enumerate(names[1:]):
            values[begin:end, number] = chunk[name]
    values[:, 0] *= _density_factor(table, "PROBDENSITY")
    flatmap.tidy_distance(values)
    return Leaves(order, ipix, values)


def _pixels(uniq: IntArray) -> tuple[NDArray[np.int8], IntArray]:
    if (uniq < 4).any():
        raise SkyMapError("a pixel number is below 4", "UNIQ")
    order, ipix = uniq_to_order_ipix(uniq)
    if (order > MAX_ORDER).any() or (ipix >= (np.int64(12) << (2 * order.astype(np.int64)))).any():
        raise SkyMapError("a pixel number does not exist", "UNIQ")
    return order, ipix


def _meta(table: Table) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    for key in META_KEYS:
        value = table.header.get(key, table.primary.get(key))
        kept = _kept(value)
        if kept is not None:
            meta[key] = kept
    return meta


def _kept(value: Any) -> str | float | None:
    """What can be written in a card and read back as the same value."""
    if isinstance(value, str):
        text = "".join(c for c in value if " " <= c <= "~" and c != "'")[:60].strip()
        return text or None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(f"{value:.12g}")
    return None
