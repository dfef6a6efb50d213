"""What those who run the server ask it: whether it lives, whether it is ready, and its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hfm_kg.server import problems
from hfm_kg.server.app import ShortTargets
from hfm_kg.server.metrics import CONTENT_TYPE, Metrics

if TYPE_CHECKING:
    from hfm_kg.server.current import Current

LIVE, READY, METRICS = "/livez", "/readyz", "/metrics"
PATHS: Final = frozenset({LIVE, READY, METRICS})
"""As Kubernetes and Prometheus name them; none is an IRI of ours."""
FRESH: Final = {"Cache-Control": "no-store"}


def operations(current: Current, metrics: Metrics | None) -> Starlette:
    """The application at PATHS; without metrics there are none to be had here."""

    async def live(request: Request) -> Response:
        """Whoever answers this lives."""
        return JSONResponse({"status": "live"}, headers=FRESH)

    async def ready(request: Request) -> Response:
        if trouble := current.trouble():
            return problems.problem(503, "Service Unavailable", trouble, headers=FRESH)
        return JSONResponse({"status": "ready", "snapshot": current.served.name}, headers=FRESH)

    async def figures(request: Request) -> Response:
        if metrics is None:
            raise HTTPException(404, "the server tells its figures on a port of their own")
        metrics.observe(current.served.answers)
        return Response(metrics.exposition(), headers={**FRESH, "Content-Type": CONTENT_TYPE})

    return Starlette(
        routes=[
            Route(LIVE, live, methods=["GET"]),
            Route(READY, ready, methods=["GET"]),
            Route(METRICS, figures, methods=["GET"]),
        ],
        middleware=[Middleware(ShortTargets)],
        exception_handlers={HTTPException: problems.from_http, Exception: problems.from_bug},
    )
