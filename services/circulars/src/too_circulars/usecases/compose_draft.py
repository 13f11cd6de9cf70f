"""Compose a draft from the facts, as a new version; nothing is sent by itself."""

from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from too_common.contracts.circulars import DraftChanged, DraftState
from too_common.errors import ConflictError, NotFoundError
from too_common.uow import UnitOfWork

from too_circulars import store
from too_circulars.checks import check
from too_circulars.composer import compose_body, compose_subject
from too_circulars.facts import Facts
from too_circulars.subject import derive_event
from too_circulars.tables import Draft, DraftVersion
from too_circulars.usecases.gather_facts import gather_facts

COMPOSER = "composer"
"""Name that stands at versions which no person wrote."""

_ADAPTER: TypeAdapter[Facts] = TypeAdapter(Facts)


async def compose_draft(uow: UnitOfWork, event_id: UUID, *, by_hand: bool) -> Draft | None:
    """Make an event's draft, or a new version of it.

    Parameters
    ----------
    by_hand
        A person asks: a draft is made even before anything was observed, and a text that a person
        wrote gets a composed successor. Otherwise such a text is left and marked as having news.

    Returns
    -------
    Draft or None
        None if there is nothing to compose yet.
    """
    facts = await gather_facts(uow.session, event_id)
    draft = await store.open_draft(uow.session, event_id)
    if draft is None and not by_hand and not facts.coverage:
        return None
    settings = uow.ctx.settings
    subject = compose_subject(facts)
    body = compose_body(facts, settings.acknowledgements, settings.collaboration)
    if draft is None:
        draft = Draft(
            event_id=event_id,
            kind="detection",
            state=DraftState.DRAFT.value,
            version=0,
            revision=0,
            problems=[],
            created_at=uow.now,
            updated_at=uow.now,
            correlation_id=uow.cause.correlation_id,
            mode=uow.cause.mode.value,
        )
        uow.session.add(draft)
        await uow.session.flush()
    latest = await store.version(uow.session, draft.id, draft.version)
    if latest is not None and latest.subject == subject and latest.body == body:
        judge(uow, draft, latest, facts)
        return draft
    if latest is not None and draft.is_edited and not by_hand:
        draft.has_news = True
        judge(uow, draft, latest, facts)
        return draft
    await add_version(uow, draft, subject=subject, body=body, facts=facts, author_name=COMPOSER)
    draft.is_edited = False
    return draft


async def edit_draft(
    uow: UnitOfWork,
    draft_id: UUID,
    *,
    subject: str,
    body: str,
    base_version: int,
    author_account: UUID | None,
    author_name: str,
) -> Draft:
    """Add a version that a person wrote.

    Raises
    ------
    NotFoundError
        If there is no such draft.
    ConflictError
        If the draft has a newer version than the one that was edited, or is closed.
    """
    draft = await store.draft_for_update(uow.session, draft_id)
    if draft is None:
        raise NotFoundError(f"no draft {draft_id}")
    if draft.state != DraftState.DRAFT:
        raise ConflictError(f"this draft is {draft.state}: it can no longer be edited")
    if draft.version != base_version:
        raise ConflictError(
            f"you edited version {base_version}, but version {draft.version} is newer",
            code="newer_version",
            extra={"version": draft.version},
        )
    facts = await gather_facts(uow.session, draft.event_id)
    await add_version(
        uow,
        draft,
        subject=subject.strip(),
        body=body.replace("\r\n", "\n"),
        facts=facts,
        author_name=author_name,
        author_account=author_account,
    )
    draft.is_edited = True
    return draft


async def close_draft(uow: UnitOfWork, draft_id: UUID, state: DraftState) -> Draft:
    """Mark a draft as sent by a person, or as given up; or open it again.

    Raises
    ------
    NotFoundError
        If there is no such draft.
    """
    draft = await store.draft_for_update(uow.session, draft_id)
    if draft is None:
        raise NotFoundError(f"no draft {draft_id}")
    latest = await store.version(uow.session, draft.id, draft.version)
    if latest is None:
        raise NotFoundError(f"draft {draft_id} has no text")
    draft.state = state.value
    draft.updated_at = uow.now
    publish(uow, draft, latest)
    return draft


async def add_version(
    uow: UnitOfWork,
    draft: Draft,
    *,
    subject: str,
    body: str,
    facts: Facts,
    author_name: str,
    author_account: UUID | None = None,
) -> DraftVersion:
    """Append a version and tell it."""
    draft.version += 1
    draft.has_news = False
    draft.updated_at = uow.now
    item = DraftVersion(
        draft_id=draft.id,
        version=draft.version,
        subject=subject,
        body=body,
        composed_from=to_json(facts) if author_name == COMPOSER else None,
        author_account=author_account,
        author_name=author_name,
        created_at=uow.now,
    )
    uow.session.add(item)
    await uow.session.flush()
    draft.problems = check(subject, body, facts)
    publish(uow, draft, item)
    return item


def judge(uow: UnitOfWork, draft: Draft, item: DraftVersion, facts: Facts) -> None:
    """Check an unchanged text against facts that may have changed; tell it if it matters."""
    found = check(item.subject, item.body, facts)
    if found != draft.problems:
        draft.problems = found
        draft.updated_at = uow.now
        publish(uow, draft, item)


def state_of(draft: Draft, item: DraftVersion) -> DraftChanged:
    """Event that tells a draft's state."""
    return DraftChanged(
        draft_id=draft.id,
        event_id=draft.event_id,
        version=item.version,
        kind=draft.kind,
        subject=item.subject,
        derived_event=derive_event(item.subject),
        state=DraftState(draft.state),
        problems=tuple(draft.problems),
    )


def publish(uow: UnitOfWork, draft: Draft, item: DraftVersion) -> None:
    """Tell the state of a draft."""
    draft.revision += 1
    uow.publish(state_of(draft, item), key=draft.event_id, revision=draft.revision)


def to_json(facts: Facts) -> dict[str, Any]:
    """Facts as they are kept beside a version."""
    value: dict[str, Any] = _ADAPTER.dump_python(facts, mode="json")
    return value
