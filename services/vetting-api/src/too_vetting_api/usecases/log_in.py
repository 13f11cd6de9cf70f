"""Begin and end a browser's login."""

import asyncio
import secrets
from datetime import timedelta

from argon2 import PasswordHasher
from too_common.auth import hash_password, token_digest, verify_password
from too_common.context import Context
from too_common.errors import RefusedError, UnauthorizedError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_vetting_api.resources import Resources
from too_vetting_api.store import accounts as store
from too_vetting_api.tables import LoginSession

WRONG = "login name and password do not fit"
"""The same words whatever was wrong, so that nobody learns which names exist."""


class TooManyAttemptsError(RefusedError):
    """Too many failed logins of this name or from this address."""

    status = 429
    code = "too_many_attempts"


async def log_in(ctx: Context, *, username: str, password: str, address: str) -> str:
    """Check a password and open a session.

    Returns
    -------
    str
        The cookie's value; only its digest is kept.

    Raises
    ------
    UnauthorizedError
        If name and password do not fit.
    TooManyAttemptsError
        After too many failures in a quarter of an hour.
    """
    resources: Resources = ctx.resources
    name = username.strip().lower()[:64]
    if not resources.login_limit.allowed(name, address):
        raise TooManyAttemptsError("too many failed logins: wait a quarter of an hour")
    async with ctx.unit_of_work() as uow:
        account = await store.by_username(uow.session, name)
        stored = account.password_hash if account is not None and account.active else None
    # an unknown name costs the same time as a wrong password
    fits = await asyncio.to_thread(verify_password, stored or resources.nobody_hash, password)
    if account is None or stored is None or not fits:
        resources.login_limit.failed(name, address)
        raise UnauthorizedError(WRONG)
    fresh = None
    if PasswordHasher().check_needs_rehash(stored):
        fresh = await asyncio.to_thread(hash_password, password)
    cookie = secrets.token_urlsafe(32)
    now = ctx.wall.now()
    async with ctx.unit_of_work() as uow:
        await store.forget_expired(uow.session, now)
        if fresh is not None:
            row = await store.get(uow.session, account.account_id)
            if row is not None:
                row.password_hash = fresh
        uow.session.add(
            LoginSession(
                session_id=uuid7(),
                token_hash=token_digest(cookie),
                csrf_token=secrets.token_urlsafe(32),
                account_id=account.account_id,
                created_at=now,
                seen_at=now,
                expires_at=now + timedelta(hours=ctx.settings.session_lifetime_h),
            )
        )
    return cookie


async def log_out(uow: UnitOfWork, cookie: str) -> None:
    """End the session of a cookie."""
    await store.end_session(uow.session, token_digest(cookie))
