"""Telescopes: read from files at start, imported by a person, told to the others."""

from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from too_common.contracts.planner import TelescopeChanged
from too_common.errors import InvalidError
from too_common.uow import UnitOfWork

from too_planner import fieldgrid, planning
from too_planner import telescope as definitions
from too_planner.tables import ReferenceRow, TelescopeRow
from too_planner.telescope import TelescopeDefinition
from too_planner.usecases.grids import store_grid


async def load_files(uow: UnitOfWork, operator_folder: Path | None) -> list[str]:
    """Bring the telescopes up to date with the files; gives the names of those that changed.

    A telescope that a person has imported is not replaced by a file.

    Raises
    ------
    TelescopeError, GridError
        If a file cannot be used: the service does not start with half of its telescopes.
    """
    folders = [definitions.BUILT_IN, *([operator_folder] if operator_folder else [])]
    changed: list[str] = []
    for definition in definitions.read_definitions(*folders).values():
        row = await uow.session.get(TelescopeRow, definition.name, with_for_update=True)
        if row is not None and row.source == "imported":
            continue
        grid = None
        if definition.grid.file is not None:
            grid = _grid_bytes(definition.grid.file, operator_folder)
        if await _save(uow, row, definition, grid, source="file"):
            changed.append(definition.name)
    return changed


def _grid_bytes(name: str, operator_folder: Path | None) -> bytes:
    for folder in [*([operator_folder] if operator_folder else []), fieldgrid.BUILT_IN]:
        path = folder / Path(name).name
        if path.is_file():
            return path.read_bytes()
    raise fieldgrid.GridError(f"no grid file {name!r}")


async def import_telescope(
    uow: UnitOfWork, definition: TelescopeDefinition, grid: bytes | None
) -> TelescopeRow:
    """Enter or replace a telescope by a person's word.

    Parameters
    ----------
    grid
        Compact grid file; None keeps the one that is there (or the built-in one named by the
        definition).

    Raises
    ------
    InvalidError
        If grid and definition do not fit.
    """
    row = await uow.session.get(TelescopeRow, definition.name, with_for_update=True)
    data = grid
    if data is None and definition.grid.file is not None and (row is None or not row.grid_sha256):
        try:
            data = _grid_bytes(definition.grid.file, uow.ctx.settings.telescopes_dir)
        except fieldgrid.GridError as error:
            raise InvalidError(str(error), code="grid") from error
    try:
        await _save(uow, row, definition, data, source="imported")
    except fieldgrid.GridError as error:
        raise InvalidError(str(error), code="grid") from error
    saved = await uow.session.get(TelescopeRow, definition.name)
    if saved is None:
        raise InvalidError("the telescope was not saved")
    return saved


async def _save(
    uow: UnitOfWork,
    row: TelescopeRow | None,
    definition: TelescopeDefinition,
    grid: bytes | None,
    *,
    source: str,
) -> bool:
    sha256 = row.grid_sha256 if row is not None else None
    info = row.grid_info if row is not None else None
    if definition.grid.file is None:
        sha256 = info = None
    elif grid is not None:
        grid = fieldgrid.compact(grid)
        parsed = fieldgrid.from_bytes(grid)
        parsed.select(definition.grid.sets)
        _check_footprint(definition, parsed)
        sha256 = await store_grid(uow, grid)
        info = _grid_info(parsed)
    body = definition.model_dump(mode="json")
    if (
        row is not None
        and row.definition == body
        and row.grid_sha256 == sha256
        and row.source == source
    ):
        return False
    if row is None:
        row = TelescopeRow(name=definition.name, revision=0, references_loaded=False)
        uow.session.add(row)
    row.definition, row.grid_sha256, row.source = body, sha256, source
    row.grid_info = info
    row.revision += 1
    row.changed_at = uow.now
    await uow.session.flush()
    uow.publish(as_event(row), key=f"telescope:{row.name}", revision=row.revision)
    return True


def _grid_info(grid: fieldgrid.FieldGrid) -> dict[str, Any]:
    sets = {name: int((grid.set_code == code).sum()) for code, name in enumerate(grid.sets)}
    return {"fields": len(grid), "sets": sets, "credit": grid.credit}


def _check_footprint(definition: TelescopeDefinition, grid: fieldgrid.FieldGrid) -> None:
    try:
        planning.footprint_of(definition, grid)
    except (ValueError, KeyError) as error:
        raise fieldgrid.GridError(f"{definition.name}: footprint: {error}") from error


def as_event(row: TelescopeRow) -> TelescopeChanged:
    """A telescope as it is told."""
    return TelescopeChanged(
        name=row.name,
        is_provisional=row.definition.get("provisional") is not None,
        definition={
            **row.definition,
            "grid_info": row.grid_info,
            "has_secondary_grid": len((row.grid_info or {}).get("sets", {})) > 1,
        },
    )


async def replace_references(
    uow: UnitOfWork, row: TelescopeRow, pairs: list[tuple[str, str]]
) -> int:
    """Replace a telescope's list of reference images; gives the number of entries.

    Raises
    ------
    InvalidError
        For a filter that the telescope does not have.
    """
    definition = TelescopeDefinition.model_validate(row.definition)
    unknown = sorted({name for _, name in pairs} - set(definition.filters))
    if unknown:
        raise InvalidError(f"{row.name} has no filter {unknown[0]!r}", code="filter")
    await uow.session.execute(delete(ReferenceRow).where(ReferenceRow.telescope == row.name))
    rows: list[dict[str, Any]] = [
        {"telescope": row.name, "field_id": field, "filter": name}
        for field, name in sorted(set(pairs))
    ]
    for begin in range(0, len(rows), 5000):
        await uow.session.execute(insert(ReferenceRow), rows[begin : begin + 5000])
    row.references_loaded = True
    return len(rows)
