"""``too db``: roles, schemas and migrations.

The administrator's address is `TOO_DATABASE_URL`, or the local stack's embedded PostgreSQL, which
is started for the length of the command if it does not run.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from typing import Annotated

import typer

from too_common.cli.client import layout
from too_common.cli.errors import CommandError
from too_common.settings import SERVICES

app = typer.Typer()
_Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]
_Only = Annotated[
    list[str] | None, typer.Option("--service", "-s", help="of this service alone (repeatable)")
]


def _chosen(services: list[str] | None) -> tuple[str, ...]:
    for name in services or ():
        if name not in SERVICES:
            raise CommandError(f"no service {name!r}; there are {', '.join(SERVICES)}")
    return tuple(services) if services else SERVICES


@contextlib.contextmanager
def administrator() -> Iterator[str]:
    """The administrator's address; the embedded server runs for the length of the block."""
    given = os.environ.get("TOO_DATABASE_URL")
    if given:
        yield given
        return
    from too_common.local.lock import StackLock
    from too_common.local.ports import is_free
    from too_common.local.postgres import EmbeddedPostgres
    from too_common.local.process import StartError

    here = layout()
    server = EmbeddedPostgres(here.postgres_dir, here.ports.postgres, die_with_parent=True)
    if StackLock.holder(here.lock_file) is not None:
        yield server.url()
        return
    if not is_free(server.port):
        raise CommandError(
            f"port {server.port} is used by another program; name another range with "
            "TOO_PORT_BASE=8600, or a server with TOO_DATABASE_URL"
        )
    try:
        server.start()
    except StartError as error:
        raise CommandError(str(error)) from error
    try:
        yield server.url()
    finally:
        server.stop()


def _no_stack_runs(what: str) -> None:
    from too_common.local.lock import StackLock

    holder = StackLock.holder(layout().lock_file)
    if holder is not None and not os.environ.get("TOO_DATABASE_URL"):
        raise CommandError(f"{what} while the stack runs (process {holder}): stop it first")


@app.command()
def migrate(service: _Only = None) -> None:
    """Make roles and schemas where they are missing, and bring every schema up to date.

    Without an administrator's address, but with TOO_<SERVICE>_DATABASE_URL, those services'
    schemas are brought up to date as their own roles (so do the migration jobs of a cluster).
    """
    from too_common.local.provisioning import ProvisioningError, migrate_all, migrate_own, own_urls

    chosen = _chosen(service)
    own = {name: url for name, url in own_urls(os.environ).items() if name in chosen}
    try:
        if own and not os.environ.get("TOO_DATABASE_URL"):
            lines = asyncio.run(migrate_own(own))
        else:
            with administrator() as url:
                lines = asyncio.run(migrate_all(url, layout(), chosen))
    except ProvisioningError as error:
        raise CommandError(str(error)) from error
    for line in lines:
        typer.echo(line)


@app.command()
def create(
    *,
    sample: Annotated[
        bool, typer.Option("--sample", help="send the sample alerts at the next `make up`")
    ] = False,
) -> None:
    """Make roles, schemas and tables; with --sample they are filled at the next start."""
    migrate()
    marker = layout().samples_file
    if sample:
        marker.unlink(missing_ok=True)
        typer.echo("the sample alerts will be sent when the stack is up: make up")
    else:
        marker.touch()


@app.command()
def drop(
    *,
    preserve: Annotated[
        list[str] | None,
        typer.Option(help="SCHEMA.TABLE whose rows are kept, or SCHEMA (repeatable)"),
    ] = None,
    yes: _Yes = False,
) -> None:
    """Remove all tables; those that are preserved come back, with their rows, at `migrate`."""
    from too_common.local.provisioning import ProvisioningError, drop_all

    _no_stack_runs("tables cannot be dropped")
    if not yes:
        typer.confirm("Remove all data of all services?", abort=True)
    layout().migrated_file.unlink(missing_ok=True)
    with administrator() as url:
        try:
            kept = asyncio.run(drop_all(url, preserve or []))
        except ProvisioningError as error:
            raise CommandError(str(error)) from error
    for name in kept:
        typer.echo(f"kept: {name}")
    typer.echo("dropped")


@app.command()
def recreate(
    *,
    preserve: Annotated[
        list[str] | None, typer.Option(help="SCHEMA.TABLE whose rows are kept (repeatable)")
    ] = None,
    yes: _Yes = False,
) -> None:
    """`drop`, then `create`."""
    drop(preserve=preserve, yes=yes)
    migrate()
    layout().samples_file.unlink(missing_ok=True)


@app.command()
def revision(
    service: Annotated[str, typer.Argument(help="whose tables have changed")],
    message: Annotated[str, typer.Option("--message", "-m", help="what changes, in a few words")],
) -> None:
    """Write a new migration from the difference between a service's tables and its migrations."""
    from too_common.local.provisioning import new_revision

    (name,) = _chosen([service])
    with administrator() as url:
        typer.echo(asyncio.run(new_revision(url, layout(), name, message)))
