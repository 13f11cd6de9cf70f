"""Webhooks of Twilio and Slack: signature first, then a quick answer."""

from typing import Annotated
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.datastructures import FormData
from too_common.errors import ForbiddenError
from too_common.http import Ctx

from too_notify.clients.slack import read_press
from too_notify.clients.twilio import message_twiml, say_twiml
from too_notify.messages import AnswerPress
from too_notify.resources import Clients
from too_notify.usecases.answer_telephone import (
    Reply,
    Spoken,
    button_pressed,
    key_pressed,
    message_came,
    words_of,
)
from too_notify.usecases.send_delivery import report_delivery

router = APIRouter(prefix="/webhooks", tags=["webhooks"], include_in_schema=False)
log = structlog.get_logger(__name__)
_SAY_TIMES = 3
_GOODBYE = "No key was pressed. The next on duty will be called. Goodbye."


async def signed_form(request: Request, ctx: Ctx) -> FormData:
    """Form of a request that Twilio has signed.

    Raises
    ------
    ForbiddenError
        If the signature is missing or wrong; then no TwiML either.
    """
    form = await request.form()
    clients: Clients = ctx.resources
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    signature = request.headers.get("X-Twilio-Signature", "")
    if not clients.twilio.is_signed(path, form, signature):
        log.warning("webhook_signature_refused", route=request.scope["route"].path)
        raise ForbiddenError("this request is not signed by Twilio")
    return form


Signed = Annotated[FormData, Depends(signed_form)]


def _xml(text: str) -> Response:
    return Response(text, media_type="text/xml")


def _text(form: FormData, key: str) -> str:
    value = form.get(key)
    return value if isinstance(value, str) else ""


@router.post("/twilio/status/{opaque_id}")
async def twilio_status(opaque_id: str, ctx: Ctx, form: Signed) -> Response:
    """State of a message or a call."""
    code = _text(form, "ErrorCode")
    async with ctx.unit_of_work() as uow:
        await report_delivery(
            uow,
            opaque_id,
            sid=_text(form, "MessageSid") or _text(form, "CallSid") or None,
            status=_text(form, "MessageStatus") or _text(form, "CallStatus"),
            error_code=int(code) if code.isdecimal() else None,
            answered_by=_text(form, "AnsweredBy") or None,
        )
    return Response(status_code=204)


@router.post("/twilio/voice/{opaque_id}")
async def twilio_voice(
    opaque_id: str, ctx: Ctx, _form: Signed, time: Annotated[int, Query(ge=1, le=9)] = 1
) -> Response:
    """What a call says, again."""
    async with ctx.unit_of_work() as uow:
        spoken = await words_of(uow, opaque_id)
    return _xml(_speak(ctx, spoken, opaque_id, time))


@router.post("/twilio/ack/{opaque_id}")
async def twilio_ack(
    opaque_id: str, ctx: Ctx, form: Signed, time: Annotated[int, Query(ge=1, le=9)] = 1
) -> Response:
    """A key was pressed, or none: 1 takes it, 9 hands over, silence hears it again."""
    async with ctx.unit_of_work() as uow:
        spoken = await key_pressed(uow, opaque_id, _text(form, "Digits"))
    return _xml(_speak(ctx, spoken, opaque_id, time + 1))


def _speak(ctx: Ctx, spoken: Spoken, opaque_id: str, time: int) -> str:
    if spoken.reply is Reply.GOODBYE:
        return say_twiml(spoken.words)
    if time > _SAY_TIMES:
        return say_twiml(_GOODBYE)
    clients: Clients = ctx.resources
    return clients.twilio.say_again_twiml(spoken.words, opaque_id, time=time)


@router.post("/twilio/sms")
async def twilio_sms(ctx: Ctx, form: Signed) -> Response:
    """An inbound text message."""
    async with ctx.unit_of_work() as uow:
        words = await message_came(uow, _text(form, "From"), _text(form, "Body"))
    return _xml(message_twiml(words))


@router.post("/slack/interactions")
@router.post("/slack/actions")
async def slack_actions(request: Request, ctx: Ctx) -> Response:
    """A button was pressed; the answer goes to the person's eyes only."""
    body = await request.body()
    clients: Clients = ctx.resources
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")
    if not clients.slack.is_signed(body, timestamp, signature):
        log.warning("webhook_signature_refused", route="/webhooks/slack/actions")
        raise ForbiddenError("this request is not signed by Slack")
    press = read_press(parse_qs(body.decode(errors="replace")).get("payload", [""])[0])
    if press is None:
        return Response(status_code=200)
    user, opaque_id, response_url = press
    async with ctx.unit_of_work() as uow:
        answer = await button_pressed(uow, user, opaque_id)
        words = (
            "Your Slack user is on no contact card: add it on your account page, or acknowledge "
            "there."
            if answer is None
            else answer.words
        )
        if response_url:
            await uow.enqueue(AnswerPress(response_url=response_url, text=words))
    return Response(status_code=200)
