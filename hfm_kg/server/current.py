"""The application over whatever snapshot is current: a new one takes the place of the old one while requests go on.

Over another endpoint, which tells nobody when it changes, all is made anew after a while.
Everything that hangs on a snapshot (store, pages, evaluators, cache) is one application, made anew for each. A request
is answered to its end by the application that it came to.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

from pyoxigraph import Store
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from hfm_kg import catalog, mappings, store
from hfm_kg.errors import HfmError
from hfm_kg.server.answers import Answers
from hfm_kg.server.app import create_app
from hfm_kg.server.bounds import Limits
from hfm_kg.server.distant import Distant
from hfm_kg.server.federation import NOBODY, Services
from hfm_kg.server.metrics import Metrics
from hfm_kg.server.operations import PATHS, operations
from hfm_kg.server.pool import Pool
from hfm_kg.server.site import Site
from hfm_kg.server.upstream import Address, Upstream

POLL: Final = 1.0
"""Seconds between two looks at the folder of snapshots."""
LONGEST_PAUSE: Final = 60.0
"""Seconds between two tries to open a snapshot that cannot be opened."""
WARM: Final = 5.0
"""Seconds in which a new snapshot may prepare the answers that were last asked for."""

logger = logging.getLogger("hfm_kg.server")


@dataclass(frozen=True)
class Inputs:
    """What an application is made from, again with each snapshot."""

    folder: Path
    """The folder of snapshots."""
    queries: Path
    """The folder of the catalogue."""
    mappings: Path
    """The folder of mapping sets."""
    limits: Limits
    upstream: Address | None = None
    """The endpoint that is served instead of a snapshot."""
    services: Services = NOBODY
    """The endpoints that queries may ask."""


class Served:
    """A snapshot, or another endpoint, and the application over it. Raises HfmError if it cannot be opened."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs, self.made, self.users = inputs, time.monotonic(), 0
        """Requests that are being answered."""
        self.running = AsyncExitStack()
        with ExitStack() as opened:
            graph, engine, self.name = (_upstream if inputs.upstream else _snapshot)(inputs, opened)
            sets, _ = mappings.read(inputs.mappings)
            self.app: Starlette = create_app(graph, catalog.read(inputs.queries), engine, sets, inputs.services)
            self.answers: Answers = self.app.state.answers
            self.site: Site = self.app.state.site
            self.running.push(opened.pop_all())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self.users += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.users -= 1

    def is_current(self) -> bool:
        """Whether there is nothing newer to be served. Raises HfmError."""
        if self.inputs.upstream is not None:
            return time.monotonic() - self.made < self.inputs.upstream.age
        return store.current(self.inputs.folder).name == self.name

    def warm(self) -> None:
        """Have the pages read what they need, and the collector pass over it from now on.

        What pages need stays, a hundred thousand objects; each full collection would look through them all and hold
        every answer up meanwhile, for some ten milliseconds. What an earlier graph has left is looked through once.
        """
        self.site.warm()
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    async def start(self) -> None:
        """Start the evaluators. Raises HfmError."""
        await self.running.enter_async_context(self.app.router.lifespan_context(self.app))

    async def close(self, patience: float = 0) -> None:
        """End the evaluators, and let the snapshot go; requests have so many seconds to end by themselves."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self.users or self.answers.pool.clients:  # those of the shortcut are no requests here
                    await asyncio.sleep(0.01)
        await self.running.aclose()


def _snapshot(inputs: Inputs, opened: ExitStack) -> tuple[Store, Pool, str]:
    """The current snapshot: its quads, evaluators over it, and its name."""
    snapshot = store.current(inputs.folder)
    opened.enter_context(snapshot.held())
    pool = Pool(snapshot, inputs.limits)
    opened.callback(pool.abandon)
    pool.spawn()  # first, since it takes longest to read the snapshot
    return snapshot.open(), pool, snapshot.name


def _upstream(inputs: Inputs, opened: ExitStack) -> tuple[Distant, Upstream, str]:
    """The same of another endpoint, which has the name of the moment from which on it is read."""
    assert inputs.upstream is not None
    upstream = Upstream(inputs.upstream, inputs.limits)
    opened.callback(upstream.abandon)
    graph = Distant(upstream.select, inputs.upstream.default_graphs())
    return graph, upstream, f"upstream of {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


class Current:
    """The ASGI application. It opens the current snapshot when it is made; raises HfmError if it cannot."""

    def __init__(self, inputs: Inputs, metrics: Metrics, *, drain: float = 0, shows_metrics: bool = True) -> None:
        self.inputs, self.metrics, self.drain = inputs, metrics, drain
        self.served = Served(inputs)
        self.operations = operations(self, metrics if shows_metrics else None)
        self.state: dict[str, Any] = {}
        """What connections are told: the answers to look in first (ASGI, lifespan state)."""
        self.is_started = False
        self.is_stopping = False
        self.failure: HfmError | None = None
        """Why the application could not start."""
        self.look = asyncio.Event()
        """Set, lest the folder of snapshots is looked at only in a second."""
        self.retired: set[asyncio.Task[None]] = set()
        self.complaint = ""
        """What was last wrong with a new snapshot."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            self.state = scope.get("state", self.state)
            await self.live(receive, send)
            return
        app = self.operations if scope["path"] in PATHS else self.served
        await app(scope, receive, _closing(send) if self.is_stopping else send)

    def trouble(self) -> str:
        """Why no requests should be sent here; empty if they may come."""
        if self.is_stopping:
            return "the server stops"
        return self.served.answers.pool.trouble if self.is_started else "there are no evaluators yet"

    async def live(self, receive: Receive, send: Send) -> None:
        """Start and stop with the server (ASGI, lifespan)."""
        await receive()
        try:
            await self.served.start()
        except HfmError as error:
            self.failure = error
            await self.served.close()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        self.is_started = True
        self.state["answers"] = self.served.answers
        watching = asyncio.create_task(self.watch())
        with self.signals():
            await send({"type": "lifespan.startup.complete"})
            warming = asyncio.create_task(asyncio.to_thread(self.served.warm))  # while requests are answered
            await receive()
        self.is_stopping = True
        watching.cancel()
        for task in self.retired:
            task.cancel()
        await asyncio.gather(watching, warming, *self.retired, return_exceptions=True)
        await self.served.close()
        await send({"type": "lifespan.shutdown.complete"})

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGHUP has the folder looked at; SIGTERM ends the server, after a while in which it calls itself unready."""
        if threading.current_thread() is not threading.main_thread():  # the others get no signals
            yield
            return
        loop = asyncio.get_running_loop()
        stop = signal.getsignal(signal.SIGTERM)

        def hang_up(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.look.set)

        def terminate(number: int, frame: FrameType | None) -> None:
            assert callable(stop)
            first, self.is_stopping = not self.is_stopping, True
            self.state.pop("answers", None)  # from now on each answer closes its connection
            if first and self.drain:
                loop.call_soon_threadsafe(loop.call_later, self.drain, stop, number, None)
            else:
                stop(number, frame)

        earlier = signal.signal(signal.SIGHUP, hang_up)
        if callable(stop):
            signal.signal(signal.SIGTERM, terminate)
        try:
            yield
        finally:
            signal.signal(signal.SIGHUP, earlier)
            signal.signal(signal.SIGTERM, stop)

    async def watch(self) -> None:
        """Change to a new snapshot whenever there is one."""
        loop = asyncio.get_running_loop()
        pause, next_try = POLL, 0.0
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.look.wait(), POLL)
            self.metrics.observe(self.served.answers)
            if isinstance(self.served.answers.pool, Upstream) and self.served.answers.pool.down:
                await self.served.answers.pool.probe()
            if self.look.is_set():
                self.look.clear()
            elif loop.time() < next_try:
                continue
            try:
                await self.follow()
                pause, next_try, self.complaint = POLL, 0.0, ""
            except Exception as error:  # whatever is wrong with the new snapshot, the old one is served on
                self.complain(error)
                pause = min(2 * pause, LONGEST_PAUSE)
                next_try = loop.time() + pause

    def complain(self, error: Exception) -> None:
        """Log why a new snapshot is not served, once for each reason."""
        self.metrics.switches.labels("failed").inc()
        if str(error) != self.complaint:
            self.complaint = str(error)
            told = None if isinstance(error, HfmError) else error
            logger.error("graph %s is served on: %s", self.served.name, error, exc_info=told)

    async def follow(self) -> None:
        """Change to the current snapshot, if that is another than the one that is served. Raises HfmError."""
        if await asyncio.to_thread(self.served.is_current):
            return
        fresh = await asyncio.to_thread(Served, self.inputs)
        try:
            await fresh.start()
            await self.warm(fresh)
        except BaseException:
            await fresh.close()
            raise
        old, self.served = self.served, fresh
        self.state["answers"] = fresh.answers
        self.metrics.switches.labels("done").inc()
        logger.info("graph %s is served, %s no longer", fresh.name, old.name)
        task = asyncio.create_task(self.retire(old))
        self.retired.add(task)
        task.add_done_callback(self.retired.discard)

    async def warm(self, fresh: Served) -> None:
        """Have the new snapshot read what its pages need, and answer what was last asked of the old one."""
        await asyncio.to_thread(fresh.warm)
        jobs = list(reversed(self.served.answers.cache.answers))
        with suppress(TimeoutError):
            async with asyncio.timeout(WARM):
                for job in jobs:
                    with suppress(HfmError):
                        await fresh.answers.prepare(job)

    async def retire(self, old: Served) -> None:
        """Let the requests to an old snapshot end, and close it; no query may take longer than its deadline."""
        try:
            await old.close(self.inputs.limits.timeout + POLL)
        finally:
            await old.close()
            self.metrics.observe(old.answers, is_current=False)


def _closing(send: Send) -> Send:
    """Tells the client to come back by another connection, which then leads elsewhere."""

    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await send(message)

    return closing
