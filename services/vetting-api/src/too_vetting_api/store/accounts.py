"""Queries on accounts, sessions and personal tokens."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from too_vetting_api.tables import Account, LoginSession, PersonalToken

TOUCH_EVERY = timedelta(minutes=1)
"""How often the last use of a session or token is written down."""


async def lock_accounts(session: AsyncSession) -> None:
    """One writer of the table of accounts at a time, until the end of the transaction."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('vetting_api.accounts'))"))


async def count(session: AsyncSession) -> int:
    """Number of accounts."""
    return (await session.execute(select(func.count()).select_from(Account))).scalar_one()


async def get(session: AsyncSession, account_id: UUID) -> Account | None:
    """One account."""
    return await session.get(Account, account_id)


async def by_username(session: AsyncSession, username: str) -> Account | None:
    """The account with that login name."""
    statement = select(Account).where(Account.username == username)
    return (await session.execute(statement)).scalar_one_or_none()


async def all_accounts(session: AsyncSession) -> list[Account]:
    """Everybody, by name."""
    statement = select(Account).order_by(Account.active.desc(), Account.name)
    return list((await session.execute(statement)).scalars())


async def active_admins(session: AsyncSession) -> int:
    """How many active accounts may administer."""
    statement = select(func.count()).where(Account.active, Account.scopes.contains(["admin"]))
    return (await session.execute(statement)).scalar_one()


async def by_session(
    session: AsyncSession, token_hash: str, now: datetime
) -> tuple[Account, LoginSession] | None:
    """Account and session of a cookie, if both are valid."""
    statement = (
        select(Account, LoginSession)
        .join(LoginSession, LoginSession.account_id == Account.account_id)
        .where(LoginSession.token_hash == token_hash, LoginSession.expires_at > now, Account.active)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else (row[0], row[1])


async def by_token(
    session: AsyncSession, token_hash: str, now: datetime
) -> tuple[Account, PersonalToken] | None:
    """Account and personal token, if both are valid."""
    statement = (
        select(Account, PersonalToken)
        .join(PersonalToken, PersonalToken.account_id == Account.account_id)
        .where(
            PersonalToken.token_hash == token_hash,
            PersonalToken.revoked_at.is_(None),
            (PersonalToken.expires_at.is_(None)) | (PersonalToken.expires_at > now),
            Account.active,
        )
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else (row[0], row[1])


async def tokens_of(session: AsyncSession, account_id: UUID) -> list[PersonalToken]:
    """Tokens that were not revoked, newest first."""
    statement = (
        select(PersonalToken)
        .where(PersonalToken.account_id == account_id, PersonalToken.revoked_at.is_(None))
        .order_by(PersonalToken.created_at.desc())
    )
    return list((await session.execute(statement)).scalars())


def touch_session(row: LoginSession, now: datetime) -> None:
    """Write down that a session is in use, and prolong it, at most once a minute."""
    if now - row.seen_at >= TOUCH_EVERY:
        row.expires_at += now - row.seen_at
        row.seen_at = now


async def end_session(session: AsyncSession, token_hash: str) -> None:
    """Log out."""
    await session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash))


async def end_all_sessions(session: AsyncSession, account_id: UUID) -> None:
    """End every login of an account."""
    await session.execute(delete(LoginSession).where(LoginSession.account_id == account_id))


async def end_all(session: AsyncSession, account_id: UUID, now: datetime) -> None:
    """End every login of an account and revoke its tokens."""
    await end_all_sessions(session, account_id)
    await session.execute(
        update(PersonalToken)
        .where(PersonalToken.account_id == account_id, PersonalToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )


async def forget_expired(session: AsyncSession, now: datetime) -> None:
    """Remove sessions that have ended."""
    await session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
