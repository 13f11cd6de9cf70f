"""`too`, the command line.

Every command lives in a file of its own and is imported when it is asked for, so that `too --help`
answers at once. Packages of services add to a command through the entry point group
``too.commands`` (a typer application by the command's name).
"""

import importlib
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from too_common.cli.errors import CommandError

ENTRY_POINT_GROUP = "too.commands"


@dataclass(frozen=True)
class Entry:
    """One command of the first level: its module, and what `too --help` says about it."""

    help: str
    module: str | None = None
    is_group: bool = True
    extended_by: tuple[str, ...] = ()
    """Names under which services add commands to it."""
    command: str | None = None
    """This one command of the services', at the first level."""


COMMANDS: dict[str, Entry] = {
    "up": Entry("Start the local stack and keep it running", "too_common.cli.up", is_group=False),
    "reset": Entry("Forget all data of the local stack", "too_common.cli.reset", is_group=False),
    "serve": Entry("Run one service (or the simulators)", "too_common.cli.serve", is_group=False),
    "ingest": Entry("Send, replay and read alerts", extended_by=("ingest",)),
    "plan": Entry("Make and show plans", "too_common.cli.plan", extended_by=("plan", "planner")),
    "observability": Entry(
        "Show when telescopes can observe a sky map",
        extended_by=("plan",),
        is_group=False,
        command="observability",
    ),
    "telescopes": Entry(
        "Telescopes, their grids and references",
        "too_common.cli.telescopes",
        extended_by=("telescopes",),
    ),
    "catalogue": Entry("Galaxy catalogues", "too_common.cli.catalogue", extended_by=("catalogue",)),
    "users": Entry("Accounts, passwords, tokens, test alerts", "too_common.cli.users"),
    "dlq": Entry("Messages that could not be handled", "too_common.cli.dlq"),
    "clock": Entry("The stack clock: show it, move it", "too_common.cli.clock"),
    "topics": Entry("Topics of the bus", "too_common.cli.topics", is_group=False),
    "shell": Entry("Python (or psql) beside the stack", "too_common.cli.shell", is_group=False),
    "db": Entry("Roles, schemas and migrations", "too_common.cli.db"),
    "projections": Entry("Rebuild what readers know", "too_common.cli.projections"),
    "iers": Entry("Earth orientation data: age, update", "too_common.cli.iers", is_group=False),
    "dev": Entry("For developers: schemas, OpenAPI, migrations", "too_common.cli.dev"),
}


def build(wanted: str | None) -> typer.Typer:
    """The application, with one command really loaded and all others as their help alone."""
    root = typer.Typer(
        help="The Target-of-Opportunity Marshal.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @root.callback()
    def main_options() -> None:
        """The Target-of-Opportunity Marshal."""

    for name, entry in COMMANDS.items():
        if name == wanted:
            _add(root, name, entry)
        else:
            root.command(name, help=entry.help)(_stub)
    return root


def _stub() -> None:
    """Stands in the list of commands; never called."""


def _add(root: typer.Typer, name: str, entry: Entry) -> None:
    module = importlib.import_module(entry.module) if entry.module else None
    if entry.command is not None:
        found = [
            command
            for extension in _extensions(entry.extended_by)
            for command in extension.registered_commands
            if command.name == entry.command
        ]
        if not found:
            raise CommandError(f"`too {name}` comes with a service that is not installed here")
        root.registered_commands += found[:1]
        return
    if not entry.is_group and module is not None:
        root.command(name, help=entry.help)(module.command)
        return
    group: typer.Typer = module.app if module is not None else typer.Typer()
    for extension in _extensions(entry.extended_by):
        group.registered_commands += extension.registered_commands
        group.registered_groups += extension.registered_groups
        # what the command does without a subcommand, e.g. `too plan --skymap MAP`
        group.registered_callback = extension.registered_callback or group.registered_callback
    if not group.registered_commands:
        raise CommandError(f"`too {name}` comes with a service that is not installed here")
    root.add_typer(group, name=name, help=entry.help, no_args_is_help=True)


def _extensions(names: Sequence[str]) -> list[typer.Typer]:
    points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    return [point.load() for point in points if point.name in names]


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the program `too`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    wanted = next((word for word in given if not word.startswith("-")), None)
    try:
        build(wanted)(given, prog_name="too")
    except CommandError as error:
        typer.echo(f"too: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # `too ... | head`: nobody reads any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
