"""What was learnt from earlier requests, so that the like of them need neither be parsed nor routed again.

The very bytes of a request that was answered from the cache have the same answer as long as the cache keeps it. And
clients change the query more often than their header fields: a block of fields that was read once is read for good.
"""

from __future__ import annotations

import re
import weakref
from binascii import a2b_qp
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers

from hfm_kg.server.cache import Cache, Cached
from hfm_kg.server.frames import Job
from hfm_kg.server.representation import Representation, Wish

LONGEST: Final = 16 * 1024
"""Bytes of a request that is remembered."""
OVERHEAD: Final = 1000
"""Bytes that a remembered request takes beside itself: the header of its response, objects."""
MANY: Final = 100
"""Blocks of header fields that are remembered; the programs that talk to one server are fewer."""
SHARE: Final = 8
"""The part of the cache's bytes that remembered requests may take in addition."""

PLAIN: Final = re.compile(rb"GET /sparql\?query=([!$-%'-~]+) HTTP/1\.1\r\n")
"""The line of a request with a query and no other parameter."""

MEANINGFUL: Final = (
    "content-length",
    "expect",
    "forwarded",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
)
"""Fields that say more of a request than what its sender accepts."""
KEPT: Final = "keep-alive"
"""What a connection may be told to do, for that is what it does anyway."""


@dataclass(frozen=True)
class Ready:
    """The response to a request: an answer in the cache, and what is sent before it."""

    job: Job
    kept: weakref.ref[Cached]
    shown: Representation
    is_head: bool
    """Whether HEAD asked, so that no body follows."""

    def body(self) -> bytes:
        """What is sent after the header."""
        answer = self.kept()
        return b"" if answer is None or self.is_head else self.shown.body(answer)


class Shortcut:
    """Requests that were answered from a cache, and header fields that were read."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.ready: dict[bytes, Ready] = {}
        self.size = 0
        """Bytes of what is remembered."""
        self.read: dict[bytes, Wish] = {}

    def find(self, request: bytes) -> Ready | None:
        """The response to the very bytes of a request."""
        ready = self.ready.get(request)
        if ready is None:
            return None
        answer = ready.kept()
        if answer is None or self.cache.answers.get(ready.job) is not answer:
            self._forget(request)
            return None
        self.cache.get(ready.job)  # counts, and is the last that was used
        return ready

    def read_fields(self, request: bytes, headers: Headers) -> None:
        """Remember what a request's block of header fields says, if that is no more than what its sender accepts."""
        _, _, block = request.partition(b"\r\n")
        if block in self.read or len(request) > LONGEST:
            return
        if not any(name in headers for name in MEANINGFUL) and headers.get("connection", KEPT).lower() == KEPT:
            self.read[block] = Wish.of(headers)
            if len(self.read) > MANY:
                del self.read[next(iter(self.read))]

    def learn(self, request: bytes, job: Job, answer: Cached, shown: Representation) -> Ready:
        """Remember the bytes of a request, and how it was answered: the response."""
        ready = Ready(job, weakref.ref(answer), shown, request.startswith(b"HEAD"))
        if len(request) <= LONGEST and self.cache.answers.get(job) is answer:
            self._forget(request)
            self.ready[request] = ready
            self.size += len(request) + OVERHEAD
            while self.size > self.cache.limit // SHARE:
                self._forget(next(iter(self.ready)))
        return ready

    def job(self, request: bytes) -> tuple[Job, Wish] | None:
        """The job of a request that has nothing but a query, and header fields that were read before."""
        line = PLAIN.match(request)
        if line is None or len(request) > LONGEST or (wish := self.read.get(request[line.end() :])) is None:
            return None
        try:
            return Job(unquoted(line[1]).decode(), accept=wish.accept), wish
        except ValueError:
            return None

    def _forget(self, request: bytes) -> None:
        if self.ready.pop(request, None) is not None:
            self.size -= len(request) + OVERHEAD


def unquoted(text: bytes) -> bytes:
    """A value of a form without its escapes. Raises ValueError if one of them is not whole.

    Quoted-printable has the same escapes after another sign, and the library's decoder of it is ten times faster than
    that of addresses.

    >>> unquoted(b"ASK+%7B%7D")
    b'ASK {}'
    """
    plain = a2b_qp(text.replace(b"+", b" ").replace(b"=", b"=3D").replace(b"%", b"="))
    if len(plain) != len(text) - 2 * text.count(b"%"):
        raise ValueError("a percent sign is followed by something else than two digits")
    return plain
