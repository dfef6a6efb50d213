"""Axioms in words of the OWL 2 Manchester Syntax, with the terms in them as links.

Cardinalities without a class, inverse properties within expressions and restrictions of data types are not written: the
ontology has none, and an expression that cannot be told is given as an ellipsis.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from hfm_kg import sparql
from hfm_kg.export.graphs import by_subject, items
from hfm_kg.terms import OWL, RDF, RDFS

Node = Any
"""Subject or object of a triple; the engine's types of them have no common base."""


@dataclass(frozen=True)
class Link:
    """A term or thing that is pointed at: what people call it, and how a query writes it."""

    label: str
    iri: str

    @property
    def name(self) -> str:
        """As a query writes it: a prefixed name, or the IRI in brackets."""
        return sparql.name(self.iri)


Expression = tuple[str | Link, ...]
"""The words and terms of a class expression, in order."""


@dataclass(frozen=True)
class Axiom:
    """What the ontology says of a term beyond its named superterms."""

    keyword: str
    """As frames have it: EquivalentTo, SubClassOf, Domain, Range, InverseOf, SubPropertyChain, DisjointWith."""
    expression: Expression

    def __str__(self) -> str:
        words = (part if isinstance(part, str) else part.name for part in self.expression)
        return f"{self.keyword}: {''.join(words)}"


CHARACTERISTICS: Final[Mapping[NamedNode, str]] = {
    OWL.FunctionalProperty: "functional",
    OWL.InverseFunctionalProperty: "inverse functional",
    OWL.TransitiveProperty: "transitive",
    OWL.SymmetricProperty: "symmetric",
    OWL.AsymmetricProperty: "asymmetric",
    OWL.ReflexiveProperty: "reflexive",
    OWL.IrreflexiveProperty: "irreflexive",
}
RESTRICTIONS: Final[Mapping[NamedNode, str]] = {
    OWL.someValuesFrom: "some",
    OWL.allValuesFrom: "only",
    OWL.hasValue: "value",
    OWL.minQualifiedCardinality: "min",
    OWL.maxQualifiedCardinality: "max",
    OWL.qualifiedCardinality: "exactly",
}
FRAMES: Final = (
    ("EquivalentTo", OWL.equivalentClass),
    ("EquivalentTo", OWL.equivalentProperty),
    ("SubClassOf", RDFS.subClassOf),
    ("Domain", RDFS.domain),
    ("Range", RDFS.range),
)


class Statements:
    """What some triples say, by subject and by object, in the order in which they are written."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        self.about = by_subject(triples)
        self.pointing: dict[Node, list[Triple]] = defaultdict(list)
        for triple in chain.from_iterable(self.about.values()):
            self.pointing[triple.object].append(triple)

    def values(self, subject: Node, *predicates: NamedNode) -> list[Node]:
        """The objects of a subject's statements."""
        return [triple.object for triple in self.about.get(subject, ()) if triple.predicate in predicates]

    def subjects(self, node: Node, *predicates: NamedNode) -> list[Node]:
        """The subjects of the statements whose object a node is."""
        return [triple.subject for triple in self.pointing.get(node, ()) if triple.predicate in predicates]

    def members(self, head: Node) -> list[Node]:
        """The members of an RDF list."""
        return list(items(self.about, head))


@dataclass(frozen=True)
class Manchester:
    """Writes the axioms of terms; ``link`` tells what a term is called."""

    said: Statements
    link: Callable[[NamedNode], Link]

    def axioms(self, subject: NamedNode) -> Iterator[Axiom]:
        """The axioms of a term, named superclasses left out."""
        for keyword, predicate in FRAMES:
            for value in self.said.values(subject, predicate):
                if isinstance(value, BlankNode) or predicate != RDFS.subClassOf:
                    yield Axiom(keyword, self.expression(value))
        inverse = {*self.said.values(subject, OWL.inverseOf), *self.said.subjects(subject, OWL.inverseOf)}
        for other in sorted(inverse, key=str):
            yield Axiom("InverseOf", self.expression(other))
        for head in self.said.values(subject, OWL.propertyChainAxiom):
            yield Axiom("SubPropertyChain", _joined(map(self.expression, self.said.members(head)), " o "))
        if disjoint := sorted(self._disjoint(subject), key=str):
            yield Axiom("DisjointWith", _joined(map(self.expression, disjoint), ", "))

    def _disjoint(self, subject: NamedNode) -> set[Node]:
        """The classes that share no member with a class, by axioms about two or about many."""
        found = {*self.said.values(subject, OWL.disjointWith), *self.said.subjects(subject, OWL.disjointWith)}
        for axiom in self.said.subjects(OWL.AllDisjointClasses, RDF.type):
            for classes in map(self.said.members, self.said.values(axiom, OWL.members)):
                found |= set(classes) if subject in classes else set()
        return found - {subject}

    def expression(self, node: Node) -> Expression:
        """A class expression."""
        if isinstance(node, NamedNode):
            return (self.link(node),)
        if isinstance(node, Literal):
            return (str(node),)
        for word, predicate in ((" and ", OWL.intersectionOf), (" or ", OWL.unionOf)):
            for value in self.said.values(node, predicate):
                return _joined(map(self._nested, self.said.members(value)), word)
        for value in self.said.values(node, OWL.oneOf):
            return ("{", *_joined(map(self.expression, self.said.members(value)), ", "), "}")
        for value in self.said.values(node, OWL.complementOf):
            return ("not ", *self._nested(value))
        for predicate, word in RESTRICTIONS.items():
            for value in self.said.values(node, predicate):
                return (*self._only(node, OWL.onProperty), f" {word} ", *self._filler(node, value))
        return ("…",)

    def _filler(self, node: Node, value: Node) -> Expression:
        """What a restriction asks for: a class or thing, or a number of members of a class."""
        counted = self._only(node, OWL.onClass)
        return (value.value, " ", *counted) if counted else self._nested(value)

    def _only(self, node: Node, predicate: NamedNode) -> Expression:
        return next((self._nested(value) for value in self.said.values(node, predicate)), ())

    def _nested(self, node: Node) -> Expression:
        """An expression within another one: in brackets if it has several words."""
        inner = self.expression(node)
        return inner if len(inner) == 1 else ("(", *inner, ")")


def _joined(expressions: Iterable[Expression], word: str) -> Expression:
    """Expressions in a row, with a word between them."""
    return tuple(part for expression in expressions for part in (word, *expression))[1:]
