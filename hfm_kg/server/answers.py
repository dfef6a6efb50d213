"""Answers to queries: evaluated by the pool unless the cache has them, and sent as HTTP wants them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hfm_kg import sparql
from hfm_kg.admission import admit
from hfm_kg.errors import HfmError, UsageError
from hfm_kg.server.cache import Cache, Cached, Flight, is_changing
from hfm_kg.server.engine import Engine
from hfm_kg.server.frames import Job
from hfm_kg.server.problems import HEADERS, logger, stopping
from hfm_kg.server.records import GONE, HEADER, note
from hfm_kg.server.representation import Representation, Wish, represent, represent_at_once
from hfm_kg.server.runs import Answer
from hfm_kg.server.shortcut import Shortcut

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

    def __init__(self, pool: Engine, cache: Cache) -> None:
        self.pool, self.cache, self.shortcut = pool, cache, Shortcut(cache)

    async def answer(self, job: Job, client: str = "", seconds: float | None = None) -> Cached | Answer:
        """The answer to a job of a client. Raises what admission, guard and pool raise."""
        if job not in self.cache.answers:
            self._admit(job)
        return await self.cache.answer(job, lambda: self.pool.evaluate(job, client, seconds))

    def begin(self, job: Job, client: str) -> Flight | None:
        """The evaluation of a job that is not in the cache, None if nobody else may have its answer.

        Raises what admission and guard raise.
        """
        self._admit(job)
        return None if is_changing(job.query) else self.cache.join(job, lambda: self.pool.evaluate(job, client))

    def _admit(self, job: Job) -> None:
        admit(job.query, self.pool.limits.shape)  # first, since it refuses what is too long to be looked through
        sparql.guard(job.query)

    async def prepare(self, job: Job) -> None:
        """Have the answer to a job ready before anybody asks. Raises HfmError."""
        await self.answer(job)

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
        note(query=query)
        client = request.client.host if request.client else ""
        begun: asyncio.Task[Cached | Answer] | None = _state(request).get("answer")
        work = begun or asyncio.create_task(self.answer(job, client, _seconds(parameters.get("timeout"))))
        try:
            await _first(work, _gone(request))
        except asyncio.CancelledError:
            work.cancel()
            return stopping()
        if not work.done():
            work.cancel()
            return Response(status_code=GONE)
        if work.cancelled():
            return stopping()
        answer = work.result()
        if isinstance(answer, Cached):
            return await self.kept(request, job, answer)
        if answer.rest is None:
            return Response(answer.head, media_type=answer.content_type, headers=HEADERS)
        return Stream(_joined(answer), media_type=answer.content_type, headers=HEADERS)

    async def beginning(self, request: Request, job: Job, size: int) -> tuple[bytes, bool] | None:
        """The first bytes of the answer to a client's job, and whether that is all of it; None if the client has left.

        Raises as :meth:`answer` does.
        """
        note(query=job.query)
        client = request.client.host if request.client else ""
        work = asyncio.create_task(self.answer(job, client))
        try:
            await _first(work, _gone(request))
        except asyncio.CancelledError:
            work.cancel()
            raise
        if not work.done():
            work.cancel()
            return None
        answer = work.result()
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

    async def kept(self, request: Request, job: Job, answer: Cached) -> Response:
        """A cached answer as the client wants it; whoever sends the same again gets it by the shortcut."""
        shown = await represent(answer, Wish.of(request.headers))
        if (said := _state(request).get("request")) is not None and HEADER.decode() not in request.headers:
            self.shortcut.read_fields(said, request.headers)
            self.shortcut.learn(said, job, answer, shown)
        return _response(answer, shown)


def _state(request: Request) -> dict[str, Any]:
    """What the connection tells of a request (ASGI, lifespan state): its very bytes, and an answer that is begun."""
    state: dict[str, Any] = request.scope.get("state", {})
    return state


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


def ready_made(
    request: Request,
    answer: Cached,
    more: Mapping[str, str] = HEADERS,
    status: int = 200,
    *,
    compress: bool = True,
) -> Response:
    """A whole answer, compressed if the client takes that, or 304 if it has it already; ``more`` are headers."""
    wish = Wish.of(request.headers)
    if not compress:
        wish = replace(wish, accept_encoding="")
    return _response(answer, represent_at_once(answer, wish, more, status))


def _response(answer: Cached, shown: Representation) -> Response:
    response = Response(shown.body(answer), shown.status)
    response.raw_headers = shown.raw_headers()
    return response


async def _first(work: asyncio.Task[Cached | Answer], gone: Coroutine[None, None, None]) -> None:
    """Wait for the work, or for the client to leave."""
    if work.done():
        gone.close()
        return
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
