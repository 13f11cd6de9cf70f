"""Fixtures that every test may use, and which tests share a worker."""

from pathlib import Path

import pytest

pytest_plugins = ["too_common.testing.plugin", "too_common.testing.fixtures"]

_ONE_AT_A_TIME = {"e2e", "chaos", "browser"}
"""Folders whose tests start whole stacks: more than one stack would fight for the cores."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each file's tests in one worker of pytest-xdist, and whole stacks apart."""
    root = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(root)
        starts_a_stack = path.parts[0] in _ONE_AT_A_TIME or path.name == "test_stack.py"
        group = "stack" if starts_a_stack else path.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
