"""Fixtures that every test may use, and which tests share a worker."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["too_common.testing.plugin", "too_common.testing.fixtures"]

_ONE_AT_A_TIME = ("tests/e2e/", "tests/chaos/", "tests/browser/", "tests/integration/local/")
"""Folders whose tests start whole stacks: more than one stack would fight for the cores."""


class _Scheduling(LoadScopeScheduling):
    """Keeps each file's tests in one worker of pytest-xdist, and whole stacks apart.

    Marks of groups do not do: pytest-xdist 3.8 writes them into a name that pytest 9 does not read.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return "stack" if path.startswith(_ONE_AT_A_TIME) else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Share the tests out (only asked for with several workers)."""
    return _Scheduling(config, log)
