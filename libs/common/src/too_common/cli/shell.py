"""``too shell``."""

import code
import os
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from too_common.cli.client import Api, OperatorApi, layout, print_json
from too_common.cli.errors import CommandError
from too_common.settings import SERVICES


def command(
    *,
    sql: Annotated[
        str | None, typer.Option("--sql", metavar="SERVICE", help="psql as this service's role")
    ] = None,
) -> None:
    """Python with `api` (the marshal's API as yourself) and `admin(service)`; or psql."""
    if sql is not None:
        _psql(sql)
        return
    names = {
        "api": Api(),
        "admin": OperatorApi,
        "services": SERVICES,
        "layout": layout(),
        "pp": print_json,
    }
    banner = (
        "api.get('ingest', '/events'), api.post(service, path, body); admin('notify').get('/jobs');"
        " pp(x) prints JSON"
    )
    code.interact(banner=banner, local=names, exitmsg="")


def _psql(service: str) -> None:
    if service not in SERVICES:
        raise CommandError(f"no service {service!r}; there are {', '.join(SERVICES)}")
    from too_common.local.environment import role_url
    from too_common.local.postgres import program
    from too_common.local.secrets import load_or_create

    here = layout()
    role = service.replace("-", "_")
    url = os.environ.get(f"TOO_{role.upper()}_DATABASE_URL")
    if not url:
        password = load_or_create(here.secrets_dir).database_password(service)
        base = os.environ.get("TOO_DATABASE_URL") or (
            f"postgresql://127.0.0.1:{here.ports.postgres}/postgres"
        )
        url = role_url(base, role, password)
    parts = urlsplit(url)
    environment = {
        **os.environ,
        "PGPASSWORD": unquote(parts.password or ""),
        "PGOPTIONS": f"-c search_path={role}",
    }
    psql = str(program("psql"))
    host, port = parts.hostname or "127.0.0.1", str(parts.port or 5432)
    arguments = ["psql", "-h", host, "-p", port, "-U", role, "-d", parts.path.lstrip("/")]
    os.execve(psql, arguments, environment)  # noqa: S606 - psql takes the terminal over
