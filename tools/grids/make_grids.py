"""Write the compact grid files of the planner.

    python tools/grids/make_grids.py ztf                       # needs the ztffields package
    python tools/grids/make_grids.py csv FILE.csv NAME --credit "..."
    python tools/grids/make_grids.py rings NAME --side 0.7 --dec-min -40 --dec-max 85

The CSV has the columns field_id, ra_deg, dec_deg and optionally set. Results go to the planner's
``grids`` folder (``--out`` for another).
"""

import argparse
import csv
from pathlib import Path

from too_planner import fieldgrid

ZTF_CREDIT = (
    "ZTF field centres and CCD quadrant layout: ztffields {version} (Apache License 2.0, "
    "M. Rigault); fields 1896 and 1897: field table of growth-too-marshal"
)
ZTF_LATE_FIELDS = ((1896, 90.0, 87.4), (1897, 240.0, 87.4))
"""Fields of the secondary grid that the package's table does not have."""
ZTF_LAST_PRIMARY, ZTF_FIRST_SECONDARY = 880, 1000
"""What lies between belongs to neither of the two survey grids."""


def ztf() -> fieldgrid.FieldGrid:
    """ZTF's fields and the 64 quadrants of its camera."""
    from importlib.metadata import version

    from ztffields import Fields

    centres = Fields.get_field_centroids()
    ids = [int(value) for value in centres.index]
    ra = [float(value) for value in centres["ra"]]
    dec = [float(value) for value in centres["dec"]]
    for field, field_ra, field_dec in ZTF_LATE_FIELDS:
        if field not in ids:
            ids.append(field)
            ra.append(field_ra)
            dec.append(field_dec)
    corners = Fields.QUAD_COORDS.groupby("Quad")[["EW", "NS"]]
    low, high = corners.min().to_numpy(), corners.max().to_numpy()
    centre, half = (low + high) / 2, (high - low) / 2
    return fieldgrid.make_grid(
        ids,
        ra,
        dec,
        [_ztf_set(field) for field in ids],
        credit=ZTF_CREDIT.format(version=version("ztffields")),
        rectangles_deg=[
            [*middle, *size] for middle, size in zip(centre.tolist(), half.tolist(), strict=True)
        ],
    )


def _ztf_set(field: int) -> str:
    if field <= ZTF_LAST_PRIMARY:
        return "primary"
    return "secondary" if field >= ZTF_FIRST_SECONDARY else "other"


def from_csv(path: Path, credit: str) -> fieldgrid.FieldGrid:
    """Any grid from a table."""
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return fieldgrid.make_grid(
        [int(row["field_id"]) for row in rows],
        [float(row["ra_deg"]) for row in rows],
        [float(row["dec_deg"]) for row in rows],
        [row.get("set") or "primary" for row in rows],
        credit=credit,
    )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=fieldgrid.BUILT_IN)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ztf")
    table = commands.add_parser("csv")
    table.add_argument("file", type=Path)
    table.add_argument("name")
    table.add_argument("--credit", required=True)
    rings = commands.add_parser("rings")
    rings.add_argument("name")
    rings.add_argument("--side", type=float, required=True)
    rings.add_argument("--dec-min", type=float, required=True)
    rings.add_argument("--dec-max", type=float, required=True)
    arguments = parser.parse_args()
    if arguments.command == "ztf":
        name, grid = "ztf", ztf()
    elif arguments.command == "csv":
        name, grid = arguments.name, from_csv(arguments.file, arguments.credit)
    else:
        name = arguments.name
        grid = fieldgrid.ring_grid(arguments.side, arguments.dec_min, arguments.dec_max)
    path = arguments.out / f"{name}.npz"
    path.write_bytes(fieldgrid.to_bytes(grid))
    print(f"{path.name}: {len(grid)} fields in {', '.join(grid.sets)}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
