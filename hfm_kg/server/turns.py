"""Whose turn it is where only some may go at once, and how much of that one client may have."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from hfm_kg.errors import BusyError, ClientBusyError


class Turns:
    """Lets so many go at once, and so many wait."""

    def __init__(self, at_once: int, queue: int) -> None:
        self.free, self.queue = asyncio.Semaphore(at_once), queue
        self.waiting: set[asyncio.Task[object] | None] = set()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it. Raises BusyError if too many wait already."""
        if self.free.locked() and len(self.waiting) >= self.queue:
            raise BusyError(f"{len(self.waiting)} queries wait already; try again later", 2)
        task = asyncio.current_task()
        self.waiting.add(task)
        try:
            await self.free.acquire()
        finally:
            self.waiting.discard(task)
        try:
            yield
        finally:
            self.free.release()


@contextmanager
def counted(clients: Counter[str], client: str, most: int) -> Iterator[None]:
    """Count what is done meanwhile as a query of a client. Raises ClientBusyError if it has as many as it may."""
    if clients[client] >= most:
        raise ClientBusyError(f"you have {clients[client]} queries under way; wait for one to end", 1)
    clients[client] += 1
    try:
        yield
    finally:
        clients[client] -= 1
        if not clients[client]:
            del clients[client]
