"""Take in a circular of anybody: kept in its newest version, linked to the events it speaks of."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from too_common.contracts.ingest import CircularPlace, CircularReceived
from too_common.uow import UnitOfWork

from too_ingest.circulars_in.record import CircularRecord, shown_id, without_addresses
from too_ingest.circulars_in.references import Reference, burst_name, references
from too_ingest.settings import IngestSettings
from too_ingest.stream_tables import Circular, CircularLink, CircularReference, EventName
from too_ingest.tables import EventId, RawNotice

SITE = "https://gcn.nasa.gov/circulars"
READ = "circular"
"""State of a raw message that was a circular."""
LATE_LINKS = 50


async def take_circular(
    uow: UnitOfWork, raw: RawNotice, record: CircularRecord, body: bytes
) -> None:
    """Keep a circular unless this version is known already; a re-send says nothing.

    Parameters
    ----------
    uow
        Unit of work.
    raw
        The message, locked; mail addresses are taken out of its bytes.
    record
        What it says.
    body
        Its bytes.
    """
    raw.state = READ
    raw.body = without_addresses(body)
    row = await uow.session.get(Circular, record.circular_id, with_for_update=True)
    if row is not None:
        if record.version < row.version:
            return
        if record.content_sha256 == row.content_sha256:
            row.version, row.bibcode = record.version, record.bibcode or row.bibcode
            row.event_types = list(record.event_types) or row.event_types
            return
    is_correction = row is not None or record.version > 1
    settings: IngestSettings = uow.ctx.settings
    age_s = (uow.now - record.created_at).total_seconds()
    if row is None:
        row = Circular(circular_id=record.circular_id, revision=0, received_at=uow.now)
        uow.session.add(row)
    row.version = record.version
    row.content_sha256 = record.content_sha256
    row.subject, row.body, row.submitter = record.subject, record.body, record.submitter
    row.event_types = list(record.event_types)
    row.text_format = record.text_format
    row.bibcode = record.bibcode or row.bibcode
    row.created_at, row.edited_at = record.created_at, record.edited_at
    row.is_news = not is_correction and age_s <= settings.circular_age_limit_s
    row.raw_id = raw.id
    row.revision += 1
    named = burst_name(record.subject)
    row.event_name = named[0] if named else record.event_name
    await uow.session.flush()
    found = references(record.subject, record.body)
    await _keep_references(uow, row, found)
    links = await _links(uow, row, found)
    if named is not None:
        await _learn(uow, row, links, missions=named[1])
    for link in links:
        publish(uow, row, link)
    if not links:
        publish(uow, row, None)


def publish(uow: UnitOfWork, row: Circular, link: CircularLink | None) -> None:
    """Tell of a circular, once per event."""
    number = shown_id(row.circular_id)
    uow.publish(
        CircularReceived(
            circular_id=row.circular_id,
            version=row.version,
            event_id=link.event_id if link else None,
            place=CircularPlace(link.place) if link else None,
            named=link.named if link else "",
            subject=row.subject,
            submitter=row.submitter,
            created_at=row.created_at,
            event_name=row.event_name,
            event_types=tuple(row.event_types),
            url=f"{SITE}/{number}",
            is_correction=row.revision > 1,
            is_news=row.is_news,
        ),
        key=link.event_id if link else f"circular:{number}",
        revision=row.revision,
    )


async def _keep_references(uow: UnitOfWork, row: Circular, found: Sequence[Reference]) -> None:
    if found:
        await uow.session.execute(
            insert(CircularReference)
            .values(
                [
                    {
                        "circular_id": row.circular_id,
                        "native_id": one.native_id,
                        "missions": list(one.missions),
                        "place": one.place,
                    }
                    for one in found
                ]
            )
            .on_conflict_do_nothing()
        )


async def _links(uow: UnitOfWork, row: Circular, found: Sequence[Reference]) -> list[CircularLink]:
    """Links by id, then by name; one per event, the subject's word before the body's."""
    known: dict[str, list[EventId]] = {}
    if found:
        ids = select(EventId).where(
            EventId.native_id.in_([one.native_id for one in found]), EventId.drill_key == ""
        )
        for alias in (await uow.session.execute(ids)).scalars():
            known.setdefault(alias.native_id, []).append(alias)
    for one in found:
        for alias in known.get(one.native_id, ()):
            if alias.mission in one.missions:
                await _link(uow, row, alias.event_id, one.place, one.native_id)
    if row.event_name is not None:
        event_id = await uow.session.scalar(
            select(EventName.event_id).where(EventName.name == row.event_name)
        )
        if event_id is not None:
            await _link(uow, row, event_id, CircularPlace.NAME, row.event_name)
    return await _links_of(uow, row)


async def _links_of(uow: UnitOfWork, row: Circular) -> list[CircularLink]:
    mine = select(CircularLink).where(CircularLink.circular_id == row.circular_id)
    return list((await uow.session.execute(mine.order_by(CircularLink.event_id))).scalars())


async def _link(
    uow: UnitOfWork, row: Circular, event_id: UUID, place: CircularPlace, named: str
) -> bool:
    """Link a circular to an event; True if this is new."""
    made = await uow.session.scalar(
        insert(CircularLink)
        .values(circular_id=row.circular_id, event_id=event_id, place=place, named=named)
        .on_conflict_do_nothing()
        .returning(CircularLink.event_id)
    )
    return made is not None


async def _learn(
    uow: UnitOfWork, row: Circular, links: Sequence[CircularLink], *, missions: Sequence[str]
) -> None:
    """If the circular says which one event its name means, link the others of that name too."""
    name = row.event_name
    if name is None:
        return
    fitting = select(EventId.event_id).where(
        EventId.event_id.in_([link.event_id for link in links]), EventId.mission.in_(missions)
    )
    meant = set((await uow.session.execute(fitting)).scalars())
    in_subject = {
        link.event_id
        for link in links
        if link.event_id in meant and link.place == CircularPlace.SUBJECT
    }
    chosen = in_subject or meant
    if len(chosen) != 1:
        return
    (event_id,) = chosen
    learnt = await uow.session.scalar(
        insert(EventName)
        .values(name=name, event_id=event_id, circular_id=row.circular_id)
        .on_conflict_do_nothing()
        .returning(EventName.name)
    )
    if learnt is None:
        return
    same = select(Circular).where(
        Circular.event_name == name, Circular.circular_id != row.circular_id
    )
    for other in (await uow.session.execute(same)).scalars():
        if await _link(uow, other, event_id, CircularPlace.NAME, name):
            await _tell_new_link(uow, other, event_id)


async def _tell_new_link(uow: UnitOfWork, row: Circular, event_id: UUID) -> None:
    link = await uow.session.get_one(CircularLink, (row.circular_id, event_id))
    publish(uow, row, link)


_LATE = text(
    """
    SELECT r.circular_id, r.native_id, r.place, e.event_id
    FROM ingest.circular_references AS r
    JOIN ingest.event_ids AS e
      ON e.native_id = r.native_id AND e.drill_key = '' AND r.missions @> to_jsonb(e.mission)
    WHERE NOT EXISTS (
        SELECT 1 FROM ingest.circular_links AS l
        WHERE l.circular_id = r.circular_id AND l.event_id = e.event_id
    )
    LIMIT :limit
    """
)


async def link_late(uow: UnitOfWork) -> int:
    """Link circulars to events that became known after them; gives how many links were made."""
    rows = (await uow.session.execute(_LATE, {"limit": LATE_LINKS})).all()
    for found in rows:
        row = await uow.session.get_one(Circular, found.circular_id)
        place = CircularPlace(found.place)
        if await _link(uow, row, found.event_id, place, found.native_id):
            await _tell_new_link(uow, row, found.event_id)
            named = burst_name(row.subject)
            if named is not None:
                await _learn(uow, row, await _links_of(uow, row), missions=named[1])
    return len(rows)
