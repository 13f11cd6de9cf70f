"""What a key, an inbound message or a button does; the words that come back."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from too_common.contracts.notify import IncidentState
from too_common.uow import UnitOfWork

from too_notify.delivery import Purpose
from too_notify.incident import Via, read_sms
from too_notify.store import incidents as store
from too_notify.store import people
from too_notify.usecases.acknowledge import Answer, acknowledge, hand_over

ACK_KEY = "1"
PASS_KEY = "9"  # noqa: S105  a key on the telephone


class Reply(StrEnum):
    """What a call does next."""

    SAY_AGAIN = "say_again"
    GOODBYE = "goodbye"


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a call says next; ``words`` of the page itself when it is said again."""

    reply: Reply
    words: str


async def words_of(uow: UnitOfWork, opaque_id: str) -> Spoken:
    """Words of the page that an address names, unless it is over."""
    delivery_id = await store.id_of_opaque(uow.session, opaque_id)
    found = None if delivery_id is None else await store.delivery(uow.session, delivery_id)
    if found is None:
        return Spoken(Reply.GOODBYE, "There is nothing here. Goodbye.")
    row, incident = found
    if incident is not None and incident.state == IncidentState.RESOLVED:
        return Spoken(Reply.GOODBYE, f"This is over: {incident.resolved_reason}. Goodbye.")
    return Spoken(Reply.SAY_AGAIN, row.body)


async def key_pressed(uow: UnitOfWork, opaque_id: str, digits: str) -> Spoken:
    """A key was pressed in a call, or none (empty): only a key counts as an answer."""
    delivery_id = await store.id_of_opaque(uow.session, opaque_id)
    found = None if delivery_id is None else await store.delivery(uow.session, delivery_id)
    if found is None:
        return Spoken(Reply.GOODBYE, "There is nothing here. Goodbye.")
    row, incident = found
    if digits[:1] not in {ACK_KEY, PASS_KEY}:
        return await words_of(uow, opaque_id)
    row.heard_at = row.heard_at or uow.now
    store.add_log(uow.session, row, uow.now, "key", key=digits[:1])
    if incident is None or row.account_id is None:
        return Spoken(Reply.GOODBYE, "Thank you. You have heard the test. Goodbye.")
    if row.purpose != Purpose.PAGE:
        return Spoken(Reply.GOODBYE, "Thank you. Goodbye.")
    act = acknowledge if digits.startswith(ACK_KEY) else hand_over
    answer = await act(uow, incident.id, account_id=row.account_id, via=Via.VOICE)
    return Spoken(Reply.GOODBYE, f"{answer.words} Goodbye.")


async def message_came(uow: UnitOfWork, sender: str, body: str) -> str | None:
    """An inbound message: ``ACK <code>`` or ``PASS <code>``; None leaves it unanswered.

    Only a verified number of an active person counts; to others nothing is said.
    """
    card = await people.card_of_phone(uow.session, sender)
    if card is None:
        return None
    command = read_sms(body)
    if command is None:
        return "Send ACK and the code of the page, for example ACK B2CD. PASS hands over."
    word, code = command
    incident_id = await _meant(uow, card.account_id, code)
    if incident_id is None:
        return (
            f"There is no open page with the code {code}." if code else "Which page? Add its code."
        )
    act = acknowledge if word == "ACK" else hand_over
    return (await act(uow, incident_id, account_id=card.account_id, via=Via.SMS)).words


async def _meant(uow: UnitOfWork, account_id: UUID, code: str) -> UUID | None:
    if code:
        row = await store.open_by_code(uow.session, code)
        row = row or await store.latest_by_code(uow.session, code)
        return None if row is None else row.id
    called = await store.open_that_called(uow.session, account_id)
    return called[0].id if len(called) == 1 else None


async def button_pressed(uow: UnitOfWork, slack_user: str, opaque_id: str) -> Answer | None:
    """Somebody pressed Acknowledge in Slack; None if we do not know who that is."""
    card = await people.card_of_slack_user(uow.session, slack_user)
    delivery_id = await store.id_of_opaque(uow.session, opaque_id)
    found = None if delivery_id is None else await store.delivery(uow.session, delivery_id)
    if card is None or found is None or found[1] is None:
        return None
    return await acknowledge(uow, found[1].id, account_id=card.account_id, via=Via.SLACK)
