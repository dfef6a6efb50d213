"""The SPARQL endpoint: SPARQL 1.1 Protocol, section 2.1, for queries.

The endpoint takes requests apart; it evaluates nothing itself.
"""

from __future__ import annotations

import asyncio
from email.message import Message

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hfm_kg.errors import ForbiddenError, UsageError
from hfm_kg.server.answers import Answers, options
from hfm_kg.server.discovery import Discovery
from hfm_kg.server.records import GONE, note

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
UPDATE = "application/sparql-update"

METHODS = "GET, HEAD, OPTIONS, POST"

MAX_BODY = 1_000_000
"""Bytes of a request's body: far more than any query that a person or a tool writes."""

MAX_FIELDS = 1_000
"""Fields of a form; the protocol knows four, of which two may be repeated."""

READ_ONLY = "the graph is read-only; updates are refused"


class Endpoint:
    """The ASGI application at ``/sparql``."""

    def __init__(self, answers: Answers, discovery: Discovery, patience: float) -> None:
        self.answers, self.discovery, self.patience = answers, discovery, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            response = await self.respond(Request(scope, receive))
        except ClientDisconnect:
            response = Response(status_code=GONE)
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        """The answer, by the request's method."""
        if request.method == "OPTIONS":
            return options(METHODS)
        if request.method in ("GET", "HEAD"):
            if not request.query_params.keys() - {"format"}:
                return await self.discovery.service(request)
            return await self.answer(request, request.query_params, None)
        if request.method == "POST":
            return await self.post(request)
        raise HTTPException(405, headers={"Allow": METHODS})

    async def post(self, request: Request) -> Response:
        """A query in a form (2.1.2), or as the whole body (2.1.3)."""
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type == UPDATE:
            raise ForbiddenError(READ_ONLY)
        if content_type not in (FORM, QUERY):
            raise HTTPException(415, f"send {FORM} or {QUERY}, not {content_type or 'nothing'}")
        text = await read_body(request, self.patience)
        if content_type == QUERY:
            return await self.answer(request, request.query_params, text)
        if text.count("&") >= MAX_FIELDS:
            raise UsageError(f"the form has more than {MAX_FIELDS} fields")
        form = QueryParams(text)
        # a dataset in the address goes with a query in a form too
        return await self.answer(request, QueryParams([*request.query_params.multi_items(), *form.multi_items()]), None)

    async def answer(self, request: Request, parameters: QueryParams, query: str | None) -> Response:
        """Run the one query that the parameters or the body hold."""
        if "update" in parameters:
            raise ForbiddenError(READ_ONLY)
        given = parameters.getlist("query") if query is None else [query, *parameters.getlist("query")]
        if len(given) != 1:
            raise UsageError(f"{len(given)} queries; send exactly one, as the parameter 'query' or as the body")
        note(query=given[0])
        return await self.answers.respond(
            request,
            parameters,
            given[0],
            default_graph=parameters.getlist("default-graph-uri"),
            named_graphs=parameters.getlist("named-graph-uri"),
        )


async def read_body(request: Request, patience: float) -> str:
    """The body of a request, which must be UTF-8, end soon, and not be too large."""
    header = Message()
    header["Content-Type"] = request.headers["content-type"]
    charset = header.get_content_charset("utf-8")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise HTTPException(415, f"send UTF-8, not {charset}")
    body = bytearray()
    try:
        async with asyncio.timeout(patience):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise HTTPException(413, f"the body may have {MAX_BODY} bytes", {"Connection": "close"})
    except TimeoutError:
        message = f"the body was not there within {patience:g} seconds"
        raise HTTPException(408, message, {"Connection": "close"}) from None
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the body is not UTF-8 at byte {error.start}") from None
