"""Accounts as vetting-api tells them; in the local profile each gets a sample contact card."""

from too_common.contracts.vetting_api import AccountChanged
from too_common.uow import UnitOfWork

from too_notify.store import people
from too_notify.tables import AccountRow, ContactCardRow
from too_notify.usecases.roll_duty import roll_duty


async def follow_account(uow: UnitOfWork, account: AccountChanged, *, revision: int) -> None:
    """Take over an account's state; a deactivated one is off duty at once."""
    row = await uow.session.get(AccountRow, account.account_id, with_for_update=True)
    if row is not None and row.revision >= revision:
        return
    if row is None:
        row = AccountRow(account_id=account.account_id)
        uow.session.add(row)
    row.username = account.username
    row.name = account.name
    row.active = account.active
    row.scopes = list(account.scopes)
    row.revision = revision
    await uow.session.flush()
    if uow.ctx.common.profile == "local" and account.active:
        await _give_sample_card(uow, account)
    await roll_duty(uow)


async def _give_sample_card(uow: UnitOfWork, account: AccountChanged) -> None:
    """Give the first accounts a fictional telephone, so that a new user sees it ring."""
    if await people.card(uow.session, account.account_id) is not None:
        return
    settings = uow.ctx.settings
    cards = await people.cards(uow.session)
    taken = {card.phone for card in cards}
    taken_users = {card.slack_user_id for card in cards}
    free_users = [user for user in settings.sample_slack_users if user not in taken_users]
    free = [number for number in settings.sample_phones if number not in taken]
    if not free:
        return
    uow.session.add(
        ContactCardRow(
            account_id=account.account_id,
            position=await people.next_position(uow.session),
            phone=free[0],
            phone_verified_at=uow.now,
            email=f"{account.username}@example.org",
            slack_user_id=next(iter(free_users), None),
            timezone=settings.sample_timezone,
            hours_begin=None,
            hours_end=None,
            channels=[],
            code_tries=0,
            is_sample=True,
            revision=1,
            changed_at=uow.now,
        )
    )
    await uow.session.flush()
