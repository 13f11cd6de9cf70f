"""How `too` speaks to the running marshal: address and token, HTTP, tables on the terminal.

`too up` leaves address and token in ``var/too-cli.json``; `TOO_URL` and `TOO_TOKEN` name another
marshal.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from too_common.cli.errors import CommandError

if TYPE_CHECKING:
    import httpx

    from too_common.local.layout import Layout

_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Access:
    """Where the marshal is, and with which token we come."""

    url: str
    token: str


def layout() -> "Layout":
    """Layout of the local stack, or a clear message."""
    from too_common.local.layout import LayoutError, read_layout

    try:
        return read_layout()
    except LayoutError as error:
        raise CommandError(str(error)) from error


def read_access() -> Access:
    """Address and token, from the environment or from the file that `too up` writes.

    Raises
    ------
    CommandError
        If neither is there.
    """
    url, token = os.environ.get("TOO_URL"), os.environ.get("TOO_TOKEN")
    file = layout().cli_file
    if not (url and token):
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
        except OSError:
            raise CommandError(
                f"no marshal is known: start one with `make up` (it writes {file}), or set "
                "TOO_URL and TOO_TOKEN"
            ) from None
        url, token = url or kept.get("url"), token or kept.get("token")
    if not url or not token:
        raise CommandError(f"{file} holds no token yet: is `make up` ready?")
    return Access(url=url.rstrip("/"), token=token)


class Api:
    """The marshal's public API, as the person to whom the token belongs."""

    def __init__(self, access: Access | None = None) -> None:
        import httpx

        self.access = access or read_access()
        self.http = httpx.Client(
            base_url=self.access.url,
            headers={"Authorization": f"Bearer {self.access.token}"},
            timeout=_TIMEOUT_S,
            trust_env=False,
        )

    def request(
        self,
        method: str,
        service: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        files: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Ask a service; the answer's JSON (or text).

        Raises
        ------
        CommandError
            If nobody answers, or the answer is a refusal (with its reason).
        """
        return ask(
            self.http,
            method,
            f"/api/{service}/v1{path}",
            json=body,
            params=params,
            files=files,
            content=content,
            headers=headers,
        )

    def get(self, service: str, path: str, **params: Any) -> Any:
        """GET."""
        return self.request(
            "GET", service, path, params={k: v for k, v in params.items() if v is not None}
        )

    def post(self, service: str, path: str, body: Any = None) -> Any:
        """POST a JSON document."""
        return self.request("POST", service, path, body=body)


def ask(http: "httpx.Client", method: str, url: str, **options: Any) -> Any:
    """One request, with every failure as a `CommandError`."""
    import httpx

    given = {name: value for name, value in options.items() if value is not None}
    try:
        answer = http.request(method, url, **given)
    except httpx.HTTPError as error:
        raise CommandError(
            f"no answer from {http.base_url}{url}: {error} (is `make up` running?)"
        ) from error
    if answer.is_error:
        raise CommandError(f"{answer.status_code}: {_reason(answer)}")
    if "json" in answer.headers.get("content-type", ""):
        return answer.json()
    return answer.text


def _reason(answer: "httpx.Response") -> str:
    try:
        problem = answer.json()
    except ValueError:
        return answer.text[:300] or answer.reason_phrase
    if isinstance(problem, dict):
        detail = problem.get("detail") or problem.get("title")
        return detail if isinstance(detail, str) else json.dumps(detail or problem)
    return str(problem)


class OperatorApi:
    """The internal admin API of one service, with a one-minute token signed by the operator."""

    def __init__(self, service: str) -> None:
        import httpx

        from too_common.auth.tokens import Keys
        from too_common.local.secrets import OPERATOR, StackSecrets
        from too_common.settings import SERVICES

        if service not in SERVICES:
            raise CommandError(f"no service {service!r}; there are {', '.join(SERVICES)}")
        here = layout()
        name = f"TOO_{service.replace('-', '_').upper()}_INTERNAL_URL"
        url = os.environ.get(name) or here.internal_url(service)
        secrets = StackSecrets(here.secrets_dir, {})
        key_file = Path(
            os.environ.get("TOO_OPERATOR_KEY_FILE") or secrets.signing_key_file(OPERATOR)
        )
        if not key_file.exists():
            raise CommandError(
                f"no operator key at {key_file}: start the stack with `make up`, or name the key "
                "with TOO_OPERATOR_KEY_FILE"
            )
        token = Keys.from_files(OPERATOR, key_file, None).sign_for_service(service)
        self.http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_S,
            trust_env=False,
        )

    def get(self, path: str, **params: Any) -> Any:
        """GET below ``/admin``."""
        given = {name: value for name, value in params.items() if value is not None}
        return ask(self.http, "GET", f"/admin{path}", params=given)

    def post(self, path: str, body: Any = None, *, params: Mapping[str, Any] | None = None) -> Any:
        """POST below ``/admin``."""
        return ask(self.http, "POST", f"/admin{path}", json=body, params=params)


def print_json(value: Any) -> None:
    """A JSON document, indented."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(rows: Iterable[Sequence[Any]], headers: Sequence[str]) -> None:
    """Columns as wide as their widest cell."""
    cells = [[str(item) if item is not None else "-" for item in row] for row in rows]
    widths = [max(len(row[n]) for row in [list(headers), *cells]) for n in range(len(headers))]
    for row in [list(headers), *cells]:
        typer.echo(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        )
    if not cells:
        typer.echo("(none)")


def items_of(answer: Any) -> list[dict[str, Any]]:
    """The list in an answer, whether bare or below ``items``."""
    found = answer.get("items", []) if isinstance(answer, dict) else answer
    return list(found)
