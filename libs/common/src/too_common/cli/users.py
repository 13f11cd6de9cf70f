"""``too users``: accounts, passwords, personal tokens, a test alert to oneself."""

import secrets
from typing import Annotated, Any

import typer

from too_common.cli.client import Api, print_json, print_table
from too_common.cli.errors import CommandError

app = typer.Typer()
_OWNER = "vetting-api"
_SCOPES = ("read", "plan", "vet", "submit", "admin")
_Scopes = Annotated[
    list[str] | None, typer.Option("--scope", help=f"{', '.join(_SCOPES)} (repeatable)")
]


def _checked(scopes: list[str] | None) -> list[str] | None:
    for scope in scopes or ():
        if scope not in _SCOPES:
            raise CommandError(f"no scope {scope!r}; there are {', '.join(_SCOPES)}")
    return scopes


def _new_password(*, generate: bool) -> tuple[str, bool]:
    """A password, and whether it was generated (and is to be shown)."""
    if generate:
        return secrets.token_urlsafe(12), True
    return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True)), False


@app.command("list")
def list_accounts() -> None:
    """List all accounts."""
    rows: list[dict[str, Any]] = Api().get(_OWNER, "/accounts")
    print_table(
        (
            (
                row["username"],
                row["name"],
                row["affiliation"],
                " ".join(row["scopes"]),
                "" if row["active"] else "inactive",
            )
            for row in rows
        ),
        ("login", "name", "affiliation", "scopes", "state"),
    )


@app.command()
def add(
    username: str,
    *,
    name: Annotated[str, typer.Option(help="as it stands in circulars")] = "",
    affiliation: Annotated[str, typer.Option(help="as it stands in circulars")] = "",
    scope: _Scopes = None,
    generate: Annotated[bool, typer.Option("--generate", help="make a password, show it")] = False,
) -> None:
    """Make an account; asks for its password."""
    api = Api()
    scopes = _checked(scope) or ["read"]
    password, shown = _new_password(generate=generate)
    api.post(
        _OWNER,
        "/accounts",
        {
            "username": username,
            "name": name,
            "affiliation": affiliation,
            "scopes": scopes,
            "password": password,
        },
    )
    typer.echo(f"made {username} with {', '.join(scopes)}")
    if shown:
        typer.echo(f"password: {password}")


@app.command()
def passwd(
    username: str,
    *,
    generate: Annotated[bool, typer.Option("--generate", help="make a password, show it")] = False,
) -> None:
    """Set a password; all logins of the account end."""
    api = Api()
    body: dict[str, Any] = {}
    if api.get(_OWNER, "/accounts/me")["username"] == username:
        body["old_password"] = typer.prompt("Old password", hide_input=True)
    password, shown = _new_password(generate=generate)
    api.post(_OWNER, f"/accounts/{username}/password", {**body, "password": password})
    typer.echo(f"password: {password}" if shown else "changed")


@app.command()
def token(
    username: Annotated[str, typer.Argument(help="login name; yourself if left out")] = "me",
    *,
    name: Annotated[str, typer.Option(help="what it is for")] = "too users token",
    scope: _Scopes = None,
    days: Annotated[float | None, typer.Option(help="valid so long; else until revoked")] = None,
) -> None:
    """Make a personal token and print it; it is shown this once."""
    body: dict[str, Any] = {"name": name, "scopes": _checked(scope), "lifetime_days": days}
    made = Api().post(_OWNER, f"/accounts/{username}/tokens", body)
    typer.echo(made["token"])


@app.command("test-alert")
def send_test_alert(
    username: Annotated[str, typer.Argument(help="login name; yourself if left out")] = "me",
) -> None:
    """Send a test alert over all ways by which a person is paged."""
    api = Api()
    target = "me" if username == "me" else _account_id(api, username)
    print_json(api.post("notify", f"/contact-cards/{target}/test-alert"))


def _account_id(api: Api, username: str) -> str:
    for row in api.get(_OWNER, "/accounts"):
        if row["username"] == username:
            return str(row["account_id"])
    raise CommandError(f"no account {username!r}")
