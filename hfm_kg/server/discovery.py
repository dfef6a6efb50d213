"""What programs read before they ask: service description, VoID, example queries, OpenAPI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from xml.sax.saxutils import escape

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
from hfm_kg.server.documents import OFFERED, PAGE, RDFXML, WRITTEN, Documents
from hfm_kg.server.problems import HEADERS, stopping


class Discovery:
    """Descriptions of the server, with the address under which the client reached it."""

    def __init__(self, documents: Documents, queries: Catalog) -> None:
        self.documents, self.questions = documents, queries.of_kind("competency")
        self.written: dict[tuple[str, str], bytes] = {}
        """Descriptions by place and format, with a stand-in for the endpoint's address."""

    def routes(self) -> list[Route]:
        """The well-known places."""
        return [
            Route("/.well-known/void", self.dataset, methods=["GET"]),
            Route("/.well-known/sparql-examples", self.examples, methods=["GET"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
        ]

    async def service(self, request: Request) -> Response:
        """The endpoint (SPARQL 1.1 Service Description, section 2); a browser is sent to the page with its form.

        It holds figures and examples as well, for tools that look here for what no query at the endpoint gives.
        """
        if "format" not in request.query_params and sparql.negotiate(OFFERED, accepted(request)) is PAGE:
            return RedirectResponse("/query", status_code=303, headers=HEADERS)

        def make(address: NamedNode) -> set[Triple]:
            parts = (self.documents.service, self.documents.dataset, self._examples)
            return {triple for part in parts for triple in part(address)}

        return await self._described(request, make, {**describe.USED, **examples.USED})

    async def dataset(self, request: Request) -> Response:
        """The graph in figures (VoID, section 7.2)."""
        return await self._described(request, self.documents.dataset, describe.USED)

    async def examples(self, request: Request) -> Response:
        """The catalogue's questions with their queries."""
        return await self._described(request, self._examples, examples.USED)

    async def openapi(self, request: Request) -> Response:
        """The server's interface (OpenAPI 3.1)."""
        return JSONResponse(openapi.document(self.documents.version), headers=HEADERS)

    def _examples(self, address: NamedNode) -> set[Triple]:
        return examples.examples(self.questions, address)

    async def _described(
        self, request: Request, make: Callable[[NamedNode], Iterable[Triple]], used: Mapping[str, str]
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
        key = request.scope["path"], form.name
        try:
            if key not in self.written:
                self.written[key] = await run_in_threadpool(
                    lambda: graphs.write(make(describe.ENDPOINT), WRITTEN[form.name], used)
                )
        except asyncio.CancelledError:
            return stopping()
        told = escape(address.value) if form is RDFXML else address.value
        content = self.written[key].replace(describe.ENDPOINT.value.encode(), told.encode())
        return Response(content, media_type=form.content_type, headers=HEADERS)
