"""``too topics``."""

import asyncio
import os
from collections import Counter
from typing import Annotated

import typer

from too_common.cli.client import layout, print_table
from too_common.cli.errors import CommandError

_TIMEOUT_S = 20.0


async def describe(bootstrap: str, *, everything: bool) -> list[tuple[str, int, int]]:
    """Name, partitions and number of kept messages of each topic."""
    from too_common.bus.client import AIOKafkaConsumer

    names = []
    looker = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await looker.start()
    try:
        found = await looker.topics()
        names = sorted(name for name in found if everything or name.startswith("too."))
    finally:
        await looker.stop()
    if not names:
        return []
    reader = AIOKafkaConsumer(*names, bootstrap_servers=bootstrap, enable_auto_commit=False)
    await reader.start()  # without a group: all partitions are assigned at once
    try:
        partitions = list(reader.assignment())
        first = await reader.beginning_offsets(partitions)
        last = await reader.end_offsets(partitions)
    finally:
        await reader.stop()
    counts, messages = Counter[str](), Counter[str]()
    for partition in partitions:
        counts[partition.topic] += 1
        messages[partition.topic] += last[partition] - first[partition]
    return [(name, counts[name], messages[name]) for name in names]


def command(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="also topics that are not the marshal's")
    ] = False,
) -> None:
    """List topics with their partitions and the number of messages kept."""
    from too_common.bus.client import KafkaError

    bootstrap = os.environ.get("TOO_KAFKA_BOOTSTRAP_SERVERS") or f"127.0.0.1:{layout().ports.kafka}"

    async def limited() -> list[tuple[str, int, int]]:
        async with asyncio.timeout(_TIMEOUT_S):
            return await describe(bootstrap, everything=everything)

    try:
        rows = asyncio.run(limited())
    except (KafkaError, OSError, TimeoutError) as error:
        raise CommandError(f"no answer from the broker at {bootstrap}: {error}") from error
    print_table(rows, ("topic", "partitions", "messages"))
