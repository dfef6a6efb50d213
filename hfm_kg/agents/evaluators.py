"""An engine of the HTTP server as a source of answers: what agents ask runs under the same guards."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import anyio
from anyio import from_thread

from hfm_kg import admission, source, sparql
from hfm_kg.server.bounds import Limits
from hfm_kg.server.engine import Engine
from hfm_kg.server.frames import Job
from hfm_kg.server.pool import Pool
from hfm_kg.server.upstream import Address, Upstream
from hfm_kg.source import Source
from hfm_kg.store import Snapshot


class Guarded:
    """An engine that only sees what is admitted. To be asked from threads that anyio began in the engine's event loop.

    When the call is cancelled that the thread works for, its query is stopped.
    """

    def __init__(self, name: str, engine: Engine) -> None:
        self.name, self.engine = name, engine

    def ask(self, query: str, timeout: float | None) -> sparql.Result:
        """See :meth:`Source.ask`; and EvaluationError, BusyError, and QueryLimitError before anything is asked."""
        admission.admit(query, self.engine.limits.shape)
        graph = sparql.is_graph_query(query)
        job = Job(query, format_name="ntriples" if graph else "json")
        return source.read(from_thread.run(self._body, job, timeout), graph)

    async def _body(self, job: Job, timeout: float | None) -> bytes:
        if anyio.current_effective_deadline() == -math.inf:  # the call was cancelled between two queries
            raise asyncio.CancelledError
        answer = await self.engine.evaluate(job, timeout=timeout)
        if answer.rest is None:
            return answer.head
        return answer.head + b"".join([part async for part in answer.rest])


@asynccontextmanager
async def evaluating(graph: Snapshot | str, limits: Limits) -> AsyncIterator[Source]:
    """An engine over a snapshot, which stays on disk until the context ends, or over the endpoint at an address.

    Raises SnapshotError, EvaluationError.
    """
    with nullcontext() if isinstance(graph, str) else graph.held():
        engine: Engine = Upstream(Address(graph), limits) if isinstance(graph, str) else Pool(graph, limits)
        await engine.start()
        try:
            yield Guarded(graph if isinstance(graph, str) else str(graph.path), engine)
        finally:
            await engine.close()
