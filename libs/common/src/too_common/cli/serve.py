"""``too serve SERVICE``."""

import asyncio
import importlib
from typing import Annotated

import typer

from too_common.cli.errors import CommandError
from too_common.settings import SERVICES

_SIMULATORS = "simulators"


def command(
    service: Annotated[str, typer.Argument(help=f"{', '.join(SERVICES)}, or {_SIMULATORS}")],
) -> None:
    """Run one service in this process until SIGTERM or Ctrl-C; settings from TOO_... variables."""
    if service == _SIMULATORS:
        # by name: production images have no such package
        try:
            module = importlib.import_module("too_simulators.app")
        except ModuleNotFoundError as error:
            raise CommandError(f"the simulators are not installed here ({error})") from error
        module.serve()
        return
    if service not in SERVICES:
        raise CommandError(
            f"no service {service!r}; there are {', '.join(SERVICES)}, {_SIMULATORS}"
        )
    from too_common.errors import PermanentError
    from too_common.runtime import serve
    from too_common.service import load_service

    try:
        asyncio.run(serve(load_service(service)))
    except PermanentError as error:
        raise CommandError(f"{service}: {error}") from error
