"""Rings on the sphere as GeoJSON polygons (RFC 7946).

Longitude is RA, wrapped into [-180, 180]; outer rings run counter-clockwise and holes clockwise
in (longitude, latitude). Rings are cut at the meridian of RA 180 and closed along it, and along
the edge at a pole that they enclose.
"""

from typing import Any

import numpy as np

from too_common.astro.sphere import FloatArray

Point = tuple[float, float]
Ring = list[Point]

_MAX_SPAN_RAD = np.radians(2.0)
"""Edges over more longitude than this bend visibly between the sphere and the plane."""
_MIN_EDGE_RAD = 1e-5
_POLE_RAD = 1e-4
_SEAM_WIDTH = 1e-12
_MAX_HALVINGS = 16


def simplified(ring: FloatArray, tolerance_rad: float) -> FloatArray:
    """Douglas-Peucker on the sphere; a ring that collapses comes back with under 3 points."""
    if len(ring) < 4:
        return ring
    far = int(np.argmax(((ring - ring[0]) ** 2).sum(axis=1)))
    keep = np.zeros(len(ring) + 1, dtype=bool)
    keep[[0, far, len(ring)]] = True
    closed = np.concatenate([ring, ring[:1]])
    stack = [(0, far), (far, len(ring))]
    while stack:
        low, high = stack.pop()
        if high - low < 2:
            continue
        inner = closed[low + 1 : high]
        normal = np.cross(closed[low], closed[high])
        length = np.linalg.norm(normal)
        if length < 1e-14:
            distance = np.linalg.norm(inner - closed[low], axis=1)
        else:
            distance = np.abs(inner @ (normal / length))
        worst = int(np.argmax(distance))
        if distance[worst] > tolerance_rad:
            middle = low + 1 + worst
            keep[middle] = True
            stack += [(low, middle), (middle, high)]
    return ring[keep[:-1]]


def densified(ring: FloatArray) -> FloatArray:
    """Halve edges that span much longitude, so that lines in the plane follow great circles."""
    for _ in range(_MAX_HALVINGS):
        following = np.roll(ring, -1, axis=0)
        lon = np.arctan2(ring[:, 1], ring[:, 0])
        turn = (np.roll(lon, -1) - lon + np.pi) % (2.0 * np.pi) - np.pi
        chord = np.linalg.norm(following - ring, axis=1)
        bent = np.flatnonzero((np.abs(turn) > _MAX_SPAN_RAD) & (chord > _MIN_EDGE_RAD))
        if not bent.size:
            break
        middle = ring[bent] + following[bent]
        middle /= np.linalg.norm(middle, axis=1, keepdims=True)
        # an edge through the pole has no longitude there: it is led around the pole
        polar = np.hypot(middle[:, 0], middle[:, 1]) < _POLE_RAD
        halfway = (lon[bent] + 0.5 * turn[bent])[polar]
        middle[polar, 0] = _POLE_RAD * np.cos(halfway)
        middle[polar, 1] = _POLE_RAD * np.sin(halfway)
        ring = np.insert(ring, bent + 1, middle, axis=0)
    return ring


def multipolygon(rings: list[FloatArray], *, antimeridian_inside: bool, decimals: int) -> list[Any]:
    """Coordinates of a MultiPolygon from rings that have their inside on the left.

    Parameters
    ----------
    antimeridian_inside : bool
        Whether the meridian of RA 180 is inside, where no ring crosses it.
    """
    closed: list[Ring] = []
    chains: list[Ring] = []
    for ring in rings:
        pieces, is_cut = cut(ring, decimals)
        (chains if is_cut else closed).extend(pieces)
    if chains:
        closed += _joined(chains)
    elif antimeridian_inside:
        closed.append([(-180.0, -90.0), (180.0, -90.0), (180.0, 90.0), (-180.0, 90.0)])
    return _nested([_rounded(ring, decimals) for ring in closed])


def cut(ring: FloatArray, decimals: int) -> tuple[list[Ring], bool]:
    """Cut a ring at RA 180: (pieces, whether it was cut)."""
    vectors = ring.copy()
    # the seam is a meridian of the HEALPix lattice: points on it all go to its western side
    on_seam = (np.abs(vectors[:, 1]) < _SEAM_WIDTH) & (vectors[:, 0] < 0.0)
    vectors[on_seam, 1] = _SEAM_WIDTH
    lon = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0]))
    lat = np.degrees(np.arctan2(vectors[:, 2], np.hypot(vectors[:, 0], vectors[:, 1])))
    following = np.roll(lon, -1)
    crossings = np.flatnonzero(np.abs(following - lon) > 180.0)
    # only the ends of the pieces lie on the seam, also after rounding
    inner = 180.0 - 10.0**-decimals
    lon = np.clip(lon, -inner, inner)
    points: Ring = list(zip(lon.tolist(), lat.tolist(), strict=True))
    if not crossings.size:
        return [points], False
    pieces: list[Ring] = []
    for number, crossing in enumerate(crossings):
        after = int(crossings[(number + 1) % len(crossings)])
        index = [(int(crossing) + 1 + i) % len(ring) for i in range((after - crossing) % len(ring))]
        index = index or [(int(crossing) + 1 + i) % len(ring) for i in range(len(ring))]
        begin = np.copysign(180.0, lon[index[0]])
        finish = np.copysign(180.0, lon[index[-1]])
        pieces.append(
            [
                (float(begin), _seam_lat(vectors, int(crossing))),
                *[points[i] for i in index],
                (float(finish), _seam_lat(vectors, after)),
            ]
        )
    return pieces, True


def _seam_lat(vectors: FloatArray, index: int) -> float:
    here, there = vectors[index], vectors[(index + 1) % len(vectors)]
    t = here[1] / (here[1] - there[1])
    point = here + t * (there - here)
    return float(np.degrees(np.arctan2(point[2], abs(point[0]))))


def _perimeter(point: Point) -> float:
    """Place on the edge of the plane, counter-clockwise from its south-east corner."""
    lon, lat = point
    return lat + 90.0 if lon > 0 else 540.0 + 90.0 - lat


_CORNERS: tuple[tuple[float, Point], ...] = (
    (180.0, (180.0, 90.0)),
    (540.0, (-180.0, 90.0)),
    (720.0, (-180.0, -90.0)),
    (1080.0, (180.0, -90.0)),
)


def _joined(chains: list[Ring]) -> list[Ring]:
    """Close chains along the edge of the plane, the inside staying on the left."""
    starts = [_perimeter(chain[0]) for chain in chains]
    left = set(range(len(chains)))
    rings: list[Ring] = []
    while left:
        first = min(left)
        ring: Ring = []
        current = first
        while True:
            left.discard(current)
            ring += chains[current]
            end = _perimeter(chains[current][-1])
            ahead = {i: (starts[i] - end) % 1080.0 for i in left | {first}}
            current = min(ahead, key=lambda i: ahead[i])
            passed = [
                (((place - end) % 1080.0), corner)
                for place, corner in _CORNERS
                if (place - end) % 1080.0 < ahead[current]
            ]
            ring += [corner for _, corner in sorted(passed)]
            if current == first:
                break
        rings.append(ring)
    return rings


def _rounded(ring: Ring, decimals: int) -> Ring:
    result: Ring = []
    for lon, lat in ring:
        point = (round(lon, decimals) + 0.0, round(lat, decimals) + 0.0)
        if not result or point != result[-1]:
            result.append(point)
    while len(result) > 1 and result[0] == result[-1]:
        result.pop()
    return result


def signed_area(ring: Ring) -> float:
    """Area in the plane; positive if the ring runs counter-clockwise."""
    x, y = np.asarray(ring, dtype=np.float64).T
    return float(0.5 * (x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def _inside(ring: Ring, point: Point) -> bool:
    x, y = point
    result = False
    x1, y1 = ring[-1]
    for x2, y2 in ring:
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            result = not result
        x1, y1 = x2, y2
    return result


def _nested(rings: list[Ring]) -> list[Any]:
    sized = [(signed_area(ring), ring) for ring in rings if len(ring) >= 3]
    outer = sorted(((a, r) for a, r in sized if a > 0), key=lambda item: item[0])
    polygons: list[list[Any]] = [[_closed(ring)] for _, ring in outer]
    for area, hole in sized:
        if area >= 0:
            continue
        for (size, ring), polygon in zip(outer, polygons, strict=True):
            if size > -area and _inside(ring, hole[0]):
                polygon.append(_closed(hole))
                break
    return polygons[::-1]


def _closed(ring: Ring) -> list[list[float]]:
    return [[lon, lat] for lon, lat in [*ring, ring[0]]]
