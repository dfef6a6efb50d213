"""The SPARQL endpoint: SPARQL 1.1 Protocol, section 2.1, for queries.

The endpoint takes requests apart and hands queries to the pool; it evaluates nothing itself.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hfm_kg import sparql
from hfm_kg.admission import admit
from hfm_kg.errors import ForbiddenError, HfmError, UsageError
from hfm_kg.server.cache import Cache, Cached
from hfm_kg.server.frames import Job
from hfm_kg.server.pool import Answer, Pool
from hfm_kg.server.problems import HEADERS, logger, problem

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
UPDATE = "application/sparql-update"

MAX_BODY = 1_000_000
"""Bytes of a request's body: far more than any query that a person or a tool writes."""

GONE = 499
"""The status that is told nobody, since the client has left; no status of HTTP's own means that."""

SMALL = 1000
"""Bytes of a body that is not worth compressing."""


class Endpoint:
    """The ASGI application at ``/sparql``; it holds the pool, the cache, and nothing else."""

    def __init__(self, pool: Pool, cache: Cache) -> None:
        self.pool, self.cache = pool, cache

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self.respond(request)
        try:
            await response(scope, receive, send)
        except HfmError as error:  # too late for a status: the connection is closed before the answer is whole
            logger.warning("an answer was broken off: %s", error)

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
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    return problem(413, "Content Too Large", f"the body may have {MAX_BODY} bytes")
        except ClientDisconnect:
            return Response(status_code=GONE)
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
        admit(given[0], self.pool.limits.shape)  # first, since it refuses what is too long even to be looked through
        sparql.guard(given[0])
        job = Job(
            given[0],
            tuple(parameters.getlist("default-graph-uri")),
            tuple(parameters.getlist("named-graph-uri")),
            ", ".join(request.headers.getlist("accept")) or None,
            parameters.get("format"),
        )
        client = request.client.host if request.client else ""
        seconds = _seconds(parameters.get("timeout"))
        work = asyncio.create_task(self.cache.answer(job, lambda: self.pool.evaluate(job, client, seconds)))
        try:
            await _first(work, _gone(request))
        except asyncio.CancelledError:  # uvicorn cancels what still runs when its grace is over
            work.cancel()
            return problem(503, "Service Unavailable", "the server stops")
        if not work.done():
            work.cancel()
            return Response(status_code=GONE)
        answer = work.result()
        if isinstance(answer, Cached):
            return _ready_made(request, answer)
        if answer.rest is None:
            return Response(answer.head, media_type=answer.content_type, headers=HEADERS)
        return StreamingResponse(_joined(answer), media_type=answer.content_type, headers=HEADERS)


def _ready_made(request: Request, answer: Cached) -> Response:
    """A cached answer, compressed if the client takes that, or 304 if it has it already."""
    compressed = len(answer.body) > SMALL and _takes_gzip(request.headers.get("accept-encoding", ""))
    etag = f'{answer.etag[:-1]}-gzip"' if compressed else answer.etag
    headers = {**HEADERS, "Vary": "Accept, Accept-Encoding", "Cache-Control": "public, no-cache", "ETag": etag}
    if _matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    if compressed:
        headers["Content-Encoding"] = "gzip"
    body = answer.compressed if compressed else answer.body
    return Response(body, media_type=answer.content_type, headers=headers)


def _takes_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header names gzip, and not to refuse it: RFC 9110, section 12.5.3."""
    return re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", header, re.IGNORECASE) is not None


def _matches(header: str, etag: str) -> bool:
    """Whether an If-None-Match header names an entity tag: RFC 9110, section 13.1.2."""
    given = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in given or etag in given


async def _first(work: asyncio.Task[Cached | Answer], gone: Coroutine[None, None, None]) -> None:
    """Wait for the work, or for the client to leave."""
    leaving = asyncio.create_task(gone)
    try:
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()


async def _gone(request: Request) -> None:
    """Wait until the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _joined(answer: Answer) -> AsyncIterator[bytes]:
    yield answer.head
    assert answer.rest is not None
    async for chunk in answer.rest:
        yield chunk


def _seconds(text: str | None) -> float | None:
    """The parameter ``timeout``. Raises UsageError if it is no number of seconds."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"timeout={text!r} is no number of seconds")
    return seconds
