"""The first login, the token for `too`, and the sample alerts, at a front door of the test's."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from too_common.auth.tokens import FRONT_DOOR, Keys
from too_common.local import access
from too_common.local.layout import Layout, Ports
from too_common.local.migration_state import migrations_fingerprint
from too_common.local.secrets import ADMIN_USERNAME, StackSecrets, load_or_create


class FrontDoor(ThreadingHTTPServer):
    """Answers as vetting-api does, with what the test put there."""

    valid: str | None = None
    refusals = 0
    asked: list[tuple[str, str, str]]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = []


class _Handler(BaseHTTPRequestHandler):
    server: FrontDoor

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's signature
        """Quiet."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer()

    def _answer(self) -> None:
        door, token = self.server, self.headers["Authorization"].removeprefix("Bearer ")
        door.asked.append((self.command, self.path, token))
        status, body = 200, {}
        if self.path.endswith("/tokens"):
            if door.refusals:
                door.refusals -= 1
                status = 404
            else:
                door.valid, status = f"made-{len(door.asked)}", 201
                body = {"token": door.valid}
        elif token != door.valid:
            status = 401
        elif self.path.endswith("/catalogues"):
            body = [{"name": "openngc"}]
        elif self.path.endswith("/samples"):
            body = [{"name": "bns"}, {"name": "gbm"}]
        elif "/samples/" in self.path:
            body = {"native_id": f"id of {self.path.rsplit('/', 1)[1]}"}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def door() -> Iterator[FrontDoor]:
    with FrontDoor() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def layout(tmp_path: Path, door: FrontDoor) -> Layout:
    return Layout(tmp_path / "var", Ports(door.server_port))


@pytest.fixture
def secrets(layout: Layout) -> StackSecrets:
    return load_or_create(layout.secrets_dir)


def test_a_token_is_made_once_and_kept_privately(
    layout: Layout, secrets: StackSecrets, door: FrontDoor
) -> None:
    access.ensure(layout, secrets)
    kept = access.read(layout)
    assert kept == {
        "url": layout.page_url,
        "username": ADMIN_USERNAME,
        "password": secrets["admin_password"],
        "token": door.valid,
    }
    assert layout.cli_file.stat().st_mode & 0o077 == 0
    access.ensure(layout, secrets)
    assert [path.rsplit("/", 1)[1] for _method, path, _token in door.asked] == ["tokens", "me"]


def test_the_request_is_signed_by_the_front_doors_own_key_for_itself(
    layout: Layout, secrets: StackSecrets, door: FrontDoor
) -> None:
    access.ensure(layout, secrets)
    signed = door.asked[0][2]
    principal = Keys.from_files(FRONT_DOOR, None, secrets.trusted_keys_file).verify(signed)
    assert principal.scopes == {"admin"}


def test_a_revoked_token_is_replaced(
    layout: Layout, secrets: StackSecrets, door: FrontDoor
) -> None:
    access.ensure(layout, secrets)
    before = access.read(layout)["token"]
    door.valid = "another"
    access.ensure(layout, secrets)
    assert access.read(layout)["token"] not in {before, "another"}


def test_the_front_door_may_need_a_moment(
    layout: Layout, secrets: StackSecrets, door: FrontDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "_RETRY_S", 0.0)
    door.refusals = 3
    access.ensure(layout, secrets)
    door.refusals, door.valid = 10**6, None
    with pytest.raises(access.AccessError, match="404"):
        access.ensure(layout, secrets, patience_s=0.0)


def test_samples_of_each_kind_are_sent(
    layout: Layout, secrets: StackSecrets, door: FrontDoor
) -> None:
    access.ensure(layout, secrets)
    assert access.has_catalogue(layout)
    assert access.send_samples(layout) == ["id of bns", "id of gbm"]


def test_without_a_token_nothing_is_asked(layout: Layout) -> None:
    assert access.read(layout) == {}
    with pytest.raises(access.AccessError):
        access.send_samples(layout)


def test_the_migrations_have_a_fingerprint() -> None:
    assert migrations_fingerprint() == migrations_fingerprint()
    assert len(migrations_fingerprint()) == 64
