"""Contact cards: one's own in full, others' without numbers; test alerts."""

from datetime import datetime, time
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, field_validator
from too_common.errors import ForbiddenError, InvalidError, NotFoundError
from too_common.http import Ctx, Principal, require

from too_notify import phones
from too_notify.api.incidents import DeliveryView, delivery_view
from too_notify.delivery import Channel
from too_notify.store import incidents as incident_store
from too_notify.store import people
from too_notify.store.events import account_name, accounts
from too_notify.tables import ContactCardRow
from too_notify.usecases.save_contact_card import (
    CardContent,
    ask_verification,
    save_card,
    test_alert,
    verify_number,
)

router = APIRouter(prefix="/contact-cards", tags=["contact cards"])
Reader = Annotated[Principal, require("read")]


class CardView(BaseModel):
    """A contact card; number and addresses are masked unless it is one's own."""

    account_id: UUID
    name: str
    phone: str | None
    is_verified: bool
    email: str | None
    slack_user_id: str | None
    timezone: str
    hours_begin: time | None
    hours_end: time | None
    channels: list[Channel]
    possible_channels: list[Channel]
    has_stopped_sms: bool
    is_sample: bool
    revision: int
    changed_at: datetime


class CardEdit(BaseModel):
    """What a person says of themselves."""

    phone: str | None = Field(default=None, max_length=32, description="International form, +...")
    email: str | None = Field(
        default=None, max_length=254, pattern=r"^[^@\s,;<>\"]+@[A-Za-z0-9.-]+$"
    )
    slack_user_id: str | None = Field(default=None, pattern=r"^[UW][A-Z0-9]{6,20}$")
    timezone: str = Field(default="UTC", max_length=64, description="IANA name")
    hours_begin: time | None = Field(default=None, description="Local; both ends inclusive")
    hours_end: time | None = Field(default=None, description="Before the begin: over midnight")
    channels: list[Channel] = Field(
        default=[], max_length=4, description="Ways of a page; empty: call and text message"
    )
    expected_revision: int | None = Field(default=None, description="409 if it has changed")

    @field_validator("phone", "email", "slack_user_id", "hours_begin", "hours_end", mode="before")
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        """An empty field of a form says nothing."""
        return None if isinstance(value, str) and not value.strip() else value


class Code(BaseModel):
    """Code from the text message."""

    code: str = Field(pattern=r"^\s*\d{6}\s*$")


def _view(row: ContactCardRow, name: str, *, own: bool) -> CardView:
    return CardView(
        account_id=row.account_id,
        name=name,
        phone=row.phone if own else phones.mask(row.phone),
        is_verified=row.phone_verified_at is not None,
        email=row.email if own else (None if row.email is None else "…"),
        slack_user_id=row.slack_user_id if own else None,
        timezone=row.timezone,
        hours_begin=row.hours_begin,
        hours_end=row.hours_end,
        channels=list(people.wished_channels(row)),
        possible_channels=sorted(people.possible_channels(row)),
        has_stopped_sms=row.sms_stopped_at is not None,
        is_sample=row.is_sample,
        revision=row.revision,
        changed_at=row.changed_at,
    )


def _me(who: Principal) -> UUID:
    if who.account_id is None:
        raise ForbiddenError("only a person has a contact card")
    return who.account_id


@router.get("", summary="Everybody's contact cards, without numbers")
async def list_cards(ctx: Ctx, who: Reader) -> list[CardView]:
    """In the order in which people are called."""
    async with ctx.unit_of_work() as uow:
        known = await accounts(uow.session)
        return [
            _view(
                row,
                known[row.account_id].name if row.account_id in known else "unknown account",
                own=row.account_id == who.account_id,
            )
            for row in await people.cards(uow.session)
        ]


@router.get("/me", summary="One's own contact card")
async def get_my_card(ctx: Ctx, who: Reader) -> CardView:
    """404 if there is none yet."""
    async with ctx.unit_of_work() as uow:
        row = await people.card(uow.session, _me(who))
        if row is None:
            raise NotFoundError("you have no contact card yet")
        return _view(row, who.name, own=True)


@router.put("/me", summary="Write one's own contact card")
async def put_my_card(body: CardEdit, ctx: Ctx, who: Reader) -> CardView:
    """A new number has to be verified before it is paged."""
    content = CardContent(
        phone=body.phone or None,
        email=body.email,
        slack_user_id=body.slack_user_id,
        timezone=body.timezone,
        hours_begin=_plain(body.hours_begin),
        hours_end=_plain(body.hours_end),
        channels=tuple(dict.fromkeys(body.channels)),
    )
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await save_card(uow, _me(who), content, expected_revision=body.expected_revision)
        return _view(row, who.name, own=True)


def _plain(value: time | None) -> time | None:
    if value is not None and value.tzinfo is not None:
        raise InvalidError("hours are wall-clock times without an offset; give the zone apart")
    return value


@router.post("/me/verification", status_code=202, summary="Send a code to one's number")
async def post_verification(ctx: Ctx, who: Reader) -> None:
    """The code is valid for ten minutes."""
    async with ctx.unit_of_work(who.cause()) as uow:
        await ask_verification(uow, _me(who))


@router.post("/me/verify", summary="Verify one's number by the code")
async def post_verify(body: Code, ctx: Ctx, who: Reader) -> CardView:
    """422 if the code is wrong; five tries."""
    async with ctx.unit_of_work(who.cause()) as uow:
        is_right = await verify_number(uow, _me(who), body.code)
        row = await people.card(uow.session, _me(who))
    # outside the transaction: a wrong try stays counted
    if not is_right or row is None:
        raise InvalidError("the code is wrong", code="wrong_code")
    return _view(row, who.name, own=True)


@router.post("/me/test-alert", status_code=202, summary="Test alert to oneself")
async def test_myself(ctx: Ctx, who: Reader) -> list[DeliveryView]:
    """Calls and messages as a page would, saying that it is a test."""
    async with ctx.unit_of_work(who.cause()) as uow:
        rows = await test_alert(uow, _me(who), asked_by=who.name or "yourself")
        return [delivery_view(row, []) for row in rows]


@router.get("/me/test-alerts", summary="What became of one's test alerts")
async def my_tests(ctx: Ctx, who: Reader) -> list[DeliveryView]:
    """The latest ones."""
    async with ctx.unit_of_work() as uow:
        rows = await incident_store.tests_of(uow.session, _me(who), 20)
        logs = await incident_store.delivery_log(uow.session, [row.id for row in rows])
        return [delivery_view(row, logs.get(row.id, [])) for row in rows]


@router.post("/{account_id}/test-alert", status_code=202, summary="Test alert to somebody")
async def test_somebody(
    account_id: UUID, ctx: Ctx, who: Annotated[Principal, require("admin")]
) -> list[DeliveryView]:
    """For administrators; the monthly test page."""
    async with ctx.unit_of_work(who.cause()) as uow:
        asked_by = who.name or await account_name(uow.session, who.account_id)
        rows = await test_alert(uow, account_id, asked_by=asked_by)
        return [delivery_view(row, []) for row in rows]
