"""The fixture `house`: services in the test's event loop on real servers."""

from pathlib import Path

import pytest

from too_common import logging as too_logging
from too_common.testing.plugin import KafkaServer
from too_common.testing.service import House


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """Log lines as in production, so that pytest shows them briefly."""
    too_logging.configure(service="test", json=True)


@pytest.fixture
def house(database_url: str, kafka_server: KafkaServer, tmp_path: Path) -> House:
    """Servers, keys, topics and a standing clock of one test."""
    return House(
        admin_database_url=database_url,
        kafka_bootstrap=kafka_server.bootstrap_servers,
        folder=tmp_path / "house",
    )
