"""The graph, loaded into another store: by SPARQL 1.1 Update, or by the SPARQL 1.1 Graph Store HTTP Protocol.

What is there of ours is replaced: every named graph below our namespace, and the default graph if the caller says so
or it is empty. Named graphs of others are never touched. What a store does over several requests is no transaction, so
a failure is told with what had been sent by then, and the next publication begins anew.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx
import networkx
from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    NamedNode,
    Quad,
    RdfFormat,
    serialize,
)

from hfm_kg import remote
from hfm_kg.errors import EndpointError, PublicationError, UsageError
from hfm_kg.terms import BASE

Progress = Callable[[str], None]

BATCH: Final = 1000
"""Triples of one update; Virtuoso's parser runs out of memory at 5,000."""
DROPPED: Final = 500
"""Graphs that one update drops."""
DEFAULT: Final = ""
"""The default graph, among names of graphs."""

COUNTS: Final = "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g"
DEFAULT_COUNT: Final = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"

NTRIPLES: Final = "application/n-triples"
UPDATE: Final = "application/sparql-update"

Item = TypeVar("Item")
Counts = Mapping[str, int]
"""Triples of each graph by its name."""


class Credentials(httpx.Auth):
    """A user's name and password, sent only where they are asked for, and as Digest where that is offered."""

    def __init__(self, user: str, password: str) -> None:
        self.basic, self.digest = httpx.BasicAuth(user, password), httpx.DigestAuth(user, password)
        self.is_basic = False

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Send a request, and once more as the answer wants it."""
        if self.is_basic:
            yield from self.basic.auth_flow(request)
            return
        answer = yield from _passed_on(self.digest.auth_flow(request))
        offered = [header.partition(" ")[0].lower() for header in answer.headers.get_list("www-authenticate")]
        if answer.status_code == httpx.codes.UNAUTHORIZED and "digest" not in offered and "basic" in offered:
            self.is_basic = True
            yield from self.basic.auth_flow(request)


def _passed_on(
    flow: Generator[httpx.Request, httpx.Response],
) -> Generator[httpx.Request, httpx.Response, httpx.Response]:
    """Do what another flow does, and give its last answer."""
    answer = yield next(flow)
    while True:
        try:
            request = flow.send(answer)
        except StopIteration:
            return answer
        answer = yield request


@dataclass(frozen=True)
class Access:
    """Who publishes: a name and a password, or a token; neither is shown."""

    user: str = ""
    password: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return "Access()"

    def client(self) -> httpx.Client:
        """A client that says so."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        auth = Credentials(self.user, self.password) if self.user else None
        return httpx.Client(auth=auth, headers=headers, timeout=remote.TIMEOUT)


@dataclass(frozen=True)
class Target:
    """Where to publish: the address of queries, and one of updates or of the Graph Store Protocol."""

    endpoint: str
    update: str = ""
    graph_store: str = ""
    default_graph: str = DEFAULT
    """The named graph that holds what is our default graph, for stores whose default graph is the union of all."""

    def address(self, server: str) -> str:
        """Where updates go, told by the endpoint's address and what its server calls itself."""
        if self.update:
            return self.update
        url = httpx.URL(self.endpoint)
        for ending, other in (("/query", "/update"), (r"/repositories/[^/]+", r"\g<0>/statements")):
            if re.search(ending + "$", url.path):
                return str(url.copy_with(path=re.sub(ending + "$", other, url.path)))
        if "virtuoso" in server.lower() and url.path.endswith("/sparql"):
            return str(url.copy_with(path=url.path + "-auth"))
        return self.endpoint


@dataclass(frozen=True)
class Plan:
    """What a publication sends, and what it removes."""

    wanted: Counts
    removed: tuple[str, ...]
    """Named graphs that are there and begin with our namespace; those of the graph come anew."""
    replaced: int
    """Triples that the default graph holds now."""
    way: str
    """The address that is written to, with the protocol."""

    def lines(self) -> Iterator[str]:
        """The plan in words."""
        named = sum(name != DEFAULT for name in self.wanted)
        yield f"writes {sum(self.wanted.values())} triples, {named} named graphs, by {self.way}"
        yield f"replaces the {self.replaced} triples of the default graph"
        yield f"removes {len(self.removed)} named graphs below {BASE} first"
        yield from (f"  {name}" for name in self.removed)


def publish(
    quads: Iterable[Quad],
    target: Target,
    access: Access,
    *,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda step: None,
) -> Plan:
    """Load quads into a store, and count there what has arrived.

    Raises UsageError if there is a default graph that may not be replaced, EndpointError if the store cannot be asked,
    PublicationError if it refuses something half-way or holds other counts in the end.
    """
    placed = sorted((_placed(quad, target.default_graph) for quad in quads), key=_name)
    wanted = Counter(_name(quad) for quad in placed)
    with access.client() as client:
        store = _Store(client, target)
        there = store.counts()
        plan = Plan(
            dict(wanted),
            tuple(sorted(name for name in there if name.startswith(BASE))),
            there.get(target.default_graph, 0),
            store.way,
        )
        if plan.replaced and not (replace or dry_run):
            raise UsageError(
                f"the default graph of {target.endpoint} holds {plan.replaced} triples; to replace them say --replace"
            )
        if not dry_run:
            store.write(placed, plan, progress)
            progress("counting")
            _compare(wanted, store.counts(), target)
    return plan


def _placed(quad: Quad, default_graph: str) -> Quad:
    if default_graph and isinstance(quad.graph_name, DefaultGraph):
        return Quad(quad.subject, quad.predicate, quad.object, NamedNode(default_graph))
    return quad


def _name(quad: Quad) -> str:
    return quad.graph_name.value if isinstance(quad.graph_name, NamedNode) else DEFAULT


def _compare(wanted: Counts, found: Counts, target: Target) -> None:
    """Raise PublicationError unless a store holds of each graph what it was sent."""
    ours = {name for name in found if name.startswith(BASE)} | set(wanted)
    wrong = sorted(name for name in ours if wanted.get(name, 0) != found.get(name, 0))
    if not wrong:
        return
    shown = [
        f"{name or 'the default graph'} has {found.get(name, 0)} triples instead of {wanted.get(name, 0)}"
        for name in wrong[:5]
    ]
    more = f", and {len(wrong) - 5} graphs more" if len(wrong) > 5 else ""
    union = sum(count for name, count in found.items() if name != DEFAULT)
    hint = ""
    if wrong == [DEFAULT] and found.get(DEFAULT, 0) >= min(union, wanted[DEFAULT]):
        hint = "; if its default graph is the union of all graphs, name one that holds ours with --default-graph"
    raise PublicationError(f"{target.endpoint} does not hold what was sent: {', '.join(shown)}{more}{hint}")


@dataclass(frozen=True)
class _Step:
    """A request that changes a store, in words and for HTTP."""

    what: str
    method: str
    address: str
    content: bytes = b""
    content_type: str = ""
    triples: int = 0


class _Store:
    """A store that is written to."""

    def __init__(self, client: httpx.Client, target: Target) -> None:
        self.client, self.target = client, target
        self.address = target.graph_store
        if not self.address:
            server = self._send("GET", target.endpoint, params={"query": "ASK {}"}).headers.get("server", "")
            self.address = target.address(server)
        protocol = "Graph Store Protocol" if target.graph_store else "SPARQL Update"
        self.way = f"{protocol} at {self.address}"

    def counts(self) -> dict[str, int]:
        """Triples of each graph."""
        rows = remote.select(self.target.endpoint, COUNTS, self.client)
        found = {row["g"].value: int(row["n"].value) for row in rows}
        if not self.target.default_graph:
            (row,) = remote.select(self.target.endpoint, DEFAULT_COUNT, self.client)
            found[DEFAULT] = int(row["n"].value)
        return found

    def write(self, quads: list[Quad], plan: Plan, progress: Progress) -> None:
        """Remove what is to be replaced, and write the quads, which are sorted by graph. Raises PublicationError."""
        removed = [name for name in plan.removed if name != self.target.default_graph]
        if plan.replaced:
            removed.append(self.target.default_graph)
        steps = self._puts(quads, removed) if self.target.graph_store else self._updates(quads, removed)
        done = 0
        for number, step in enumerate(steps):
            progress(f"{step.what} ({done} of {len(quads)} triples)")
            headers = {"Content-Type": step.content_type} if step.content else {}
            try:
                self._send(step.method, step.address, content=step.content, headers=headers)
            except EndpointError as error:
                begun = f"{done} of {len(quads)} triples had been sent" if number else "nothing had been changed"
                raise PublicationError(f"{step.what}: {error}; {begun}. Publish again with --replace") from error
            done += step.triples

    def _updates(self, quads: list[Quad], removed: list[str]) -> Iterator[_Step]:
        for names in _parts(removed, DROPPED):
            drops = "".join(f"DROP SILENT {f'GRAPH <{name}>' if name else 'DEFAULT'} ;\n" for name in names)
            yield _Step(f"removing {len(names)} graphs", "POST", self.address, drops.encode(), UPDATE)
        for batch in batches(quads):
            place = _name(batch.quads[0]) or "the default graph"
            text = batch.update().encode()
            yield _Step(f"writing {place} and on", "POST", self.address, text, UPDATE, len(batch.quads))

    def _puts(self, quads: list[Quad], removed: list[str]) -> Iterator[_Step]:
        groups = {name: list(group) for name, group in itertools.groupby(quads, key=_name)}
        for name in removed:
            if name not in groups:
                yield _Step(f"removing {name}", "DELETE", self._graph(name))
        for name, group in groups.items():
            content = _ntriples(group).encode()
            what = f"writing {name or 'the default graph'}"
            yield _Step(what, "PUT", self._graph(name), content, NTRIPLES, len(group))

    def _graph(self, name: str) -> str:
        """The address of a graph: indirect identification, Graph Store HTTP Protocol, section 4.2."""
        return str(httpx.URL(self.address).copy_merge_params({"graph": name} if name else {"default": ""}))

    def _send(self, method: str, address: str, **more: object) -> httpx.Response:
        """Send a request. Raises EndpointError unless it succeeds."""
        try:
            answer = self.client.request(method, address, **more)  # type: ignore[arg-type] # options as they come
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise remote.unreachable(address, error) from error
        if answer.is_success:
            return answer
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise EndpointError(f"{address} wants other credentials: give --user and a password, or a token")
        raise EndpointError(remote.told(address, answer))


@dataclass(frozen=True)
class Batch:
    """Quads that are inserted at once, sorted by graph."""

    quads: list[Quad]
    anchor: list[Quad] | None = None
    """With blank nodes: a quad without, that is in the store already."""

    def update(self) -> str:
        """The update that inserts them.

        Virtuoso takes blank nodes in a template, and not as DATA; it fails over a template that has nothing else.
        """
        quads = [*(self.anchor or ()), *self.quads]
        blocks = "".join(
            f"GRAPH <{name}> {{\n{_ntriples(group)}}}\n" if name else _ntriples(group)
            for name, group in itertools.groupby(quads, key=_name)
        )
        return f"INSERT DATA {{\n{blocks}}}" if self.anchor is None else f"INSERT {{\n{blocks}}} WHERE {{}}"


def batches(quads: Iterable[Quad], size: int = BATCH) -> Iterator[Batch]:
    """Quads in parts of about a size.

    A blank node is the same within one update alone, so all quads that hang together by blank nodes, of whatever
    graphs, are in one batch.
    """
    ground: list[Quad] = []
    graph: networkx.Graph[BlankNode] = networkx.Graph()
    by_node: dict[BlankNode, list[Quad]] = {}
    for quad in quads:
        blank = [node for node in (quad.subject, quad.object) if isinstance(node, BlankNode)]
        if blank:
            graph.add_edge(blank[0], blank[-1])
            by_node.setdefault(blank[0], []).append(quad)
        else:
            ground.append(quad)
    for part in _parts(ground, size):
        yield Batch(part)
    together: list[Quad] = []
    for component in networkx.connected_components(graph):
        together += [quad for node in component for quad in by_node.get(node, ())]
        if len(together) >= size:
            yield Batch(sorted(together, key=_name), anchor=ground[:1])
            together = []
    if together:
        yield Batch(sorted(together, key=_name), anchor=ground[:1])


def _parts(items: list[Item], size: int) -> Iterator[list[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _ntriples(quads: Iterable[Quad]) -> str:
    return (serialize((quad.triple for quad in quads), format=RdfFormat.N_TRIPLES) or b"").decode()
