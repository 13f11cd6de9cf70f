"""Contact cards, rota, overrides and duty."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from too_notify.delivery import Channel
from too_notify.escalation import DEFAULT_CHANNELS, Reach
from too_notify.rota import Hours, Override, OverrideKind, Person, Roster, RotaEntry
from too_notify.store.events import accounts
from too_notify.tables import ContactCardRow, DutyRow, OverrideRow, RotaEntryRow, RotaVersionRow


async def card(
    session: AsyncSession, account_id: UUID, *, lock: bool = False
) -> ContactCardRow | None:
    """A person's contact card."""
    return await session.get(ContactCardRow, account_id, with_for_update=lock or None)


async def cards(session: AsyncSession) -> list[ContactCardRow]:
    """All contact cards in their order."""
    statement = select(ContactCardRow).order_by(ContactCardRow.position, ContactCardRow.account_id)
    return list(await session.scalars(statement))


async def next_position(session: AsyncSession) -> int:
    """Position behind the last card."""
    found = await session.scalar(select(func.max(ContactCardRow.position)))
    return 0 if found is None else found + 1


async def card_of_phone(session: AsyncSession, phone: str) -> ContactCardRow | None:
    """Card with this verified number; the one verified last if two people share it."""
    statement = (
        select(ContactCardRow)
        .where(ContactCardRow.phone == phone, ContactCardRow.phone_verified_at.is_not(None))
        .order_by(ContactCardRow.phone_verified_at.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def card_of_slack_user(session: AsyncSession, user_id: str) -> ContactCardRow | None:
    """Card that names this Slack user."""
    statement = select(ContactCardRow).where(ContactCardRow.slack_user_id == user_id).limit(1)
    return (await session.scalars(statement)).one_or_none()


def possible_channels(row: ContactCardRow) -> frozenset[Channel]:
    """Ways that a card opens; a number counts once it is verified."""
    possible = set()
    if row.phone is not None and row.phone_verified_at is not None:
        possible.add(Channel.VOICE)
        if row.sms_stopped_at is None:
            possible.add(Channel.SMS)
    if row.email is not None:
        possible.add(Channel.EMAIL)
    if row.slack_user_id is not None:
        possible.add(Channel.SLACK)
    return frozenset(possible)


def wished_channels(row: ContactCardRow) -> tuple[Channel, ...]:
    """Ways that the person wishes."""
    return tuple(Channel(item) for item in row.channels) or DEFAULT_CHANNELS


def hours(begins: time | None, ends: time | None) -> Hours | None:
    """Interval of two columns."""
    return None if begins is None or ends is None else Hours(begins, ends)


async def roster(session: AsyncSession, now: datetime) -> tuple[Roster, dict[UUID, Reach]]:
    """People, rota and coming overrides, and how each person can be reached."""
    known = await accounts(session)
    people, reach = [], {}
    for row in await cards(session):
        account = known.get(row.account_id)
        possible = possible_channels(row)
        active = account is not None and account.active and bool(possible)
        people.append(
            Person(
                account_id=row.account_id,
                timezone=row.timezone,
                hours=hours(row.hours_begin, row.hours_end),
                position=row.position,
                reachable=active,
            )
        )
        if active:
            reach[row.account_id] = Reach(row.account_id, wished_channels(row), possible)
    entries = [
        RotaEntry(
            account_id=row.account_id,
            position=row.position,
            weekdays=frozenset(row.weekdays),
            hours=hours(row.hours_begin, row.hours_end),
            timezone=row.timezone,
        )
        for row in await rota(session)
    ]
    running = [
        Override(row.account_id, OverrideKind(row.kind), row.begins_at, row.ends_at)
        for row in await overrides(session, now)
    ]
    return Roster(people, entries, running), reach


async def rota(session: AsyncSession) -> list[RotaEntryRow]:
    """The weekly rota, in its order."""
    statement = select(RotaEntryRow).order_by(RotaEntryRow.position, RotaEntryRow.id)
    return list(await session.scalars(statement))


async def rota_version(session: AsyncSession, *, lock: bool = False) -> RotaVersionRow:
    """Version of the rota as a whole."""
    statement = insert(RotaVersionRow).values(id=1, version=0).on_conflict_do_nothing()
    await session.execute(statement)
    return await session.get_one(RotaVersionRow, 1, with_for_update=lock or None)


async def overrides(session: AsyncSession, now: datetime) -> list[OverrideRow]:
    """Overrides that run or are to come, in the order in which they were made."""
    statement = (
        select(OverrideRow)
        .where(OverrideRow.ends_at > now)
        .order_by(OverrideRow.made_at, OverrideRow.id)
    )
    return list(await session.scalars(statement))


async def duty(session: AsyncSession, now: datetime) -> DutyRow:
    """What was last announced (revision 0: nothing yet), locked."""
    await session.execute(
        insert(DutyRow)
        .values(id=1, account_ids=[], begins_at=now, ends_at=now, due_at=now, revision=0)
        .on_conflict_do_nothing()
    )
    return await session.get_one(DutyRow, 1, with_for_update=True, populate_existing=True)


async def announced_duty(session: AsyncSession) -> DutyRow | None:
    """What was last announced, if anything."""
    row = await session.get(DutyRow, 1)
    return None if row is None or row.revision == 0 else row
