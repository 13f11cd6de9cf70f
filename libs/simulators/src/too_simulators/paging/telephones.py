"""The telephone network as a model on the stack clock: calls ring, people answer, press, or do not.

Pure: it is told `now`, and leaves what Twilio must send to the customer in `outbox`.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime

from too_simulators.core.store import Journal
from too_simulators.paging.records import (
    Call,
    CallStatus,
    Message,
    Outgoing,
    Phase,
    Telephone,
    TwilioState,
)
from too_simulators.paging.texts import TextMessages
from too_simulators.paging.twiml import TwimlError, Verb, parse_twiml, resolve

DIAL_S = 1.0
"""From queued to initiated, and from there to ringing."""
MACHINE_AFTER_S = 18.0
"""Voicemail picks up after this much ringing."""
RING_SLACK_S = 5.0
"""Twilio may add about this much to the ringing time-out."""
FINISH_ON_KEY = "#"
_E164 = re.compile(r"^\+[1-9]\d{6,14}$")


class TelephoneError(ValueError):
    """The person cannot do that now, e.g. answer a telephone that does not ring."""


def is_e164(number: str) -> bool:
    """A number that could exist."""
    return _E164.match(number) is not None


class TelephoneNetwork:
    """Calls, messages and telephones.

    Parameters
    ----------
    state
        As loaded from disk.
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
        journal: Journal,
        account_sid: str,
        *,
        inbound_url: str | None = None,
    ) -> None:
        self.state = state
        self.outbox: list[Outgoing] = []
        self.texts = TextMessages(state, self.outbox, journal, account_sid, inbound_url)
        self._journal = journal
        self._account_sid = account_sid
        for call in state.calls.values():
            if call.phase is Phase.FETCHING:  # the answer went to a process that is gone
                call.due_at = call.updated_at

    def take_outbox(self) -> list[Outgoing]:
        """What is to be sent to the customer, once."""
        taken = list(self.outbox)
        self.outbox.clear()
        return taken

    # --- who is there -------------------------------------------------------------------------

    def telephone(self, number: str) -> Telephone:
        """The telephone of a number; it exists once somebody asks for it."""
        return self.state.telephone(number)

    def live_call(self, number: str) -> Call | None:
        """The call that this telephone is in, or that makes it ring."""
        for call in reversed(self.state.calls.values()):
            if call.to == number and call.status in {CallStatus.RINGING, CallStatus.IN_PROGRESS}:
                return call
        return None

    # --- what the customer asks for ----------------------------------------------------------

    def place_call(self, call: Call) -> None:
        """Take a call; it rings a little later."""
        self.state.own(call.from_)
        self.telephone(call.to)
        call.due_at = call.created_at + timedelta(seconds=DIAL_S)
        self.state.calls[call.sid] = call
        self._journal.add("twilio.call", sid=call.sid, to=call.to, twiml=call.twiml, url=call.url)

    def end_call(self, call: Call, now: datetime) -> None:
        """The customer ends a call (POST with Status)."""
        final = (
            CallStatus.COMPLETED if call.status is CallStatus.IN_PROGRESS else CallStatus.CANCELED
        )
        self._end(call, final, now)

    # --- what people do ----------------------------------------------------------------------

    def answer(self, number: str, now: datetime) -> Call:
        """Pick up."""
        call = self.live_call(number)
        if call is None or call.status is not CallStatus.RINGING:
            raise TelephoneError("this telephone does not ring")
        self._pick_up(call, now, "human")
        return call

    def press(self, number: str, digits: str, now: datetime) -> Call:
        """Press keys."""
        call = self.live_call(number)
        if call is None or call.status is not CallStatus.IN_PROGRESS:
            raise TelephoneError("nobody is on the line")
        call.pressed.extend(digits)
        self._journal.add("telephone.pressed", sid=call.sid, to=number, digits=digits)
        for digit in digits:
            self._digit(call, digit, now)
        return call

    def hang_up(self, number: str, now: datetime) -> Call:
        """Hang up, or push a ringing call away."""
        call = self.live_call(number)
        if call is None:
            raise TelephoneError("there is no call")
        answered = call.status is CallStatus.IN_PROGRESS
        self._end(call, CallStatus.COMPLETED if answered else CallStatus.BUSY, now)
        return call

    def text(self, number: str, body: str, to: str | None, now: datetime) -> Message:
        """Send a text message to the customer."""
        return self.texts.text(number, body, to, now)

    # --- what the customer's web server answers ------------------------------------------------

    def document(self, sid: str, url: str, text: str, now: datetime) -> None:
        """TwiML came back for a call; it goes on from there."""
        call = self.state.calls[sid]
        if call.status is not CallStatus.IN_PROGRESS:
            return
        try:
            verbs = parse_twiml(text)
        except TwimlError as error:
            self.document_failed(sid, int(str(error)[:5]), str(error), now)
            return
        call.document_url = url or None
        call.verbs, call.verb_index = verbs, 0
        self._go_on(call, now)

    def document_failed(self, sid: str, code: int, reason: str, now: datetime) -> None:
        """No TwiML came: the fallback address is tried once, then the call ends."""
        call = self.state.calls[sid]
        if call.status is not CallStatus.IN_PROGRESS:
            return
        call.error_code = code
        self._journal.add("twilio.document_failed", sid=sid, code=code, reason=reason)
        if call.fallback_url and not call.used_fallback:
            call.used_fallback = True
            self._fetch(call, call.fallback_url, "POST", now, ErrorCode=str(code))
            return
        call.heard.append("We are sorry, an application error has occurred. Goodbye.")
        self._end(call, CallStatus.COMPLETED, now)

    # --- the stack clock ----------------------------------------------------------------------

    def next_at(self, now: datetime) -> datetime | None:
        """Next change of any call or message."""
        del now
        return min((at for at, _ in self._due()), default=None)

    def step(self, now: datetime) -> None:
        """Work off what is due, in order of time."""
        while True:
            at, record = min(
                self._due(), key=lambda due: due[0], default=(now + timedelta(days=1), None)
            )
            if at > now or record is None:
                return
            if isinstance(record, Call):
                self._step_call(record, at)
            else:
                self.texts.step(record, at)

    def _due(self) -> Iterator[tuple[datetime, Call | Message]]:
        for call in self.state.calls.values():
            times = [at for at in (call.due_at, call.auto_at) if at is not None]
            if times:
                yield min(times), call
        for message in self.state.messages.values():
            if message.due_at is not None:
                yield message.due_at, message

    def _step_call(self, call: Call, at: datetime) -> None:
        if call.auto_at is not None and (call.due_at is None or call.auto_at <= call.due_at):
            call.auto_at = None
            self._person_acts(call, at)
            return
        call.due_at = None
        if call.status is CallStatus.QUEUED:
            self._set(call, CallStatus.INITIATED, at)
            call.due_at = at + timedelta(seconds=DIAL_S)
        elif call.status is CallStatus.INITIATED:
            self._ring(call, at)
        elif call.phase is Phase.RINGING:
            self._end(call, CallStatus.NO_ANSWER, at)
        elif call.phase is Phase.SPEAKING:
            self._go_on(call, at)
        elif call.phase is Phase.GATHERING:
            self._gathered(call, at)
        elif call.phase is Phase.FETCHING:
            self.document_failed(call.sid, 11200, "the simulator was restarted meanwhile", at)

    def _ring(self, call: Call, at: datetime) -> None:
        telephone = self.telephone(call.to)
        behaviour = telephone.behaviour
        if behaviour.on_call == "unreachable":
            self._end(call, CallStatus.FAILED, at)
            return
        busy = any(
            other.to == call.to and other.status is CallStatus.IN_PROGRESS
            for other in self.state.calls.values()
        )
        if busy or behaviour.on_call == "busy":
            self._end(call, CallStatus.BUSY, at)
            return
        self._set(call, CallStatus.RINGING, at)
        call.phase = Phase.RINGING
        call.due_at = at + timedelta(seconds=call.timeout_s + RING_SLACK_S)
        if behaviour.on_call == "answer":
            call.auto_at = at + timedelta(seconds=behaviour.answer_after_s)
        elif behaviour.on_call == "machine":
            call.auto_at = at + timedelta(seconds=MACHINE_AFTER_S)

    def _person_acts(self, call: Call, at: datetime) -> None:
        behaviour = self.telephone(call.to).behaviour
        if call.phase is Phase.RINGING:
            machine = behaviour.on_call == "machine"
            call.keys_left = [] if machine else list(behaviour.keys)
            self._pick_up(call, at, "machine" if machine else "human")
        elif call.phase is Phase.GATHERING and call.keys_left:
            self.press(call.to, call.keys_left.pop(0), at)

    def _pick_up(self, call: Call, at: datetime, who: str) -> None:
        call.answered_at = at
        if call.machine_detection:
            machine = (
                "machine_end_beep"
                if call.machine_detection == "DetectMessageEnd"
                else "machine_start"
            )
            call.answered_by = "human" if who == "human" else machine
        self._set(call, CallStatus.IN_PROGRESS, at)
        self._journal.add("telephone.answered", sid=call.sid, to=call.to, by=who)
        if call.url:
            self._fetch(call, call.url, call.method, at)
        else:
            self.document(call.sid, "", call.twiml or "<Response/>", at)

    def _go_on(self, call: Call, at: datetime) -> None:
        """Carry out verbs until one takes time."""
        call.phase, call.gather, call.due_at, call.auto_at = Phase.SPEAKING, None, None, None
        while call.verb_index < len(call.verbs):
            verb = call.verbs[call.verb_index]
            call.verb_index += 1
            call.heard.extend(verb.spoken)
            if verb.name in {"Say", "Play", "Pause"}:
                call.due_at = at + timedelta(seconds=verb.speech_s)
                return
            if verb.name == "Gather":
                self._start_gather(call, verb, at)
                return
            if verb.name == "Redirect":
                url = resolve(call.document_url, verb.text)
                self._fetch(call, url, verb.attribute("method", "POST"), at)
                return
            if verb.name in {"Hangup", "Reject"}:
                break
            self._journal.add("twilio.verb_ignored", sid=call.sid, verb=verb.name)
        self._end(call, CallStatus.COMPLETED, at)

    def _start_gather(self, call: Call, verb: Verb, at: datetime) -> None:
        timeout_s = float(verb.attribute("timeout", "5"))
        call.phase, call.gather, call.digits = Phase.GATHERING, verb, ""
        call.due_at = at + timedelta(seconds=verb.speech_s + timeout_s)
        if call.keys_left:
            behaviour = self.telephone(call.to).behaviour
            call.auto_at = at + timedelta(seconds=behaviour.key_after_s)

    def _digit(self, call: Call, digit: str, at: datetime) -> None:
        if call.phase is not Phase.GATHERING or call.gather is None:
            return  # pressed while nobody listens: lost, as on a real telephone
        if digit == call.gather.attribute("finishOnKey", FINISH_ON_KEY):
            self._gathered(call, at)
            return
        call.digits += digit
        wanted = call.gather.attribute("numDigits", "")
        if wanted and len(call.digits) >= int(wanted):
            self._gathered(call, at)
            return
        timeout_s = float(call.gather.attribute("timeout", "5"))
        call.due_at = at + timedelta(seconds=timeout_s)

    def _gathered(self, call: Call, at: datetime) -> None:
        gather = call.gather
        empty_counts = (
            gather is not None and gather.attribute("actionOnEmptyResult", "false") == "true"
        )
        if gather is None or not (call.digits or empty_counts):
            self._go_on(call, at)
            return
        target = gather.attribute("action", call.document_url or "")
        if not target:
            self.document_failed(call.sid, 11100, "Gather has no action and no address", at)
            return
        url = resolve(call.document_url, target)
        self._fetch(call, url, gather.attribute("method", "POST"), at, Digits=call.digits)

    def _fetch(self, call: Call, url: str, method: str, at: datetime, **extra: str) -> None:
        call.phase, call.due_at, call.auto_at, call.updated_at = Phase.FETCHING, None, None, at
        purpose = "action" if "Digits" in extra else "twiml"
        params = self._call_params(call) | extra
        if "Digits" in extra:
            params |= {"msg": "Gather End"} if not extra["Digits"] else {}
            params |= {"FinishedOnKey": ""}
        self.outbox.append(
            Outgoing(url=url, method=method, params=params, purpose=purpose, sid=call.sid)
        )

    def _end(self, call: Call, status: CallStatus, at: datetime) -> None:
        if call.status.final:
            return
        call.phase, call.due_at, call.auto_at, call.gather = Phase.ENDED, None, None, None
        call.ended_at = at
        self._set(call, status, at)

    def _set(self, call: Call, status: CallStatus, at: datetime) -> None:
        call.status, call.updated_at = status, at
        self._journal.add("twilio.call_status", sid=call.sid, to=call.to, status=status.value)
        event = {
            CallStatus.INITIATED: "initiated",
            CallStatus.RINGING: "ringing",
            CallStatus.IN_PROGRESS: "answered",
        }.get(status, "completed")
        sequence, call.sequence = call.sequence, call.sequence + 1
        if call.status_callback is None or event not in call.events:
            return
        params = self._call_params(call) | {
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(sequence),
            "Timestamp": format_datetime(at),
        }
        if status.final:
            params |= {"CallDuration": str(call.duration_s), "Duration": "1"}
        self.outbox.append(
            Outgoing(
                url=call.status_callback,
                method=call.status_callback_method,
                params=params,
                purpose="callback",
                sid=call.sid,
            )
        )

    def _call_params(self, call: Call) -> dict[str, str]:
        params = {
            "CallSid": call.sid,
            "AccountSid": self._account_sid,
            "From": call.from_,
            "To": call.to,
            "Called": call.to,
            "Caller": call.from_,
            "CallStatus": call.status.value,
            "ApiVersion": "2010-04-01",
            "Direction": "outbound-api",
        }
        if call.answered_by:
            params["AnsweredBy"] = call.answered_by
        return params
