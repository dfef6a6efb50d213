"""Another SPARQL endpoint that evaluates what visitors ask, behind the same limits as evaluators of our own.

A query is first evaluated over an empty graph, by an evaluator that can neither read nor ask anything. So what does not
parse, asks for another machine, or wants a format that there is not, is refused as over a snapshot, and only SPARQL 1.1
without the extensions of other engines goes further. Upstream is then asked for the two formats that all engines
write; whoever no longer waits for an answer closes the connection, which engines take as the end of the query.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping, Sized
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from hfm_kg import remote
from hfm_kg.errors import DeadlineError, EndpointError, HfmError, UsageError
from hfm_kg.server.bounds import Limits
from hfm_kg.server.distant import Distant
from hfm_kg.server.frames import Job
from hfm_kg.server.pool import Pool
from hfm_kg.server.runs import Answer
from hfm_kg.server.turns import Turns, counted
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
        select = partial(_select, self.url, httpx.Client(timeout=httpx.Timeout(READ, connect=CONNECT)))
        return Distant(select, self.default_graphs())

    def default_graphs(self) -> list[str]:
        """The named graphs that make up the default graph, where the address tells."""
        return httpx.URL(self.url).params.get_list("default-graph-uri")

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
        self.turns = Turns(address.at_once, limits.queue)
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
        return range(len(self.checks.waiting) + len(self.turns.waiting))

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
                await self._ask(Job(PROBE))

    async def evaluate(self, job: Job, client: str = "", timeout: float | None = None) -> Answer:
        """Have a query of a client evaluated.

        Raises what the query's own mistakes raise, DeadlineError, EvaluationError over a result that is too large,
        BusyError, ClientBusyError, and EndpointError if upstream fails. A caller that is cancelled stops the query.
        """
        seconds = min(timeout or self.limits.timeout, self.limits.timeout)
        with counted(self.clients, client, self.limits.per_client):
            try:
                async with asyncio.timeout(seconds):
                    form = await self._check(job, client, seconds)
                    async with self.turns.turn():
                        content = await self._ask(job)
                    told = NAME, content, job.query, form
                    is_small = len(content) < SMALL
                    converted = remote.convert(*told) if is_small else await asyncio.to_thread(remote.convert, *told)
            except TimeoutError:
                raise DeadlineError(f"the query took longer than {seconds:g} seconds and was stopped") from None
        if len(converted) > self.limits.result:
            raise remote.too_large("the result", self.limits.result)
        return Answer(form.content_type, converted)

    async def check(self, job: Job, client: str = "", timeout: float | None = None) -> None:
        """See :class:`hfm_kg.server.engine.Engine`."""
        with counted(self.clients, client, self.limits.per_client):
            await self._check(job, client, min(timeout or self.limits.timeout, self.limits.timeout))

    async def _check(self, job: Job, client: str, seconds: float) -> Format:
        """The format of the result, if the query is one that may be asked."""
        remote.refuse_escapes(job.query)
        answer = await self.checks.evaluate(job, client, seconds)
        if answer.rest is not None:  # what it gives over nothing is large already
            await answer.rest.aclose()
        offered = GRAPH_FORMATS if is_graph_query(job.query) else SOLUTION_FORMATS
        return next(form for form in offered if form.content_type == answer.content_type)

    async def _ask(self, job: Job) -> bytes:
        """What upstream answers, in a format that :func:`remote.convert` reads."""
        graphs = {"default-graph-uri": list(job.default_graph), "named-graph-uri": list(job.named_graphs)}
        names_graphs = any(graphs.values())
        address = self.address.without_dataset() if names_graphs else self.address.url
        fields = {"query": remote.with_prefixes(job.query), **graphs}
        try:
            answer = await remote.read(self.http, address, fields, remote.asked(job.query), self.limits.result)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            self.down = f"{NAME} {'cannot be reached' if isinstance(error, UNREACHED) else 'broke the connection off'}"
            raise EndpointError(self.down) from error
        self.down = ""
        remote.judge(NAME, answer, job.query)
        return answer.content


def _select(url: str, client: httpx.Client, query: str) -> list[Solution]:
    """What pages read. The errors do not tell the address."""
    try:
        return remote.select(url, query, client, NAME)
    except UsageError as error:  # of which no visitor is to blame
        raise EndpointError(str(error)) from None
