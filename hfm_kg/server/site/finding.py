"""The search page, and the same as JSON for the search box that answers while one types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hfm_kg.errors import UsageError
from hfm_kg.search import LONGEST, Hit
from hfm_kg.server.problems import HEADERS
from hfm_kg.server.site import layout

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

SHOWN: Final = 50
AT_ONCE: Final = 10
"""Hits that the search box shows unless asked for more."""


def routes(site: Site) -> list[Route]:
    """``/search`` and ``/search.json``."""

    def page(request: Request) -> Response:
        text = request.query_params.get("q", "")[:LONGEST].strip()
        hits = site.names.search(text, SHOWN) if text else []
        title = f"Search: {text}" if text else "Search"
        about = "Search of models, datasets, references, concepts and terms by name, abbreviation, title or author."
        return layout.send(request, layout.render("search.html", "/search", title, about, text=text, hits=hits))

    async def data(request: Request) -> Response:
        text = request.query_params.get("q", "")[:LONGEST]
        wanted = request.query_params.get("limit", str(AT_ONCE))
        if not wanted.isascii() or not wanted.isdigit() or not 0 < int(wanted) <= SHOWN:
            raise UsageError(f"limit is a number from 1 to {SHOWN}, not {wanted[:20]!r}")
        hits = await run_in_threadpool(lambda: site.names.search(text, int(wanted)))
        return JSONResponse({"query": text, "hits": [told(hit) for hit in hits]}, headers=HEADERS)

    return [
        Route("/search", layout.page(page), methods=["GET"]),
        Route("/search.json", data, methods=["GET"]),
    ]


def told(hit: Hit) -> dict[str, str | float]:
    """A hit as JSON has it."""
    return {
        "iri": hit.thing.node.value,
        "path": layout.href(hit.thing.node.value),
        "name": hit.thing.label,
        "kind": hit.thing.kind,
        "found": hit.text,
        "reason": hit.reason,
        "score": hit.score,
    }
