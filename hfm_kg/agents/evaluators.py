"""The pool of evaluators as a source of answers: what agents ask runs under the guards of the HTTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hfm_kg import admission, source, sparql
from hfm_kg.server.bounds import Limits
from hfm_kg.server.frames import Job
from hfm_kg.server.pool import Pool
from hfm_kg.source import Source
from hfm_kg.store import Snapshot


class Guarded:
    """A source that only sees what is admitted. To be asked from other threads than that of an event loop."""

    def __init__(self, inner: Source, limits: Limits) -> None:
        self.inner, self.limits = inner, limits

    @property
    def name(self) -> str:
        """See :class:`Source`."""
        return self.inner.name

    def ask(self, query: str, timeout: float | None) -> sparql.Result:
        """See :meth:`Source.ask`. Raises QueryLimitError before anything looks at a query that is too large."""
        admission.admit(query, self.limits.shape)
        return self.inner.ask(query, min(timeout or self.limits.timeout, self.limits.timeout))


class Pooled:
    """A snapshot, asked by way of a pool that runs in an event loop of another thread."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self.pool, self.loop = pool, loop
        self.name = str(pool.snapshot.path)

    def ask(self, query: str, timeout: float | None) -> sparql.Result:
        """See :meth:`Source.ask`; and EvaluationError, BusyError."""
        graph = sparql.is_graph_query(query)
        job = Job(query, format_name="ntriples" if graph else "json")
        return source.read(asyncio.run_coroutine_threadsafe(self._body(job, timeout), self.loop).result(), graph)

    async def _body(self, job: Job, timeout: float | None) -> bytes:
        answer = await self.pool.evaluate(job, timeout=timeout)
        if answer.rest is None:
            return answer.head
        return answer.head + b"".join([part async for part in answer.rest])


@asynccontextmanager
async def evaluating(snapshot: Snapshot, limits: Limits) -> AsyncIterator[Source]:
    """Evaluators over a snapshot, which stays on disk until the context ends. Raises SnapshotError, EvaluationError."""
    with snapshot.held():
        pool = Pool(snapshot, limits)
        await pool.start()
        try:
            yield Guarded(Pooled(pool, asyncio.get_running_loop()), limits)
        finally:
            await pool.close()
