"""Connections that do nothing are closed: nobody can hold the server by opening many of them."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from hfm_kg.server.problems import problem

_PROBLEM: Final = problem(503, "Service Unavailable", "there are too many connections", headers={"Retry-After": "2"})
FULL: Final = b"\r\n".join((
    b"HTTP/1.1 503 Service Unavailable",
    *(name + b": " + value for name, value in _PROBLEM.raw_headers),
    b"connection: close",
    b"",
    bytes(_PROBLEM.body),
))  # fmt: skip
"""What a client is told that is one too many."""


class Connection(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, which itself waits for a request's head, and for a reader, for ever.

    Within ``patience`` seconds the head of a request must be there, and of what was written the client must have taken
    some. Beyond ``most`` connections a client is sent away at once, whatever it wants.
    """

    def __init__(self, *given: Any, patience: float, most: int, **named: Any) -> None:
        super().__init__(*given, **named)
        self.patience, self.most = patience, most
        self.head: asyncio.TimerHandle | None = None
        self.reader: asyncio.TimerHandle | None = None

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
        self._head_is_there()
        self._client_reads()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; the time of its head, or of a body that nobody reads, runs from its first byte."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE:
            self._expect_head()
        else:
            self._head_is_there()

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
