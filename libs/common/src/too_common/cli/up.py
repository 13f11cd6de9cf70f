"""``too up``."""

from typing import Annotated

import typer

from too_common.cli.client import layout
from too_common.cli.errors import CommandError


def command(
    *,
    samples: Annotated[bool, typer.Option(help="send the sample alerts at the first start")] = True,
) -> None:
    """Start PostgreSQL, Kafka, the simulated world and the six services; Ctrl-C stops them.

    Data, logs and secrets are in `var/` (TOO_DATA_DIR); ports begin at 8400 (TOO_PORT_BASE).
    TOO_DATABASE_URL and TOO_KAFKA_BOOTSTRAP_SERVERS name servers to use instead of embedded ones.
    """
    from too_common.local.kafka_jars import WrongChecksumError
    from too_common.local.process import StartError
    from too_common.local.stack import Stack

    try:
        Stack(layout(), samples=samples).run()
    except (StartError, WrongChecksumError) as error:
        raise CommandError(str(error)) from error
