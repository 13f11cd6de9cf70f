"""Text messages as a model on the stack clock: sent, delivered or not, answered.

Pure: it is told `now`, and leaves what Twilio must send to the customer in the outbox.
"""

from datetime import datetime, timedelta

from too_simulators.core.store import Journal
from too_simulators.paging.records import (
    Message,
    MessageStatus,
    Outgoing,
    TwilioState,
    new_sid,
)
from too_simulators.paging.twiml import TwimlError, parse_twiml

MESSAGE_STEP_S = 1.0
"""Between two states of a message."""
STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
START_WORDS = frozenset({"START", "UNSTOP", "YES"})
HELP_WORDS = frozenset({"HELP", "INFO"})


class TextMessages:
    """Messages in both directions.

    Parameters
    ----------
    state
        As loaded from disk; calls live in it too.
    outbox
        Shared with the calls.
    journal
        Where everything is written down.
    account_sid
        Sent with every callback.
    inbound_url
        The customer's webhook for incoming messages, as set up for its numbers.
    """

    def __init__(
        self,
        state: TwilioState,
        outbox: list[Outgoing],
        journal: Journal,
        account_sid: str,
        inbound_url: str | None,
    ) -> None:
        self.state = state
        self.outbox = outbox
        self.inbound_url = inbound_url
        self._journal = journal
        self._account_sid = account_sid

    def send(self, message: Message) -> None:
        """Take a message; it is delivered a little later."""
        self.state.own(message.from_)
        self.state.telephone(message.to)
        message.due_at = message.created_at + timedelta(seconds=MESSAGE_STEP_S)
        self.state.messages[message.sid] = message
        self._journal.add("twilio.message", sid=message.sid, to=message.to, body=message.body)

    def text(self, number: str, body: str, to: str | None, now: datetime) -> Message:
        """Send a text message to the customer; STOP and HELP are Twilio's own."""
        to = to or self._last_sender(number)
        message = Message(
            sid=new_sid("SM"),
            to=to,
            from_=number,
            body=body,
            direction="inbound",
            status=MessageStatus.RECEIVED,
            created_at=now,
            updated_at=now,
        )
        self.state.messages[message.sid] = message
        self._journal.add("telephone.texted", sid=message.sid, sender=number, body=body)
        word = body.strip().upper()
        telephone = self.state.telephone(number)
        if word in STOP_WORDS:
            telephone.stopped = True
        elif word in START_WORDS and telephone.stopped:
            telephone.stopped = False
        elif self.inbound_url is not None and word not in HELP_WORDS:
            params = {
                "ToCountry": "US",
                "MessageSid": message.sid,
                "SmsMessageSid": message.sid,
                "SmsSid": message.sid,
                "AccountSid": self._account_sid,
                "From": number,
                "To": to,
                "Body": body,
                "NumMedia": "0",
                "NumSegments": "1",
                "SmsStatus": "received",
                "ApiVersion": "2010-04-01",
            }
            self.outbox.append(
                Outgoing(url=self.inbound_url, params=params, purpose="inbound", sid=message.sid)
            )
        return message

    def _last_sender(self, number: str) -> str:
        """Whom a person answers: the number that wrote last, else any of the customer's."""
        for message in reversed(self.state.messages.values()):
            if message.to == number:
                return message.from_
        return self.state.own_numbers[-1] if self.state.own_numbers else "+15550100"

    def reply(self, sid: str, text: str, now: datetime) -> None:
        """TwiML came back for an incoming message: send what it says."""
        incoming = self.state.messages[sid]
        try:
            verbs = parse_twiml(text) if text.strip() else []
        except TwimlError as error:
            self._journal.add("twilio.document_failed", sid=sid, reason=str(error))
            return
        for verb in verbs:
            if verb.name != "Message":
                continue
            body = verb.text or " ".join(child.text for child in verb.children)
            answer = Message(
                sid=new_sid("SM"),
                to=incoming.from_,
                from_=incoming.to,
                body=body,
                direction="outbound-reply",
                created_at=now,
                updated_at=now,
            )
            self.send(answer)

    def step(self, message: Message, at: datetime) -> None:
        """The next state of a message whose time has come."""
        message.due_at = None
        telephone = self.state.telephone(message.to)
        how = telephone.behaviour.on_message
        status = {
            MessageStatus.ACCEPTED: MessageStatus.QUEUED,
            MessageStatus.QUEUED: MessageStatus.SENDING,
            MessageStatus.SENDING: MessageStatus.SENT,
        }.get(message.status, MessageStatus.DELIVERED)
        if telephone.stopped:
            status, message.error_code = MessageStatus.FAILED, 21610
        elif status is MessageStatus.SENT and how == "failed":
            status, message.error_code = MessageStatus.FAILED, 30008
        elif status is MessageStatus.DELIVERED and how == "undelivered":
            status, message.error_code = MessageStatus.UNDELIVERED, 30003
        message.status, message.updated_at = status, at
        done = status in {
            MessageStatus.DELIVERED,
            MessageStatus.UNDELIVERED,
            MessageStatus.FAILED,
        }
        if not done and not (status is MessageStatus.SENT and how == "silent"):
            message.due_at = at + timedelta(seconds=MESSAGE_STEP_S)
        self._journal.add(
            "twilio.message_status", sid=message.sid, to=message.to, status=status.value
        )
        if message.status_callback is not None:
            self._callback(message, at)
        reply = telephone.behaviour.reply
        asked = message.direction == "outbound-api"  # an answer to an answer would never end
        if status is MessageStatus.DELIVERED and asked and reply is not None:
            self.text(message.to, reply, message.from_, at)

    def _callback(self, message: Message, at: datetime) -> None:
        params = {
            "SmsSid": message.sid,
            "SmsStatus": message.status.value,
            "MessageSid": message.sid,
            "MessageStatus": message.status.value,
            "To": message.to,
            "From": message.from_,
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "RawDlrDoneDate": at.strftime("%y%m%d%H%M"),
        }
        if message.error_code is not None:
            params["ErrorCode"] = str(message.error_code)
        self.outbox.append(
            Outgoing(
                url=message.status_callback or "",
                params=params,
                purpose="callback",
                sid=message.sid,
            )
        )
