"""The weekly rota and its exceptions."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from sqlalchemy import delete
from too_common.errors import ConflictError, InvalidError, NotFoundError
from too_common.uow import UnitOfWork

from too_notify.rota import Hours, OverrideKind, zone
from too_notify.store import people
from too_notify.store.events import accounts
from too_notify.tables import OverrideRow, RotaEntryRow
from too_notify.usecases.roll_duty import roll_duty


@dataclass(frozen=True, slots=True)
class EntryContent:
    """One entry of the weekly rota."""

    account_id: UUID
    weekdays: tuple[int, ...]
    hours_begin: time | None
    hours_end: time | None
    timezone: str | None


async def save_rota(
    uow: UnitOfWork, entries: Sequence[EntryContent], *, expected_version: int
) -> int:
    """Replace the rota; the order of the entries is the order of calls. Returns its version.

    Raises
    ------
    ConflictError
        If somebody else has edited it meanwhile.
    InvalidError
        If an entry cannot be meant.
    """
    version = await people.rota_version(uow.session, lock=True)
    if version.version != expected_version:
        raise ConflictError(
            f"the rota is at version {version.version} now, you edited {expected_version}",
            code="version_conflict",
        )
    known = await accounts(uow.session)
    for number, entry in enumerate(entries, start=1):
        _check(entry, number, known)
    await uow.session.execute(delete(RotaEntryRow))
    uow.session.add_all(
        RotaEntryRow(
            account_id=entry.account_id,
            position=position,
            weekdays=sorted(set(entry.weekdays)),
            hours_begin=entry.hours_begin,
            hours_end=entry.hours_end,
            timezone=entry.timezone,
        )
        for position, entry in enumerate(entries)
    )
    version.version += 1
    await uow.session.flush()
    await roll_duty(uow)
    return version.version


def _check(entry: EntryContent, number: int, known: Container[UUID]) -> None:
    where = f"entry {number}"
    if entry.account_id not in known:
        raise InvalidError(f"{where}: there is no such account")
    if not entry.weekdays or not set(entry.weekdays) <= set(range(7)):
        raise InvalidError(f"{where}: weekdays are numbers from 0 (Monday) to 6")
    if (entry.hours_begin is None) is not (entry.hours_end is None):
        raise InvalidError(f"{where}: give both ends of the hours, or none")
    try:
        if entry.timezone is not None:
            zone(entry.timezone)
        if entry.hours_begin is not None and entry.hours_end is not None:
            Hours(entry.hours_begin, entry.hours_end)
    except ValueError as error:
        raise InvalidError(f"{where}: {error}") from error


async def add_override(
    uow: UnitOfWork,
    *,
    account_id: UUID,
    kind: OverrideKind,
    begins_at: datetime,
    ends_at: datetime,
    reason: str,
    made_by: UUID | None,
) -> OverrideRow:
    """Put somebody on duty, or take somebody off, for a while.

    Raises
    ------
    InvalidError
        If it ends before it begins, lies in the past, or the account is unknown.
    """
    if begins_at >= ends_at or ends_at <= uow.now:
        raise InvalidError("an override must end after it begins, and in the future")
    if account_id not in await accounts(uow.session):
        raise InvalidError("there is no such account")
    row = OverrideRow(
        account_id=account_id,
        kind=kind,
        begins_at=begins_at,
        ends_at=ends_at,
        reason=reason,
        made_by=made_by,
        made_at=uow.now,
    )
    uow.session.add(row)
    await uow.session.flush()
    await roll_duty(uow)
    return row


async def get_override(uow: UnitOfWork, override_id: UUID) -> OverrideRow:
    """One override.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    row = await uow.session.get(OverrideRow, override_id)
    if row is None:
        raise NotFoundError(f"no override {override_id}")
    return row


async def remove_override(uow: UnitOfWork, override_id: UUID) -> None:
    """Take an override back."""
    await uow.session.delete(await get_override(uow, override_id))
    await uow.session.flush()
    await roll_duty(uow)
