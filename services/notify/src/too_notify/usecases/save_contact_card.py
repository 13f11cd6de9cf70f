"""A person's own contact card: ways, hours, number and its verification."""

from dataclasses import dataclass
from datetime import time, timedelta
from uuid import UUID

from too_common.errors import ConflictError, InvalidError, NotFoundError, RefusedError
from too_common.uow import UnitOfWork

from too_notify import phones, texts
from too_notify.delivery import Channel, Purpose
from too_notify.rota import Hours, zone
from too_notify.store import incidents as incident_store
from too_notify.store import people
from too_notify.tables import ContactCardRow, DeliveryRow
from too_notify.usecases.plan_delivery import plan_delivery
from too_notify.usecases.roll_duty import roll_duty

_CODE_LASTS = timedelta(minutes=10)
_CODE_TRIES = 5


@dataclass(frozen=True, slots=True)
class CardContent:
    """What a person says of themselves."""

    phone: str | None
    email: str | None
    slack_user_id: str | None
    timezone: str
    hours_begin: time | None
    hours_end: time | None
    channels: tuple[Channel, ...]


async def save_card(
    uow: UnitOfWork,
    account_id: UUID,
    content: CardContent,
    *,
    expected_revision: int | None = None,
) -> ContactCardRow:
    """Write a contact card; a new number has to be verified again.

    Raises
    ------
    InvalidError
        If a number, zone or interval cannot be meant.
    ConflictError
        If the card has changed since it was read.
    """
    phone = _checked(content)
    row = await people.card(uow.session, account_id, lock=True)
    if row is None:
        row = ContactCardRow(
            account_id=account_id,
            position=await people.next_position(uow.session),
            is_sample=False,
            code_tries=0,
            revision=0,
        )
        uow.session.add(row)
    elif expected_revision is not None and row.revision != expected_revision:
        raise ConflictError("the contact card has changed meanwhile", code="version_conflict")
    if phone != row.phone:
        row.phone, row.phone_verified_at = phone, None
        row.code_hash, row.code_expires_at = None, None
        row.is_sample = False
    row.sms_stopped_at = None
    row.email = content.email
    row.slack_user_id = content.slack_user_id
    row.timezone = content.timezone
    row.hours_begin, row.hours_end = content.hours_begin, content.hours_end
    row.channels = list(content.channels)
    row.revision += 1
    row.changed_at = uow.now
    await uow.session.flush()
    await uow.clear_alarm(alarm_id=f"unreachable:{account_id}")
    await roll_duty(uow)
    return row


def _checked(content: CardContent) -> str | None:
    try:
        zone(content.timezone)
        if (content.hours_begin is None) is not (content.hours_end is None):
            raise InvalidError("give both ends of the hours, or none")
        if content.hours_begin is not None and content.hours_end is not None:
            Hours(content.hours_begin, content.hours_end)
        return None if content.phone is None else phones.normalise(content.phone)
    except ValueError as error:
        raise InvalidError(str(error)) from error


async def ask_verification(uow: UnitOfWork, account_id: UUID) -> None:
    """Send a code to the number on the card.

    Raises
    ------
    NotFoundError, ConflictError, RefusedError
        No card; no number, or it is verified already; too many in an hour.
    """
    row = await _own_card(uow, account_id)
    if row.phone is None:
        raise ConflictError("there is no number on the contact card")
    if row.phone_verified_at is not None:
        raise ConflictError("the number is verified already")
    await _limit(uow, account_id)
    code = phones.new_verification_code()
    row.code_hash = phones.code_hash(str(account_id), row.phone, code)
    row.code_expires_at = uow.now + _CODE_LASTS
    row.code_tries = 0
    await plan_delivery(
        uow,
        channel=Channel.SMS,
        purpose=Purpose.VERIFY,
        body=texts.verification(code),
        account_id=account_id,
    )


async def verify_number(uow: UnitOfWork, account_id: UUID, code: str) -> bool:
    """Check the code; True if the number is verified now. Wrong ones are counted.

    Raises
    ------
    ConflictError
        If no code is open, it has expired, or was tried too often.
    """
    row = await _own_card(uow, account_id)
    if row.phone is None or row.code_hash is None or row.code_expires_at is None:
        raise ConflictError("no code was asked for")
    if uow.now > row.code_expires_at or row.code_tries >= _CODE_TRIES:
        raise ConflictError("the code has expired, ask for another", code="code_expired")
    if not phones.same(row.code_hash, phones.code_hash(str(account_id), row.phone, code.strip())):
        row.code_tries += 1
        return False
    row.phone_verified_at, row.code_hash, row.code_expires_at = uow.now, None, None
    row.revision += 1
    await uow.session.flush()
    await roll_duty(uow)
    return True


async def test_alert(uow: UnitOfWork, account_id: UUID, *, asked_by: str) -> list[DeliveryRow]:
    """Send a test in every way that a page would take.

    Raises
    ------
    NotFoundError, ConflictError, RefusedError
        No card; no way to reach the person; too many in an hour.
    """
    row = await _own_card(uow, account_id)
    await _limit(uow, account_id)
    possible = set(people.possible_channels(row))
    if row.phone is not None and row.phone_verified_at is not None:
        possible.add(Channel.SMS)  # also after STOP: a delivered test says that it is over
    channels = [way for way in people.wished_channels(row) if way in possible] or sorted(possible)
    if not channels:
        raise ConflictError("nothing on the contact card can be used: verify a number first")
    return [
        await plan_delivery(
            uow,
            channel=channel,
            purpose=Purpose.TEST,
            subject="TEST of the ToO marshal",
            body=(
                texts.test_alert_voice(asked_by)
                if channel is Channel.VOICE
                else texts.test_alert(asked_by)
            ),
            account_id=account_id,
        )
        for channel in channels
    ]


async def _own_card(uow: UnitOfWork, account_id: UUID) -> ContactCardRow:
    row = await people.card(uow.session, account_id, lock=True)
    if row is None:
        raise NotFoundError("there is no contact card of this account")
    return row


async def _limit(uow: UnitOfWork, account_id: UUID) -> None:
    cap = uow.ctx.settings.max_test_alerts_per_hour
    # a test alert is one act in two or three messages
    if await incident_store.tests_in_last_hour(uow.session, account_id, uow.now) >= 3 * cap:
        raise RefusedError("too many test messages in an hour", status=429, code="too_many")
