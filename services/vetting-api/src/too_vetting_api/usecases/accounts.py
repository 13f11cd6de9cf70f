"""Make and change accounts, passwords and personal tokens."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from too_common.auth import hash_password, new_opaque_token, token_digest
from too_common.contracts.vetting_api import AccountChanged
from too_common.errors import ConflictError, NotFoundError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_vetting_api.domain.accounts import (
    SCOPES,
    TOKEN_PREFIX,
    checked_password,
    checked_scopes,
    normal_username,
)
from too_vetting_api.store import accounts as store
from too_vetting_api.tables import Account, PersonalToken


def account_event(account: Account) -> AccountChanged:
    """What others may know of an account."""
    return AccountChanged(
        account_id=account.account_id,
        username=account.username,
        name=account.name,
        affiliation=account.affiliation,
        scopes=tuple(account.scopes),
        active=account.active,
    )


def publish(uow: UnitOfWork, account: Account) -> None:
    """Tell everybody the account's state; a deactivation goes before anything parked."""
    uow.publish(
        account_event(account),
        key=f"account:{account.account_id}",
        revision=account.revision,
        overrides=not account.active,
    )


async def create_account(
    uow: UnitOfWork,
    *,
    username: str,
    name: str,
    affiliation: str,
    scopes: Iterable[str],
    password_hash: str | None,
) -> Account:
    """Make an account.

    Raises
    ------
    InvalidError
        If the login name or a scope cannot be.
    ConflictError
        If the login name is taken.
    """
    username = normal_username(username)
    await store.lock_accounts(uow.session)
    if await store.by_username(uow.session, username) is not None:
        raise ConflictError(f"there is an account {username!r} already", code="username_taken")
    account = Account(
        account_id=uuid7(),
        username=username,
        name=name.strip() or username,
        affiliation=affiliation.strip(),
        scopes=checked_scopes(scopes),
        password_hash=password_hash,
        active=True,
        revision=1,
        created_at=uow.ctx.wall.now(),
    )
    uow.session.add(account)
    await uow.session.flush()
    publish(uow, account)
    return account


async def hashed(password: str, username: str) -> str:
    """Check a new password and hash it in a thread."""
    return await asyncio.to_thread(hash_password, checked_password(password, username))


async def get_account(uow: UnitOfWork, account_id: UUID) -> Account:
    """One account, or 404."""
    account = await store.get(uow.session, account_id)
    if account is None:
        raise NotFoundError(f"no account {account_id}")
    return account


async def change_account(
    uow: UnitOfWork,
    account_id: UUID,
    *,
    name: str | None = None,
    affiliation: str | None = None,
    scopes: Iterable[str] | None = None,
    active: bool | None = None,
) -> Account:
    """Change who a person is and what they may do.

    Raises
    ------
    ConflictError
        If nobody active would be left who may administer.
    """
    await store.lock_accounts(uow.session)
    account = await get_account(uow, account_id)
    if name is not None:
        account.name = name.strip() or account.username
    if affiliation is not None:
        account.affiliation = affiliation.strip()
    if scopes is not None:
        account.scopes = checked_scopes(scopes)
    if active is not None:
        account.active = active
    await uow.session.flush()
    if await store.active_admins(uow.session) == 0:
        raise ConflictError(
            "somebody must be left who may administer: this is the last active admin",
            code="last_admin",
        )
    if not account.active:
        await store.end_all(uow.session, account_id, uow.ctx.wall.now())
    account.revision += 1
    publish(uow, account)
    return account


async def set_password(uow: UnitOfWork, account_id: UUID, password_hash: str) -> Account:
    """Replace the password; every other login of the account ends."""
    account = await get_account(uow, account_id)
    account.password_hash = password_hash
    await store.end_all_sessions(uow.session, account_id)
    return account


async def make_token(
    uow: UnitOfWork,
    account: Account,
    *,
    name: str,
    scopes: Iterable[str] | None,
    lifetime: timedelta | None,
) -> tuple[PersonalToken, str]:
    """Make a personal token; the second value is shown once and never again."""
    secret = new_opaque_token(TOKEN_PREFIX)
    now: datetime = uow.ctx.wall.now()
    row = PersonalToken(
        token_id=uuid7(),
        account_id=account.account_id,
        name=name.strip() or "token",
        token_hash=token_digest(secret),
        scopes=checked_scopes(scopes or account.scopes, within=account.scopes),
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
    )
    uow.session.add(row)
    await uow.session.flush()
    return row, secret


async def revoke_token(uow: UnitOfWork, account_id: UUID, token_id: UUID) -> None:
    """Revoke one of an account's own tokens."""
    row = await uow.session.get(PersonalToken, token_id)
    if row is None or row.account_id != account_id:
        raise NotFoundError(f"no token {token_id}")
    row.revoked_at = row.revoked_at or uow.ctx.wall.now()


async def bootstrap(
    uow: UnitOfWork, *, username: str, name: str, affiliation: str, password_hash: str
) -> Account | None:
    """Make the first account, with every scope, if there is none yet."""
    await store.lock_accounts(uow.session)
    if await store.count(uow.session):
        return None
    return await create_account(
        uow,
        username=username,
        name=name or username,
        affiliation=affiliation,
        scopes=SCOPES,
        password_hash=password_hash,
    )
