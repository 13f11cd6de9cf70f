"""Plans from files alone: what `too plan --telescope ...` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from too_planner import telescope as definitions

if TYPE_CHECKING:
    from too_common.contracts.planner import NetworkStatistics

    from too_planner.plan import Plan
    from too_planner.telescope import TelescopeDefinition


@dataclass(frozen=True)
class Files:
    """Files that a plan is made from."""

    skymap: Path
    telescopes: Path | None = None
    catalogue: Path | None = None
    references: Path | None = None
    pointings: tuple[Path, ...] = ()
    exclude_plans: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Made:
    """A plan with what its products need."""

    plan: "Plan"
    telescope: "TelescopeDefinition"
    footprint: Any


def known_telescopes(folder: Path | None) -> dict[str, "TelescopeDefinition"]:
    """The built-in telescopes and those of a folder."""
    return definitions.read_definitions(definitions.BUILT_IN, *([folder] if folder else []))


def grid_path(definition: "TelescopeDefinition", folder: Path | None) -> Path | None:
    """File of a telescope's grid: beside its own file, else built in.

    Raises
    ------
    GridError
        If there is none.
    """
    from too_planner import fieldgrid

    if definition.grid.file is None:
        return None
    name = Path(definition.grid.file).name
    for place in (*([folder] if folder else []), fieldgrid.BUILT_IN):
        if (place / name).is_file():
            return place / name
    raise fieldgrid.GridError(f"{definition.name}: no grid file {name!r}")


def make_plans(
    files: Files, names: Sequence[str], options: dict[str, Any], *, deadline_s: float | None
) -> tuple[list[Made], "NetworkStatistics | None"]:
    """Plan one telescope, or several that share the sky.

    Parameters
    ----------
    options
        Of a `PlanRequest`, the same for all telescopes; filters that one does not have are left
        out for it.

    Raises
    ------
    ValueError
        For what cannot be meant, with the reason (`RequestError`, `GridError`, bad files ...).
    """
    import hashlib
    from dataclasses import replace

    from too_common.astro.skymap import SkyMap

    from too_planner import making, network
    from too_planner.coverage import Points
    from too_planner.depth import DepthError
    from too_planner.galaxies import CatalogueError

    if len(set(names)) != len(names):
        raise ValueError("a telescope is named twice")
    known = known_telescopes(files.telescopes)
    data = files.skymap.read_bytes()
    try:
        skymap = SkyMap.from_fits(data)
    except ValueError as error:
        raise ValueError(f"{files.skymap.name}: {error}") from error
    points = Points.of_map(skymap)
    digest = hashlib.sha256(data).hexdigest()
    prepared = []
    failed: dict[str, Made] = {}
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"unknown telescope {name}; there are {', '.join(known)}")
        material = _material(files, known, known[name], options, several=len(names) > 1)
        material = replace(material, skymap=skymap, points=points, map_sha256=digest)
        try:
            inputs, chosen = making.inputs_of(material)
        except (CatalogueError, DepthError) as error:
            if len(names) == 1:
                raise
            # the others share the sky all the same
            failed[name] = Made(making.no_plan(material, str(error)), material.telescope, None)
            continue
        if deadline_s is not None and hasattr(inputs, "deadline_s"):
            inputs = replace(inputs, deadline_s=deadline_s)
        prepared.append((material, inputs, chosen))
    statistics = None
    if not prepared:
        return list(failed.values()), None
    if len(prepared) == 1 and not failed:
        plans: Sequence[Plan] = [making.make(prepared[0][1])]
    else:
        together = network.plan_network(
            [inputs for _, inputs, _ in prepared], make=making.make, deadline_s=deadline_s or 30.0
        )
        plans, statistics = together.plans, together.statistics
    made = failed | {
        material.telescope.name: Made(
            making.finish(plan, inputs, chosen), material.telescope, inputs.footprint
        )
        for plan, (material, inputs, chosen) in zip(plans, prepared, strict=True)
    }
    return [made[name] for name in names], statistics


def _material(
    files: Files,
    known: "dict[str, TelescopeDefinition]",
    definition: "TelescopeDefinition",
    options: dict[str, Any],
    *,
    several: bool,
) -> Any:
    from too_planner import fieldgrid
    from too_planner.making import Material
    from too_planner.profile import fit_filters
    from too_planner.request import PlanRequest, resolve
    from too_planner.telescope import Strategy

    values = dict(options)
    if several:
        # a single plan ends at the telescope's usual probability; together they use the night
        values["probability"] = values.get("probability") or 1.0
        values["filters"], values["exposure_times_s"] = fit_filters(
            _tuple(values.get("filters")), _tuple(values.get("exposure_times_s")), definition
        )
    path = grid_path(definition, files.telescopes)
    grid = None
    if path is not None:
        try:
            grid = fieldgrid.load_grid(path)
        except fieldgrid.GridError as error:
            raise fieldgrid.GridError(f"{path.name}: {error}") from error
    primary = values.pop("primary_grid_only", None)
    if primary is not None and grid is not None and values.get("field_sets") is None:
        values["field_sets"] = grid.sets[:1] if primary else grid.sets
    values["previous"] = _seen_already(files, known, definition)
    request = PlanRequest.model_validate({**values, "telescope": definition.name})
    begin: datetime = request.windows[0].begin
    # nothing here is in the past: a plan for any night may be computed
    parameters = resolve(request, definition, now=begin - timedelta(seconds=2))
    if parameters.strategy is Strategy.GALAXIES and files.catalogue is None:
        raise typer.BadParameter(f"{definition.name} looks at galaxies: --catalogue FILE")
    references = None
    if files.references is not None:
        from too_common.cli.telescopes import read_references

        references = frozenset(
            (row["field_id"], row["filter"]) for row in read_references(files.references)
        )
    return Material(
        definition, parameters, grid, catalogue_path=files.catalogue, references=references
    )


def _tuple(values: Any) -> Any:
    return None if values is None else tuple(values)


def _seen_already(
    files: Files, known: "dict[str, TelescopeDefinition]", definition: "TelescopeDefinition"
) -> list[dict[str, Any]]:
    """Others' pointings and the places of plans that are to be left out."""
    from too_planner.compare import read_plan
    from too_planner.pointings_file import read_pointings, shape_of

    rows = [row for path in files.pointings for row in read_pointings(path, known)]
    found = [row.model_dump() for row in rows]
    for path in files.exclude_plans:
        plan = read_plan(path)
        shape: dict[str, float] = {}
        if plan.telescope is not None and plan.telescope != definition.name:
            if plan.telescope not in known:
                raise typer.BadParameter(f"{path.name}: unknown telescope {plan.telescope}")
            shape = shape_of(known[plan.telescope])
        found += [{"ra_deg": ra % 360.0, "dec_deg": dec, **shape} for ra, dec in plan.places]
    return found


def write_plan(out: Path, made: Made, *, skymap: Path) -> None:
    """Write a plan in the form that the file's name asks for.

    ``.json`` the whole plan, ``.ecsv`` and ``.csv`` the exposures, ``.geojson`` the tiles,
    ``.fits`` the coverage (MOC).
    """
    import json
    from datetime import UTC

    from too_planner import products
    from too_planner.provenance import Provenance, engine_version

    kinds = {
        ".ecsv": products.Product.ECSV,
        ".csv": products.Product.CSV,
        ".json": products.Product.JSON,
        ".geojson": products.Product.GEOJSON,
        ".fits": products.Product.MOC_FITS,
    }
    product = kinds.get(out.suffix)
    if product is None:
        raise typer.BadParameter(f"--out: {', '.join(kinds)}, not {out.suffix or out.name!r}")
    document = made.plan.model_dump(mode="json")
    now = datetime.now(UTC)
    source = products.Source(
        plan=made.plan,
        document=document,
        telescope=made.telescope,
        footprint=made.footprint,
        provenance=Provenance(
            product="",
            plan_id="-",
            plan_name=f"{skymap.stem} {made.plan.telescope}",
            plan_state="ready" if made.plan.exposures else "failed",
            plan_made_at=now.isoformat().replace("+00:00", "Z"),
            document_sha256=None,
            telescope=made.plan.telescope,
            map_sha256=made.plan.map_sha256,
            engine=engine_version(),
            request=json.loads(made.plan.parameters.model_dump_json()),
        ),
        made_at=now,
    )
    out.write_bytes(products.make(product, source))
