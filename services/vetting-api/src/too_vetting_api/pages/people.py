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
    answer, problem = await ask(gateway(request, viewer), "notify", "/rota")
    return render(
        request,
        "people.html",
        viewer,
        accounts=accounts,
        scopes=SCOPES,
        duty=duty,
        duty_names=[names.get(item, "somebody") for item in duty.account_ids] if duty else [],
        rota=[_rota_line(item, names) for item in listed(answer)],
        rota_problem=problem,
    )


def _rota_line(item: dict[str, Any], names: dict[UUID, str]) -> dict[str, str]:
    """One line of the rota, whatever its form."""

    def name(value: Any) -> str:
        try:
            return names.get(UUID(str(value)), str(value))
        except ValueError:
            return str(value)

    people = item.get("account_ids") or [item.get("account_id") or item.get("name") or "?"]
    begin = item.get("begins_at") or item.get("starts_at") or item.get("begin") or ""
    end = item.get("ends_at") or item.get("end") or ""
    when = f"{begin} - {end}" if begin or end else str(item.get("rule") or item.get("week") or "")
    return {"what": ", ".join(name(value) for value in people), "when": when}


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
