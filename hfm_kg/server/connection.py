"""Connections: HTTP/1.1 as uvicorn speaks it, with limits of time and size, and the shortcut before all else.

Connections that do nothing are closed, so that nobody can hold the server by opening many of them.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol
from weakref import ref

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hfm_kg.errors import HfmError
from hfm_kg.server.answers import Answers
from hfm_kg.server.cache import Cached
from hfm_kg.server.frames import Job
from hfm_kg.server.problems import problem
from hfm_kg.server.representation import LARGE, LINES, Wish, represent_at_once
from hfm_kg.server.runs import Answer
from hfm_kg.server.shortcut import Ready

MAX_TARGET: Final = 60 * 1024
"""Bytes of a request's target; longer queries come by POST. The parser cannot take addresses of 64 kB apart."""
MAX_HEAD: Final = 1024 * 1024
"""Bytes of a request's line and headers; between this and MAX_TARGET the client is told what is wrong."""

_PROBLEM: Final = problem(503, "Service Unavailable", "there are too many connections", headers={"Retry-After": "2"})
FULL: Final = b"\r\n".join((
    b"HTTP/1.1 503 Service Unavailable",
    *(name + b": " + value for name, value in _PROBLEM.raw_headers),
    b"connection: close",
    b"",
    bytes(_PROBLEM.body),
))  # fmt: skip
"""What a client is told that is one too many."""


class Stage(enum.Enum):
    """What has come of a request."""

    NOTHING = enum.auto()
    HEAD = enum.auto()
    """The first bytes, but not the end of the header."""
    BODY = enum.auto()
    """The header, but not the end of the body."""
    WHOLE = enum.auto()


class Observer(Protocol):
    """Whoever wants to know of requests that the application does not see."""

    def answered(
        self, request: bytes, client: str, status: int, size: int, seconds: float, query: str, *, is_cached: bool
    ) -> Iterable[tuple[bytes, bytes]]:
        """Take note of a request whose answer has so many bytes and took so long; header fields to send with it."""


class Connection(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, which itself waits for a request's head, and for a reader, for ever.

    Within ``patience`` seconds the head of a request must be there, and of what was written the client must have taken
    some. Beyond ``most`` connections a client is sent away at once, whatever it wants. Requests that the application's
    answers know by the shortcut never come to the parser.
    """

    def __init__(self, *given: Any, patience: float, most: int, **named: Any) -> None:
        super().__init__(*given, **named)
        self.patience, self.most = patience, most
        self.head: asyncio.TimerHandle | None = None
        self.reader: asyncio.TimerHandle | None = None
        self.stage = Stage.NOTHING
        self.begun = 0
        """Requests that began in the bytes that are being parsed."""
        self.head_size = 0
        self.last = 0.0
        """When the shortcut was last taken."""
        self.stop: Callable[[], None] | None = None
        """Ends the wait of the shortcut for an answer, if it waits for one."""
        self.held = bytearray()
        """What has come meanwhile."""
        self.is_leaving = False

    # --- limits -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Wait for the first request, unless there are too many connections."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.write(FULL)
            transport.close()
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        if self.stop is not None:
            self.stop()
        self._head_is_there()
        self._client_reads()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._expect_less(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._client_reads()

    def _expect_head(self) -> None:
        if self.head is None:
            self.head = self.loop.call_later(self.patience, self.transport.abort)

    def _head_is_there(self) -> None:
        if self.head is not None:
            self.head.cancel()
            self.head = None

    def _expect_less(self, left: int) -> None:
        """Give up a client that in its time takes nothing of the bytes that are left."""

        def look() -> None:
            now = self.transport.get_write_buffer_size()
            if now < left:
                self._expect_less(now)
            else:
                self.transport.abort()

        self.reader = self.loop.call_later(self.patience, look)

    def _client_reads(self) -> None:
        if self.reader is not None:
            self.reader.cancel()
            self.reader = None

    # --- the shortcut -----------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take a part of a request, or one that is whole and known."""
        if self.stop is not None:
            self.held += data
            self.flow.pause_reading()
            return
        answers: Answers | None = self.app_state.get("answers")
        if answers is not None and self._is_between():
            if (ready := answers.shortcut.find(data)) is not None:
                self._write(data, ready)
                return
            if (known := answers.shortcut.job(data)) is not None:
                self._begin(data, answers, *known)
                return
        self._parse(data)

    def _is_between(self) -> bool:
        """Whether whatever comes is a new request, and the client has taken what was sent before."""
        is_answered = self.cycle is None or self.cycle.response_complete
        return self.stage in (Stage.NOTHING, Stage.WHOLE) and is_answered and not self.flow.write_paused

    def _write(self, request: bytes, ready: Ready, since: float | None = None) -> None:
        """Send a response that took since a time to make, or none."""
        now, body = self.loop.time(), ready.body()
        fields = self.server_state.default_headers
        observer: Observer | None = self.app_state.get("observer")
        if observer is not None:
            seconds, is_cached = (0.0, True) if since is None else (now - since, False)
            status, size, query = ready.shown.status, len(body), ready.job.query
            told = observer.answered(request, self._client(), status, size, seconds, query, is_cached=is_cached)
            fields = [*fields, *told]
        moment = [b"%b: %b\r\n" % field for field in fields]
        self._head_is_there()
        self.transport.write(b"".join((LINES[ready.shown.status], *moment, ready.shown.fields, b"\r\n\r\n", body)))
        self.server_state.total_requests += 1
        self.last = now
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_handler()

    def _client(self) -> str:
        return self.client[0] if self.client else ""

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection, unless the shortcut was taken meanwhile, which sets no timer of its own."""
        left = self.last + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _begin(self, request: bytes, answers: Answers, job: Job, wish: Wish) -> None:
        """Answer a request whose job is known: from the cache, or when it has been evaluated."""
        kept = answers.cache.get(job)
        if kept is not None:
            if len(kept.body) < LARGE:
                self._write(request, answers.shortcut.learn(request, job, kept, represent_at_once(kept, wish)))
            else:
                self._parse(request)
            return
        try:
            flight = answers.begin(job, self._client())
        except HfmError:
            flight = None
        if flight is None:
            self._parse(request)  # the application tells what is wrong
            return
        self._head_is_there()
        self._unset_keepalive_if_required()
        since, work = self.loop.time(), flight.task

        def leave() -> None:
            self.stop = None
            work.remove_done_callback(end)
            answers.cache.leave(job, flight)

        def end(work: asyncio.Task[Cached | Answer]) -> None:
            self.tasks.discard(work)
            leave()
            self._end(request, job, wish, since, work)

        self.stop = leave
        self.tasks.add(work)  # type: ignore[arg-type] # uvicorn waits for whatever is in there
        work.add_done_callback(end)

    def _end(self, request: bytes, job: Job, wish: Wish, since: float, work: asyncio.Task[Cached | Answer]) -> None:
        """Write an answer that is whole; any other ending is told by the application."""
        if self.transport.is_closing():
            return
        answer = work.result() if not work.cancelled() and work.exception() is None else None
        if isinstance(answer, Cached) and len(answer.body) < LARGE and not self.is_leaving:
            self._write(request, Ready(job, ref(answer), represent_at_once(answer, wish), is_head=False), since)
        elif isinstance(answer, Answer) and not answer.take():
            self._parse(request)  # another one reads it
        else:
            self._parse(request, work)
        if self.is_leaving:
            super().shutdown()
            return
        self.flow.resume_reading()
        if self.held:
            held, self.held = bytes(self.held), bytearray()
            self.data_received(held)

    def shutdown(self) -> None:
        """Close the connection, after what it waits for."""
        self.is_leaving = True
        if self.stop is None:
            super().shutdown()

    # --- the parser -------------------------------------------------------------------------------------------

    def _parse(self, data: bytes, answer: asyncio.Task[Cached | Answer] | None = None) -> None:
        """Have a part of a request parsed, whose answer may have been begun.

        The time of a request's head, or of a body that nobody reads, runs from its first byte.
        """
        is_new, was, self.begun = self._is_between(), self.stage, 0
        if self.stage is not Stage.BODY:
            self.head_size += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.stage is Stage.HEAD and self.head_size > MAX_HEAD:
            self.send_400_response("The header is too large.")
            return
        if self.stage is Stage.WHOLE and is_new and self.begun == 1 and self.cycle.keep_alive:
            self.scope["state"] |= {"request": data} if answer is None else {"request": data, "answer": answer}
        if was is Stage.BODY and self.stage is Stage.WHOLE and self.cycle.response_complete:
            self._head_is_there()  # the rest of a request that was answered before: from here on the connection rests
            self.last = self.loop.time()
            self.timeout_keep_alive_handler()
        elif self.stage in (Stage.NOTHING, Stage.HEAD) or self.cycle.response_complete:
            self._expect_head()
        else:
            self._head_is_there()

    def send_400_response(self, msg: str) -> None:
        """Tell as a problem, like all others, that what came is no HTTP, and close the connection."""
        response = problem(400, "Bad Request", msg, headers={"Connection": "close"})
        fields = [b"%b: %b\r\n" % field for field in (*self.server_state.default_headers, *response.raw_headers)]
        self.transport.write(b"".join((b"HTTP/1.1 400 Bad Request\r\n", *fields, b"\r\n", response.body)))
        self.transport.close()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self.stage = Stage.HEAD
        self.begun += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The end of a request's header; an address that is too long is cut, which the application still notices."""
        self.stage = Stage.BODY
        self.head_size = 0
        if self.parser.get_http_version() == "1.1" and [name for name, _ in self.headers].count(b"host") != 1:
            raise ValueError(
                "a request names one host"
            )  # RFC 9112, section 3.2; the parser tells uvicorn, which answers 400
        self.url = self.url[: MAX_TARGET + 2]
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The end of a response; it may have been given before the end of the request, for whose rest nobody waits."""
        super().on_response_complete()
        if self.stage is Stage.BODY and not self.transport.is_closing():
            self._expect_head()

    def on_message_complete(self) -> None:
        """The end of a request."""
        self.stage = Stage.WHOLE
        super().on_message_complete()
