"""Settings of notify, read from ``TOO_NOTIFY_<FIELD>``."""

from pydantic import Field, SecretStr
from too_common.settings import ServiceSettings, service_config


class NotifySettings(ServiceSettings):
    """How people are reached, and when they are left in peace."""

    model_config = service_config("notify")

    webhook_base_url: str = Field(
        "http://127.0.0.1:8411",
        description="Address of the webhooks as Twilio and Slack see it; signatures are checked "
        "against it, never against the request's own host",
    )

    twilio_base_url: str = Field(
        "https://api.twilio.com", description="Scheme, host and port of Twilio's REST interface"
    )
    twilio_account_sid: str = Field("", description="Account; empty: no calls and no messages")
    twilio_api_key_sid: str = Field("", description="API key with which we log in")
    twilio_api_key_secret: SecretStr = Field(SecretStr(""), description="Secret of that key")
    twilio_auth_token: SecretStr = Field(
        SecretStr(""), description="The account's token: for signatures of webhooks only"
    )
    twilio_auth_token_previous: SecretStr | None = Field(
        None, description="Also accepted in signatures while the token is being changed"
    )
    twilio_from: str = Field("", description="Calling number, E.164")
    sms_validity_s: int = Field(600, description="A message older than this is not delivered")
    ring_timeout_s: int = Field(25, ge=5, le=600, description="How long a call rings")

    slack_base_url: str = Field(
        "https://slack.com", description="Slack; its methods lie below /api/ of this"
    )
    slack_token: SecretStr = Field(SecretStr(""), description="Bot token; empty: no Slack")
    slack_signing_secret: SecretStr = Field(SecretStr(""), description="Signs presses of buttons")
    slack_channel: str = Field("#too-marshal", description="Channel of pages and news")

    smtp_host: str = Field("", description="Mail server; empty: no mail")
    smtp_port: int = Field(587, description="Its port")
    smtp_starttls: bool = Field(default=True, description="Refuse to send without TLS")
    smtp_username: str = Field("", description="Login at the mail server, if it wants one")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password of that login")
    mail_from: str = Field("too-marshal@localhost", description="Sender of mail")
    mail_list: str = Field("", description="List that is told when nobody on duty answers")

    page_age_limit_s: float = Field(
        3600.0, description="News older than this when they are judged page nobody"
    )
    ack_lasts_s: float = Field(
        1800.0, description="An acknowledgement runs out after this without a submission"
    )
    max_pages_per_hour: int = Field(
        20,
        description="Calls and messages to one person in an hour; drills and alarms have as many "
        "again each, and the first page of an event is never held back",
    )
    max_test_alerts_per_hour: int = Field(6, description="Test alerts to one person in an hour")
    send_attempts: int = Field(5, description="Attempts before a delivery counts as failed")
    duty_horizon_h: float = Field(24.0, description="Duty is announced at least so often")
    duty_warning_h: float = Field(1.0, description="Warning before nobody is on duty")
    open_event_days: float = Field(
        14.0, description="Events heard of in this time are judged again when a program changes"
    )

    sample_programs: bool | None = Field(
        None, description="Start with sample programs; unset: in every profile but production"
    )
    sample_phones: tuple[str, ...] = Field(
        ("+15555550100", "+15555550101", "+15555550102", "+15555550103"),
        description="Fictional numbers for sample contact cards of the first accounts (local "
        "profile only)",
    )
    sample_slack_users: tuple[str, ...] = Field(
        ("U0SIMUSER1",), description="Slack users of the first sample contact cards"
    )
    sample_timezone: str = Field("UTC", description="Time zone of sample contact cards")
