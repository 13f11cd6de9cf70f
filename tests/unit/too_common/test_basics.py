"""Ids, clocks, settings, logs: the small things on which everything stands."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_common import logging as too_logging
from too_common.bus.client import consumer_options, producer_options
from too_common.cause import Cause
from too_common.clock import ClockReading, StackClock
from too_common.contracts.base import Mode
from too_common.ids import uuid7
from too_common.jobs.runner import backoff_s
from too_common.settings import CommonSettings, ServiceSettings, service_config


@given(st.integers(0, 2**48 - 1))
def test_uuid7_carries_its_time_and_version(milliseconds):
    made = uuid7(milliseconds)
    assert made.int >> 80 == milliseconds
    assert (made.version, made.variant) == (7, UUID(int=made.int).variant)
    assert made.variant == "specified in RFC 4122"


def test_uuid7_sorts_by_time():
    assert uuid7(1) < uuid7(2) < uuid7(2**47)


def reading(version, stack, speed=1.0):
    now = datetime.now(UTC)
    return ClockReading(version=version, stack_time=stack, wall_time=now, speed=speed)


def test_the_stack_clock_never_goes_back():
    clock = StackClock()
    later = clock.now() + timedelta(days=1)
    clock.set(reading(1, later))
    assert clock.now() >= later
    before = clock.now()
    clock.set(reading(2, later - timedelta(days=1)))
    assert clock.now() >= before


def test_listeners_hear_of_a_new_course_only():
    clock, heard = StackClock(), []
    clock.on_change(lambda: heard.append(clock.version))
    clock.set(reading(1, clock.now()))
    clock.set(reading(1, clock.now()))
    clock.set(reading(2, clock.now() + timedelta(hours=1), speed=60.0))
    assert heard == [1, 2]
    assert clock.wall_seconds_until(clock.now() + timedelta(seconds=60)) == pytest.approx(
        1, abs=0.2
    )


def test_a_standing_clock_never_gets_there():
    clock = StackClock(speed=0.0)
    assert clock.wall_seconds_until(clock.now() + timedelta(seconds=1)) == float("inf")
    assert clock.wall_seconds_until(clock.now()) == 0.0


def test_the_bus_is_safe_by_default():
    consumer = consumer_options("b:1", group="g")
    assert consumer["enable_auto_commit"] is False
    assert consumer["auto_offset_reset"] == "earliest"
    assert consumer["isolation_level"] == "read_committed"
    producer = producer_options("b:1", client_id="c")
    assert (producer["enable_idempotence"], producer["acks"]) == (True, "all")


class Probe(ServiceSettings):
    model_config = service_config("queue-submit")


def test_secrets_come_from_files(tmp_path, monkeypatch):
    secret = tmp_path / "url"
    secret.write_text("postgresql://x\n")
    monkeypatch.setenv("TOO_QUEUE_SUBMIT_DATABASE_URL_FILE", str(secret))
    settings = Probe()
    assert settings.database_url.get_secret_value() == "postgresql://x"
    assert "postgresql" not in repr(settings)
    monkeypatch.setenv("TOO_QUEUE_SUBMIT_DATABASE_URL_FILE", str(tmp_path / "missing"))
    with pytest.raises(ValueError, match="TOO_QUEUE_SUBMIT_DATABASE_URL_FILE: cannot read"):
        Probe()


def test_every_setting_is_described():
    for model in (CommonSettings, ServiceSettings):
        undescribed = [name for name, field in model.model_fields.items() if not field.description]
        assert undescribed == []


def test_logs_blank_numbers_addresses_and_secrets(capsys):
    too_logging.configure(service="probe")
    import structlog

    structlog.get_logger("x").info(
        "said", text="call +1 555 010 1234 or a@b.org", api_token="t0ken", count=3
    )
    line = json.loads(capsys.readouterr().err.strip())
    assert line["text"] == "call <number> or <mail>"
    assert (line["api_token"], line["count"], line["service"]) == ("<secret>", 3, "probe")


def test_a_cause_survives_the_job_row():
    cause = Cause(mode=Mode.DRILL, drill_id=uuid7(), actor=uuid7(), causation_id=uuid7())
    assert Cause.from_json(json.loads(json.dumps(cause.to_json()))) == cause


@given(st.integers(0, 100))
def test_backoff_is_bounded(attempt):
    assert 0.5 < backoff_s(attempt) <= 72.0
