"""Ready-made answers of a snapshot, which never changes: by query, dataset and what the client accepts.

Equal queries that are under way at the same time are evaluated once. Answers are dropped, the longest unused first,
when together they are larger than the cache may be.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from hfm_kg.server.coding import CODINGS
from hfm_kg.server.frames import Job
from hfm_kg.server.records import note
from hfm_kg.server.runs import Answer
from hfm_kg.sparql import tokens

CHANGING: Final = frozenset({"NOW", "RAND", "UUID", "STRUUID", "BNODE"})
"""Functions whose value is another one each time."""
OVERHEAD: Final = 2000
"""Bytes that an answer takes beside its body and what was asked: names, objects."""
LETTER: Final = 4
"""Bytes of a letter in memory at the most."""


def is_changing(query: str) -> bool:
    """Whether a query may have another answer each time.

    >>> is_changing("SELECT (now() AS ?x) {}"), is_changing("ASK { ?s ?p 'NOW' }")
    (True, False)
    """
    text = query.upper()
    # to tell words from text takes longer than to see that there is no such word anywhere
    return any(word in text for word in CHANGING) and not CHANGING.isdisjoint(tokens(query))


@dataclass(frozen=True)
class Cached:
    """A whole answer."""

    content_type: str
    body: bytes = field(repr=False)
    etag: str
    """Strong entity tag of the body: RFC 9110, section 8.8.3."""
    asked: int
    """Letters of the job, which is kept with the answer and may be far longer."""

    coded: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """The body in those content codings that were asked for."""

    @classmethod
    def of(cls, content_type: str, body: bytes) -> Cached:
        """An answer that no query gave: a page or a file."""
        return cls(content_type, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', 0)

    def encoded(self, coding: str) -> bytes:
        """The body in a content coding, "" for none."""
        if not coding:
            return self.body
        if coding not in self.coded:
            self.coded[coding] = CODINGS[coding](self.body)
        return self.coded[coding]

    @property
    def size(self) -> int:
        """Bytes in memory at the most: the body, as large again in codings that do not shrink it, job and objects."""
        return (1 + len(CODINGS)) * len(self.body) + LETTER * self.asked + OVERHEAD


@dataclass
class Flight:
    """A query under way, and how many wait for it."""

    task: asyncio.Task[Cached | Answer]
    waiting: int = 0


class Cache:
    """Answers by job. ``snapshot`` names the data, or nothing if they may change; ``limit`` is in bytes."""

    def __init__(self, snapshot: str, limit: int) -> None:
        self.snapshot, self.limit = snapshot, limit
        self.answers: OrderedDict[Job, Cached] = OrderedDict()
        self.flights: dict[Job, Flight] = {}
        self.size = self.hits = self.misses = 0

    def get(self, job: Job) -> Cached | None:
        """The answer to a job, if it is there."""
        if (found := self.answers.get(job)) is None:
            self.misses += 1
            return None
        self.hits += 1
        self.answers.move_to_end(job)
        return found

    async def answer(self, job: Job, evaluate: Callable[[], Awaitable[Answer]]) -> Cached | Answer:
        """The answer to a job, evaluated unless it is there or under way; an answer that is streamed is nobody else's.

        A caller that is cancelled leaves the evaluation to others that wait for it; the last one stops it.
        """
        if (found := self.get(job)) is not None:
            note(outcome="cached")
            return found
        if is_changing(job.query):
            return await evaluate()
        flight = self.join(job, evaluate)
        try:
            answer = await asyncio.shield(flight.task)
        finally:
            self.leave(job, flight)
        return answer if isinstance(answer, Cached) or answer.take() else await evaluate()

    def join(self, job: Job, evaluate: Callable[[], Awaitable[Answer]]) -> Flight:
        """Wait for a job that is under way, or is from now on; to be left in any case."""
        flight = self.flights.get(job)
        if flight is None:
            flight = self.flights[job] = Flight(asyncio.create_task(self._evaluated(job, evaluate)))
        flight.waiting += 1
        return flight

    def leave(self, job: Job, flight: Flight) -> None:
        """Wait for a job no longer, or have its answer; one that nobody waits for is stopped."""
        flight.waiting -= 1
        if flight.task.done() or not flight.waiting:
            flight.task.cancel()
            if self.flights.get(job) is flight:
                del self.flights[job]

    async def _evaluated(self, job: Job, evaluate: Callable[[], Awaitable[Answer]]) -> Cached | Answer:
        answer = await evaluate()
        return answer if answer.rest is not None else self._keep(job, answer)

    def _keep(self, job: Job, answer: Answer) -> Cached:
        graphs = "\0".join((*job.default_graph, "", *job.named_graphs))
        named = "\0".join((self.snapshot, answer.content_type, job.query, graphs)).encode()
        if not self.snapshot:
            named += b"\0" + answer.head
        digest = hashlib.sha256(named).hexdigest()[:32]
        asked = len(job.query) + len(job.accept or "") + len(job.format_name or "") + len(graphs)
        cached = Cached(answer.content_type, answer.head, f'"{digest}"', asked)
        if (size := cached.size) <= self.limit // 8:  # one large answer must not drive out all others
            self.answers[job] = cached
            self.size += size
            while self.size > self.limit:
                _, dropped = self.answers.popitem(last=False)
                self.size -= dropped.size
        return cached
