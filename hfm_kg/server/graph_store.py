"""The graphs as documents: SPARQL 1.1 Graph Store HTTP Protocol, section 4.2 (indirect identification), for reading."""

from __future__ import annotations

from typing import Final

from pyoxigraph import NamedNode
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hfm_kg.errors import LONGEST_MESSAGE, UsageError
from hfm_kg.server.answers import Answers, options
from hfm_kg.statement import Quads

METHODS: Final = "GET, HEAD, OPTIONS"
WHOLE: Final = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
"""The query that gives a graph, which is then the default graph of its dataset."""


class GraphStore:
    """The ASGI application at ``/rdf-graph-store``, where the examples of the specification have it."""

    def __init__(self, store: Quads, answers: Answers) -> None:
        self.store, self.answers = store, answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self.respond(request)
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        """A graph. Raises UsageError unless exactly one is named."""
        if request.method == "OPTIONS":
            return options(METHODS)
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405, "the graphs are read-only", {"Allow": METHODS})
        parameters = request.query_params
        named = parameters.getlist("graph")
        if len(named) + len(parameters.getlist("default")) != 1:
            raise UsageError("name exactly one graph: ?default, or ?graph= and its IRI")
        for name in named:
            try:
                is_there = self.store.contains_named_graph(NamedNode(name))
            except ValueError as error:
                raise UsageError(f"the graph's name is no IRI: {error}") from None
            if not is_there:
                raise HTTPException(404, f"there is no graph {name[:LONGEST_MESSAGE]}")
        return await self.answers.respond(request, parameters, WHOLE, default_graph=named)
