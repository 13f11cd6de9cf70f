"""A small planetary ephemeris (SPK, type 2) from ERFA's series, for programs that download one.

Sun, Earth, Moon and the large planets for some days, good to arc seconds: more than rise, set and
twilight need. Runs in a peer's environment, which has numpy and pyerfa.
"""

import struct
from pathlib import Path

import erfa
import numpy as np

_AU_KM = 149_597_870.7
_MOON_SHARE = 1 / 82.300568
"""The Moon's part of the mass of Earth and Moon: where their common centre lies."""
_DEGREE = 12
_J2000 = 2451545.0
_DAY_S = 86400.0
_WORDS = 128
"""Numbers in a record of the file."""


def places(jd: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Target and centre (NAIF numbers) to places, km, axes of the ICRS; shape (times, 3).

    Jupiter and Saturn are there because they bend light.
    """
    heliocentric, barycentric = erfa.epv00(jd, np.zeros_like(jd))
    earth = barycentric["p"] * _AU_KM
    sun = earth - heliocentric["p"] * _AU_KM
    moon = erfa.moon98(jd, np.zeros_like(jd))["p"] * _AU_KM
    common = earth + _MOON_SHARE * moon
    found = {(10, 0): sun, (3, 0): common, (301, 3): moon * (1 - _MOON_SHARE),
             (399, 3): -moon * _MOON_SHARE}  # fmt: skip
    for number in (5, 6):
        found[number, 0] = erfa.plan94(jd, np.zeros_like(jd), number)["p"] * _AU_KM + sun
    return found


def write(path: Path, begin_jd: float, days: int) -> None:
    """Write a file with a day per polynomial."""
    nodes = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
    middles = np.floor(begin_jd) + 0.5 + np.arange(days)
    radius_s = _DAY_S / 2
    arrays: dict[tuple[int, int], list[float]] = {}
    for middle in middles:
        for key, values in places(middle + nodes / 2).items():
            fitted = np.polynomial.chebyshev.chebfit(nodes, values, _DEGREE)
            arrays.setdefault(key, []).extend(
                [(middle - _J2000) * _DAY_S, radius_s, *fitted.T.ravel()]
            )
    first = (middles[0] - _J2000) * _DAY_S - radius_s
    size = 2 + 3 * (_DEGREE + 1)
    summaries, data, place = b"", b"", 3 * _WORDS + 1
    for (target, centre), numbers in arrays.items():
        whole = [*numbers, first, _DAY_S, float(size), float(days)]
        end = place + len(whole) - 1
        summaries += struct.pack(
            "<2d6i", first, first + days * _DAY_S, target, centre, 1, 2, place, end
        )
        data += struct.pack(f"<{len(whole)}d", *whole)
        place = end + 1
    head = struct.pack(
        "<8sii60siii8s603x28s297x", b"DAF/SPK ", 2, 6, b"ERFA".ljust(60), 2, 2, place,
        b"LTL-IEEE", b"FTPSTR:\r:\n:\r\n:\r\x00:\x81:\x10\xce:ENDFTP",
    )  # fmt: skip
    table = struct.pack("<3d", 0.0, 0.0, float(len(arrays))) + summaries
    names = b"".join(b"ERFA".ljust(40) for _ in arrays)
    content = head + table.ljust(1024, b"\0") + names.ljust(1024, b" ") + data
    path.write_bytes(content + b"\0" * (-len(content) % 1024))
