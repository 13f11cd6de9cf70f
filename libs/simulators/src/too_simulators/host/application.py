"""The HTTP application: simulated hosts under path prefixes, control, health, the page."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from too_simulators.host.control import Control
from too_simulators.host.edge import Edge
from too_simulators.world import World

STATIC = Path(__file__).parent.parent / "static"


async def _simulator(request: Request) -> Response:
    """No real server has this path: facility mode `live` refuses who answers here."""
    del request
    return JSONResponse({"simulator": True})


def _host(name: str, routes: list[Route]) -> Mount:
    identity = Route("/__simulator__", _simulator)
    return Mount(f"/{name}", routes=[identity, *routes], name=name)


def make_application(world: World) -> ASGIApp:
    """Build the application.

    Parameters
    ----------
    world
        The models behind the routes.
    """

    async def healthz(request: Request) -> Response:
        del request
        return JSONResponse({"status": "ok"})

    async def page(request: Request) -> Response:
        del request
        headers = {
            "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
            "Cache-Control": "no-cache",
        }
        return FileResponse(STATIC / "index.html", headers=headers)

    routes: list[BaseRoute] = [
        Route("/", page),
        Route("/healthz", healthz),
        Route("/readyz", healthz),
        Mount("/control", routes=Control(world).routes()),
        _host("twilio", world.twilio_api.routes()),
        _host("slack", world.slack_api.routes()),
        _host("ztf", world.ztf_api.routes()),
        _host("irsa", world.irsa_api.irsa_routes()),
        _host("depot", world.irsa_api.depot_routes()),
        _host("gcn", world.gcn.routes()),
        _host("gracedb", world.gracedb.routes()),
        _host("maps", world.maps.routes()),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    return Edge(
        Starlette(routes=routes),
        faults=world.faults,
        now=world.clock.now,
        before_reply=world.save,
        lose_state=world.lose_state,
    )
