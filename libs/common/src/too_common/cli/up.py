"""``too up``."""

from typing import Annotated

import typer

from too_common.cli.client import layout
from too_common.cli.errors import CommandError
from too_common.settings import SERVICES


def command(
    *,
    samples: Annotated[bool, typer.Option(help="send the sample alerts at the first start")] = True,
    only: Annotated[
        list[str] | None, typer.Option(help="start this service alone (repeatable)")
    ] = None,
) -> None:
    """Start PostgreSQL, Kafka, the simulated world and the six services; Ctrl-C stops them.

    Data, logs and secrets are in `var/` (TOO_DATA_DIR); ports begin at 8400 (TOO_PORT_BASE).
    TOO_DATABASE_URL and TOO_KAFKA_BOOTSTRAP_SERVERS name servers to use instead of embedded ones.
    """
    from too_common.local.kafka_jars import WrongChecksumError
    from too_common.local.process import StartError
    from too_common.local.stack import Stack

    for name in only or ():
        if name not in SERVICES:
            raise CommandError(f"no service {name!r}; there are {', '.join(SERVICES)}")
    try:
        Stack(layout(), samples=samples, services=tuple(only or SERVICES)).run()
    except (StartError, WrongChecksumError) as error:
        raise CommandError(str(error)) from error
