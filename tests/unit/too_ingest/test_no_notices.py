"""Messages that are no notices of events: signs of life, circulars, detectors at work."""

import json

import pytest
from too_ingest.notices import parse_notice

from tests.unit.too_ingest.made_notices import (
    SCHEMA,
)


def test_detectors_of_snews_2():
    detector = {"detector_name": "X", "machine_time": "2026-11-22T02:59:00"}
    seen = parse_notice(
        json.dumps({**detector, "neutrino_time_utc": "2026-11-22T02:58:00"}).encode()
    )
    assert seen.event_time is not None
    assert not seen.is_housekeeping
    status = parse_notice(json.dumps({**detector, "detector_status": "ON"}).encode())
    assert status.is_housekeeping
    back = parse_notice(json.dumps({**detector, "retract_latest": 1}).encode())
    assert back.is_retraction


@pytest.mark.parametrize(
    ("document", "topic", "what"),
    [
        ({"alert_datetime": "2026-11-22T03:00:00Z"}, "gcn.heartbeat", "heartbeat"),
        (
            {
                "$schema": f"{SCHEMA}core/Alert.schema.json",
                "alert_datetime": "2026-11-22T03:00:00Z",
            },
            None,
            "heartbeat",
        ),
        ({"circularId": 38000, "subject": "GRB", "body": "..."}, None, "circular"),
        ({"message": "hello"}, "kafka.test", "broker test"),
        ({"message": "hello"}, "gcn.kafka.test", "broker test"),
    ],
)
def test_what_is_no_notice_is_housekeeping(document: dict, topic: str | None, what: str):
    notice = parse_notice(json.dumps(document).encode(), topic)
    assert (notice.mission, notice.notice_type) == ("gcn", what)
    assert notice.is_housekeeping
    assert notice.tags == ("housekeeping",)
