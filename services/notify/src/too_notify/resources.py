"""Long-lived clients of notify, made once by the composition root."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import text
from too_common.context import Context

from too_notify.clients.slack import SlackClient
from too_notify.clients.smtp import MailClient, MailServer
from too_notify.clients.twilio import TwilioAccount, TwilioClient
from too_notify.settings import NotifySettings
from too_notify.usecases.save_program import seed_sample_programs

_SEED_LOCK = 7411


@dataclass(frozen=True)
class Clients:
    """Ways to people."""

    twilio: TwilioClient
    slack: SlackClient
    mail: MailClient


@asynccontextmanager
async def make_resources(ctx: Context) -> AsyncIterator[Clients]:
    """Make the clients; in the first start also the sample programs."""
    settings: NotifySettings = ctx.settings
    wants_samples = settings.sample_programs
    if wants_samples is None:
        wants_samples = ctx.common.profile != "production"
    if wants_samples:
        async with ctx.unit_of_work() as uow:
            await uow.session.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SEED_LOCK}
            )
            await seed_sample_programs(uow)
    tokens = [settings.twilio_auth_token.get_secret_value()]
    if settings.twilio_auth_token_previous is not None:
        tokens.append(settings.twilio_auth_token_previous.get_secret_value())
    yield Clients(
        twilio=TwilioClient(
            TwilioAccount(
                base_url=settings.twilio_base_url,
                account_sid=settings.twilio_account_sid,
                api_key_sid=settings.twilio_api_key_sid,
                api_key_secret=settings.twilio_api_key_secret.get_secret_value(),
                auth_tokens=tuple(tokens),
                sender=settings.twilio_from,
                webhook_base_url=settings.webhook_base_url,
                sms_validity_s=settings.sms_validity_s,
                ring_timeout_s=settings.ring_timeout_s,
            ),
            ctx.http,
        ),
        slack=SlackClient(
            settings.slack_base_url,
            settings.slack_token.get_secret_value(),
            settings.slack_signing_secret.get_secret_value(),
        ),
        mail=MailClient(
            MailServer(
                host=settings.smtp_host,
                port=settings.smtp_port,
                starttls=settings.smtp_starttls,
                sender=settings.mail_from,
                username=settings.smtp_username,
                password=settings.smtp_password.get_secret_value(),
            )
        ),
    )
