"""An evaluator as the front sees it: a process, and the way to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol, cast

from hfm_kg.server.frames import HEADER, Job, Kind

PAGE: Final = os.sysconf("SC_PAGE_SIZE")
LOWER: Final = 10
"""By how much the priority (nice) of slow queries is lower: they get a tenth of a processor beside another one, so that
they still come to an end."""


class Listener(Protocol):
    """Whoever has evaluators."""

    def heard(self, evaluator: Evaluator, kind: Kind, payload: bytes) -> None:
        """An evaluator has said something."""

    def lost(self, evaluator: Evaluator) -> None:
        """An evaluator cannot be reached any more: it has died, or was killed."""


class Evaluator(asyncio.Protocol):
    """A process that evaluates, and the way to it."""

    transport: asyncio.Transport

    def __init__(self, process: int, connection: socket.socket, generation: int, listener: Listener) -> None:
        self.process, self.connection, self.generation, self.listener = process, connection, generation, listener
        """The generation counts the parents; an evaluator dies with its own."""
        self.born = asyncio.get_running_loop().time()
        """When, by the loop's clock."""
        self.has_died = False
        """Whether it has ended by itself; its number may then be another process's."""
        self.is_replaced = False
        """Whether another one has its place."""
        self.net = self.data()
        """Bytes of data that it has without any query."""
        self.received = bytearray()
        """The beginning of a frame."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop; hands on the frames that are whole, mostly one."""
        said: bytes | bytearray = data
        if self.received:
            self.received += data
            said = self.received
        start, there = 0, len(said)
        while there - start >= HEADER.size:
            kind, length = HEADER.unpack_from(said, start)
            end = start + HEADER.size + length
            if end > there:
                break
            self.listener.heard(self, Kind(kind), bytes(said[start + HEADER.size : end]))
            start = end
        if start or not self.received:
            self.received = bytearray(said[start:])

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop when the process has died."""
        self.listener.lost(self)

    def read_on(self) -> None:
        """Hear again what it says, after its transport was told to pause."""
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def kill(self) -> None:
        """End the process, whatever it does."""
        if not self.has_died:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGKILL)
        self.transport.abort()

    def send(self, jobs: Iterable[Job]) -> None:
        """Give it jobs, at once: what a transport is given leaves when all that came meanwhile has been dealt with.

        Raises ConnectionError if it has died.
        """
        if self.transport.is_closing():
            raise ConnectionResetError
        said = b"".join([job.frame() for job in jobs])
        sent = 0
        if not self.transport.get_write_buffer_size():
            try:
                sent = self.connection.send(said)
            except ConnectionError:
                raise
            except OSError:
                pass  # there is no room now; the transport tries again
        if sent < len(said):
            self.transport.write(said[sent:])

    def sink(self) -> None:
        """Let what is quick go first; there is no way back without root."""
        if self.has_died:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has died just now
            usual = os.getpriority(os.PRIO_PROCESS, self.process)
            os.setpriority(os.PRIO_PROCESS, self.process, usual + LOWER)

    def data(self) -> int:
        """Bytes of data that the process may touch (proc(5), statm); 0 where that cannot be told."""
        try:
            return int(Path(f"/proc/{self.process}/statm").read_bytes().split()[5]) * PAGE
        except (OSError, IndexError):
            return 0
