"""Grid files: kept by hash in the database, as files where workers read them."""

import hashlib
from pathlib import Path

from sqlalchemy.dialects.postgresql import insert
from too_common.context import Context
from too_common.errors import PermanentError
from too_common.uow import UnitOfWork

from too_planner.tables import GridRow


async def store_grid(uow: UnitOfWork, data: bytes) -> str:
    """Keep a grid file; gives its hash."""
    sha256 = hashlib.sha256(data).hexdigest()
    await uow.session.execute(
        insert(GridRow).values(sha256=sha256, data=data).on_conflict_do_nothing()
    )
    return sha256


async def grid_file(ctx: Context, sha256: str) -> Path:
    """Path of a grid file for worker processes.

    Raises
    ------
    PermanentError
        If there is no grid of that hash.
    """
    folder = ctx.common.data_dir / "cache" / "planner" / "grids"
    path = folder / f"{sha256}.npz"
    if path.exists():
        return path
    async with ctx.unit_of_work() as uow:
        row = await uow.session.get(GridRow, sha256)
    if row is None:
        raise PermanentError(f"no grid {sha256[:12]} in the database")
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(row.data)
    part.replace(path)
    return path
