"""Pages for people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import jinja2
from pyoxigraph import QuerySolutions, Store
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hfm_kg import __version__, sparql
from hfm_kg.catalog import Catalog

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("hfm_kg.server"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
)

PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"}
"""Sent with pages: they run no script and load nothing, and nothing that a label smuggles in may."""


def start_page(store: Store, queries: Catalog) -> Callable[[Request], Awaitable[Response]]:
    """The page at ``/``: what is served, and the catalogue's questions as links; made once."""
    result = sparql.evaluate(store, queries["counts"].text)
    assert isinstance(result, QuerySolutions)
    counts = [(solution["kind"].value, solution["things"].value) for solution in result]
    html = TEMPLATES.get_template("start.html").render(
        version=__version__, counts=counts, queries=queries.of_kind("competency"), prefixes=sparql.PREFIXES
    )

    async def page(request: Request) -> Response:
        return HTMLResponse(html, headers=PAGE_HEADERS)

    return page
