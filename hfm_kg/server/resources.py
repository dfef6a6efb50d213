"""What the graph says of one thing: about it and its parts, in its named graph, and pointing at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Store, Triple
from rapidfuzz import fuzz, process

from hfm_kg import sparql
from hfm_kg.errors import LONGEST_MESSAGE
from hfm_kg.export import reference
from hfm_kg.export.manchester import Expression, Link, Manchester, Statements
from hfm_kg.terms import BASE, IAO, RDF, RDFS

INCOMING: Final = 100
"""Statements that point at a thing, of each property: some concepts and classes have thousands."""
SHOWN: Final = 300
"""Statements of a named graph that a page shows: rows have some dozens, the inferred graph has thousands."""
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

    def triples(self) -> set[Triple]:
        """All statements."""
        return {*self.about, *self.stated, *self.incoming}


def describe(store: Store, node: NamedNode) -> Description | None:
    """What the graph says of a thing, None if it says nothing."""
    about = set(_about(store, node))
    stated = {quad.triple for quad in store.quads_for_pattern(None, None, None, node)} - about
    if not about and not stated:
        return None
    incoming, counts = [], Counter[NamedNode]()
    for triple in _ordered({quad.triple for quad in store.quads_for_pattern(None, None, node, DefaultGraph())} - about):
        if isinstance(triple.subject, NamedNode):
            counts[triple.predicate] += 1
            if counts[triple.predicate] <= INCOMING:
                incoming.append(triple)
    left_out = {predicate: count - INCOMING for predicate, count in counts.items() if count > INCOMING}
    return Description(node, _ordered(about), _ordered(stated), tuple(incoming), left_out)


def _about(store: Store, node: NamedNode) -> Iterator[Triple]:
    todo: list[NamedNode | BlankNode] = [node]
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
        return {name: sorted(some) for name, some in paths.items()}

    def near(self, path: str) -> list[str]:
        """Paths of things whose names are like the last part of a path that leads nowhere."""
        name = path.rstrip("/").rpartition("/")[2].casefold()[:LONGEST_MESSAGE]
        close = process.extract(name, list(self.paths), scorer=fuzz.ratio, limit=NEAR, score_cutoff=ALIKE)
        return [known for one, _, _ in close for known in self.paths[one]][:NEAR]


# --- for people -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One property of a thing, with its values."""

    predicate: Link
    values: tuple[Expression, ...]
    more: int = 0
    """Values that are left out."""


class Labels:
    """What things are called in a store; looks each up once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.known: dict[NamedNode, str] = {}

    def link(self, node: NamedNode) -> Link:
        """A link to a thing."""
        if node not in self.known:
            quads = self.store.quads_for_pattern(node, RDFS.label, None, DefaultGraph())
            labels = sorted(quad.object.value for quad in quads if isinstance(quad.object, Literal))
            self.known[node] = labels[0] if labels else sparql.name(node.value).strip("<>").removeprefix(BASE)
        return Link(self.known[node], node.value)


@dataclass(frozen=True)
class View:
    """A description as a page shows it."""

    title: Link
    definition: str
    anchor: str
    """The fragment of the thing on the reference page, empty for what is no term."""
    rows: tuple[Row, ...]
    parts: tuple[tuple[Link, tuple[Row, ...]], ...]
    stated: tuple[tuple[Link, tuple[Row, ...]], ...]
    not_shown: int
    incoming: tuple[Row, ...]


def view(store: Store, description: Description) -> View:
    """A description with the labels of all that it names."""
    labels = Labels(store)
    manchester = Manchester(Statements(description.about), labels.link)

    def written(node: Any) -> Expression:
        return (node.value,) if isinstance(node, Literal) else manchester.expression(node)

    def rows(triples: Iterable[Triple]) -> tuple[Row, ...]:
        values: dict[NamedNode, list[Expression]] = {}
        for triple in triples:
            values.setdefault(triple.predicate, []).append(written(triple.object))
        return tuple(Row(labels.link(predicate), tuple(some)) for predicate, some in values.items())

    def by_subject(triples: Iterable[Triple]) -> tuple[tuple[Link, tuple[Row, ...]], ...]:
        groups: dict[NamedNode, list[Triple]] = {}
        for triple in triples:
            if isinstance(triple.subject, NamedNode):
                groups.setdefault(triple.subject, []).append(triple)
        return tuple((labels.link(subject), rows(some)) for subject, some in groups.items())

    own = [triple for triple in description.about if triple.subject == description.node]
    definitions = [
        triple.object.value
        for triple in own
        if triple.predicate == IAO.IAO_0000115 and isinstance(triple.object, Literal)
    ]
    is_term = any(triple.object in reference.KINDS for triple in own if triple.predicate == RDF.type)
    incoming: dict[NamedNode, list[Expression]] = {}
    for triple in description.incoming:
        incoming.setdefault(triple.predicate, []).append(written(triple.subject))
    return View(
        title=labels.link(description.node),
        definition=" ".join(definitions),
        anchor=reference.anchor(description.node.value) if is_term else "",
        rows=rows(own),
        parts=by_subject(triple for triple in description.about if triple.subject != description.node),
        stated=by_subject(description.stated[:SHOWN]),
        not_shown=max(0, len(description.stated) - SHOWN),
        incoming=tuple(
            Row(labels.link(predicate), tuple(some), description.left_out.get(predicate, 0))
            for predicate, some in incoming.items()
        ),
    )
