"""The job runner outlives its connection, whatever a dying connection raises."""

from types import SimpleNamespace
from typing import ClassVar

import asyncpg
import pytest
from too_common.db.retry import is_database_away
from too_common.jobs import JobPayload, runner


class Nothing(JobPayload):
    TYPE: ClassVar[str] = "nothing"


async def do_nothing(ctx, job, cause):
    """Never called."""


ERRORS = [
    asyncpg.InternalClientError("cannot switch to state 12; another operation is in progress"),
    asyncpg.ConnectionDoesNotExistError("connection was closed"),
    ExceptionGroup("tasks", [OSError("refused")]),
    AttributeError("'NoneType' object has no attribute 'send'"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_it_begins_anew(monkeypatch, error):
    monkeypatch.setattr(runner, "RECONNECT_S", 0.001)
    ctx = SimpleNamespace(state={})
    jobs = runner.JobRunner(ctx, [runner.job_type(Nothing, do_nothing)])
    states = []

    async def run_once():
        states.append(ctx.state.get("jobs"))
        if len(states) == 1:
            raise error
        await jobs.stop()

    monkeypatch.setattr(jobs, "_run_once", run_once)
    await jobs.run()
    assert states == [None, "reconnecting"]


def test_a_connection_lost_in_the_middle_is_a_database_away():
    assert is_database_away(ERRORS[0])
