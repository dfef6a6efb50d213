"""SERVICE: other endpoints that an operator allows, asked by the front (SPARQL 1.1 Federated Query).

Evaluators have no network, and the engine would ask anybody. So each SERVICE is taken out of a query, its group is sent
to the endpoint as a query of its own, and the solutions are put in its place as inline data. That is what section 4
says: the group is evaluated by itself, and its solutions are joined with the rest.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import httpx
from pyoxigraph import BlankNode, QuerySolutions, Triple

from hfm_kg import remote, sparql
from hfm_kg.errors import (
    DeadlineError,
    EndpointError,
    EvaluationError,
    ForbiddenError,
    HfmError,
    QuerySyntaxError,
    UsageError,
)
from hfm_kg.server.bounds import MEGABYTE
from hfm_kg.server.clauses import Block, blocks, joined, trial, unparsed
from hfm_kg.server.engine import Engine
from hfm_kg.server.frames import Job
from hfm_kg.server.runs import Answer
from hfm_kg.server.turns import Turns, counted
from hfm_kg.sparql import Term

CONNECT: Final = 5.0
"""Seconds in which an endpoint must accept a connection."""
SHARE: Final = 0.8
"""The part of a query's time that its endpoints may take, so that some is left to evaluate the rest."""
ROWS: Final = 10_000
"""Solutions of one SERVICE; as inline data the engine plans them in a twentieth of a second."""
BYTES: Final = 4 * MEGABYTE
"""Of all that endpoints answer to one query."""
AT_ONCE: Final = 32
"""Queries whose endpoints are asked at once: more than one client may have, and so few that the answers fit into
memory, where each is some times as large."""

ONE_EMPTY: Final = "VALUES () { () }"
"""One solution without bindings: what SERVICE SILENT gives if its endpoint fails (section 3.1)."""


@dataclass(frozen=True)
class Services:
    """The endpoints that queries may ask: their addresses as queries write them, and as they are asked."""

    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The latter may hold a user's name and password."""

    @classmethod
    def of(cls, urls: Iterable[str]) -> Services:
        """Those of an operator. Raises UsageError over what is no address of the web."""
        found = {}
        for url in urls:
            address = _url(url)
            if address is None:
                raise UsageError(f"--service {_shown(url)}: no address of an endpoint, as http://example.org/sparql is")
            found[_without_user(address)] = str(address)
        return cls(found)


NOBODY: Final = Services()


def inline(name: str, content: bytes, variables: Collection[str]) -> str:
    """A result in SPARQL JSON as inline data (SPARQL 1.1 Query, section 10) of those variables.

    Raises EndpointError if it is no such result, UsageError over what no query can write, EvaluationError if there is
    too much of it.

    >>> inline("x", b'{"head":{"vars":["s"]},"results":{"bindings":[{"s":{"type":"literal","value":"a"}},{}]}}', {"s"})
    'VALUES (?s) { ("a") (UNDEF) }'
    """
    found = _solutions(content)
    if isinstance(found, str):
        raise EndpointError(f"{name} answers what is no {remote.JSON.media_types[0]} with solutions: {found}")
    names, solutions = found
    if len(solutions) > ROWS:
        raise EvaluationError(f"{name} has more than {ROWS} solutions; ask for less within SERVICE")
    places = [place for place, one in enumerate(names) if one in variables]
    rows = []
    for terms in ([solution[place] for place in places] for solution in solutions):
        for place, term in zip(places, terms, strict=True):
            if isinstance(term, (BlankNode, Triple)):
                raise UsageError(
                    f"?{names[place]} is a blank node of {name}, which no other query can name; leave it out"
                )
        rows.append(f"({' '.join('UNDEF' if term is None else str(term) for term in terms)})")
    return f"VALUES ({' '.join(f'?{names[place]}' for place in places)}) {{ {' '.join(rows)} }}"


def _solutions(content: bytes) -> tuple[list[str], list[list[Term | Triple | None]]] | str:
    """Variables and solutions of a result, of these at most one too many; or why it is none.

    It is told rather than raised, since an error would keep the engine's result, which must end in this thread.
    """
    try:
        result = remote.parsed(content)
        if not isinstance(result, QuerySolutions):
            return "a boolean"
        names = [variable.value for variable in result.variables]
        return names, [[row[name] for name in names] for row in islice(result, ROWS + 1)]
    except (SyntaxError, ValueError) as error:
        return str(error)


def _url(text: str) -> httpx.URL | None:
    """An address of the web in its normal form, None if a text is none."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError):
        return None
    if url.scheme not in ("http", "https") or not url.host:
        return None
    return url.copy_with(raw_path=url.raw_path, fragment=None)  # without the port that is the scheme's anyway


def _without_user(url: httpx.URL) -> str:
    return str(url.copy_with(username=None, password=None))


def _shown(text: str) -> str:
    """An address as it is told: without what may be a user's name and password."""
    return re.sub(r"//[^/]*@", "//", text)


async def _refuse_coding(answer: httpx.Response) -> None:
    """A small body that is coded may be a huge one; none was asked for."""
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise httpx.DecodingError("the answer comes in a coding that was not asked for")


class Federation:
    """Evaluates queries with an engine, and their SERVICE clauses by those who are allowed."""

    def __init__(self, engine: Engine, services: Services) -> None:
        self.engine, self.services = engine, services
        self.turns = Turns(AT_ONCE, engine.limits.queue)
        self.http: httpx.AsyncClient | None = None
        if services.addresses:
            self.http = httpx.AsyncClient(
                headers={"Accept-Encoding": "identity"},
                timeout=httpx.Timeout(None, connect=CONNECT),
                event_hooks={"response": [_refuse_coding]},
            )

    async def close(self) -> None:
        """End all connections."""
        if self.http is not None:
            await self.http.aclose()

    def guard(self, query: str) -> tuple[Block, ...]:
        """The SERVICE clauses of a query. Raises what :func:`sparql.guard` does, and what is wrong with a clause."""
        sparql.guard(query, may_ask=bool(self.services.addresses))
        found = blocks(query) if self.services.addresses else ()
        for block in found:
            url = _url(block.endpoint)
            if url is None or str(url) not in self.services.addresses:
                message = f"SERVICE <{_shown(block.endpoint)}> is not allowed: the server asks no endpoint but those"
                raise ForbiddenError(f"{message} that its operator names with --service")
            remote.refuse_escapes(block.query)
        return found

    def evaluate(self, job: Job, client: str = "", timeout: float | None = None) -> Awaitable[Answer]:
        """Evaluate an admitted query of a client. Raises as the engine does, and what endpoints fail with."""
        if self.services.addresses and (found := self.guard(job.query)):
            return self._evaluate(job, found, client, timeout)
        return self.engine.evaluate(job, client, timeout)

    async def _evaluate(self, job: Job, found: Sequence[Block], client: str, timeout: float | None) -> Answer:
        limits, loop = self.engine.limits, asyncio.get_running_loop()
        seconds = min(timeout or limits.timeout, limits.timeout)
        deadline = loop.time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._check(job, found, client, seconds)
                with counted(self.engine.clients, client, limits.per_client):
                    async with self.turns.turn():
                        query = joined(job.query, found, await self._ask_all(found, deadline))
                return await self.engine.evaluate(job._replace(query=query), client, deadline - loop.time())
        except (TimeoutError, DeadlineError) as error:
            if isinstance(error, DeadlineError) and loop.time() < deadline:
                raise
            raise DeadlineError(f"the query took longer than {seconds:g} seconds and was stopped") from None

    async def _check(self, job: Job, found: Sequence[Block], client: str, seconds: float) -> None:
        """Raise what the query's own mistakes raise, before anybody is asked."""
        sparql.graph_names((*job.default_graph, *job.named_graphs))
        try:
            await self.engine.check(job._replace(query=trial(job.query, found)), client, seconds)
        except QuerySyntaxError as error:
            raise QuerySyntaxError(error.message, job.query, error.line, error.column) from None
        for block in found:
            try:
                await self.engine.check(job._replace(query=trial(job.query, found, block)), client, seconds)
            except QuerySyntaxError:
                continue
            message = "this is no SERVICE, though it looks like one; write a blank after each < that means less"
            raise unparsed(job.query, block.start, message)

    async def _ask_all(self, found: Sequence[Block], deadline: float) -> list[str]:
        """Inline data for each clause; all are asked at once."""
        try:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(self._ask(block, deadline, len(found))) for block in found]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in asked]

    async def _ask(self, block: Block, deadline: float, clauses: int) -> str:
        """Inline data for a clause of one of so many. Raises HfmError, unless it is to be silent."""
        seconds = SHARE * (deadline - asyncio.get_running_loop().time())
        name = _shown(block.endpoint)
        try:
            try:
                async with asyncio.timeout(seconds):
                    content = await self._fetch(block, name, min(BYTES, self.engine.limits.result) // clauses)
                    return await asyncio.to_thread(inline, name, content, block.variables)
            except TimeoutError:
                raise DeadlineError(f"{name} has not answered within {seconds:.3g} seconds") from None
        except HfmError:
            if block.is_silent:
                return ONE_EMPTY
            raise

    async def _fetch(self, block: Block, name: str, most: int) -> bytes:
        """What the endpoint of a clause answers, in SPARQL JSON."""
        assert self.http is not None
        address = self.services.addresses[str(_url(block.endpoint))]
        fields = {"query": block.query}
        try:
            answer = await remote.read(self.http, address, fields, remote.JSON, most, f"the answer of {name}")
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise remote.unreachable(name, error) from error
        remote.judge(name, answer, block.query)
        return answer.content
