"""Accounts, passwords, personal tokens."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy.ext.asyncio import AsyncSession
from too_common.auth import verify_password
from too_common.errors import ForbiddenError, NotFoundError
from too_common.http import Ctx, Principal, require

from too_vetting_api.store import accounts as store
from too_vetting_api.tables import Account, PersonalToken
from too_vetting_api.usecases import accounts as usecase

router = APIRouter(tags=["accounts"])
Admin = Annotated[Principal, require("admin")]
Person = Annotated[Principal, require("read")]


class AccountView(BaseModel):
    """A person's account."""

    account_id: UUID
    username: str
    name: str
    affiliation: str
    scopes: list[str]
    active: bool
    created_at: datetime

    @classmethod
    def of(cls, row: Account) -> "AccountView":
        """View of a row."""
        return cls(
            account_id=row.account_id,
            username=row.username,
            name=row.name,
            affiliation=row.affiliation,
            scopes=list(row.scopes),
            active=row.active,
            created_at=row.created_at,
        )


class NewAccount(BaseModel):
    """A person who is to have an account."""

    username: str = Field(max_length=64)
    name: str = Field("", max_length=200)
    affiliation: str = Field("", max_length=300)
    scopes: list[str] = Field(default_factory=lambda: ["read"])
    password: SecretStr | None = Field(None, description="None: only tokens and OIDC")


class AccountChange(BaseModel):
    """What to change; what is left out stays."""

    name: str | None = Field(None, max_length=200)
    affiliation: str | None = Field(None, max_length=300)
    scopes: list[str] | None = None
    active: bool | None = None


class NewPassword(BaseModel):
    """A new password, with the old one if it is one's own."""

    password: SecretStr
    old_password: SecretStr | None = None


class NewToken(BaseModel):
    """A personal token to make."""

    name: str = Field("", max_length=100, description="What it is for")
    scopes: list[str] | None = Field(None, description="Fewer than one's own; None: all of them")
    lifetime_days: float | None = Field(None, gt=0, le=3660, description="None: until revoked")


class TokenView(BaseModel):
    """A personal token without its secret."""

    token_id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, row: PersonalToken) -> "TokenView":
        """View of a row."""
        return cls(
            token_id=row.token_id,
            name=row.name,
            scopes=list(row.scopes),
            created_at=row.created_at,
            used_at=row.used_at,
            expires_at=row.expires_at,
        )


class MadeToken(TokenView):
    """A token that was made; its secret is shown this once."""

    token: str


def _account_id(who: Principal) -> UUID:
    if who.account_id is None:
        raise ForbiddenError("this is for people")
    return who.account_id


@router.get("/accounts/me", summary="Who am I, and what may I do?")
async def get_me(ctx: Ctx, who: Person) -> AccountView:
    """Show one's own account."""
    async with ctx.unit_of_work() as uow:
        return AccountView.of(await usecase.get_account(uow, _account_id(who)))


@router.get("/accounts", summary="Everybody's accounts")
async def get_accounts(ctx: Ctx, _who: Person) -> list[AccountView]:
    """List accounts; vetters see each other's names."""
    async with ctx.unit_of_work() as uow:
        return [AccountView.of(row) for row in await store.all_accounts(uow.session)]


@router.post("/accounts", summary="Make an account", status_code=201)
async def post_account(body: NewAccount, ctx: Ctx, who: Admin) -> AccountView:
    """Make an account; answers 409 if the login name is taken."""
    hashed = None
    if body.password is not None:
        hashed = await usecase.hashed(body.password.get_secret_value(), body.username)
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await usecase.create_account(
            uow,
            username=body.username,
            name=body.name,
            affiliation=body.affiliation,
            scopes=body.scopes,
            password_hash=hashed,
        )
        return AccountView.of(row)


@router.patch("/accounts/{account_id}", summary="Change an account, or deactivate it")
async def patch_account(account_id: UUID, body: AccountChange, ctx: Ctx, who: Admin) -> AccountView:
    """Change an account; a deactivated one is out within a minute everywhere."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await usecase.change_account(
            uow,
            account_id,
            name=body.name,
            affiliation=body.affiliation,
            scopes=body.scopes,
            active=body.active,
        )
        return AccountView.of(row)


@router.post(
    "/accounts/{account}/password",
    summary="Set a password: one's own, or another's as admin",
    status_code=204,
)
async def post_password(account: str, body: NewPassword, ctx: Ctx, who: Person) -> Response:
    """Set a password by account id, login name or ``me``; all logins of the account end."""
    async with ctx.unit_of_work() as uow:
        row = await _find(uow.session, account, who)
        row_id, username, stored = row.account_id, row.username, row.password_hash
    if row_id != who.account_id:
        who.check("admin")
    elif stored is not None:
        old = body.old_password.get_secret_value() if body.old_password else ""
        if not await asyncio.to_thread(verify_password, stored, old):
            raise ForbiddenError("the old password does not fit", code="wrong_password")
    hashed = await usecase.hashed(body.password.get_secret_value(), username)
    async with ctx.unit_of_work(who.cause()) as uow:
        await usecase.set_password(uow, row_id, hashed)
    return Response(status_code=204)


@router.get("/accounts/me/tokens", summary="My personal tokens")
async def get_tokens(ctx: Ctx, who: Person) -> list[TokenView]:
    """List tokens that were not revoked."""
    async with ctx.unit_of_work() as uow:
        rows = await store.tokens_of(uow.session, _account_id(who))
        return [TokenView.of(row) for row in rows]


@router.post(
    "/accounts/{account}/tokens",
    summary="Make a personal token: one's own, or another's as admin",
    status_code=201,
)
async def post_token(account: str, body: NewToken, ctx: Ctx, who: Person) -> MadeToken:
    """Make a token for an account id, login name or ``me``; the secret is shown this once."""
    lifetime = None if body.lifetime_days is None else timedelta(days=body.lifetime_days)
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await _find(uow.session, account, who)
        scopes = body.scopes
        if row.account_id != who.account_id:
            who.check("admin")
        else:
            # a weak token must not make a stronger one
            scopes = scopes or [scope for scope in row.scopes if who.may(scope)]
            for scope in scopes:
                who.check(scope)
        made, secret = await usecase.make_token(
            uow, row, name=body.name, scopes=scopes, lifetime=lifetime
        )
        return MadeToken(**TokenView.of(made).model_dump(), token=secret)


@router.delete("/accounts/me/tokens/{token_id}", summary="Revoke one of my tokens", status_code=204)
async def delete_token(token_id: UUID, ctx: Ctx, who: Person) -> Response:
    """Revoke a token at once."""
    async with ctx.unit_of_work(who.cause()) as uow:
        await usecase.revoke_token(uow, _account_id(who), token_id)
    return Response(status_code=204)


async def _find(session: AsyncSession, account: str, who: Principal) -> Account:
    if account == "me":
        row = await store.get(session, _account_id(who))
    else:
        try:
            row = await store.get(session, UUID(account))
        except ValueError:
            row = await store.by_username(session, account.strip().lower())
    if row is None:
        raise NotFoundError(f"no account {account!r}")
    return row
