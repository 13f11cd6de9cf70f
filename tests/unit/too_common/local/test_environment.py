"""Secrets are made once and kept private; every process gets its own settings and no others."""

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from too_common.auth.tokens import Keys
from too_common.local.environment import SIMULATORS, Servers, compose, role_url
from too_common.local.facilities import write_facilities
from too_common.local.layout import Layout, Ports
from too_common.local.secrets import OPERATOR, StackSecrets, load_or_create
from too_common.settings import SERVICES

_ADMIN = "postgresql://postgres:adm%2Fin@127.0.0.1:8452/postgres"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "var", Ports())


@pytest.fixture
def secrets(layout: Layout) -> StackSecrets:
    return load_or_create(layout.secrets_dir)


def _compose(process: str, layout: Layout, secrets: StackSecrets, **given: str) -> dict[str, str]:
    servers = Servers(_ADMIN, "127.0.0.1:8450")
    return compose(process, layout=layout, secrets=secrets, servers=servers, given=given)


def test_secrets_are_private_and_stay_the_same(layout: Layout, secrets: StackSecrets) -> None:
    for file in layout.secrets_dir.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    assert layout.secrets_dir.stat().st_mode & 0o077 == 0
    keys = secrets.trusted_keys_file.read_text()
    again = load_or_create(layout.secrets_dir)
    assert again.values == secrets.values
    assert again.trusted_keys_file.read_text() == keys


def test_secrets_of_a_newer_version_are_added_to_those_that_are_there(
    layout: Layout, secrets: StackSecrets
) -> None:
    file = layout.secrets_dir / "stack.json"
    values = json.loads(file.read_text())
    del values["depot_password"]
    file.write_text(json.dumps(values))
    (layout.secrets_dir / "notify.jwk.json").unlink()
    again = load_or_create(layout.secrets_dir)
    assert again["depot_password"]
    assert again["twilio_auth_token"] == secrets["twilio_auth_token"]
    kids = [key["kid"] for key in json.loads(again.trusted_keys_file.read_text())["keys"]]
    assert kids == [*SERVICES, OPERATOR]


def test_no_private_key_is_in_the_trusted_set(secrets: StackSecrets) -> None:
    keys = json.loads(secrets.trusted_keys_file.read_text())["keys"]
    assert all("d" not in key for key in keys)


def test_signed_tokens_are_taken_by_the_others(secrets: StackSecrets) -> None:
    operator = Keys.from_files(OPERATOR, secrets.signing_key_file(OPERATOR), None)
    ingest = Keys.from_files("ingest", None, secrets.trusted_keys_file)
    principal = ingest.verify(operator.sign_for_service("ingest"))
    assert principal.is_machine
    assert principal.service == OPERATOR


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_its_own_database_and_key_and_nobody_elses(
    service: str, layout: Layout, secrets: StackSecrets
) -> None:
    found = _compose(service, layout, secrets)
    prefix = f"TOO_{service.replace('-', '_').upper()}_"
    url = urlsplit(found[prefix + "DATABASE_URL"])
    assert url.username == service.replace("-", "_")
    assert unquote(url.password or "") == secrets.database_password(service)
    assert (url.hostname, url.port, url.path) == ("127.0.0.1", 8452, "/postgres")
    assert found[prefix + "SIGNING_KEY_FILE"] == str(secrets.signing_key_file(service))
    assert "TOO_DATABASE_URL" not in found
    assert "adm" not in " ".join(found.values()).replace(str(layout.data_dir), "").split("@")[0]
    others = [
        name
        for other in SERVICES
        if other != service
        for name in found
        if name.startswith(f"TOO_{other.replace('-', '_').upper()}_") and not name.endswith("_URL")
    ]
    assert others == []
    if service != "notify":
        assert secrets["twilio_auth_token"] not in found.values()


def test_what_a_person_sets_wins_but_for_the_administrators_address(
    layout: Layout, secrets: StackSecrets
) -> None:
    found = _compose(
        "ingest",
        layout,
        secrets,
        TOO_INGEST_AGE_LIMIT_S="60",
        TOO_INGEST_GCN_GROUP_ID="mine",
        TOO_DATABASE_URL=_ADMIN,
        TOO_DATA_DIR="elsewhere",
        PATH="/bin",
        AWS_SECRET_ACCESS_KEY="not for services",
    )
    assert found["TOO_INGEST_AGE_LIMIT_S"] == "60"
    assert found["TOO_INGEST_GCN_GROUP_ID"] == "mine"
    assert found["TOO_DATA_DIR"] == str(layout.data_dir)
    assert found["PATH"] == "/bin"
    assert "TOO_DATABASE_URL" not in found
    assert "AWS_SECRET_ACCESS_KEY" not in found


def test_notify_and_the_simulated_world_share_credentials(
    layout: Layout, secrets: StackSecrets
) -> None:
    notify, world = _compose("notify", layout, secrets), _compose(SIMULATORS, layout, secrets)
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "SLACK_SIGNING_SECRET"):
        assert notify[f"TOO_NOTIFY_{name}"] == world[f"TOO_SIMULATORS_{name}"]
    assert world["TOO_SIMULATORS_NOTIFY_WEBHOOK_BASE_URL"] == notify["TOO_NOTIFY_WEBHOOK_BASE_URL"]
    assert notify["TOO_NOTIFY_TWILIO_FROM"].startswith("+155555501")


def test_role_url_quotes_and_may_name_another_database() -> None:
    url = role_url("postgresql://a:b@db.example.org/main?sslmode=require", "x", "p/@:", "other")
    assert url == "postgresql://x:p%2F%40%3A@db.example.org/other?sslmode=require"


def test_all_telescopes_of_the_facilities_file_are_simulated(
    layout: Layout, secrets: StackSecrets
) -> None:
    path = write_facilities(layout, secrets, _ADMIN)
    assert path.stat().st_mode & 0o077 == 0
    facilities = yaml.safe_load(path.read_text())["facilities"]
    assert set(facilities) == {"ZTF", "DECam", "KPED", "Gattini", "GROWTH-India"}
    for facility in facilities.values():
        assert facility["mode"] == "simulated"
        assert "live" not in facility
    ports = {
        name: facility["simulated"]["transport"]["port"]
        for name, facility in facilities.items()
        if name != "ZTF"
    }
    assert ports == {"DECam": 8442, "KPED": 8443, "Gattini": 8444, "GROWTH-India": 8445}
    gattini = facilities["Gattini"]["simulated"]["progress"][0]
    reader = Path(gattini["url_file"])
    assert reader.stat().st_mode & 0o077 == 0
    assert urlsplit(reader.read_text()).username == "gattini_reader"
    assert urlsplit(reader.read_text()).path == "/gattini"
    assert secrets["depot_password"] not in path.read_text()
