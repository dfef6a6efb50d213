"""What the graph says of one thing: about it and its parts, in its named graph, and pointing at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Store, Triple
from rapidfuzz import fuzz, process

from hfm_kg import sparql
from hfm_kg.errors import LONGEST_MESSAGE
from hfm_kg.terms import BASE, RDFS

INCOMING: Final = 100
"""Statements that point at a thing, of each property: some concepts and classes have thousands."""
NEAR: Final = 5
"""Names that are proposed for one that nothing has."""
ALIKE: Final = 60
"""How much of a name, in percent, must be alike."""


@dataclass(frozen=True)
class Description:
    """What is said of a thing, in order."""

    node: NamedNode
    about: tuple[Triple, ...]
    """Statements about the thing, and about parts of it: blank nodes, and things whose IRIs begin with its own."""
    stated: tuple[Triple, ...]
    """What else its named graph holds, if it is the name of one."""
    incoming: tuple[Triple, ...]
    left_out: Mapping[NamedNode, int]
    """How many more statements of each property point at it."""
    not_stated: int = 0
    """How many more statements its named graph holds."""

    def triples(self) -> set[Triple]:
        """All statements."""
        return {*self.about, *self.stated, *self.incoming}


def describe(store: Store, node: NamedNode, most: int | None = None) -> Description | None:
    """What the graph says of a thing, None if it says nothing; ``most`` bounds what is read of its named graph."""
    quads = store.quads_for_pattern(None, None, None, node)
    stated = {quad.triple for quad in islice(quads, most)}
    more = _number(store, node) - len(stated) if len(stated) == most else 0
    subjects = {triple.subject for triple in stated if isinstance(triple.subject, NamedNode)}
    about = set(_about(store, node, {subject for subject in subjects if subject.value.startswith(f"{node.value}#")}))
    stated -= about
    if not about and not stated:
        return None
    pointing: dict[NamedNode, list[str]] = {}
    for quad in store.quads_for_pattern(None, None, node, DefaultGraph()):
        if isinstance(quad.subject, NamedNode):
            pointing.setdefault(quad.predicate, []).append(quad.subject.value)
    incoming, left_out = [], {}
    for predicate, values in sorted(pointing.items(), key=lambda entry: entry[0].value):
        triples = [
            triple
            for value in sorted(values)[: INCOMING + len(about)]
            if (triple := Triple(NamedNode(value), predicate, node)) not in about
        ]
        incoming += triples[:INCOMING]
        own = sum(triple.predicate == predicate and triple.object == node for triple in about)
        if (count := len(values) - own - INCOMING) > 0:
            left_out[predicate] = count
    return Description(node, _ordered(about), _ordered(stated), tuple(incoming), left_out, more)


def _number(store: Store, graph: NamedNode) -> int:
    """How many statements a named graph holds; the engine counts ten times as fast as we could."""
    (row,) = sparql.select(store, f"SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH {graph} {{ ?s ?p ?o }} }}")
    return int(row["n"].value)


def exists(store: Store, node: NamedNode) -> bool:
    """Whether the graph says anything of a thing."""
    patterns = ((node, None, None, DefaultGraph()), (None, None, None, node))
    return any(next(store.quads_for_pattern(*pattern), None) is not None for pattern in patterns)


def _about(store: Store, node: NamedNode, fragments: Iterable[NamedNode]) -> Iterator[Triple]:
    todo: list[NamedNode | BlankNode] = [node, *fragments]
    seen: set[NamedNode | BlankNode] = set()
    while todo:
        subject = todo.pop()
        if subject in seen:
            continue
        seen.add(subject)
        for quad in store.quads_for_pattern(subject, None, None, DefaultGraph()):
            yield quad.triple
            part = quad.object
            if isinstance(part, BlankNode) or (
                isinstance(part, NamedNode) and part.value.startswith((f"{node.value}#", f"{node.value}/"))
            ):
                todo.append(part)


def _ordered(triples: Iterable[Triple]) -> tuple[Triple, ...]:
    return tuple(sorted(triples, key=lambda triple: (str(triple.subject), str(triple.predicate), str(triple.object))))


class Names:
    """The last parts of all paths, to be proposed for one that nothing has; read once, for robots miss often."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @cached_property
    def paths(self) -> dict[str, list[str]]:
        """Paths by their last part, in lower case."""
        paths: dict[str, set[str]] = {}
        for quad in self.store.quads_for_pattern(None, RDFS.label, None, DefaultGraph()):
            if isinstance(quad.subject, NamedNode) and quad.subject.value.startswith(BASE):
                known = quad.subject.value.removeprefix(BASE)
                paths.setdefault(known.rpartition("/")[2].casefold(), set()).add(known)
        return {name: sorted(some) for name, some in sorted(paths.items())}

    def near(self, path: str) -> list[str]:
        """Paths of things whose names are like the last part of a path that leads nowhere."""
        name = path.rstrip("/").rpartition("/")[2].casefold()[:LONGEST_MESSAGE]
        close = process.extract(name, list(self.paths), scorer=fuzz.ratio, limit=NEAR, score_cutoff=ALIKE)
        return [known for one, _, _ in close for known in self.paths[one]][:NEAR]
