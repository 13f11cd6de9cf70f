"""Duty now, the weekly rota and its exceptions."""

from datetime import datetime, time
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field
from too_common.errors import ForbiddenError
from too_common.http import Ctx, Principal, require
from too_common.uow import UnitOfWork

from too_notify.rota import OverrideKind
from too_notify.store import people
from too_notify.store.events import accounts
from too_notify.tables import OverrideRow
from too_notify.usecases.keep_rota import (
    EntryContent,
    add_override,
    get_override,
    remove_override,
    save_rota,
)

router = APIRouter(tags=["rota"])
Reader = Annotated[Principal, require("read")]


class DutyPerson(BaseModel):
    """Somebody on duty, or who could be."""

    account_id: UUID
    name: str
    is_unreachable_by_sms: bool = False


class DutyView(BaseModel):
    """Who is on duty now, in the order of calls, and who would be called next."""

    at: datetime
    on_duty: list[DutyPerson]
    everybody: list[DutyPerson]
    changes_at: datetime


class RotaEntryModel(BaseModel):
    """One entry of the weekly rota."""

    account_id: UUID
    weekdays: list[int] = Field(
        default=[0, 1, 2, 3, 4, 5, 6], description="Days on which it begins, Monday is 0"
    )
    hours_begin: time | None = Field(default=None, description="Unset: the person's own hours")
    hours_end: time | None = None
    timezone: str | None = Field(default=None, description="Unset: the person's own zone")


class RotaView(BaseModel):
    """The weekly rota; its order is the order of calls."""

    version: int
    entries: list[RotaEntryModel]


class OverrideEdit(BaseModel):
    """An exception."""

    account_id: UUID
    kind: OverrideKind
    begins_at: AwareDatetime
    ends_at: AwareDatetime
    reason: str = Field(default="", max_length=200)


class OverrideView(OverrideEdit):
    """An exception that stands."""

    id: UUID
    made_by: UUID | None
    made_at: datetime


async def _people(uow: UnitOfWork, ids: tuple[UUID, ...]) -> list[DutyPerson]:
    known = await accounts(uow.session)
    stopped = {
        row.account_id for row in await people.cards(uow.session) if row.sms_stopped_at is not None
    }
    return [
        DutyPerson(
            account_id=one,
            name=known[one].name if one in known else "unknown account",
            is_unreachable_by_sms=one in stopped,
        )
        for one in ids
    ]


def _override(row: OverrideRow) -> OverrideView:
    return OverrideView(
        id=row.id,
        account_id=row.account_id,
        kind=OverrideKind(row.kind),
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        reason=row.reason,
        made_by=row.made_by,
        made_at=row.made_at,
    )


@router.get("/duty", summary="Who is on duty now")
async def get_duty(ctx: Ctx, _who: Reader) -> DutyView:
    """In the order of calls."""
    async with ctx.unit_of_work() as uow:
        roster, _ = await people.roster(uow.session, uow.now)
        announced = await people.announced_duty(uow.session)
        return DutyView(
            at=uow.now,
            on_duty=await _people(uow, roster.on_duty(uow.now)),
            everybody=await _people(uow, roster.everybody(uow.now)),
            changes_at=uow.now if announced is None else announced.ends_at,
        )


@router.get("/rota", summary="The weekly rota")
async def get_rota(ctx: Ctx, _who: Reader) -> RotaView:
    """Without entries everybody is on duty in their own hours."""
    async with ctx.unit_of_work() as uow:
        return await _rota(uow)


async def _rota(uow: UnitOfWork) -> RotaView:
    version = await people.rota_version(uow.session)
    return RotaView(
        version=version.version,
        entries=[
            RotaEntryModel(
                account_id=row.account_id,
                weekdays=list(row.weekdays),
                hours_begin=row.hours_begin,
                hours_end=row.hours_end,
                timezone=row.timezone,
            )
            for row in await people.rota(uow.session)
        ],
    )


@router.put("/rota", summary="Replace the weekly rota")
async def put_rota(
    body: RotaView, ctx: Ctx, who: Annotated[Principal, require("admin")]
) -> RotaView:
    """``version`` is the one that you have read; 409 if it has changed."""
    entries = [
        EntryContent(
            account_id=one.account_id,
            weekdays=tuple(one.weekdays),
            hours_begin=one.hours_begin,
            hours_end=one.hours_end,
            timezone=one.timezone,
        )
        for one in body.entries
    ]
    async with ctx.unit_of_work(who.cause()) as uow:
        await save_rota(uow, entries, expected_version=body.version)
        return await _rota(uow)


@router.get("/overrides", summary="Exceptions that run or are to come")
async def list_overrides(ctx: Ctx, _who: Reader) -> list[OverrideView]:
    """Oldest first."""
    async with ctx.unit_of_work() as uow:
        return [_override(row) for row in await people.overrides(uow.session, uow.now)]


@router.post("/overrides", status_code=201, summary="Put somebody on duty, or take off")
async def post_override(body: OverrideEdit, ctx: Ctx, who: Reader) -> OverrideView:
    """Oneself: anybody; others: scope admin."""
    _own_or_admin(who, body.account_id)
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await add_override(
            uow,
            account_id=body.account_id,
            kind=body.kind,
            begins_at=body.begins_at,
            ends_at=body.ends_at,
            reason=body.reason,
            made_by=who.account_id,
        )
        return _override(row)


@router.delete("/overrides/{override_id}", status_code=204, summary="Take an exception back")
async def delete_override(override_id: UUID, ctx: Ctx, who: Reader) -> None:
    """Oneself: anybody; others: scope admin."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await get_override(uow, override_id)
        _own_or_admin(who, row.account_id)
        await remove_override(uow, override_id)


def _own_or_admin(who: Principal, account_id: UUID) -> None:
    if who.account_id != account_id and not who.may("admin"):
        raise ForbiddenError("for somebody else this needs the scope admin")
