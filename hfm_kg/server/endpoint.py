"""The SPARQL endpoint: SPARQL 1.1 Protocol, section 2.1, for queries.

A query is evaluated and written in a worker thread, so that the event loop goes on answering others meanwhile; the
engine works without Python's lock.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Sequence

from pyoxigraph import Store
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hfm_kg import sparql
from hfm_kg.errors import ForbiddenError, UsageError
from hfm_kg.server.problems import HEADERS, problem

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
UPDATE = "application/sparql-update"

MAX_BODY = 1_000_000
"""Bytes of a request's body: far more than any query that a person or a tool writes."""


class Endpoint:
    """The ASGI application at ``/sparql``; it holds the store and nothing else."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self.respond(request)
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        """The answer, by the request's method."""
        if request.method == "OPTIONS":
            allow = {"Allow": "GET, HEAD, OPTIONS, POST"}
            cors = {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "Accept, Content-Type"}
            return Response(status_code=204, headers={**HEADERS, **allow, **cors, "Access-Control-Max-Age": "86400"})
        if request.method in ("GET", "HEAD"):
            return await self.answer(request, request.query_params, None)
        if request.method == "POST":
            return await self.post(request)
        raise HTTPException(405, headers={"Allow": "GET, HEAD, OPTIONS, POST"})

    async def post(self, request: Request) -> Response:
        """A query in a form (2.1.2), or as the whole body (2.1.3)."""
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type == UPDATE:
            raise ForbiddenError("the graph is read-only; updates are refused")
        if content_type not in (FORM, QUERY):
            return problem(415, "Unsupported Media Type", f"send {FORM} or {QUERY}, not {content_type or 'nothing'}")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return problem(413, "Content Too Large", f"the body may have {MAX_BODY} bytes")
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"the body is not UTF-8 at byte {error.start}") from None
        if content_type == QUERY:
            return await self.answer(request, request.query_params, text)
        return await self.answer(request, QueryParams(text), None)

    async def answer(self, request: Request, parameters: QueryParams, query: str | None) -> Response:
        """Run the one query that the parameters or the body hold."""
        if "update" in parameters:
            raise ForbiddenError("the graph is read-only; updates are refused")
        given = parameters.getlist("query") if query is None else [query, *parameters.getlist("query")]
        if len(given) != 1:
            raise UsageError(f"{len(given)} queries; send exactly one, as the parameter 'query' or as the body")
        name = parameters.get("format")
        accept = ", ".join(request.headers.getlist("accept")) or None
        try:
            body, form = await run_in_threadpool(
                self.run,
                given[0],
                parameters.getlist("default-graph-uri"),
                parameters.getlist("named-graph-uri"),
                accept,
                name,
            )
        except asyncio.CancelledError:  # uvicorn cancels what still runs when its grace is over
            return problem(503, "Service Unavailable", "the server stops")
        return Response(body, media_type=form.content_type, headers=HEADERS)

    def run(
        self,
        query: str,
        default_graph: Sequence[str],
        named_graphs: Sequence[str],
        accept: str | None,
        name: str | None,
    ) -> tuple[bytes, sparql.Format]:
        """The written result, and its format."""
        result = sparql.evaluate(self.store, query, default_graph=default_graph, named_graphs=named_graphs)
        try:
            form = sparql.named_format(result, name) if name else sparql.negotiate(sparql.formats(result), accept)
            return sparql.write(result, form), form
        except Exception as error:
            # the engine's result must end in the thread it began in, where the error's frames would take it along
            traceback.clear_frames(error.__traceback__)
            raise
        finally:
            del result
