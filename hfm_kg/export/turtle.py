"""Turtle for people: kinds of terms in order, class expressions and lists nested where they belong.

The engine's Turtle names every blank node, and writes an IRI with a slash as a prefixed name with an escape, which the
parser of the OWL API refuses. So what is to be read, by people or by Protégé, is written by rdflib.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode, Triple
from rdflib.namespace import OWL, SKOS
from rdflib.plugins.serializers.turtle import TurtleSerializer

from hfm_kg.export.prefixes import DESCRIPTIONS
from hfm_kg.sparql import PREFIXES

MORE_PREFIXES = {prefix: DESCRIPTIONS[prefix] for prefix in ("oboInOwl", "vann")}


class Ordered(TurtleSerializer):
    """Writes the ontology's header first, then properties, classes, and individuals."""

    def __init__(self, store: rdflib.Graph) -> None:
        super().__init__(store)
        self.topClasses = [
            OWL.Ontology,
            OWL.AnnotationProperty,
            OWL.ObjectProperty,
            OWL.DatatypeProperty,
            OWL.Class,
            SKOS.ConceptScheme,
            OWL.NamedIndividual,
        ]


def readable(triples: Iterable[Triple]) -> bytes:
    """Triples as Turtle for people, the same bytes for the same triples."""
    graph = rdflib.Graph(bind_namespaces="none")
    for prefix, base in {**PREFIXES, **MORE_PREFIXES}.items():
        graph.bind(prefix, base)
    for triple in sorted(triples, key=str):
        graph.add((_term(triple.subject), _term(triple.predicate), _term(triple.object)))
    output = io.BytesIO()
    Ordered(graph).serialize(output, encoding="utf-8")
    return output.getvalue()


def _term(term: object) -> rdflib.term.Node:
    """The same term in rdflib; blank nodes keep their names, so that they keep their order."""
    match term:
        case NamedNode():
            return rdflib.URIRef(term.value)
        case BlankNode():
            return rdflib.BNode(term.value)
        case Literal(language=str() as language):
            return rdflib.Literal(term.value, lang=language)
        case Literal():
            plain = term.datatype.value == f"{PREFIXES['xsd']}string"
            datatype = None if plain else rdflib.URIRef(term.datatype.value)
            return rdflib.Literal(term.value, datatype=datatype, normalize=False)
    raise TypeError(f"{term!r} has no form in rdflib")
