"""The quads of an endpoint by pattern, as a store in memory gives them: for pages, which look things up one by one.

What was read is kept. A page asks for the same property, its label say, of one thing after another, so what was named
before is asked for together with the first of them: a page takes a handful of queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from threading import Lock
from typing import Final

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Triple

from hfm_kg.errors import LargeGraphError
from hfm_kg.sparql import Select, Solution
from hfm_kg.terms import BASE

LARGEST: Final = 250_000
"""Quads of named graphs from which documents about the whole graph are made, in memory."""
KEPT: Final = 400_000
"""Quads that are kept of what was read, a document's aside."""
NEAR: Final = 2_000
"""Things that were named and may be asked for next."""
TOGETHER: Final = 300
"""Things whose values of a property are read by one query."""
DEEPEST: Final = 64
"""Blank nodes in a chain, as those of a list, that are followed from a thing."""

OURS: Final = f'GRAPH ?g {{ ?s ?p ?o }} FILTER(STRSTARTS(STR(?g), "{BASE}"))'
"""Quads of the graph's named graphs; an endpoint may hold others, of other people or of its own."""

Subject = NamedNode | BlankNode | Triple
Node = NamedNode | BlankNode | Literal | Triple
Place = NamedNode | BlankNode | DefaultGraph
Key = tuple[Node | None, Node | None, Node | None, Place | None]
"""Subject, predicate, object and graph."""


class Distant:
    """Quads that a source of solutions has; safe to use from several threads. Raises as the source does.

    Some engines have no default graph of their own: theirs is made of named graphs, to be told by ``default_graphs``,
    in which ``GRAPH ?g`` finds everything once more.
    """

    def __init__(self, select: Select, default_graphs: Iterable[str] = ()) -> None:
        self.select, self.default_graphs = select, frozenset(default_graphs)
        self.read: dict[Key, tuple[Quad, ...]] = {}
        """The quads of patterns."""
        self.parts: dict[BlankNode, tuple[Quad, ...]] = {}
        """What is said of the blank nodes that things lead to."""
        self.near: dict[NamedNode, None] = {}
        """Things that were named, the last ones last."""
        self.size = 0
        self.whole: list[Quad] = []
        """All quads of named graphs, once a document was made of them."""
        self.lock = Lock()

    def quads_for_pattern(
        self,
        subject: Subject | None,
        predicate: NamedNode | None,
        value: Node | None,
        graph_name: Place | None = None,
        /,
    ) -> Iterator[Quad]:
        """The quads that match."""
        if isinstance(subject, BlankNode):
            found: Sequence[Quad] = self.parts.get(subject, ())
        elif isinstance(subject, NamedNode):
            one_property = predicate is not None and value is None and graph_name == DefaultGraph()
            found = self._values(subject, predicate) if one_property and predicate else self._about(subject)
        elif predicate is value is graph_name is None:
            found = self._all()
        else:
            found = self._matching(predicate, value, graph_name)
        return (
            quad
            for quad in found
            if (predicate is None or quad.predicate == predicate)
            and (value is None or quad.object == value)
            and (graph_name is None or quad.graph_name == graph_name)
        )

    def contains_named_graph(self, graph_name: Place, /) -> bool:
        """Whether there is a quad in that graph."""
        return bool(self.select(f"SELECT ?s {{ GRAPH {graph_name} {{ ?s ?p ?o }} }} LIMIT 1"))

    def _about(self, thing: NamedNode) -> Sequence[Quad]:
        """What is said of a thing in all graphs, and in the default graph of blank nodes that it leads to."""
        if (known := self.read.get((thing, None, None, None))) is not None:
            return known
        depth, before = 0, -1
        while True:
            rows = self.select(about(thing, depth))
            ends = {row["o"] for row in rows if isinstance(row["o"], BlankNode)} - {row["s"] for row in rows}
            if not ends or depth >= DEEPEST or len(rows) == before:
                break
            depth, before = max(4, 2 * depth), len(rows)
        said: dict[Subject, list[Quad]] = {thing: []}
        for quad in self._quads(rows):
            said.setdefault(quad.subject, []).append(quad)
        own = said.pop(thing)
        self._keep({(thing, None, None, None): own})
        self.parts |= {part: tuple(quads) for part, quads in said.items() if isinstance(part, BlankNode)}
        return own

    def _values(self, thing: NamedNode, predicate: NamedNode) -> Sequence[Quad]:
        """Quads of the default graph with one property of a thing."""
        key = (thing, predicate, None, DefaultGraph())
        known = self.read.get((thing, None, None, None), self.read.get(key))
        if known is not None:
            return known
        with self.lock:
            unread = (one for one in reversed(self.near) if (one, *key[1:]) not in self.read and one != thing)
            things = [thing, *islice(unread, TOGETHER - 1)]
        query = (
            f"SELECT ?s ?p ?o {{ VALUES (?s ?p) {{ {' '.join(f'({one} {predicate})' for one in things)} }} ?s ?p ?o }}"
        )
        found: dict[Key, list[Quad]] = {(one, *key[1:]): [] for one in things}
        for quad in self._quads(self.select(query)):
            found[quad.subject, *key[1:]].append(quad)
        self._keep(found)
        return found[key]

    def _matching(self, predicate: NamedNode | None, value: Node | None, place: Place | None) -> Sequence[Quad]:
        """Quads of whatever subject."""
        key = (None, predicate, value, place)
        if (known := self.read.get(key)) is not None:
            return known
        if isinstance(value, BlankNode) or isinstance(place, BlankNode):
            return ()
        bound = "".join(f" VALUES {name} {{ {term} }}" for name, term in (("?p", predicate), ("?o", value)) if term)
        named = f"{{{bound} GRAPH ?g {{ ?s ?p ?o }} }}"
        if isinstance(place, NamedNode):
            where = f"{{ VALUES ?g {{ {place} }} GRAPH ?g {{{bound} ?s ?p ?o }} }}"
        else:
            where = f"{{{bound} ?s ?p ?o }}" + (f" UNION {named}" if place is None else "")
        found = self._quads(self.select(f"SELECT ?g ?s ?p ?o {{ {where} }}"))
        self._keep({key: found})
        return found

    def _all(self) -> Sequence[Quad]:
        """All quads of the graph's named graphs. Raises LargeGraphError."""
        where = "".join([OURS, *(f" FILTER(?g != {NamedNode(name)})" for name in sorted(self.default_graphs))])
        (row,) = self.select(f"SELECT (COUNT(*) AS ?n) {{ {where} }}")
        if int(row["n"].value) > LARGEST:
            raise LargeGraphError(f"the graph has {row['n'].value} quads; documents are made of at most {LARGEST}")
        self.whole = self.whole or self._quads(self.select(f"SELECT ?g ?s ?p ?o {{ {where} }}"))
        return self.whole

    def _quads(self, rows: Iterable[Solution]) -> list[Quad]:
        """Solutions as quads; blank nodes get names of their own, for each result calls other nodes the same."""
        names: dict[str, BlankNode] = {}

        def node(term: Node) -> Node:
            return names.setdefault(term.value, BlankNode()) if isinstance(term, BlankNode) else term

        quads: dict[Quad, None] = {}
        for row in rows:
            subject, predicate = node(row["s"]), row["p"]
            place: Node | Place | None = row.get("g")
            if isinstance(subject, NamedNode | BlankNode) and isinstance(predicate, NamedNode):
                if not isinstance(place, NamedNode) or place.value in self.default_graphs:
                    place = DefaultGraph()
                quads[Quad(subject, predicate, node(row["o"]), place)] = None
        return list(quads)

    def _keep(self, found: dict[Key, list[Quad]]) -> None:
        """Keep what was read, and note what it names; forget everything when that is too much."""
        with self.lock:
            self.size += sum(1 + len(quads) for quads in found.values())
            if self.size > KEPT:
                self.read.clear()
                self.parts.clear()
                self.size = 0
            self.read |= {key: tuple(quads) for key, quads in found.items()}
            for quad in islice((quad for quads in found.values() for quad in quads), NEAR):
                for node in (quad.subject, quad.predicate, quad.object, quad.graph_name):
                    if isinstance(node, NamedNode):
                        self.near.pop(node, None)
                        self.near[node] = None
            for node in list(islice(self.near, max(0, len(self.near) - NEAR))):
                del self.near[node]


def about(thing: NamedNode, depth: int) -> str:
    """The query for what is said of a thing, and of blank nodes that it leads to by so many steps at the most.

    >>> print(about(NamedNode("urn:a"), 1))
    SELECT ?g ?s ?p ?o {
    { VALUES ?s { <urn:a> } ?s ?p ?o }
    UNION { VALUES ?s { <urn:a> } GRAPH ?g { ?s ?p ?o } }
    UNION { VALUES ?b0 { <urn:a> } ?b0 ?p0 ?s . FILTER(isBlank(?s)) ?s ?p ?o }
    }
    """
    ways = [f"{{ VALUES ?s {{ {thing} }} ?s ?p ?o }}", f"{{ VALUES ?s {{ {thing} }} GRAPH ?g {{ ?s ?p ?o }} }}"]
    chain = f"VALUES ?b0 {{ {thing} }}"
    for step in range(depth):
        ways.append(f"{{ {chain} ?b{step} ?p{step} ?s . FILTER(isBlank(?s)) ?s ?p ?o }}")
        chain += f" ?b{step} ?p{step} ?b{step + 1} . FILTER(isBlank(?b{step + 1}))"
    return "SELECT ?g ?s ?p ?o {\n" + "\nUNION ".join(ways) + "\n}"
