"""The paging providers, asked by their real clients, against a customer's web server."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from urllib.parse import parse_qsl

import aiosmtplib
import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient
from too_simulators import Simulators
from twilio.base.exceptions import TwilioRestException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response as TwilioResponse
from twilio.request_validator import RequestValidator
from twilio.rest import Client

ACCOUNT, KEY, SECRET, TOKEN = "AC" + "1" * 32, "SK" + "2" * 32, "key-secret", "auth-token"
SLACK_TOKEN, SIGNING = "xoxb-made-up", "signing-secret"
ALICE, BOB, OURS = "+15550101", "+15550102", "+15550199"


class LocalTwilio(AsyncHttpClient):
    """The SDK's own extension point, with another address."""

    def __init__(self, base_url):
        super().__init__(logging.getLogger("twilio"), is_async=True, timeout=5)
        self._base_url = base_url

    async def request(
        self,
        method,
        url,
        params=None,
        data=None,
        headers=None,
        auth=None,
        timeout=None,  # noqa: ASYNC109  the signature of the SDK
        allow_redirects=False,
    ):
        address = self._base_url + httpx.URL(url).raw_path.decode()
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.request(
                method, address, params=params, data=data, headers=headers, auth=auth, timeout=5
            )
        return TwilioResponse(answer.status_code, answer.text, answer.headers)


class Customer:
    """A web server that answers as notify would; keeps what it was sent."""

    def __init__(self):
        self.requests = []
        self.twiml = "<Response/>"
        self.answers = {}
        self.url = ""

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (one.partition(":") for one in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = line.split(" ")
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        self.requests.append((method, path, headers, form, body))
        status, text = self.answers.get(path.split("?")[0], (200, self.twiml))
        content = text.encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {len(content)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + content
        )
        await writer.drain()
        writer.close()

    def forms(self, path):
        return [form for _, at, _, form, _ in self.requests if at.split("?")[0] == path]

    def all_signed(self):
        validator = RequestValidator(TOKEN)
        return all(
            validator.validate(
                self.url + path, form if method == "POST" else {}, headers["x-twilio-signature"]
            )
            for method, path, headers, form, _ in self.requests
        )


@pytest.fixture
async def customer() -> AsyncIterator[Customer]:
    made = Customer()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()
    await server.wait_closed()


@pytest.fixture
async def sim(tmp_path, customer) -> AsyncIterator[Simulators]:
    async with Simulators.running(
        tmp_path,
        frozen=True,
        twilio_account_sid=ACCOUNT,
        twilio_api_key_sid=KEY,
        twilio_api_key_secret=SECRET,
        twilio_auth_token=TOKEN,
        slack_token=SLACK_TOKEN,
        slack_signing_secret=SIGNING,
        notify_webhook_base_url=customer.url,
    ) as made:
        yield made


@pytest.fixture
def twilio(sim) -> Client:
    return Client(KEY, SECRET, ACCOUNT, http_client=LocalTwilio(sim.host("twilio")))


async def act(sim, number, **body):
    async with httpx.AsyncClient(base_url=sim.http_url, trust_env=False) as client:
        answer = await client.post(f"/control/telephones/{number}", json=body)
    answer.raise_for_status()
    await sim.settle()
    return answer.json()


async def test_a_message_goes_through_its_states_with_signed_callbacks(sim, twilio, customer):
    before = datetime.now(UTC) - timedelta(seconds=5)
    made = await twilio.messages.create_async(
        to=ALICE, from_=OURS, body="S999999a", status_callback=f"{customer.url}/status?id=7"
    )
    assert made.status == "queued"
    assert made.sid.startswith("SM")
    await sim.advance(10)
    states = [form["MessageStatus"] for form in customer.forms("/status")]
    assert states == ["sending", "sent", "delivered"]
    assert customer.all_signed()
    found = await twilio.messages.list_async(to=ALICE, date_sent_after=before)
    assert [message.sid for message in found] == [made.sid]
    assert await twilio.messages.list_async(to=BOB) == []
    again = await twilio.messages(made.sid).fetch_async()
    assert again.status == "delivered"


async def test_lists_have_pages(sim, twilio):
    for number in range(5):
        await twilio.messages.create_async(to=ALICE, from_=OURS, body=f"{number}")
    found = await twilio.messages.list_async(to=ALICE, page_size=2)
    assert [message.body for message in found] == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"to": "12", "from_": OURS, "body": "x"}, 21211),
        ({"to": ALICE, "from_": OURS, "body": "x" * 1601}, 21617),
        ({"to": ALICE, "body": "x"}, 21603),
    ],
)
async def test_bad_messages_are_refused_with_twilios_codes(twilio, arguments, code):
    with pytest.raises(TwilioRestException) as caught:
        await twilio.messages.create_async(**arguments)
    assert (caught.value.code, caught.value.status) == (code, 400)


async def test_who_sent_stop_cannot_be_reached(sim, twilio, customer):
    await act(sim, ALICE, do="text", body="stop")
    with pytest.raises(TwilioRestException) as caught:
        await twilio.messages.create_async(to=ALICE, from_=OURS, body="x")
    assert caught.value.code == 21610
    assert customer.requests == []
    await act(sim, ALICE, do="text", body="START")
    await twilio.messages.create_async(to=ALICE, from_=OURS, body="x")


async def test_wrong_credentials_and_rate_limit(sim, twilio):
    wrong = Client(KEY, "wrong", ACCOUNT, http_client=LocalTwilio(sim.host("twilio")))
    with pytest.raises(TwilioRestException) as caught:
        await wrong.messages.create_async(to=ALICE, from_=OURS, body="x")
    assert (caught.value.status, caught.value.code) == (401, 20003)
    sim.fault("POST */Messages.json", "too_many_requests", times=1)
    with pytest.raises(TwilioRestException) as caught:
        await twilio.messages.create_async(to=ALICE, from_=OURS, body="x")
    assert (caught.value.status, caught.value.code) == (429, 20429)
    await twilio.messages.create_async(to=ALICE, from_=OURS, body="x")
    assert len(sim.told("twilio.message")) == 1


async def test_accept_then_drop_the_reply(sim, twilio):
    sim.fault("POST */Messages.json", "drop_reply", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await twilio.messages.create_async(to=ALICE, from_=OURS, body="only one")
    assert [message.body for message in await twilio.messages.list_async(to=ALICE)] == ["only one"]


MENU = (
    '<Response><Gather numDigits="1" timeout="8" actionOnEmptyResult="true" action="/ack/x">'
    "<Say>New event. Press 1.</Say></Gather><Redirect>/voice</Redirect></Response>"
)


async def call(twilio, customer, **more):
    return await twilio.calls.create_async(
        to=ALICE,
        from_=OURS,
        url=f"{customer.url}/voice",
        status_callback=f"{customer.url}/status",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
        **more,
    )


async def test_a_call_is_answered_and_a_key_pressed(sim, twilio, customer):
    customer.answers = {
        "/voice": (200, MENU),
        "/ack/x": (200, "<Response><Say>Thank you.</Say><Hangup/></Response>"),
    }
    made = await call(twilio, customer, machine_detection="Enable")
    assert made.status == "queued"
    await sim.advance(5)
    await act(sim, ALICE, do="answer")
    assert customer.forms("/voice")[0]["AnsweredBy"] == "human"
    await sim.advance(3)
    await act(sim, ALICE, do="press", digits="1")
    assert customer.forms("/ack/x")[0]["Digits"] == "1"
    await sim.advance(30)
    ended = await twilio.calls(made.sid).fetch_async()
    assert ended.status == "completed"
    assert int(ended.duration) > 0
    states = [form["CallStatus"] for form in customer.forms("/status")]
    assert states == ["initiated", "ringing", "in-progress", "completed"]
    assert [form["SequenceNumber"] for form in customer.forms("/status")] == ["0", "1", "2", "3"]
    assert customer.all_signed()
    heard = sim.world.telephones.state.calls[made.sid].heard
    assert heard == ["New event. Press 1.", "Thank you."]


async def test_nobody_answers(sim, twilio, customer):
    made = await call(twilio, customer, timeout=15)
    await sim.advance(60)
    assert (await twilio.calls(made.sid).fetch_async()).status == "no-answer"
    assert customer.forms("/voice") == []
    assert customer.forms("/status")[-1]["CallStatus"] == "no-answer"


async def test_silence_reports_an_empty_result(sim, twilio, customer):
    customer.answers = {"/voice": (200, MENU), "/ack/x": (200, "<Response><Hangup/></Response>")}
    await call(twilio, customer)
    await sim.advance(5)
    await act(sim, ALICE, do="answer")
    await sim.advance(20)
    assert customer.forms("/ack/x")[0]["Digits"] == ""


async def test_without_action_on_empty_result_the_next_verb_follows(sim, twilio, customer):
    menu = MENU.replace(' actionOnEmptyResult="true"', "")
    customer.answers = {"/voice": (200, menu)}
    await call(twilio, customer)
    await sim.advance(5)
    await act(sim, ALICE, do="answer")
    for _ in range(2):
        await sim.advance(12)
    assert len(customer.forms("/voice")) == 3
    await act(sim, ALICE, do="hang_up")
    assert customer.forms("/status")[-1]["CallStatus"] == "completed"


@pytest.mark.parametrize(
    ("behaviour", "final"),
    [("busy", "busy"), ("unreachable", "failed"), ("machine", "completed")],
)
async def test_what_people_do_by_themselves(sim, twilio, customer, behaviour, final):
    customer.twiml = "<Response><Say>Hello</Say></Response>"
    async with httpx.AsyncClient(base_url=sim.http_url, trust_env=False) as client:
        body = {"behaviour": {"on_call": behaviour}}
        assert (await client.put(f"/control/telephones/{ALICE}", json=body)).status_code == 200
    await call(twilio, customer, machine_detection="Enable")
    await sim.advance(40)
    await sim.advance(10)
    assert customer.forms("/status")[-1]["CallStatus"] == final
    answered_by = [form["AnsweredBy"] for form in customer.forms("/voice")]
    assert answered_by == (["machine_start"] if behaviour == "machine" else [])


async def test_a_person_who_answers_and_presses_unasked(sim, twilio, customer):
    customer.answers = {"/voice": (200, MENU), "/ack/x": (200, "<Response/>")}
    async with httpx.AsyncClient(base_url=sim.http_url, trust_env=False) as client:
        body = {"behaviour": {"on_call": "answer", "keys": ["9"]}}
        await client.put(f"/control/telephones/{ALICE}", json=body)
    await call(twilio, customer)
    await sim.advance(10)
    await sim.advance(10)
    assert [form["Digits"] for form in customer.forms("/ack/x")] == ["9"]


async def test_the_customers_web_server_fails(sim, twilio, customer):
    customer.answers = {
        "/voice": (500, "oops"),
        "/fallback": (200, "<Response><Say>Help</Say></Response>"),
    }
    made = await call(twilio, customer, fallback_url=f"{customer.url}/fallback")
    await sim.advance(5)
    await act(sim, ALICE, do="answer")
    assert sim.world.telephones.state.calls[made.sid].heard == ["Help"]
    assert customer.forms("/fallback")[0]["ErrorCode"] == "11200"


async def test_inline_twiml(sim, twilio):
    made = await twilio.calls.create_async(
        to=ALICE, from_=OURS, twiml="<Response><Say>Inline</Say></Response>"
    )
    await sim.advance(5)
    await act(sim, ALICE, do="answer")
    await sim.advance(5)
    assert sim.world.telephones.state.calls[made.sid].heard == ["Inline"]
    assert (await twilio.calls(made.sid).fetch_async()).status == "completed"


async def test_an_incoming_message_is_signed_and_answered(sim, twilio, customer):
    await twilio.messages.create_async(to=ALICE, from_=OURS, body="page, answer ACK 1234")
    customer.twiml = "<Response><Message>You have it.</Message></Response>"
    await act(sim, ALICE, do="text", body="ACK 1234")
    form = customer.forms("/webhooks/twilio/sms")[0]
    assert (form["From"], form["To"], form["Body"]) == (ALICE, OURS, "ACK 1234")
    assert customer.all_signed()
    await sim.advance(10)
    bodies = [message.body for message in await twilio.messages.list_async(to=ALICE)]
    assert "You have it." in bodies


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        ("callback_never", ["sent", "delivered"]),
        ("callback_twice", ["sending", "sending", "sent", "delivered"]),
        ("callback_out_of_order", ["sent", "sending", "delivered"]),
    ],
)
async def test_callbacks_go_wrong(sim, twilio, customer, kind, states):
    sim.fault("callbacks twilio", kind, times=1)
    await twilio.messages.create_async(
        to=ALICE, from_=OURS, body="x", status_callback=f"{customer.url}/status"
    )
    await sim.advance(10)
    assert [form["MessageStatus"] for form in customer.forms("/status")] == states


async def test_slack_posts_edits_and_threads(sim):
    client = AsyncWebClient(
        SLACK_TOKEN,
        base_url=f"{sim.host('slack')}/api/",
        retry_handlers=[AsyncRateLimitErrorRetryHandler()],
    )
    sim.fault("POST */chat.postMessage", "too_many_requests", times=1, params={"retry_after": 0})
    assert (await client.auth_test())["ok"]
    posted = await client.chat_postMessage(channel="#too", text="first")
    edited = await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="second")
    assert edited["message"]["text"] == "second"
    await client.chat_postMessage(channel="#too", text="reply", thread_ts=posted["ts"])
    texts = [(message.text, message.thread_ts) for message in sim.world.slack.state.messages]
    assert texts == [("second", None), ("reply", posted["ts"])]
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.chat_update(channel=posted["channel"], ts="1.0", text="x")
    sim.fault("POST */chat.postMessage", "provider_error", times=1, params={"error": "is_archived"})
    with pytest.raises(SlackApiError, match="is_archived"):
        await client.chat_postMessage(channel="#too", text="x")


async def test_slack_refuses_a_wrong_token(sim):
    client = AsyncWebClient("xoxb-other", base_url=f"{sim.host('slack')}/api/")
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await client.chat_postMessage(channel="#too", text="x")


async def test_a_pressed_button_is_signed(sim, customer):
    client = AsyncWebClient(SLACK_TOKEN, base_url=f"{sim.host('slack')}/api/")
    button = {
        "type": "button",
        "action_id": "ack",
        "value": "incident-7",
        "text": {"type": "plain_text", "text": "I have it"},
    }
    blocks = [{"type": "actions", "block_id": "b", "elements": [button]}]
    posted = await client.chat_postMessage(channel="#too", text="page", blocks=blocks)
    body = {"channel": posted["channel"], "ts": posted["ts"], "action_id": "ack"}
    async with httpx.AsyncClient(base_url=sim.http_url, trust_env=False) as http:
        assert (await http.post("/control/slack/press", json=body)).json()["ok"]
    _, path, headers, form, raw = customer.requests[0]
    assert path == "/webhooks/slack/interactions"
    verifier = SignatureVerifier(SIGNING)
    assert verifier.is_valid_request(raw, headers)
    payload = json.loads(form["payload"])
    assert payload["type"] == "block_actions"
    assert payload["actions"][0]["value"] == "incident-7"
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.post(payload["response_url"], json={"replace_original": True, "text": "taken"})
    assert sim.world.slack.state.messages[0].text == "taken"


def mail(to):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "marshal@example.org", to, "S999999a: Gör"
    message["Message-ID"] = "<1@example.org>"
    message.set_content("A new event.\n")
    return message


async def test_mail_is_kept_and_some_recipients_refused(sim):
    sim.fault("smtp", "refuse_recipients", params={"pattern": "*@gone.example"})
    recipients = ["a@example.org", "b@gone.example"]
    refused, _ = await aiosmtplib.send(
        mail("list@example.org"), recipients=recipients, hostname="127.0.0.1", port=sim.smtp_port
    )
    assert list(refused) == ["b@gone.example"]
    kept = sim.world.mailbox.state.mails[0]
    assert (kept.subject, kept.rcpt_to, kept.text) == (
        "S999999a: Gör",
        ("a@example.org",),
        "A new event.\n",
    )
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await aiosmtplib.send(
            mail("x"), recipients=["b@gone.example"], hostname="127.0.0.1", port=sim.smtp_port
        )


async def test_mail_is_greylisted_once(sim):
    sim.fault("smtp", "greylist")
    arguments = {"recipients": ["a@example.org"], "hostname": "127.0.0.1", "port": sim.smtp_port}
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as caught:
        await aiosmtplib.send(mail("x"), **arguments)
    assert caught.value.recipients[0].code == 451
    await aiosmtplib.send(mail("x"), **arguments)
    assert len(sim.world.mailbox.state.mails) == 1


async def test_connection_lost_after_data(sim):
    sim.fault("smtp", "lost_after_data", times=1)
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await aiosmtplib.send(
            mail("x"), recipients=["a@example.org"], hostname="127.0.0.1", port=sim.smtp_port
        )
    assert len(sim.world.mailbox.state.mails) == 1
