"""An event's ranked galaxies: sort, filter and page the arrays of a ranking and its catalogue."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from too_common.errors import InvalidError

from too_vetting_api.catalogues.snapshot import open_snapshot
from too_vetting_api.domain.paging import Range

RANK_DTYPE = np.dtype(
    [
        ("row", "<i8"),
        ("level_2d", "<f8"),
        ("level_3d", "<f8"),
        ("density_2d", "<f8"),
        ("density_3d", "<f8"),
        ("score", "<f8"),
    ]
)
"""One galaxy of the ranking; ``row`` counts in the catalogue's snapshot."""

FROM_RANKING = ("score", "level_2d", "level_3d", "density_2d", "density_3d")
FROM_CATALOGUE = ("ra_deg", "dec_deg", "distance_mpc", "distance_err_mpc", "b_mag", "log_mstar")
NUMBERS = FROM_RANKING + FROM_CATALOGUE
SORTABLE = ("name", *NUMBERS)
DESCENDING_FIRST = {"score", "density_2d", "density_3d", "log_mstar"}


@dataclass(frozen=True, slots=True)
class GalaxyPage:
    """Some galaxies of the list, and how much the list holds."""

    rows: list[dict[str, Any]]
    total: int
    next_after: tuple[float | str | None, int] | None


@dataclass(frozen=True, slots=True)
class Reach:
    """How many galaxies reach half and nine tenths of the listed score."""

    galaxies: int
    with_distance: int
    for_half: int
    for_ninety: int


class RankedList:
    """The ranking of one catalogue in one map, opened from its files."""

    def __init__(self, ranking: Path, catalogue: Path) -> None:
        self._rank: NDArray[Any] = np.load(ranking, mmap_mode="r", allow_pickle=False)
        self._table = open_snapshot(catalogue)

    def column(self, name: str) -> NDArray[Any]:
        """A column in the ranking's own order."""
        if name in FROM_RANKING:
            return np.asarray(self._rank[name])
        return np.asarray(self._table[name][self._rank["row"]])

    def reach(self) -> Reach:
        """Summary for the head of the page."""
        score = np.sort(self.column("score"))[::-1]
        total = score.sum()
        if not total > 0:
            return Reach(len(score), 0, 0, 0)
        running = np.cumsum(score) / total
        return Reach(
            galaxies=len(score),
            with_distance=int(np.isfinite(self.column("distance_mpc")).sum()),
            for_half=int(np.searchsorted(running, 0.5) + 1),
            for_ninety=int(np.searchsorted(running, 0.9) + 1),
        )

    def page(
        self,
        *,
        sort: str,
        descending: bool,
        ranges: list[Range],
        limit: int,
        after: tuple[Any, int] | None,
    ) -> GalaxyPage:
        """Galaxies in the wanted order; missing values come last either way.

        Raises
        ------
        InvalidError
            If there is no such column.
        """
        if sort not in SORTABLE:
            raise InvalidError(f"sort by one of {', '.join(SORTABLE)}")
        keep = np.ones(len(self._rank), bool)
        for item in ranges:
            values = self.column(item.column)
            if item.low is not None:
                keep &= values >= item.low
            if item.high is not None:
                keep &= values <= item.high
        chosen = np.flatnonzero(keep)
        values = self.column(sort)[chosen]
        rows = np.asarray(self._rank["row"])[chosen]
        order = _order(values, rows, descending=descending)
        begin = 0
        if after is not None:
            places = np.flatnonzero(rows[order] == after[1])
            begin = int(places[0]) + 1 if len(places) else 0
        part = order[begin : begin + limit]
        picked = chosen[part]
        found = [self._row(int(index)) for index in picked]
        more = begin + limit < len(order)
        last = (found[-1][sort], int(rows[part[-1]])) if more and len(part) else None
        return GalaxyPage(rows=found, total=len(order), next_after=last)

    def _row(self, index: int) -> dict[str, Any]:
        rank = self._rank[index]
        galaxy = self._table[int(rank["row"])]
        row: dict[str, Any] = {
            "row": int(rank["row"]),
            "name": bytes(galaxy["name"]).decode("ascii", "replace"),
        }
        for name in FROM_RANKING:
            row[name] = _known(rank[name])
        for name in FROM_CATALOGUE:
            row[name] = _known(galaxy[name])
        return row


def _order(values: NDArray[Any], rows: NDArray[Any], *, descending: bool) -> NDArray[np.intp]:
    if values.dtype.kind == "S":
        order = np.lexsort((rows, values))
        return order[::-1] if descending else order
    missing = np.isnan(values)
    signed = -values if descending else values
    return np.lexsort((rows, np.where(missing, np.inf, signed), missing))


def _known(value: Any) -> float | None:
    number = float(value)
    return number if np.isfinite(number) else None
