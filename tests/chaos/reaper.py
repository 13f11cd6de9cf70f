"""Kills processes of the stack at random moments, and waits until they are back."""

import asyncio
import os
import signal
import time
from dataclasses import dataclass

import httpx
import psutil
from too_common.settings import PUBLIC_PORTS, SERVICES

TARGETS = (*SERVICES, "kafka", "postgres")
SPREAD_S = {
    "alert": 2.0,
    "page": 8.0,
    "plans": 25.0,
    "approve": 2.0,
    "accept": 6.0,
    "exposures": 10.0,
    "retraction": 5.0,
}
"""Steps of the sequence, and within how many seconds of each a process is killed."""
BACK_S = 300.0
_POLL_S = 0.2
_PORT_BASE = 8400


@dataclass(frozen=True)
class Kill:
    """One kill: of what, in which step, how long after its beginning."""

    step: str
    after_s: float
    target: str

    def __str__(self):
        return f"{self.target} {self.after_s:.2f} s into {self.step}"


def deal(rng, rounds, each):
    """Kills of every round: all targets are met before one comes again."""
    bag = []
    dealt = []
    for _ in range(rounds):
        kills = []
        for _ in range(each):
            if not bag:
                bag = list(TARGETS)
                rng.shuffle(bag)
            step = rng.choice(list(SPREAD_S))
            # most of what can go wrong happens in a step's first second
            kills.append(Kill(step, SPREAD_S[step] * rng.random() ** 3, bag.pop()))
        dealt.append(tuple(kills))
    return dealt


class Reaper:
    """Carries out the kills of one round as its steps begin."""

    def __init__(self, stack, kills, say):
        self._stack = stack
        self._kills = kills
        self._say = say
        self._tasks = []
        self._lock = asyncio.Lock()

    def enter(self, step):
        """A step of the sequence begins."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for kill in self._kills:
            if kill.step == step:
                self._tasks.append(loop.create_task(self._carry_out(kill, begun)))

    async def finish(self):
        """Wait until every kill was carried out and everything runs again."""
        await asyncio.gather(*self._tasks)
        await self.until(self._all_ready, "everything runs again")

    async def cancel(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry_out(self, kill, begun):
        # no wait on a condition: that the moment is arbitrary is the point
        await asyncio.sleep(max(0.0, begun + kill.after_s - asyncio.get_running_loop().time()))
        async with self._lock:
            pid = await self.until(lambda: self._pid(kill.target), f"{kill.target} runs")
            os.kill(pid, signal.SIGKILL)
            self._say(f"killed {kill}")

            async def replaced():
                return await self._pid(kill.target) not in {None, pid}

            await self.until(replaced, f"{kill.target} is started again")

    async def _pid(self, target):
        try:
            return self._stack.pid_of(target)
        except psutil.NoSuchProcess:
            return None

    async def _all_ready(self):
        if not all([await self._pid(target) for target in TARGETS]):
            return False
        async with httpx.AsyncClient(timeout=5.0) as client:
            for name in SERVICES:
                port = PUBLIC_PORTS[name] - _PORT_BASE + self._stack.port_base
                try:
                    answer = await client.get(f"http://127.0.0.1:{port}/readyz")
                except httpx.HTTPError:
                    return False
                if not answer.is_success:
                    return False
        return True

    async def until(self, probe, what):
        deadline = time.monotonic() + BACK_S
        while time.monotonic() < deadline:
            found = await probe()
            if found:
                return found
            await asyncio.sleep(_POLL_S)
        raise AssertionError(f"{what}: not within {BACK_S:g} s")
