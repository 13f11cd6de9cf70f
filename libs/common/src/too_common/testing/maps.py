"""Large flat sky maps for tests and benchmarks, made and compressed piece by piece."""

import gzip
import io
from typing import Literal

import numpy as np

from too_common.astro.fitstable import BLOCK, header_block

_PIECE = 1 << 20
_DISTANCE = {"DISTMU": 100.0, "DISTSIGMA": 20.0, "DISTNORM": 9.6e-5}


def flat_map_file(
    order: int,
    *,
    form: Literal["E", "D"] = "E",
    ordering: Literal["NESTED", "RING"] = "NESTED",
    with_distance: bool = False,
    noise: float = 0.0,
    seed: int = 1,
    level: int = 6,
) -> bytes:
    """A gzipped flat HEALPix map, even up to noise.

    Parameters
    ----------
    order : int
        HEALPix order: 12 * 4^order rows (50 331 648 at order 11, nside 2048).
    form : str
        ``E`` for 32-bit, ``D`` for 64-bit numbers.
    noise : float
        Relative noise of each pixel; with it no two pixels can be merged, nor compressed much.
    level : int
        Of the compression.
    """
    rows = 12 << (2 * order)
    names = ["PROB", *(_DISTANCE if with_distance else ())]
    width = {"E": 4, "D": 8}[form]
    size = width * len(names) * rows
    cards: list[tuple[str, object]] = [
        ("XTENSION", "BINTABLE"),
        ("BITPIX", 8),
        ("NAXIS", 2),
        ("NAXIS1", width * len(names)),
        ("NAXIS2", rows),
        ("PCOUNT", 0),
        ("GCOUNT", 1),
        ("TFIELDS", len(names)),
    ]
    for number, name in enumerate(names, start=1):
        cards += [(f"TTYPE{number}", name), (f"TFORM{number}", form)]
    cards += [
        ("PIXTYPE", "HEALPIX"),
        ("ORDERING", ordering),
        ("COORDSYS", "C"),
        ("NSIDE", 1 << order),
    ]
    rng = np.random.default_rng(seed)
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=level, mtime=0) as file:
        file.write(header_block([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", True)]))
        file.write(header_block(cards))
        for first in range(0, rows, _PIECE):
            count = min(_PIECE, rows - first)
            piece = np.empty(count, dtype=[(name, f">f{width}") for name in names])
            piece["PROB"] = 1.0 / rows
            if noise:
                piece["PROB"] *= 1.0 + noise * rng.uniform(-1.0, 1.0, count)
            for name, value in _DISTANCE.items():
                if with_distance:
                    piece[name] = value
            file.write(piece.tobytes())
        file.write(b"\0" * (-size % BLOCK))
    return buffer.getvalue()
