"""Answers to queries: evaluated by the pool unless the cache has them, and sent as HTTP wants them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import aclosing

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hfm_kg import sparql
from hfm_kg.admission import admit
from hfm_kg.errors import HfmError, UsageError
from hfm_kg.server.cache import Cache, Cached
from hfm_kg.server.frames import Job
from hfm_kg.server.pool import Answer, Pool
from hfm_kg.server.problems import HEADERS, logger, stopping
from hfm_kg.server.records import GONE, note

SMALL = 1000
"""Bytes of a body that is not worth compressing."""

MAX_ACCEPT = 50_000
"""Characters of an Accept header: reading it takes time in proportion, and browsers send some hundred."""


class Stream(StreamingResponse):
    """A result that is sent while it is made."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; one that fails on the way is broken off, so that nobody takes it for whole."""
        try:
            await super().__call__(scope, receive, send)
        except HfmError as error:  # too late for a status: the connection is closed before the answer is whole
            note(outcome="cut")
            logger.warning("an answer was broken off: %s", error)


class Answers:
    """What the pool and the cache give to clients."""

    def __init__(self, pool: Pool, cache: Cache) -> None:
        self.pool, self.cache = pool, cache

    async def prepare(self, job: Job) -> None:
        """Have the answer to a job ready before anybody asks. Raises HfmError."""
        await self.cache.answer(job, lambda: self.pool.evaluate(job))

    async def respond(
        self,
        request: Request,
        parameters: QueryParams,
        query: str,
        *,
        default_graph: Iterable[str] = (),
        named_graphs: Iterable[str] = (),
    ) -> Response:
        """The answer to a query over a dataset, in the format and time that a client asks for."""
        job = Job(query, tuple(default_graph), tuple(named_graphs), accepted(request), parameters.get("format"))
        try:
            answer = await self.ask(request, job, _seconds(parameters.get("timeout")))
        except asyncio.CancelledError:
            return stopping()
        if answer is None:
            return Response(status_code=GONE)
        if isinstance(answer, Cached):
            return ready_made(request, answer)
        if answer.rest is None:
            return Response(answer.head, media_type=answer.content_type, headers=HEADERS)
        return Stream(_joined(answer), media_type=answer.content_type, headers=HEADERS)

    def admit(self, query: str) -> None:
        """Refuse a query that visitors may not ask. Raises UsageError and ForbiddenError."""
        note(query=query)
        admit(query, self.pool.limits.shape)  # first, since it refuses what is too long to be looked through
        sparql.guard(query)

    async def ask(self, request: Request, job: Job, seconds: float | None = None) -> Cached | Answer | None:
        """The answer to a client's job; None if the client has left."""
        note(query=job.query)
        client = request.client.host if request.client else ""
        work = asyncio.create_task(self.cache.answer(job, lambda: self.pool.evaluate(job, client, seconds)))
        try:
            await _first(work, _gone(request))
        except asyncio.CancelledError:
            work.cancel()
            raise
        if not work.done():
            work.cancel()
            return None
        return work.result()

    async def beginning(self, request: Request, job: Job, size: int) -> tuple[bytes, bool] | None:
        """The first bytes of an answer, and whether that is all of it; None if the client has left."""
        answer = await self.ask(request, job)
        if answer is None:
            return None
        if isinstance(answer, Cached):
            return answer.body[:size], len(answer.body) <= size
        body = bytearray(answer.head)
        if answer.rest is not None:
            async with aclosing(answer.rest) as rest:
                async for chunk in rest:
                    body += chunk
                    if len(body) > size:
                        break
        return bytes(body[:size]), len(body) <= size


def accepted(request: Request) -> str | None:
    """What the client accepts; several headers count as one (RFC 9110, section 5.3). Raises UsageError."""
    header = ", ".join(request.headers.getlist("accept"))
    if len(header) > MAX_ACCEPT:
        raise UsageError(f"the Accept header has {len(header)} characters; at most {MAX_ACCEPT} are read")
    return header or None


def options(methods: str) -> Response:
    """The answer to OPTIONS, for any origin (Fetch, CORS preflight)."""
    cors = {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": "Accept, Content-Type",
        "Access-Control-Max-Age": "86400",
    }
    return Response(status_code=204, headers={**HEADERS, "Allow": methods, **cors})


def ready_made(request: Request, answer: Cached, more: Mapping[str, str] = HEADERS, status: int = 200) -> Response:
    """A whole answer, compressed if the client takes that, or 304 if it has it already; ``more`` are headers."""
    compressed = len(answer.body) > SMALL and _takes_gzip(request.headers.get("accept-encoding", ""))
    etag = f'{answer.etag[:-1]}-gzip"' if compressed else answer.etag
    vary = ", ".join(filter(None, (more.get("Vary"), "Accept-Encoding")))
    headers = {"Cache-Control": "public, no-cache", **more, "Vary": vary, "ETag": etag}
    if status == 200 and _matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    if compressed:
        headers["Content-Encoding"] = "gzip"
    body = answer.compressed if compressed else answer.body
    return Response(body, status_code=status, media_type=answer.content_type, headers=headers)


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
