"""What programs read before they ask: service description, VoID, example queries, OpenAPI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from pyoxigraph import NamedNode, Triple
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from hfm_kg import sparql
from hfm_kg.catalog import Catalog
from hfm_kg.errors import UsageError
from hfm_kg.export import describe, examples, graphs
from hfm_kg.server import openapi
from hfm_kg.server.answers import accepted
from hfm_kg.server.documents import OFFERED, PAGE, WRITTEN, Documents
from hfm_kg.server.problems import HEADERS, stopping


class Discovery:
    """Descriptions of the server, with the address under which the client reached it."""

    def __init__(self, documents: Documents, queries: Catalog) -> None:
        self.documents, self.questions = documents, queries.of_kind("competency")

    def routes(self) -> list[Route]:
        """The well-known places."""
        return [
            Route("/.well-known/void", self.dataset, methods=["GET"]),
            Route("/.well-known/sparql-examples", self.examples, methods=["GET"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
        ]

    async def service(self, request: Request) -> Response:
        """The endpoint (SPARQL 1.1 Service Description, section 2); a browser is sent to the page with its form."""
        if "format" not in request.query_params and sparql.negotiate(OFFERED, accepted(request)) is PAGE:
            return RedirectResponse("/query", status_code=303, headers=HEADERS)
        return await _described(request, self.documents.service, describe.USED)

    async def dataset(self, request: Request) -> Response:
        """The graph in figures (VoID, section 7.2)."""
        return await _described(request, self.documents.dataset, describe.USED)

    async def examples(self, request: Request) -> Response:
        """The catalogue's questions with their queries."""
        return await _described(request, lambda address: examples.examples(self.questions, address), examples.USED)

    async def openapi(self, request: Request) -> Response:
        """The server's interface (OpenAPI 3.1)."""
        return JSONResponse(openapi.document(self.documents.version), headers=HEADERS)


async def _described(
    request: Request, make: Callable[[NamedNode], Iterable[Triple]], used: Mapping[str, str]
) -> Response:
    """Triples that tell the endpoint's address, in the format that the client asks for."""
    try:
        address = NamedNode(str(request.url_for("sparql")))
    except ValueError:
        raise UsageError("the Host header names no host") from None
    name = request.query_params.get("format")
    form = (
        sparql.format_of(sparql.GRAPH_FORMATS, name)
        if name
        else sparql.negotiate(sparql.GRAPH_FORMATS, accepted(request))
    )
    try:
        content = await run_in_threadpool(lambda: graphs.write(make(address), WRITTEN[form.name], used))
    except asyncio.CancelledError:
        return stopping()
    return Response(content, media_type=form.content_type, headers=HEADERS)
