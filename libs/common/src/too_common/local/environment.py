"""The environment of every process of the local stack, composed in one place.

What a person sets (``TOO_...``) wins over what is composed here, but for the administrator's
database address, which no service may see.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from too_common.local.layout import SFTP_TELESCOPES, Layout
from too_common.local.secrets import ADMIN_USERNAME, StackSecrets
from too_common.settings import SERVICES

SIMULATORS = "simulators"
_WITHHELD = ("TOO_DATABASE_URL", "TOO_PORT_BASE", "TOO_DATA_DIR")
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER", "SSL_CERT_FILE")
_CALLER_NUMBER = "+15555550199"  # of the range that is kept for fiction
_LOW_FOOTPRINT = {
    # numerical libraries would start a thread per core in each of seven processes
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Servers:
    """Database and broker that the stack uses, embedded or given."""

    admin_url: str
    kafka_bootstrap_servers: str


def role_url(admin_url: str, role: str, password: str, database: str | None = None) -> str:
    """Address of a role on the administrator's server (and database, if no other is named)."""
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(
        parts._replace(
            scheme="postgresql",
            netloc=f"{quote(role)}:{quote(password, safe='')}@{host}",
            path=f"/{database}" if database else parts.path,
        )
    )


def compose(
    process: str,
    *,
    layout: Layout,
    secrets: StackSecrets,
    servers: Servers,
    given: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Environment of one process.

    Parameters
    ----------
    process
        A service's name, or ``simulators``.
    layout, secrets, servers
        The stack.
    given
        The caller's environment; that of this process if left out.
    """
    outside = os.environ if given is None else given
    inherited = {name: outside[name] for name in _PASSED_ON if name in outside}
    chosen = {
        name: value
        for name, value in outside.items()
        if name.startswith("TOO_") and name not in _WITHHELD
    }
    composed = _common(layout, secrets, servers)
    if process == SIMULATORS:
        composed |= _simulators(layout, secrets, servers)
    else:
        composed |= _service(process, layout, secrets, servers)
        if process in _OWN:
            composed |= _OWN[process](layout, secrets, servers)
    return {**inherited, **_LOW_FOOTPRINT, **composed, **chosen}


def _common(layout: Layout, secrets: StackSecrets, servers: Servers) -> dict[str, str]:
    return {
        "TOO_PROFILE": "local",
        "TOO_DATA_DIR": str(layout.data_dir),
        "TOO_KAFKA_BOOTSTRAP_SERVERS": servers.kafka_bootstrap_servers,
        "TOO_STACK_CLOCK_URL": f"{layout.simulators_url}/control/clock",
        "TOO_PUBLIC_BASE_URL": layout.page_url,
        "TOO_TRUSTED_KEYS_FILE": str(secrets.trusted_keys_file),
        **{f"TOO_{_upper(service)}_URL": layout.service_url(service) for service in SERVICES},
    }


def _service(
    service: str, layout: Layout, secrets: StackSecrets, servers: Servers
) -> dict[str, str]:
    role = service.replace("-", "_")
    return {
        f"TOO_{_upper(service)}_{name}": value
        for name, value in {
            "DATABASE_URL": role_url(servers.admin_url, role, secrets.database_password(service)),
            "SIGNING_KEY_FILE": str(secrets.signing_key_file(service)),
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(layout.ports.public(service)),
            "INTERNAL_PORT": str(layout.ports.internal(service)),
        }.items()
    }


def _ingest(layout: Layout, _secrets: StackSecrets, servers: Servers) -> dict[str, str]:
    host = f"127.0.0.1:{layout.ports.simulators}"
    return {
        "TOO_INGEST_GCN_BOOTSTRAP_SERVERS": servers.kafka_bootstrap_servers,
        "TOO_INGEST_GCN_GROUP_ID": "too-marshal-local",
        "TOO_INGEST_MAP_EXTRA_HOSTS": f'["{host}"]',
        "TOO_INGEST_GRACEDB_URL": f"{layout.simulators_url}/gracedb",
    }


def _notify(layout: Layout, secrets: StackSecrets, _servers: Servers) -> dict[str, str]:
    return {
        "TOO_NOTIFY_WEBHOOK_BASE_URL": layout.service_url("notify"),
        "TOO_NOTIFY_TWILIO_BASE_URL": f"{layout.simulators_url}/twilio",
        "TOO_NOTIFY_TWILIO_ACCOUNT_SID": secrets["twilio_account_sid"],
        "TOO_NOTIFY_TWILIO_API_KEY_SID": secrets["twilio_api_key_sid"],
        "TOO_NOTIFY_TWILIO_API_KEY_SECRET": secrets["twilio_api_key_secret"],
        "TOO_NOTIFY_TWILIO_AUTH_TOKEN": secrets["twilio_auth_token"],
        "TOO_NOTIFY_TWILIO_FROM": _CALLER_NUMBER,
        "TOO_NOTIFY_SLACK_BASE_URL": f"{layout.simulators_url}/slack/api/",
        "TOO_NOTIFY_SLACK_TOKEN": secrets["slack_token"],
        "TOO_NOTIFY_SLACK_SIGNING_SECRET": secrets["slack_signing_secret"],
        "TOO_NOTIFY_SLACK_CHANNEL": "#too-marshal",
        "TOO_NOTIFY_SMTP_HOST": "127.0.0.1",
        "TOO_NOTIFY_SMTP_PORT": str(layout.ports.smtp),
        "TOO_NOTIFY_SMTP_STARTTLS": "false",
        "TOO_NOTIFY_MAIL_FROM": "too-marshal@example.org",
        "TOO_NOTIFY_MAIL_LIST": "too-duty@example.org",
    }


def _queue_submit(layout: Layout, _secrets: StackSecrets, _servers: Servers) -> dict[str, str]:
    return {
        "TOO_QUEUE_SUBMIT_FACILITIES_FILE": str(layout.facilities_file),
        # the facilities' modes are `simulated`: real telescopes have no address here
        "TOO_QUEUE_SUBMIT_ARMED": "false",
    }


def _vetting_api(layout: Layout, secrets: StackSecrets, _servers: Servers) -> dict[str, str]:
    return {
        "TOO_VETTING_API_BOOTSTRAP_USERNAME": ADMIN_USERNAME,
        "TOO_VETTING_API_BOOTSTRAP_PASSWORD": secrets["admin_password"],
        "TOO_VETTING_API_SIMULATORS_URL": layout.simulators_url,
    }


def _simulators(layout: Layout, secrets: StackSecrets, servers: Servers) -> dict[str, str]:
    sftp = {
        f"SFTP_{_upper(telescope)}_PORT": str(layout.ports.sftp(telescope))
        for telescope in SFTP_TELESCOPES
    }
    return {
        f"TOO_SIMULATORS_{name}": value
        for name, value in {
            "HTTP_PORT": str(layout.ports.simulators),
            "PUBLIC_URL": layout.simulators_url,
            "SMTP_PORT": str(layout.ports.smtp),
            **sftp,
            "STATE_DIR": str(layout.simulators_dir),
            "SFTP_AUTHORIZED_KEYS_FILE": str(secrets.ssh_key_file.with_suffix(".pub")),
            "TWILIO_ACCOUNT_SID": secrets["twilio_account_sid"],
            "TWILIO_API_KEY_SID": secrets["twilio_api_key_sid"],
            "TWILIO_API_KEY_SECRET": secrets["twilio_api_key_secret"],
            "TWILIO_AUTH_TOKEN": secrets["twilio_auth_token"],
            "SLACK_TOKEN": secrets["slack_token"],
            "SLACK_SIGNING_SECRET": secrets["slack_signing_secret"],
            "NOTIFY_WEBHOOK_BASE_URL": layout.service_url("notify"),
            "TWILIO_SMS_PATH": "/webhooks/twilio/sms",
            "SLACK_INTERACTIONS_PATH": "/webhooks/slack/actions",
            "DEPOT_PASSWORD": secrets["depot_password"],
            "GATTINI_DATABASE_URL": role_url(
                servers.admin_url, "gattini", secrets["database_gattini"], "gattini"
            ),
            "GATTINI_READER_PASSWORD": secrets["gattini_reader_password"],
            "GCN_SUBMITTER_TOKEN": secrets["gcn_submitter_token"],
            "GCN_BOOTSTRAP_SERVERS": servers.kafka_bootstrap_servers,
        }.items()
    }


def _circulars(layout: Layout, _secrets: StackSecrets, _servers: Servers) -> dict[str, str]:
    return {"TOO_CIRCULARS_GCN_FORM_URL": f"{layout.simulators_url}/gcn/circulars/new"}


_OWN = {
    "circulars": _circulars,
    "ingest": _ingest,
    "notify": _notify,
    "queue-submit": _queue_submit,
    "vetting-api": _vetting_api,
}


def _upper(name: str) -> str:
    return name.replace("-", "_").upper()
