"""What is known of a request while it is answered: its id, and what becomes of it; told to the log and the metrics."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = b"x-request-id"
"""What the client, or a proxy before us, calls the request; sent back with the answer."""
SANE: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""A request id that is taken over; any other could be meant to mislead the reader of a log."""


PROCESS: Final = secrets.token_hex(4)
"""Begins the ids that this process gives to requests."""
_numbers: Final = itertools.count()


def request_id() -> str:
    """An id for a request that has none: no other one has it, and it keeps no secret."""
    return f"{PROCESS}{next(_numbers):08x}"


@dataclass
class Record:
    """One request, filled in while it is answered."""

    request_id: str
    method: str
    path: str
    """As it was sent, with its escapes."""
    client: str
    started: float = field(default_factory=time.perf_counter)
    seconds: float = 0
    """From the request's head to the last byte that was handed over."""
    route: str = ""
    """The pattern of the path; empty if there was none."""
    status: int = 0
    size: int = 0
    """Bytes of the body."""
    outcome: str = ""
    """``ok``, ``cached``, ``refused`` (the client's mistake), ``busy``, ``deadline``, ``killed``, ``cut`` (a result
    that was broken off), ``left`` (the client has), ``stopping`` or ``failed``."""
    query: str | None = None
    """What was asked, if anything was."""
    is_whole: bool = False
    """Whether the last byte of the answer was handed over."""

    @classmethod
    def of(cls, scope: Scope) -> Record:
        """What is known when the head has been read."""
        given = next((value for name, value in scope["headers"] if name == HEADER and SANE.fullmatch(value)), None)
        client = scope.get("client")
        return cls(
            given.decode("ascii") if given else request_id(),
            scope["method"],
            scope["raw_path"].decode("ascii", "backslashreplace"),
            client[0] if client else "",
        )

    def end(self, scope: Scope) -> None:
        """Nothing more is sent."""
        self.seconds = time.perf_counter() - self.started
        self.route = getattr(scope.get("route"), "path", "")
        if not self.is_whole or self.status == GONE:
            self.outcome = self.outcome if self.outcome in ("cut", "stopping") else "left"
        elif not self.outcome:
            self.outcome = "ok" if self.status < 400 else "refused" if self.status < 500 else "failed"


GONE: Final = 499
"""The status that is told nobody, since the client has left; no status of HTTP's own means that."""

_current: ContextVar[Record | None] = ContextVar("record", default=None)


def current() -> Record | None:
    """The record of the request that is being answered, None outside of one."""
    return _current.get()


def note(*, outcome: str | None = None, query: str | None = None) -> None:
    """Add to the record of the request that is being answered."""
    if (record := _current.get()) is not None:
        record.outcome = outcome or record.outcome
        record.query = query or record.query


class Recorded:
    """Gives each request of an application a record and an id, and tells of it when it has been answered."""

    def __init__(self, app: ASGIApp, count: Callable[[int], None], tell: Callable[[Record], None]) -> None:
        self.app, self.count, self.tell = app, count, tell
        """``count`` is told by how many the requests have become more that are being answered."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            scope.get("state", {})["observer"] = self
            await self.app(scope, receive, send)
            return
        record = Record.of(scope)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, record.request_id.encode("ascii"))]
            elif message["type"] == "http.response.body":
                record.size += len(message.get("body", b"")) if record.method != "HEAD" else 0
                record.is_whole = not message.get("more_body", False)
            await send(message)

        token = _current.set(record)
        self.count(1)
        try:
            await self.app(scope, receive, watched)
        finally:
            _current.reset(token)
            record.end(scope)
            self.count(-1)
            self.tell(record)

    def answered(
        self, request: bytes, client: str, status: int, size: int, seconds: float, query: str, *, is_cached: bool
    ) -> Iterable[tuple[bytes, bytes]]:
        """Tell of a request without an id of its own that was answered by the shortcut; the id that it gets."""
        method, target, _ = request.split(b" ", 2)
        record = Record(request_id(), method.decode(), target.partition(b"?")[0].decode(), client)
        record.route, record.status, record.size, record.query = record.path, status, size, query
        record.seconds, record.outcome, record.is_whole = seconds, "cached" if is_cached else "ok", True
        self.tell(record)
        return ((HEADER, record.request_id.encode("ascii")),)
