"""One stack for the tests of this folder, and a world to act in."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "e2e"))
sys.path.insert(0, str(Path(__file__).parent))

from stack import Stack, World, stack_in


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, kafka_server: object) -> Iterator[Stack]:
    """A running local stack (`kafka_server` skips or fails where Kafka cannot be started)."""
    del kafka_server
    with stack_in(tmp_path_factory.mktemp("chaos")) as one:
        yield one


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    """What a person and the outside world do."""
    one = World(stack)
    try:
        yield one
    finally:
        await one.close()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Tell whoever runs the tests what happens, at once."""

    def tell(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  {line}")
            sys.stdout.flush()

    return tell
