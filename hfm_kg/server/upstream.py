"""Another SPARQL endpoint that evaluates what visitors ask, behind the same limits as evaluators of our own.

A query is first evaluated over an empty graph, by an evaluator that can neither read nor ask anything. So what does not
parse, asks for another machine, or wants a format that there is not, is refused as over a snapshot, and only SPARQL 1.1
without the extensions of other engines goes further. Upstream is then asked for the two formats that all engines
write; whoever no longer waits for an answer closes the connection, which engines take as the end of the query.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sized
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from hfm_kg import remote
from hfm_kg.errors import (
    BusyError,
    ClientBusyError,
    DeadlineError,
    EndpointError,
    EvaluationError,
    HfmError,
    QuerySyntaxError,
    UsageError,
)
from hfm_kg.server.bounds import Limits
from hfm_kg.server.distant import Distant
from hfm_kg.server.frames import Job
from hfm_kg.server.pool import Pool
from hfm_kg.server.runs import Answer
from hfm_kg.sparql import GRAPH_FORMATS, SOLUTION_FORMATS, Format, Solution, is_graph_query
from hfm_kg.store import Snapshot

NAME: Final = "the upstream endpoint"
"""What clients are told instead of its address, which may be nobody's business."""
CONNECT: Final = 5.0
"""Seconds in which upstream must accept a connection."""
SMALL: Final = 32 * 1024
"""Bytes of a result that are converted sooner than a thread is begun."""
READ: Final = 60.0
"""Seconds in which upstream must answer a query of a page's."""
PROBE: Final = "ASK {}"
UNREACHED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL, UnicodeError)
TELLING: Final = ("content-type", "retry-after", remote.VIRTUOSO_CUT)
ESCAPED: Final = re.compile(r"\\u00[0-7][0-9a-f]|\\U000000[0-7][0-9a-f]", re.IGNORECASE)
"""A letter of ASCII by its number. Some engines read it before they tell strings from keywords, and some do not."""


@dataclass(frozen=True)
class Address:
    """Where upstream is, and what it may be asked."""

    url: str
    """May hold parameters, ``default-graph-uri`` say, and a user's name and password."""
    at_once: int = 16
    """Queries that it evaluates at once."""
    age: float = 300
    """Seconds for which its answers, and what pages know of it, are taken as still right."""

    def __repr__(self) -> str:
        return f"Address({httpx.URL(self.url).copy_with(username=None, password=None, query=None)})"

    def open(self) -> Distant:
        """The quads that are there."""
        return Distant(partial(_select, self.url, httpx.Client(timeout=httpx.Timeout(READ, connect=CONNECT))))

    def without_dataset(self) -> str:
        """The address for queries that name their own dataset."""
        url = httpx.URL(self.url)
        kept = [(key, value) for key, value in url.params.multi_items() if not key.endswith("-graph-uri")]
        return str(url.copy_with(params=kept))


class Upstream:
    """The endpoint at an address, as an engine."""

    def __init__(self, address: Address, limits: Limits) -> None:
        self.address, self.limits = address, limits
        self.folder = tempfile.TemporaryDirectory(prefix="hfm-kg-")
        nothing = Snapshot(Path(self.folder.name), {})
        nothing.dump.touch()
        self.checks = Pool(nothing, limits)
        self.clients: Counter[str] = Counter()
        self.turns = asyncio.Semaphore(address.at_once)
        self.queue: set[asyncio.Task[object] | None] = set()
        self.down = ""
        """Why upstream cannot be asked, since the last try; empty after a good one."""
        most = httpx.Limits(max_connections=address.at_once + 1, max_keepalive_connections=address.at_once)
        self.http = httpx.AsyncClient(limits=most, timeout=httpx.Timeout(None, connect=CONNECT))
        self.pages = httpx.Client(timeout=httpx.Timeout(READ, connect=CONNECT))

    @property
    def version(self) -> str:
        """Of no name, since the data may change."""
        return ""

    @property
    def origin(self) -> Address:
        """See :class:`hfm_kg.server.engine.Engine`."""
        return self.address

    @property
    def trouble(self) -> str:
        """See :class:`hfm_kg.server.engine.Engine`."""
        return self.down or self.checks.trouble

    @property
    def waiting(self) -> Sized:
        """Queries that wait for an evaluator or for upstream."""
        return range(len(self.checks.waiting) + len(self.queue))

    @property
    def idle(self) -> Sized:
        """See :class:`hfm_kg.server.engine.Engine`."""
        return self.checks.idle

    @property
    def alive(self) -> int:
        """See :class:`hfm_kg.server.engine.Engine`."""
        return self.checks.alive

    @property
    def kills(self) -> Mapping[str, int]:
        """See :class:`hfm_kg.server.engine.Engine`."""
        return self.checks.kills

    def select(self, query: str) -> list[Solution]:
        """The solutions of a query of our own, for pages. Raises EndpointError and DeadlineError."""
        return _select(self.address.url, self.pages, query)

    async def start(self) -> None:
        """Start the evaluators. Raises EvaluationError if they cannot live."""
        await self.checks.start()

    async def close(self) -> None:
        """End the evaluators, and all connections."""
        await self.checks.close()
        await self.http.aclose()
        self.abandon()

    def abandon(self) -> None:
        """End what there is of an engine that was not started."""
        self.pages.close()
        self.checks.abandon()
        self.folder.cleanup()

    async def probe(self) -> None:
        """Find out whether upstream can be asked again."""
        with suppress(HfmError, TimeoutError):
            async with asyncio.timeout(CONNECT):
                await self._ask(Job(PROBE), remote.JSON)

    async def evaluate(self, job: Job, client: str = "", timeout: float | None = None) -> Answer:
        """Have a query of a client evaluated.

        Raises what the query's own mistakes raise, DeadlineError, EvaluationError over a result that is too large,
        BusyError, ClientBusyError, and EndpointError if upstream fails. A caller that is cancelled stops the query.
        """
        if self.clients[client] >= self.limits.per_client:
            raise ClientBusyError(f"you have {self.clients[client]} queries under way; wait for one to end", 1)
        seconds = min(timeout or self.limits.timeout, self.limits.timeout)
        self.clients[client] += 1
        try:
            async with asyncio.timeout(seconds):
                form = await self._check(job, client, seconds)
                async with self._turn():
                    content = await self._ask(job, form)
                told = NAME, content, job.query, form
                is_small = len(content) < SMALL
                converted = remote.convert(*told) if is_small else await asyncio.to_thread(remote.convert, *told)
        except TimeoutError:
            raise DeadlineError(f"the query took longer than {seconds:g} seconds and was stopped") from None
        finally:
            self.clients[client] -= 1
            if not self.clients[client]:
                del self.clients[client]
        if len(converted) > self.limits.result:
            raise self._too_large()
        return Answer(form.content_type, converted)

    async def _check(self, job: Job, client: str, seconds: float) -> Format:
        """The format of the result, if the query is one that may be asked."""
        if ESCAPED.search(job.query):
            raise UsageError("write letters of ASCII as they are, not as \\u and their numbers")
        answer = await self.checks.evaluate(job, client, seconds)
        if answer.rest is not None:  # what it gives over nothing is large already
            await answer.rest.aclose()
        offered = GRAPH_FORMATS if is_graph_query(job.query) else SOLUTION_FORMATS
        return next(form for form in offered if form.content_type == answer.content_type)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until upstream may be asked. Raises BusyError if too many wait already."""
        if self.turns.locked() and len(self.queue) >= self.limits.queue:
            raise BusyError(f"{len(self.queue)} queries wait already; try again later", 2)
        task = asyncio.current_task()
        self.queue.add(task)
        try:
            await self.turns.acquire()
        finally:
            self.queue.discard(task)
        try:
            yield
        finally:
            self.turns.release()

    async def _ask(self, job: Job, form: Format) -> bytes:
        """What upstream answers, in a format that :func:`remote.convert` reads."""
        graphs = {"default-graph-uri": list(job.default_graph), "named-graph-uri": list(job.named_graphs)}
        names_graphs = any(graphs.values())
        address = self.address.without_dataset() if names_graphs else self.address.url
        fields = {"query": remote.with_prefixes(job.query), **graphs}
        asked = remote.asked(job.query)
        content = bytearray()
        try:
            accept = {"Accept": ", ".join(asked.media_types)}
            async with self.http.stream("POST", address, data=fields, headers=accept) as answer:
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > self.limits.result:
                        raise self._too_large()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            self.down = f"{NAME} {'cannot be reached' if isinstance(error, UNREACHED) else 'broke the connection off'}"
            raise EndpointError(self.down) from error
        self.down = ""
        _judge(httpx.Response(answer.status_code, headers=_telling(answer), content=bytes(content)), job.query)
        return bytes(content)

    def _too_large(self) -> EvaluationError:
        return EvaluationError(f"the result is larger than {self.limits.result} bytes; ask for less with LIMIT")


def _select(url: str, client: httpx.Client, query: str) -> list[Solution]:
    """What pages read. The errors do not tell the address."""
    try:
        return remote.select(url, query, client, NAME)
    except UsageError as error:  # of which no visitor is to blame
        raise EndpointError(str(error)) from None


def _telling(answer: httpx.Response) -> dict[str, str]:
    """Those header fields of an answer that tell what it is, of a body that was decoded."""
    return {name: answer.headers[name] for name in TELLING if name in answer.headers}


def _judge(answer: httpx.Response, query: str) -> None:
    """Raise what an answer tells that is no result; nothing of it reaches a client but a first line."""
    if answer.status_code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
        pause = answer.headers.get("retry-after", "")
        raise BusyError(remote.told(NAME, answer), int(pause) if pause.isdecimal() else 2)
    try:
        remote.check(NAME, answer, query)
    except (QuerySyntaxError, DeadlineError, EndpointError):
        raise
    except UsageError as error:  # it wants another address or credentials, which is no mistake of the client's
        raise EndpointError(str(error)) from None
