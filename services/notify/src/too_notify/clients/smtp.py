"""Mail. Recipients that the server refused are read from its answer: some refused is no error."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr

import aiosmtplib

from too_notify.clients import LostAnswerError, NotConfiguredError, ProviderBusyError
from too_notify.outcomes import Accepted, Refused

TIMEOUT_S = 15.0
_TRANSIENT = range(400, 500)
_POLICY = SMTP_POLICY.clone(max_line_length=998)
"""Subjects are not folded: some readers show the fold."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where and how to send."""

    host: str
    port: int
    starttls: bool
    sender: str
    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one recipient; threads by event through its ids."""

    to: str
    subject: str
    body: str
    message_id: str
    in_reply_to: str | None
    date: datetime


def message_id(local: str, sender: str) -> str:
    """Message-ID in the sender's domain."""
    _, address = parseaddr(sender)
    domain = address.rpartition("@")[2] or "localhost"
    return f"<{local}@{domain}>"


class MailClient:
    """Sends mail, one recipient each, so that nobody sees another's address."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    @property
    def sender(self) -> str:
        """Address from which mail comes."""
        return self._server.sender

    async def send(self, mail: Mail) -> Accepted | Refused:
        """Send a mail.

        Raises
        ------
        ProviderBusyError, LostAnswerError, NotConfiguredError
            See there.
        """
        server = self._server
        if not server.host:
            raise NotConfiguredError("no mail server is set up")
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=TIMEOUT_S,
            start_tls=server.starttls,
            tls_context=ssl.create_default_context() if server.starttls else None,
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise ProviderBusyError(f"mail server: {type(error).__name__}") from error
        try:
            if server.username:
                await client.login(server.username, server.password)
            # the library's own `send_message` folds long subjects into an empty first line
            refused, _ = await client.sendmail(
                server.sender, [mail.to], self._compose(mail).as_bytes()
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _refused([(one.code, one.message) for one in error.recipients])
        except aiosmtplib.SMTPAuthenticationError as error:
            return Refused(error.code, "the mail server refused our login")
        except aiosmtplib.SMTPResponseException as error:
            if error.code in _TRANSIENT:
                raise ProviderBusyError(f"mail server says {error.code}") from error
            return Refused(error.code, f"mail server says {error.code}")
        except (aiosmtplib.SMTPException, OSError) as error:
            raise LostAnswerError(type(error).__name__) from error
        finally:
            client.close()
        if refused:
            return _refused(list(refused.values()))
        return Accepted(mail.message_id, "sent")

    def _compose(self, mail: Mail) -> EmailMessage:
        message = EmailMessage(policy=_POLICY)
        message["From"] = self._server.sender
        message["To"] = "undisclosed-recipients:;"
        message["Subject"] = mail.subject.replace("\r", " ").replace("\n", " ")
        message["Date"] = format_datetime(mail.date)
        message["Message-ID"] = mail.message_id
        if mail.in_reply_to is not None and mail.in_reply_to != mail.message_id:
            message["In-Reply-To"] = mail.in_reply_to
            message["References"] = mail.in_reply_to
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.body)
        return message


def _refused(answers: Sequence[tuple[int, str]]) -> Refused:
    """Read the refusals; those that are temporary are worth another attempt.

    The server's words are not kept: they repeat the address.
    """
    code = answers[0][0] if answers else 550
    if code in _TRANSIENT:
        raise ProviderBusyError(f"mail server says {code}")
    return Refused(code, f"recipient refused ({code})")
