"""Programs, rota and accounts, my own account."""

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse
from too_common.contracts.notify import DutyChanged
from too_common.http import Ctx

from too_vetting_api.domain.accounts import SCOPES
from too_vetting_api.domain.projections import Kind
from too_vetting_api.pages.shell import Person, ask, gateway, listed, render
from too_vetting_api.store import accounts as store
from too_vetting_api.store import projections
from too_vetting_api.usecases.accounts import get_account

router = APIRouter(include_in_schema=False)

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@router.get("/programs")
async def programs_page(request: Request, viewer: Person) -> HTMLResponse:
    """Show the science programs, as notify keeps them."""
    answer, problem = await ask(gateway(request, viewer), "notify", "/programs")
    return render(request, "programs.html", viewer, programs=listed(answer), problem=problem)


@router.get("/people")
async def people_page(request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Show who is on duty, the rota and the accounts."""
    async with ctx.unit_of_work() as uow:
        accounts = await store.all_accounts(uow.session)
        row = await projections.get_row(uow.session, Kind.DUTY, "current")
    duty = None if row is None else DutyChanged.model_validate(row.data)
    names = {item.account_id: item.name for item in accounts}
    gate = gateway(request, viewer)
    answer, problem = await ask(gate, "notify", "/rota")
    overrides, _ = await ask(gate, "notify", "/overrides")
    return render(
        request,
        "people.html",
        viewer,
        accounts=accounts,
        scopes=SCOPES,
        duty=duty,
        duty_names=[names.get(item, "somebody") for item in duty.account_ids] if duty else [],
        rota=[rota_line(item, names) for item in (answer or {}).get("entries", [])],
        overrides=[override_line(item, names) for item in listed(overrides)],
        rota_problem=problem,
    )


def rota_line(item: dict[str, Any], names: dict[UUID, str]) -> dict[str, str]:
    """One entry of the weekly rota in words."""
    days = sorted(item.get("weekdays") or range(7))
    when = "every day" if len(days) == len(DAYS) else ", ".join(DAYS[day] for day in days)
    begin, end = item.get("hours_begin"), item.get("hours_end")
    hours = f"{begin[:5]} - {end[:5]}" if begin and end else "own hours"
    zone = item.get("timezone") or "own zone"
    who = names.get(UUID(str(item["account_id"])), "somebody")
    return {"what": who, "when": f"{when}, {hours} ({zone})"}


def override_line(item: dict[str, Any], names: dict[UUID, str]) -> dict[str, Any]:
    """One exception in words."""
    who = names.get(UUID(str(item["account_id"])), "somebody")
    return {
        "id": item["id"],
        "what": f"{who} {'on' if item.get('kind') == 'on' else 'off'} duty",
        "begin": item["begins_at"],
        "end": item["ends_at"],
        "reason": item.get("reason") or "",
    }


@router.get("/dialogs/account/{account_id}")
async def account_dialog(
    account_id: UUID, request: Request, ctx: Ctx, viewer: Person
) -> HTMLResponse:
    """Ask for an account's new values."""
    viewer.principal.check("admin")
    async with ctx.unit_of_work() as uow:
        row = await get_account(uow, account_id)
    return render(request, "dialog_account.html", viewer, a=row, scopes=SCOPES)


@router.get("/account")
async def account_page(request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Show my own account: contact card, tokens, password."""
    async with ctx.unit_of_work() as uow:
        tokens = await store.tokens_of(uow.session, viewer.account_id)
    card, problem = await ask(gateway(request, viewer), "notify", "/contact-cards/me")
    return render(
        request,
        "account.html",
        viewer,
        tokens=tokens,
        scopes=SCOPES,
        card=card if isinstance(card, dict) else {},
        card_problem=problem,
        base_url=ctx.common.public_base_url,
        zones=sorted(available_timezones()),
    )
