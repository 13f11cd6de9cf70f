"""Put together what charts and products are made from, make them in a worker, keep them by hash."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from too_common.context import Context
from too_common.contracts.base import BlobRef
from too_common.contracts.ingest import LocalizationReady
from too_common.errors import ConflictError, NotFoundError, RefusedError, TransientError
from too_common.uow import UnitOfWork

from too_planner import chart_tasks, store
from too_planner.playback import iso
from too_planner.products import KINDS, Product
from too_planner.provenance import Provenance, digest, engine_version
from too_planner.tables import DocumentRow, EventRow, LocalizationRow, PlanRow, TelescopeRow
from too_planner.usecases.grids import grid_file

DEADLINE_S = 60.0
ROUND_S = 600
"""Charts of tonight begin at a round time, so that many pages share one."""


@dataclass(frozen=True)
class Look:
    """How a chart is wanted."""

    form: str = "svg"
    theme: str = "light"
    width: float = 960.0
    scale: float = 2.0
    zone: str = "UTC"


@dataclass(frozen=True)
class Rendered:
    """An answer and the hash of what it was made from."""

    content: bytes
    etag: str


@dataclass(frozen=True)
class PlanSource:
    """A plan with all that its pictures and files need."""

    row: PlanRow
    document: bytes
    telescope: TelescopeRow
    map_ref: BlobRef | None
    provenance: Provenance


async def plan_source(uow: UnitOfWork, plan_id: UUID) -> PlanSource:
    """Read a plan.

    Raises
    ------
    NotFoundError
        If there is no such plan, or its telescope has gone.
    ConflictError
        If the plan has no exposures.
    """
    row = await uow.session.get(PlanRow, plan_id)
    if row is None:
        raise NotFoundError(f"no plan {plan_id}")
    document = None
    if row.document_sha256 is not None:
        document = await uow.session.get(DocumentRow, row.document_sha256)
    body = json.loads(document.content) if document is not None else {}
    if document is None or not body.get("exposures"):
        reason = row.reason or "it is being made"
        raise ConflictError(f"plan {row.name} has no exposures: {reason}", code="no_document")
    telescope = await uow.session.get(TelescopeRow, row.telescope)
    if telescope is None:
        raise NotFoundError(f"there is no telescope named {row.telescope} any more")
    map_ref = None
    if row.localization_id is not None:
        localization = await uow.session.get(LocalizationRow, row.localization_id)
        if localization is not None:
            map_ref = LocalizationReady.model_validate(localization.data).map
    return PlanSource(
        row=row,
        document=document.content,
        telescope=telescope,
        map_ref=map_ref,
        provenance=_provenance(row, body),
    )


def _provenance(row: PlanRow, body: dict[str, Any]) -> Provenance:
    made = body.get("made") or {}
    return Provenance(
        product="",
        plan_id=str(row.plan_id),
        plan_name=row.name,
        plan_state=row.state,
        plan_made_at=iso(row.made_at),
        document_sha256=row.document_sha256,
        telescope=row.telescope,
        event=row.event_name,
        event_id=str(row.event_id) if row.has_event else None,
        map_sha256=row.map_sha256,
        localization_id=None if row.localization_id is None else str(row.localization_id),
        program=row.program_name,
        made_by=row.made_by,
        engine=made.get("engine"),
        telescope_revision=made.get("telescope_revision"),
        telescope_sha256=made.get("telescope_sha256"),
        grid_sha256=made.get("grid_sha256"),
        request=body.get("parameters") or {},
    )


def subtitle_of(body: dict[str, Any]) -> str:
    """Numbers of a plan in one line."""
    numbers = body["statistics"]
    filters = ", ".join(f"{n} {name}" for name, n in numbers["exposures_by_filter"].items())
    parts = [
        f"{numbers['fields']} fields, {numbers['exposures']} exposures ({filters})",
        f"{numbers['area_deg2']:.0f} deg²",
        f"{numbers['probability']:.1%} seen once",
    ]
    first, last = numbers.get("first_exposure_at"), numbers.get("last_exposure_end")
    if first and last:
        parts.append(f"{first[:16].replace('T', ' ')} to {last[:16].replace('T', ' ')} UTC")
    return " · ".join(parts)


def title_of(row: PlanRow, body: dict[str, Any]) -> str:
    """What a plan achieves, and of what is possible."""
    numbers = body["statistics"]
    what = f"{row.telescope}{f' on {row.event_name}' if row.event_name else ''}"
    if row.map_sha256 is None:
        return f"{what}: {numbers['fields']} fields"
    bound = bound_of(body)
    if bound is None:
        return f"{what}: covers {numbers['probability']:.1%}"
    if body["bound"].get("objective") == "any":
        return f"{what}: covers {numbers['probability']:.1%} of a possible {bound:.1%}"
    covered = numbers["probability_sequence"]
    return f"{what}: covers {covered:.1%} in the whole sequence, of a possible {bound:.1%}"


def bound_of(body: dict[str, Any]) -> float | None:
    """Upper bound of what a plan's objective counts, if one was proven."""
    found = body.get("bound")
    return float(found["value"]) if isinstance(found, dict) else None


async def _cached(ctx: Context, key: Any, make: Callable[[], Awaitable[bytes]]) -> Rendered:
    etag = digest({"key": key, "by": engine_version()})[:32]
    try:
        content = await ctx.resources.renders.get(etag, make)
    except TransientError as error:
        raise RefusedError(str(error), status=503, code="owner_away") from error
    return Rendered(content, etag)


async def _plan_values(ctx: Context, source: PlanSource, *, with_map: bool) -> dict[str, Any]:
    grid = source.telescope.grid_sha256
    map_path = None
    if with_map and source.map_ref is not None:
        map_path = str(await ctx.services.fetch_blob_file(source.map_ref))
    return {
        "document": source.document,
        "definition": source.telescope.definition,
        "grid_path": str(await grid_file(ctx, grid)) if grid else None,
        "map_path": map_path,
        "provenance": asdict(source.provenance),
    }


def _plan_key(source: PlanSource) -> dict[str, Any]:
    return {
        "document": source.row.document_sha256,
        "state": source.row.state,
        "telescope": source.telescope.revision,
        "map": source.row.map_sha256,
        "event": source.row.event_name,
    }


async def plan_night(ctx: Context, source: PlanSource) -> Rendered:
    """The plan's night as JSON."""

    async def make() -> bytes:
        values = await _plan_values(ctx, source, with_map=True)
        return await ctx.workers.run(chart_tasks.night_job, values, deadline_s=DEADLINE_S)

    return await _cached(ctx, {**_plan_key(source), "what": "night"}, make)


async def plan_chart(ctx: Context, source: PlanSource, chart: str, look: Look) -> Rendered:
    """A chart of a plan, ``sky`` or ``night``."""
    body = json.loads(source.document)
    zone = look.zone
    if zone == "site":
        zone = source.telescope.definition["site"]["timezone"]

    async def make() -> bytes:
        values = await _plan_values(ctx, source, with_map=True)
        values |= {
            **asdict(look),
            "zone": zone,
            "chart": chart,
            "title": title_of(source.row, body),
            "subtitle": subtitle_of(body),
            "bound": bound_of(body),
        }
        return await ctx.workers.run(chart_tasks.plan_chart_job, values, deadline_s=DEADLINE_S)

    return await _cached(ctx, {**_plan_key(source), "what": chart, "look": asdict(look)}, make)


async def plan_product(ctx: Context, source: PlanSource, product: Product) -> Rendered:
    """A file of a plan."""

    async def make() -> bytes:
        values = await _plan_values(ctx, source, with_map=False)
        values |= {"product": product.value, "made_at": source.row.made_at.isoformat()}
        return await ctx.workers.run(chart_tasks.product_job, values, deadline_s=DEADLINE_S)

    return await _cached(ctx, {**_plan_key(source), "what": product.value}, make)


def media_type(product: Product) -> str:
    """Content type of a product."""
    return KINDS[product].media_type


@dataclass(frozen=True)
class SiteSource:
    """An event's map and the telescopes that may look at it."""

    event: EventRow
    localization: LocalizationRow
    telescopes: list[TelescopeRow]
    begin: datetime
    hours: float


async def site_source(
    uow: UnitOfWork,
    event_id: UUID,
    *,
    hours: float,
    begin: datetime | None,
    telescope: str | None = None,
) -> SiteSource:
    """Read an event.

    Raises
    ------
    NotFoundError
        If there is no such event or telescope.
    ConflictError
        If it has no map yet.
    """
    event = await store.event(uow.session, event_id)
    if event is None:
        raise NotFoundError(f"no event {event_id}")
    localization = await store.preferred_localization(uow.session, event_id)
    if localization is None:
        raise ConflictError("the event has no sky map yet", code="no_map")
    telescopes = [
        row for row in await store.telescopes(uow.session) if telescope in (None, row.name)
    ]
    if not telescopes:
        raise NotFoundError(f"there is no telescope named {telescope}")
    start = begin or uow.now
    seconds = int(start.timestamp()) // ROUND_S * ROUND_S
    return SiteSource(
        event, localization, telescopes, datetime.fromtimestamp(seconds, tz=UTC), hours
    )


def _site_key(source: SiteSource) -> dict[str, Any]:
    return {
        "map": source.localization.map_sha256,
        "telescopes": [[row.name, row.revision] for row in source.telescopes],
        "begin": iso(source.begin),
        "hours": source.hours,
    }


async def sites(ctx: Context, source: SiteSource) -> Rendered:
    """Observability from every site as JSON; of the peak alone while the map cannot be had."""
    ready = LocalizationReady.model_validate(source.localization.data)
    values = {
        "definitions": [row.definition for row in source.telescopes],
        "map_path": None,
        "ra_deg": ready.facts.peak_ra_deg,
        "dec_deg": ready.facts.peak_dec_deg,
        "begin": iso(source.begin),
        "hours": source.hours,
    }

    async def run(map_path: str | None) -> bytes:
        found = await ctx.workers.run(
            chart_tasks.observability_job, {**values, "map_path": map_path}, deadline_s=DEADLINE_S
        )
        return json.dumps(found, separators=(",", ":")).encode()

    try:
        map_path = str(await ctx.services.fetch_blob_file(ready.map))
    except TransientError:
        return Rendered(await run(None), "")
    return await _cached(ctx, {**_site_key(source), "what": "sites"}, lambda: run(map_path))


async def site_chart(ctx: Context, source: SiteSource, chart: str, look: Look) -> Rendered:
    """A chart of an event from all sites, ``observability`` or ``airmass``."""
    zone = look.zone
    if zone == "site":
        zone = source.telescopes[0].definition["site"]["timezone"]
    ready = LocalizationReady.model_validate(source.localization.data)
    titles = {
        "observability": f"When {source.event.name} can be observed",
        "airmass": f"Airmass of {source.event.name}",
    }
    revisions = ", ".join(f"{row.name} rev. {row.revision}" for row in source.telescopes)
    end = source.begin + timedelta(hours=source.hours)

    async def make() -> bytes:
        rows = await sites(ctx, source)
        values = {
            **asdict(look),
            "zone": zone,
            "chart": chart,
            "title": titles[chart],
            "subtitle": (
                f"90 % in {ready.facts.area90_deg2:.0f} deg² · {source.begin:%Y-%m-%d %H:%M} to "
                f"{end:%Y-%m-%d %H:%M} UTC · airmass and limits as the telescopes' files say"
            ),
            "made": [
                f"event {source.event.name}",
                f"map {source.localization.map_sha256[:12]}",
                f"telescopes {revisions}",
                f"made by {engine_version()}",
            ],
            "sites": json.loads(rows.content),
        }
        return await ctx.workers.run(chart_tasks.site_chart_job, values, deadline_s=DEADLINE_S)

    return await _cached(ctx, {**_site_key(source), "what": chart, "look": asdict(look)}, make)
