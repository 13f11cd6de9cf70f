"""Starts a service's parts in order, and stops them in order, each within a time limit.

Start: settings, clock, database (schema checked), workers, resources, loops, HTTP. Stop: readiness
says 503; HTTP ends; fetching stops; work in hand ends; offsets are committed; jobs end; the relay
drains; pools and connections close. Kubernetes' grace period exceeds the sum of the limits.
"""

import asyncio
import contextlib
import gc
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import structlog
import uvicorn
from fastapi import FastAPI

from too_common import logging as too_logging
from too_common.auth.tokens import Keys
from too_common.bus.consumer import BusConsumer
from too_common.bus.handling import MessageHandler
from too_common.bus.relay import Relay
from too_common.clock import StackClock, WallClock, first_reading, follow
from too_common.context import Context
from too_common.db.engine import Database, make_engine
from too_common.db.migrate import check_current
from too_common.due import DueLoop
from too_common.errors import PermanentError
from too_common.http.app import create_internal_app, create_public_app
from too_common.jobs.runner import JobRunner
from too_common.metrics import Metrics
from too_common.service import ServiceDefinition
from too_common.services import ServiceClient
from too_common.settings import (
    INTERNAL_PORTS,
    PUBLIC_PORTS,
    CommonSettings,
    ServiceSettings,
)
from too_common.snapshots import snapshot_router
from too_common.workers import Workers

log = structlog.get_logger(__name__)

STOP_LIMIT_S = 12.0
"""Time limit of each step of the shutdown."""
DATABASE_WAIT_S = 60.0
"""A service that starts before its database waits for it this long."""
BACKGROUND_RESTART_S = 2.0
LOOP_LAG_S = 0.5


class Runtime:
    """The running parts of one service in this process.

    Parameters
    ----------
    definition
        The service.
    common, settings
        Its settings; read from the environment if left out.
    clock
        A clock of the caller's (tests); otherwise one that follows ``stack_clock_url``.
    """

    def __init__(
        self,
        definition: ServiceDefinition,
        *,
        common: CommonSettings | None = None,
        settings: ServiceSettings | None = None,
        clock: StackClock | None = None,
    ) -> None:
        self.definition = definition
        self.common = common or CommonSettings()
        self.settings = settings or definition.settings()
        self._own_clock = clock is None
        self.clock = clock or StackClock()
        self._stack = AsyncExitStack()
        self._tasks: list[tuple[str, asyncio.Task[None]]] = []
        self._stoppers: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self.ctx: Context
        self.app: FastAPI
        self.internal_app: FastAPI
        self.handler: MessageHandler
        self.consumer: BusConsumer

    async def start(self) -> None:
        """Start everything but the HTTP servers.

        Raises
        ------
        OutdatedSchemaError
            If the database needs a migration first.
        PermanentError
            If a setting that is needed is missing.
        """
        try:
            await self._start_context()
            self._start_loops()
        except BaseException:
            await self._stack.aclose()
            raise

    async def _start_context(self) -> None:
        definition, settings = self.definition, self.settings
        url = settings.database_url.get_secret_value()
        if not url:
            name = definition.name.replace("-", "_").upper()
            raise PermanentError(f"TOO_{name}_DATABASE_URL is not set")
        client = await self._stack.enter_async_context(
            httpx.AsyncClient(
                timeout=httpx.Timeout(30.0, connect=5.0), follow_redirects=False, trust_env=False
            )
        )
        if self._own_clock and self.common.stack_clock_url:
            await first_reading(self.clock, self.common.stack_clock_url, client)
        keys = Keys.from_files(
            definition.name, settings.signing_key_file, self.common.trusted_keys_file
        )
        engine = make_engine(url, service=definition.name, pool_size=settings.db_pool_size)
        database = Database(engine, url)
        self._stack.push_async_callback(database.dispose)
        await self._wait_for_schema(database)
        workers = Workers(
            count=settings.workers, memory_mb=settings.worker_memory_mb, warm=definition.warm
        )
        workers.start()
        self._stack.push_async_callback(workers.stop)
        self.ctx = Context(
            service=definition.name,
            common=self.common,
            settings=settings,
            metadata=definition.metadata,
            clock=self.clock,
            wall=WallClock(),
            db=database,
            workers=workers,
            http=client,
            services=ServiceClient(self.common, keys, client),
            keys=keys,
            metrics=Metrics(definition.name),
        )
        self.handler = MessageHandler(self.ctx, definition.subscriptions)
        self.ctx.state["handler"] = self.handler
        self.ctx.state["bus"] = "starting" if definition.subscriptions else "unused"
        self.ctx.state["jobs"] = "starting" if definition.jobs else "unused"
        if definition.resources is not None:
            self.ctx.resources = await self._stack.enter_async_context(
                definition.resources(self.ctx)
            )
        self.app = build_public_app(definition, self.ctx)
        self.internal_app = create_internal_app(self.ctx)

    async def _wait_for_schema(self, database: Database) -> None:
        deadline = time.monotonic() + DATABASE_WAIT_S
        while True:
            try:
                async with database.engine.connect() as connection:
                    await check_current(
                        connection,
                        service=self.definition.name,
                        migrations=self.definition.migrations,
                    )
            except OSError as error:
                if time.monotonic() > deadline:
                    raise PermanentError(f"the database does not answer: {error}") from error
                await asyncio.sleep(0.5)
            else:
                return

    def _start_loops(self) -> None:
        ctx, definition = self.ctx, self.definition
        relay = Relay(ctx)
        self.consumer = BusConsumer(ctx, self.handler)
        jobs = JobRunner(ctx, definition.jobs)
        loops = [DueLoop(ctx, work) for work in definition.due]
        # stopped in this order
        self._add("bus", self.consumer.run(), self.consumer.stop)
        for loop in loops:
            self._add(f"due:{loop.name}", loop.run(), loop.stop)
        self._add("jobs", jobs.run(), jobs.stop)
        self._add("relay", relay.run(), relay.stop)
        self._add("wake", self._forward_wake(loops), None)
        self._add("lag", self._measure_lag(), None)
        for function in definition.background:
            self._add(function.__name__, self._background(function), None)
        if self._own_clock and self.common.stack_clock_url:
            self._add("clock", follow(self.clock, self.common.stack_clock_url, ctx.http), None)

        def clock_changed() -> None:
            for loop in loops:
                loop.wake()

        self.clock.on_change(clock_changed)

    def _add(
        self,
        name: str,
        coroutine: Coroutine[Any, Any, None],
        stopper: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self._tasks.append((name, asyncio.create_task(coroutine, name=name)))
        if stopper is not None:
            self._stoppers.append((name, stopper))

    async def _forward_wake(self, loops: list[DueLoop]) -> None:
        while True:
            wanted = await self.ctx.due_wakes.wanted()
            for loop in loops:
                if wanted is None or loop.name in wanted:
                    loop.wake()

    async def _background(self, function: Callable[[Context], Awaitable[None]]) -> None:
        while True:
            try:
                await function(self.ctx)
            except Exception:
                log.exception("background_failed", name=function.__name__)
            await asyncio.sleep(BACKGROUND_RESTART_S)

    async def _measure_lag(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(LOOP_LAG_S)
            self.ctx.metrics.loop_lag.set(max(0.0, time.perf_counter() - before - LOOP_LAG_S))

    async def stop(self) -> None:
        """Stop everything in order; never raises for what is already gone."""
        if hasattr(self, "ctx"):
            self.ctx.state["stopping"] = "yes"
        by_name = dict(self._tasks)
        for name, stopper in self._stoppers:
            await stopper()
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(STOP_LIMIT_S):
                    await asyncio.wait([by_name[name]])
        for _, task in self._tasks:
            task.cancel()
        for name, task in self._tasks:
            try:
                await task
            except asyncio.CancelledError:
                continue
            except Exception:
                log.exception("loop_failed", name=name)
        self._tasks.clear()
        await self._stack.aclose()


def build_public_app(definition: ServiceDefinition, ctx: Context | None) -> FastAPI:
    """The public application of a service; without context for its OpenAPI document alone."""
    return create_public_app(
        ctx,
        service=definition.name,
        description=definition.description,
        routers=[*definition.routers(), snapshot_router(definition)],
        root_routers=definition.root_routers(),
        customise=definition.customise,
    )


@asynccontextmanager
async def running(runtime: Runtime) -> AsyncIterator[Runtime]:
    """Run a service's loops (no HTTP servers) for the length of a block."""
    await runtime.start()
    try:
        yield runtime
    finally:
        await runtime.stop()


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the runtime stops both servers in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def _server(app: FastAPI, host: str, port: int) -> _Server:
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
        server_header=False,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return _Server(config)


def settle(app: FastAPI) -> None:
    """Do before the first request what would hold the loop up in the midst of work.

    Routes are built when they are first looked at; and a full garbage collection walks through all
    that was imported and declared (0.1 s), which stays until the end anyway.
    """
    app.openapi()
    gc.collect()
    gc.freeze()


async def serve(definition: ServiceDefinition) -> None:
    """Run a service with its two HTTP servers until SIGTERM or SIGINT."""
    runtime = Runtime(definition)
    common, settings = runtime.common, runtime.settings
    too_logging.configure(service=definition.name, json=common.log_json, level=common.log_level)
    public_port = settings.http_port or PUBLIC_PORTS[definition.name]
    internal_port = settings.internal_port or INTERNAL_PORTS[definition.name]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await runtime.start()
    settle(runtime.app)
    public = _server(runtime.app, settings.http_host, public_port)
    internal = _server(runtime.internal_app, settings.http_host, internal_port)
    servers = [asyncio.create_task(public.serve()), asyncio.create_task(internal.serve())]
    waiter = asyncio.create_task(stop.wait())
    log.info("serving", port=public_port, internal_port=internal_port)
    try:
        await asyncio.wait([waiter, *servers], return_when=asyncio.FIRST_COMPLETED)
    finally:
        runtime.ctx.state["stopping"] = "yes"
        public.should_exit = internal.should_exit = True
        await asyncio.wait(servers, timeout=STOP_LIMIT_S)
        await runtime.stop()
        waiter.cancel()
