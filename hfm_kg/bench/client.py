"""The load client: keeps a number of connections busy with requests, and counts and times the answers.

Started as ``python -m hfm_kg.bench.client`` in a process of its own, so that it and what it measures wait for nothing
of each other; reads a :class:`Task` as JSON from standard input, and writes a :class:`Sample` as JSON. It imports the
standard library alone, and so starts within a tenth of a second. Requests are sent as they are; a connection that the
server closes is opened again (RFC 9112, section 9.3).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

LATE = 60
"""Seconds after which an answer is not waited for."""


@dataclass(frozen=True)
class Task:
    """What is to be done."""

    host: str
    port: int
    requests: list[list[str]]
    """Each in two parts; where ``first`` is not None, a number that no other request has goes between them."""
    clients: int
    seconds: float
    first: int | None = None
    pause: float = 0
    """Seconds between an answer and the client's next request."""
    finishes: bool = False
    """Whether answers that are under way at the end are waited for, and count: the slowest would be missed else."""
    sources: list[str] = field(default_factory=list)
    """Addresses that the clients come from, in turn; by default what the system chooses."""


@dataclass(frozen=True)
class Sample:
    """What came of it: times in milliseconds, over the answers with status 200."""

    requests: int
    seconds: float
    p50: float
    p99: float
    failures: dict[str, int]
    """How often each status other than 200 was answered, or a connection failed, by status or error."""

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return self.requests / self.seconds


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the sorted values that ``percent`` of them do not exceed (nearest rank); NaN of none.

    >>> percentile([1, 2, 3, 4], 50), percentile([1, 2, 3, 4], 99)
    (2, 4)
    """
    if not values:
        return math.nan
    return values[max(0, math.ceil(percent / 100 * len(values)) - 1)]


class Client:
    """One of the clients: asks, waits for the answer, asks again."""

    def __init__(self, task: Task, source: str | None, requests: Iterator[bytes], ends: float) -> None:
        self.task, self.source, self.requests, self.ends = task, source, requests, ends
        self.times: list[float] = []
        self.failures: Counter[str] = Counter()
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Ask until the time is over."""
        now = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(None if self.task.finishes else self.ends):
                while now() < self.ends:
                    await self.ask(next(self.requests))
                    await asyncio.sleep(self.task.pause)
        except TimeoutError:
            pass
        finally:
            self.close()

    async def ask(self, request: bytes) -> None:
        """Send one request, and note how its answer turned out."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(LATE):
                if self.writer is None:
                    address = (self.source, 0) if self.source else None
                    self.reader, self.writer = await asyncio.open_connection(
                        self.task.host, self.task.port, local_addr=address, limit=2**22
                    )
                self.writer.write(request)
                status, stays = await self.answer()
        except (OSError, EOFError, ValueError) as error:  # a time-out is an OSError, an answer cut short an EOFError
            self.failures[type(error).__name__] += 1
            self.close()
            await asyncio.sleep(0.01)  # a server that refuses connections is not to be drowned in them
            return
        if status == 200:
            self.times.append(1000 * (time.perf_counter() - began))
        else:
            self.failures[str(status)] += 1
        if not stays:
            self.close()

    async def answer(self) -> tuple[int, bool]:
        """Read one answer to its end: its status, and whether the connection stays."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        first, *lines = head.rstrip("\r\n").split("\r\n")
        headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            while size := int((await self.reader.readline()).partition(b";")[0], 16):
                await self.reader.readexactly(size + 2)
            while (await self.reader.readline()).strip():
                pass
        elif "content-length" in headers:
            await self.reader.readexactly(int(headers["content-length"]))
        else:
            await self.reader.read()
            return int(first.split()[1]), False
        return int(first.split()[1]), headers.get("connection") != "close" and first.startswith("http/1.1")

    def close(self) -> None:
        """Leave the connection."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None


def _requests(task: Task) -> Iterator[bytes]:
    """The requests in turn, for ever."""
    if task.first is None:
        yield from itertools.cycle([(before + after).encode() for before, after in task.requests])
    parts = [(before.encode(), after.encode()) for before, after in task.requests]
    for number, (before, after) in zip(itertools.count(task.first or 0), itertools.cycle(parts)):
        yield before + b"%012d" % number + after


async def measure(task: Task) -> Sample:
    """Do the task."""
    requests = _requests(task)
    sources = itertools.cycle(task.sources or [None])
    began = time.perf_counter()
    ends = asyncio.get_running_loop().time() + task.seconds
    clients = [Client(task, source, requests, ends) for _, source in zip(range(task.clients), sources, strict=False)]
    await asyncio.gather(*(client.run() for client in clients))
    seconds = time.perf_counter() - began
    times = sorted(itertools.chain.from_iterable(client.times for client in clients))
    failures = sum((client.failures for client in clients), Counter[str]())
    return Sample(len(times), seconds, percentile(times, 50), percentile(times, 99), dict(failures))


def main() -> None:
    """Read a task, do it, and write what came of it."""
    sample = asyncio.run(measure(Task(**json.load(sys.stdin))))
    json.dump(asdict(sample), sys.stdout)


if __name__ == "__main__":
    main()
