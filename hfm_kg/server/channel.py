"""An evaluator as the front sees it: a process, and the way to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Final, cast

from hfm_kg.server.bounds import MEGABYTE
from hfm_kg.server.frames import HEADER, Job, Kind

PAGE: Final = os.sysconf("SC_PAGE_SIZE")
LOWER: Final = 10
"""The priority (nice) of slow queries: a tenth of a processor beside another one, so that they still come to an end."""


class Evaluator(asyncio.Protocol):
    """A process that evaluates, and the way to it.

    A protocol of its own, since most answers are one frame: streams would wake the reader twice for it.
    """

    transport: asyncio.Transport

    def __init__(self, process: int, generation: int) -> None:
        self.process, self.generation = process, generation
        """Counts the parents; an evaluator dies with its own."""
        self.born = asyncio.get_running_loop().time()
        """When, by the loop's clock."""
        self.has_died = False
        """Whether it has ended by itself; its number may then be another process's."""
        self.is_replaced = False
        """Whether another one has its place."""
        self.net = self.data()
        """Bytes of data that it has without any query."""
        self.received = bytearray()
        self.arrival: asyncio.Future[None] | None = None
        """Of more bytes than there are."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self.received += data
        if len(self.received) >= MEGABYTE:
            self.transport.pause_reading()
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop when the process has died."""
        self._wake()

    def _wake(self) -> None:
        if self.arrival is not None and not self.arrival.done():
            self.arrival.set_result(None)

    def kill(self) -> None:
        """End the process, whatever it does."""
        if not self.has_died:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGKILL)
        self.transport.abort()

    def send(self, job: Job) -> None:
        """Give it a job. Raises ConnectionError if it has died."""
        if self.transport.is_closing():
            raise ConnectionResetError
        self.transport.write(job.frame())

    def sink(self) -> None:
        """Let what is quick go first; there is no way back without root."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has died just now
            os.setpriority(os.PRIO_PROCESS, self.process, LOWER)

    def data(self) -> int:
        """Bytes of data that the process may touch (proc(5), statm); 0 where that cannot be told."""
        try:
            return int(Path(f"/proc/{self.process}/statm").read_bytes().split()[5]) * PAGE
        except (OSError, IndexError):
            return 0

    async def frame(self) -> tuple[Kind, bytes]:
        """What the evaluator says next. Raises ConnectionError if it has died."""
        end = HEADER.size
        while True:
            if len(self.received) >= end:
                kind, length = HEADER.unpack_from(self.received)
                end = HEADER.size + length
                if len(self.received) >= end:
                    break
            if self.transport.is_closing():
                raise ConnectionResetError
            self.transport.resume_reading()
            self.arrival = asyncio.get_running_loop().create_future()
            await self.arrival
        payload = bytes(memoryview(self.received)[HEADER.size : end])
        del self.received[:end]
        return Kind(kind), payload
