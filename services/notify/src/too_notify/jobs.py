"""Sending: the only place where notify touches the network outside its database."""

from typing import assert_never

import httpx
import structlog
from too_common.cause import Cause
from too_common.context import Context
from too_common.contracts.notify import IncidentState
from too_common.errors import NotFoundError, TransientError

from too_notify.clients import LostAnswerError, NotConfiguredError, ProviderBusyError
from too_notify.clients.slack import blocks
from too_notify.clients.smtp import Mail, message_id
from too_notify.delivery import Channel
from too_notify.messages import AnswerPress, SendDelivery, UpdateThread
from too_notify.outcomes import Accepted, Post, Refused
from too_notify.resources import Clients
from too_notify.store import incidents as store
from too_notify.usecases.send_delivery import (
    Intent,
    begin_delivery,
    record_accepted,
    record_not_taken,
    record_refused,
    record_unknown,
)

log = structlog.get_logger(__name__)


async def send_delivery(ctx: Context, job: SendDelivery, cause: Cause) -> None:
    """Send one delivery: intent committed, then the network, then the outcome, always."""
    async with ctx.unit_of_work(cause) as uow:
        intent = await begin_delivery(uow, job.delivery_id)
    if intent is None:
        return
    clients: Clients = ctx.resources
    post: Post | None = None
    try:
        outcome, post = await _send(ctx, clients, intent)
    except (ProviderBusyError, NotConfiguredError) as error:
        async with ctx.unit_of_work(cause) as uow:
            if isinstance(error, NotConfiguredError):
                await record_refused(uow, intent.delivery_id, Refused(None, str(error)))
                again = False
            else:
                again = await record_not_taken(uow, intent.delivery_id, str(error))
        if again:
            raise TransientError(str(error)) from error
        return
    except LostAnswerError as error:
        async with ctx.unit_of_work(cause) as uow:
            again = await record_unknown(uow, intent.delivery_id, f"answer lost: {error}")
        if again:
            raise TransientError(f"answer lost: {error}") from error
        return
    async with ctx.unit_of_work(cause) as uow:
        if isinstance(outcome, Accepted):
            await record_accepted(uow, intent.delivery_id, outcome, post)
        else:
            await record_refused(uow, intent.delivery_id, outcome)
    log.info(
        "delivery_sent" if isinstance(outcome, Accepted) else "delivery_refused",
        delivery_id=str(intent.delivery_id),
        channel=intent.channel,
        attempt=intent.attempt,
    )


async def _send(
    ctx: Context, clients: Clients, intent: Intent
) -> tuple[Accepted | Refused, Post | None]:
    match intent.channel:
        case Channel.SMS | Channel.VOICE:
            return await _twilio(ctx, clients, intent), None
        case Channel.EMAIL:
            return await _mail(ctx, clients, intent), None
        case Channel.SLACK:
            return await _slack(clients, intent)
        case _:
            assert_never(intent.channel)


async def _twilio(ctx: Context, clients: Clients, intent: Intent) -> Accepted | Refused:
    """Send; after a lost answer look first, and repeat only what is not there."""
    twilio = clients.twilio
    is_sms = intent.channel is Channel.SMS
    if intent.earlier_attempt_at is not None:
        since = intent.earlier_attempt_at
        found = (
            await twilio.find_sms(intent.to, intent.body, since)
            if is_sms
            else await twilio.find_calls(intent.to, since)
        )
        async with ctx.unit_of_work() as uow:
            known = await store.known_sids(uow.session, [sid for sid, _ in found])
        for sid, status in found:
            if sid not in known:
                log.info("delivery_found_again", delivery_id=str(intent.delivery_id))
                return Accepted(sid, status)
    if is_sms:
        return await twilio.send_sms(intent.to, intent.body, intent.opaque_id)
    words = twilio.page_twiml(intent.body, intent.opaque_id)
    return await twilio.call(intent.to, words, intent.opaque_id)


async def _mail(ctx: Context, clients: Clients, intent: Intent) -> Accepted | Refused:
    mail = clients.mail
    own = message_id(str(intent.delivery_id), mail.sender)
    return await mail.send(
        Mail(
            to=intent.to,
            subject=intent.subject or intent.body[:80],
            body=intent.body,
            message_id=own,
            in_reply_to=None if intent.thread is None else intent.thread.mail_id,
            date=ctx.clock.now(),
        )
    )


async def _slack(clients: Clients, intent: Intent) -> tuple[Accepted | Refused, Post | None]:
    thread_ts = None if intent.thread is None else intent.thread.slack_ts
    content = blocks(intent.body, button_value=intent.button)
    answer = await clients.slack.post(intent.to, intent.body, thread_ts=thread_ts, content=content)
    return (answer, None) if isinstance(answer, Refused) else answer


async def update_thread(ctx: Context, job: UpdateThread, cause: Cause) -> None:
    """Bring the Slack message of an incident up to its state; the button goes when it is taken."""
    async with ctx.unit_of_work(cause) as uow:
        try:
            incident = await store.incident(uow.session, job.incident_id)
        except NotFoundError:
            return
        page = await store.slack_page(uow.session, incident.id)
        thread = await store.thread(uow.session, incident.thread_key)
        if page is None or page.sid is None or thread.slack_channel is None:
            return
        state = {
            IncidentState.TRIGGERED: "nobody has acknowledged yet",
            IncidentState.ACKNOWLEDGED: f"acknowledged by {incident.ack_name}",
            IncidentState.RESOLVED: f"resolved: {incident.resolved_reason}",
        }[IncidentState(incident.state)]
        text = f"{incident.title}\n[{state}]"
        button = page.opaque_id if incident.state == IncidentState.TRIGGERED else None
        post = Post(thread.slack_channel, page.sid)
    clients: Clients = ctx.resources
    try:
        refused = await clients.slack.update(post, text, content=blocks(text, button_value=button))
    except (ProviderBusyError, LostAnswerError) as error:
        raise TransientError(str(error)) from error
    except NotConfiguredError:
        return
    if refused is not None:
        log.warning("slack_edit_refused", reason=refused.reason)


async def answer_press(ctx: Context, job: AnswerPress, cause: Cause) -> None:
    """Tell somebody who pressed a button what came of it, for their eyes only."""
    del cause
    body = {"response_type": "ephemeral", "replace_original": False, "text": job.text}
    try:
        answer = await ctx.http.post(job.response_url, json=body, timeout=5.0)
    except httpx.HTTPError as error:
        raise TransientError(type(error).__name__) from error
    if answer.is_server_error:
        raise TransientError(f"HTTP {answer.status_code}")
