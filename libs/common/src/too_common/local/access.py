"""How the stack itself comes in by the front door: the first login, a token, the sample alerts.

Address, login and token are kept in ``var/too-cli.json`` (mode 0600).
"""

import json
import time
import urllib.error
import urllib.request
from typing import Any
from uuid import UUID

from too_common.auth.tokens import FRONT_DOOR, Keys
from too_common.local.files import write_private_json
from too_common.local.layout import Layout
from too_common.local.secrets import ADMIN_USERNAME, StackSecrets

_TIMEOUT_S = 10.0
_PATIENCE_S = 20.0
_RETRY_S = 0.3
_NOBODY = UUID(int=0)
"""Actor of what the stack itself does before there is any account."""


class AccessError(Exception):
    """No token could be made; the message says why."""


def read(layout: Layout) -> dict[str, str]:
    """What is known; empty before the first start."""
    try:
        kept: dict[str, str] = json.loads(layout.cli_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept


def ensure(layout: Layout, secrets: StackSecrets, *, patience_s: float = _PATIENCE_S) -> None:
    """Write address, login and a token that works, making the token if need be.

    The front door makes its first account after its start, so it is asked again for a while.

    Raises
    ------
    AccessError
        If the front door gives no token.
    """
    kept = {
        **read(layout),
        "url": layout.page_url,
        "username": ADMIN_USERNAME,
        "password": secrets["admin_password"],
    }
    write_private_json(layout.cli_file, kept)
    if kept.get("token") and _is_valid(layout, kept["token"]):
        return
    deadline = time.monotonic() + patience_s
    while True:
        try:
            kept["token"] = _make_token(layout, secrets)
        except (OSError, ValueError, KeyError) as error:
            if time.monotonic() > deadline:
                raise AccessError(f"the front door gave none: {error}") from error
            time.sleep(_RETRY_S)
        else:
            write_private_json(layout.cli_file, kept)
            return


def has_catalogue(layout: Layout) -> bool:
    """Whether a galaxy catalogue is loaded, so that every telescope can plan.

    Raises
    ------
    AccessError
        If the front door does not say.
    """
    return bool(_ask(layout, f"/api/{FRONT_DOOR}/v1/catalogues"))


def send_samples(layout: Layout) -> list[str]:
    """Send one of each kind of sample alert; returns the ids of the events to come.

    Raises
    ------
    AccessError
        If ingest does not take them.
    """
    kinds = _ask(layout, "/api/ingest/v1/samples")
    return [
        str(_ask(layout, f"/api/ingest/v1/samples/{kind['name']}", method="POST")["native_id"])
        for kind in kinds
    ]


def _ask(layout: Layout, path: str, *, method: str = "GET") -> Any:
    try:
        return _request(layout, path, token=read(layout)["token"], method=method)
    except (OSError, ValueError, KeyError) as error:
        raise AccessError(f"{path}: {error}") from error


def _make_token(layout: Layout, secrets: StackSecrets) -> str:
    """A personal token of the first account, asked for with the front door's own key."""
    keys = Keys.from_files(FRONT_DOOR, secrets.signing_key_file(FRONT_DOOR), None)
    signed = keys.sign_for_person(
        audience=FRONT_DOOR, account_id=_NOBODY, name="too up", scopes=("admin",)
    )
    answer = _request(
        layout,
        f"/api/{FRONT_DOOR}/v1/accounts/{ADMIN_USERNAME}/tokens",
        token=signed,
        body={"name": "too on this machine"},
    )
    return str(answer["token"])


def _is_valid(layout: Layout, token: str) -> bool:
    try:
        _request(layout, f"/api/{FRONT_DOOR}/v1/accounts/me", token=token)
    except (OSError, ValueError):
        return False
    return True


def _request(
    layout: Layout, path: str, *, token: str, body: Any = None, method: str | None = None
) -> Any:
    # the standard library's client: the supervisor stays small
    request = urllib.request.Request(  # noqa: S310 - our own front door
        layout.page_url + path,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_TIMEOUT_S) as answer:
        return json.load(answer)
