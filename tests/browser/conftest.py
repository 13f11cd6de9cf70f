"""A running front door with a night's events, other services played by a small app, a browser."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent))

from chromium import Chromium, find_chromium
from sample_night import Night
from too_common.cause import Cause
from too_common.local.ports import free_port
from too_common.settings import SERVICES
from too_common.testing.service import House, ServiceUnderTest, eventually
from too_vetting_api.service import SERVICE
from too_vetting_api.tables import Account, Catalogue, Projection

PASSWORD = "correct horse battery"


@dataclass
class Owners:
    """The other services, as far as the pages ask them: canned reads, recorded commands."""

    night: Night
    commands: list[tuple[str, str, Any, str]] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
        async def answer(path: str, request: Request) -> Response:
            if path == "readyz":
                return Response('{"parts": {}}', media_type="application/json")
            below = "/" + path.split("/", 3)[-1]
            if request.method != "GET":
                body = await request.body()
                self.commands.append((
                    request.method, f"/{path}", json.loads(body) if body else None,
                    request.headers.get("authorization", ""),
                ))  # fmt: skip
                return Response('{"id": "done"}', media_type="application/json")
            if below == f"/maps/{self.night.sha256}":
                return Response(self.night.fits, media_type="application/fits")
            found = self.night.answers().get(below)
            if found is None:
                return Response(
                    json.dumps({"detail": f"no {below}"}), 404,
                    media_type="application/problem+json",
                )  # fmt: skip
            return Response(json.dumps(found), media_type="application/json")

        return app


@dataclass
class Site:
    """The front door as people see it."""

    url: str
    night: Night
    owners: Owners
    service: ServiceUnderTest
    house: House


@asynccontextmanager
async def _serving(app: Any, port: int) -> AsyncIterator[None]:
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off",
                            timeout_graceful_shutdown=1)  # fmt: skip
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started, what="server")
    try:
        yield
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def site(house: House, tmp_path: Path) -> AsyncIterator[Site]:
    """The front door with a night's events in it."""
    port, owners_port = free_port(), free_port()
    urls = {f"{name.replace('-', '_')}_url": f"http://127.0.0.1:{owners_port}"
            for name in SERVICES}  # fmt: skip
    house.common = {
        **urls,
        "vetting_api_url": f"http://127.0.0.1:{port}",
        "public_base_url": f"http://127.0.0.1:{port}",
        "stack_clock_url": f"http://127.0.0.1:{owners_port}/control/clock",
    }
    settings = {
        "bootstrap_username": "ada", "bootstrap_password": PASSWORD,
        "bootstrap_name": "Ada Example", "bootstrap_affiliation": "University of Examples",
        "simulators_url": f"http://127.0.0.1:{owners_port}/", "catalogue_dir": tmp_path / "cat",
    }  # fmt: skip
    async with house.run(SERVICE, **settings) as service:
        async with service.ctx.unit_of_work() as uow:
            account = (await uow.session.execute(select(Account))).scalar_one()
        night = Night(house.clock.now(), account.account_id)
        owners = Owners(night)
        async with _serving(service.runtime.app, port), _serving(owners.app(), owners_port):
            told = night.told()
            notice = Cause()
            for data, key, revision in told:
                cause = notice if key == str(night.event_id) else None
                await house.publish(data, key=key, revision=revision, cause=cause)

            async def all_there() -> bool:
                async with service.ctx.unit_of_work() as uow:
                    rows = (await uow.session.execute(select(Projection.item_id))).all()
                    catalogues = (await uow.session.execute(select(Catalogue.name))).all()
                return len(rows) >= len(told) - 3 and bool(catalogues)

            await eventually(all_there, what="projections and the sample catalogue")
            yield Site(f"http://127.0.0.1:{port}", night, owners, service, house)


@pytest.fixture
def browser(tmp_path: Path) -> Callable[..., Chromium]:
    """Makes browsers; skips where there is none."""
    if find_chromium() is None:
        pytest.skip("no Chromium on this machine (TOO_CHROMIUM names one)")
    count = iter(range(100))

    def make(width: int = 1280, height: int = 900, *, dark: bool = False) -> Chromium:
        return Chromium(tmp_path / f"profile{next(count)}", width=width, height=height, dark=dark)

    return make
