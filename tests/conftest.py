"""Fixtures that every test may use."""

pytest_plugins = ["too_common.testing.plugin"]
