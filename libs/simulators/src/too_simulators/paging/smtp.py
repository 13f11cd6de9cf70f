"""A mail server that keeps what it is sent, refuses some recipients, or greylists."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message as Mail
from fnmatch import fnmatchcase
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import AwareDatetime, BaseModel, Field

from too_simulators.core.faults import FaultBoard, FaultKind
from too_simulators.core.store import Journal

ROUTE = "smtp"


class KeptMail(BaseModel):
    """One accepted mail."""

    id: int
    received_at: AwareDatetime
    mail_from: str
    rcpt_to: tuple[str, ...]
    subject: str
    message_id: str
    in_reply_to: str
    text: str
    raw: str


class MailState(BaseModel):
    """All that is kept on disk."""

    mails: list[KeptMail] = Field(default_factory=list)
    greylisted: list[str] = Field(default_factory=list)


class Mailbox:
    """Handler of aiosmtpd; also the model.

    Parameters
    ----------
    state
        As loaded from disk.
    journal
        Where every mail is written down.
    faults
        Switches on the route ``smtp``: ``refuse_recipients`` (``{"pattern": "*@example.org"}``),
        ``greylist``, ``lost_after_data``, ``refuse``.
    now
        Stack clock.
    nudge
        Called after each change.
    """

    def __init__(
        self,
        state: MailState,
        journal: Journal,
        faults: FaultBoard,
        *,
        now: Callable[[], datetime],
        nudge: Callable[[], None],
    ) -> None:
        self.state = state
        self._journal = journal
        self._faults = faults
        self._now = now
        self._nudge = nudge

    async def handle_EHLO(  # noqa: N802  aiosmtpd calls handlers by the command's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Refuse service while the switch is on."""
        del server, envelope
        session.host_name = hostname
        if self._faults.take(ROUTE, FaultKind.REFUSE) is not None:
            return ["421 4.3.2 Service not available"]
        return responses

    async def handle_RCPT(  # noqa: N802  aiosmtpd calls handlers by the command's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """Accept a recipient, refuse it, or say that it should be tried later."""
        del server, session
        refusing = self._faults.peek(ROUTE, FaultKind.REFUSE_RECIPIENTS)
        if refusing is not None and fnmatchcase(address, refusing.params.get("pattern", "*")):
            self._faults.take(ROUTE, FaultKind.REFUSE_RECIPIENTS)
            self._journal.add("mail.refused", recipient=address)
            return "550 5.1.1 No such user here"
        if self._faults.peek(ROUTE, FaultKind.GREYLIST) is not None:
            key = f"{envelope.mail_from} {address}"
            if key not in self.state.greylisted:
                self.state.greylisted.append(key)
                self._journal.add("mail.greylisted", recipient=address)
                return "451 4.7.1 Greylisted, please try again later"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 Recipient ok"

    async def handle_DATA(  # noqa: N802  aiosmtpd calls handlers by the command's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep the mail."""
        del session
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        kept = self._keep(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw)
        if self._faults.take(ROUTE, FaultKind.LOST_AFTER_DATA) is not None:
            if isinstance(server.transport, asyncio.WriteTransport):
                server.transport.abort()
            return "421 4.3.0 lost"
        return f"250 2.0.0 Kept as {kept.id}"

    def _keep(self, mail_from: str, rcpt_to: tuple[str, ...], raw: bytes) -> KeptMail:
        mail = message_from_bytes(raw)
        kept = KeptMail(
            id=len(self.state.mails) + 1,
            received_at=self._now(),
            mail_from=mail_from,
            rcpt_to=rcpt_to,
            subject=str(make_header(decode_header(mail.get("Subject", "")))),
            message_id=mail.get("Message-ID", ""),
            in_reply_to=mail.get("In-Reply-To", ""),
            text=_text(mail),
            raw=raw.decode("utf-8", "replace"),
        )
        self.state.mails.append(kept)
        self._journal.add("mail.received", **kept.model_dump(mode="json", exclude={"raw"}))
        self._nudge()
        return kept


def _text(mail: Mail) -> str:
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            content: Any = part.get_payload(decode=True)
            charset = part.get_content_charset() or "utf-8"
            text = content.decode(charset, "replace") if isinstance(content, bytes) else ""
            return text.replace("\r\n", "\n")
    return ""


def protocol(mailbox: Mailbox) -> SMTP:
    """One connection."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # it would log addresses
    return SMTP(mailbox, hostname="mail.simulated", ident="too-simulator", enable_SMTPUTF8=True)
