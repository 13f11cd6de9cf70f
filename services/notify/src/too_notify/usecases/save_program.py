"""Make, edit and switch off science programs; open events are judged anew."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from too_common.contracts.notify import SubmissionKind
from too_common.errors import ConflictError
from too_common.http import Principal
from too_common.uow import UnitOfWork

from too_notify.programs import ProgramContent, sample_programs
from too_notify.store import events as event_store
from too_notify.store import programs as store
from too_notify.tables import EventRow, ProgramRow, ProgramVersionRow
from too_notify.usecases.judge_event import judge_event


def check_rights(who: Principal, content: ProgramContent) -> None:
    """Refuse a policy that submits by itself to somebody who may not submit.

    Raises
    ------
    ForbiddenError
        If the scope ``submit`` is missing.
    """
    if content.submission.kind is SubmissionKind.AUTOMATIC:
        who.check("submit")


async def create_program(
    uow: UnitOfWork, content: ProgramContent, *, by: UUID | None, by_name: str
) -> ProgramRow:
    """Make a program.

    Raises
    ------
    ConflictError
        If there is one of this name.
    """
    await _refuse_double_name(uow, content.name, None)
    row = ProgramRow(
        name=content.name,
        version=0,
        is_active=content.is_active,
        priority=content.priority,
        created_at=uow.now,
        changed_at=uow.now,
    )
    uow.session.add(row)
    await uow.session.flush()
    await _add_version(uow, row, content, by=by, by_name=by_name)
    await judge_open_events(uow)
    return row


async def edit_program(
    uow: UnitOfWork,
    program_id: UUID,
    content: ProgramContent,
    *,
    expected_version: int,
    by: UUID | None,
    by_name: str,
) -> ProgramRow:
    """Give a program a new version.

    Raises
    ------
    ConflictError
        If somebody else has edited it meanwhile, or another program has the name.
    NotFoundError
        If there is no such program.
    """
    row, current = await store.program(uow.session, program_id, lock=True)
    if row.version != expected_version:
        raise ConflictError(
            f"{row.name} is at version {row.version} now, you edited version {expected_version}",
            code="version_conflict",
            extra={"version": row.version},
        )
    if content == current:
        return row
    await _refuse_double_name(uow, content.name, program_id)
    await _add_version(uow, row, content, by=by, by_name=by_name)
    await judge_open_events(uow)
    return row


async def _refuse_double_name(uow: UnitOfWork, name: str, but: UUID | None) -> None:
    other = await uow.session.scalar(select(ProgramRow.id).where(ProgramRow.name == name))
    if other is not None and other != but:
        raise ConflictError(f"there is a program named {name!r} already", code="name_taken")


async def _add_version(
    uow: UnitOfWork, row: ProgramRow, content: ProgramContent, *, by: UUID | None, by_name: str
) -> None:
    row.version += 1
    row.name = content.name
    row.is_active = content.is_active
    row.priority = content.priority
    row.changed_at = uow.now
    uow.session.add(
        ProgramVersionRow(
            program_id=row.id,
            version=row.version,
            content=content.model_dump(mode="json"),
            made_at=uow.now,
            made_by=by,
            made_by_name=by_name,
        )
    )
    await uow.session.flush()


async def judge_open_events(uow: UnitOfWork) -> None:
    """Judge every open event by the programs as they are now."""
    since = uow.now - timedelta(days=uow.ctx.settings.open_event_days)
    own_cause = uow.cause
    for event_id in await event_store.open_events(uow.session, since):
        row = await uow.session.get_one(EventRow, event_id)
        uow.cause = own_cause
        await judge_event(uow, event_id, heard_at=row.received_at)
    uow.cause = own_cause


async def seed_sample_programs(uow: UnitOfWork) -> int:
    """Make the sample programs if there are no programs at all; say how many were made."""
    if await store.programs(uow.session):
        return 0
    samples = sample_programs()
    for content in samples:
        await create_program(uow, content, by=None, by_name="sample")
    return len(samples)
