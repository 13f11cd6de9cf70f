"""Worker processes: an endless, an oversized and a killed task fail alone."""

import math
import os
import signal
import time

import pytest
from too_common.errors import TransientError
from too_common.testing.service import eventually
from too_common.workers import NICENESS, WorkerDeadlineError, WorkerMemoryError, Workers


@pytest.fixture
async def workers():
    pool = Workers(count=1, memory_mb=1500)
    pool.start()
    yield pool
    await pool.stop()


async def test_a_task_gives_its_result(workers):
    assert await workers.run(math.factorial, 20) == math.factorial(20)


async def test_workers_stand_back_behind_the_service(workers):
    assert await workers.run(os.nice, 0) == os.nice(0) + NICENESS
    # in a session of its own, or they and the service's loop would share one share of the cores
    pid = await workers.run(os.getpid)
    assert await workers.run(os.getsid, 0) == pid != os.getsid(0)


async def test_an_endless_task_is_killed_and_the_next_one_runs(workers):
    with pytest.raises(WorkerDeadlineError, match=r"sleep took longer than 0\.5 s"):
        await workers.run(time.sleep, 3600, deadline_s=0.5)
    assert await workers.run(math.sqrt, 4.0) == 2.0


async def test_an_oversized_task_fails_alone(workers):
    with pytest.raises(WorkerMemoryError, match="more than 1500 MB"):
        await workers.run(bytearray, 3_000_000_000)
    assert await workers.run(math.sqrt, 4.0) == 2.0


async def test_a_task_whose_process_dies_may_be_tried_again(workers):
    with pytest.raises(TransientError, match="worker process died"):
        await workers.run(os._exit, 3)
    assert await settled(workers, math.sqrt, 4.0) == 2.0


async def settled(workers, function, *arguments):
    """Run a task as a job does: what is transient is tried again."""

    async def attempt():
        try:
            return (await workers.run(function, *arguments),)
        except TransientError:
            return None

    return (await eventually(attempt, what="workers at work again"))[0]


async def test_a_worker_killed_while_idle_is_replaced(workers):
    pid = await workers.run(os.getpid)
    os.kill(pid, signal.SIGKILL)
    assert await settled(workers, math.sqrt, 4.0) == 2.0
    assert await settled(workers, os.getpid) != pid


async def test_a_tasks_own_error_comes_back(workers):
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        await workers.run(math.sqrt, -1.0)
