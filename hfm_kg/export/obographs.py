"""``hfm.json``: the merged ontology as OBO Graphs JSON.

What the format has no place for is left out rather than bent: disjointness, complements, the kinds of properties, and
domains and ranges that are unions (two classes in ``domainClassIds`` would mean both at once). ``R value i`` is written
as an edge, and in logical definitions as a restriction whose filler is the individual.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from hfm_kg.export.graphs import Node, by_subject, items
from hfm_kg.export.prefixes import DESCRIPTIONS
from hfm_kg.terms import DCTERMS, IAO, ONTOLOGY, OWL, RDF, RDFS, SKOS

NODE_TYPES: Final[Mapping[object, dict[str, str]]] = {
    OWL.Class: {"type": "CLASS"},
    OWL.ObjectProperty: {"type": "PROPERTY", "propertyType": "OBJECT"},
    OWL.DatatypeProperty: {"type": "PROPERTY", "propertyType": "DATA"},
    OWL.AnnotationProperty: {"type": "PROPERTY", "propertyType": "ANNOTATION"},
    OWL.NamedIndividual: {"type": "INDIVIDUAL"},
}
"""What a node is, by the type that declares it."""

EDGES: Final[Mapping[NamedNode, str]] = {
    RDF.type: "type",
    RDFS.subClassOf: "is_a",
    RDFS.subPropertyOf: "subPropertyOf",
    OWL.inverseOf: "inverseOf",
}
"""The names that the format gives to some predicates; all others are IRIs."""

AXIOMS: Final = frozenset({RDFS.domain, RDFS.range, OWL.equivalentClass, OWL.propertyChainAxiom})
"""Predicates that are written as axioms, not as edges."""

ABBREVIATION: Final = "http://purl.obolibrary.org/obo/OMO_0003000"

SYNONYMS: Final[Mapping[NamedNode, dict[str, str]]] = {
    SKOS.altLabel: {"pred": "hasExactSynonym"},
    SKOS.notation: {"pred": "hasExactSynonym", "synonymType": ABBREVIATION},
}
"""The kind of synonym that each property gives: other names of the same thing, and abbreviations."""

IN_SUBSET: Final = NamedNode(DESCRIPTIONS["oboInOwl"] + "inSubset")

TOLD: Final = frozenset(
    {RDFS.label, IN_SUBSET, SKOS.prefLabel, IAO.IAO_0000115, OWL.deprecated, OWL.versionIRI, *SYNONYMS}
)
"""Properties whose values stand in keys of their own."""


def write(triples: Iterable[Triple]) -> bytes:
    """The file, sorted by IRI. ``triples`` are those of the merged ontology."""
    return json.dumps({"graphs": [_Graph(triples).graph()]}, indent=1, ensure_ascii=False).encode() + b"\n"


class _Graph:
    """The ontology's triples by subject, and how they are written."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        self.statements = by_subject(triples)
        self.types: dict[NamedNode, dict[str, str]] = {}
        for node, group in self.statements.items():
            declared = [NODE_TYPES[t.object] for t in group if t.predicate == RDF.type and t.object in NODE_TYPES]
            if isinstance(node, NamedNode) and declared:
                (self.types[node],) = declared

    def graph(self) -> dict[str, Any]:
        edges = sorted(
            ({"sub": sub, "pred": pred, "obj": obj} for sub, pred, obj in self._edges()),
            key=lambda edge: tuple(edge.values()),
        )
        return {
            "id": ONTOLOGY.value,
            "meta": self._meta(ONTOLOGY) | {"version": self._values(ONTOLOGY, OWL.versionIRI)[0]},
            "nodes": [self._node(node) for node in self.types],
            "edges": edges,
            "logicalDefinitionAxioms": list(self._definitions()),
            "domainRangeAxioms": list(self._domains_and_ranges()),
            "propertyChainAxioms": list(self._chains()),
        }

    def _values(self, node: Node, predicate: NamedNode) -> list[str]:
        """The values of a property that are literals or IRIs."""
        return [
            triple.object.value
            for triple in self.statements[node]
            if triple.predicate == predicate and isinstance(triple.object, Literal | NamedNode)
        ]

    def _node(self, node: NamedNode) -> dict[str, Any]:
        written: dict[str, Any] = {"id": node.value}
        for label in self._values(node, RDFS.label):
            written["lbl"] = label
        if meta := self._meta(node):
            written["meta"] = meta
        return written | self.types[node]

    def _meta(self, node: NamedNode) -> dict[str, Any]:
        meta: dict[str, Any] = {}
        for definition in self._values(node, IAO.IAO_0000115):
            meta["definition"] = {"val": definition, "xrefs": self._values(node, DCTERMS.source)}
        if synonyms := [
            SYNONYMS[triple.predicate] | {"val": triple.object.value}
            for triple in self.statements[node]
            if triple.predicate in SYNONYMS and isinstance(triple.object, Literal)
        ]:
            meta["synonyms"] = synonyms
        if values := list(self._property_values(node, sources="definition" not in meta)):
            meta["basicPropertyValues"] = values
        if subsets := self._values(node, IN_SUBSET):
            meta["subsets"] = subsets
        if "true" in self._values(node, OWL.deprecated):
            meta["deprecated"] = True
        return meta

    def _property_values(self, node: NamedNode, sources: bool) -> Iterator[dict[str, str]]:
        for triple in self.statements[node]:
            told = triple.predicate in TOLD or (triple.predicate == DCTERMS.source and not sources)
            is_logical = triple.predicate in EDGES or triple.predicate in AXIOMS or self._relates(triple)
            if not told and not is_logical and isinstance(triple.object, Literal | NamedNode):
                yield {"pred": triple.predicate.value, "val": triple.object.value}

    def _edges(self) -> Iterator[tuple[str, str, str]]:
        for node in self.types:
            for triple in self.statements[node]:
                if self._relates(triple):
                    assert isinstance(triple.object, NamedNode)
                    yield node.value, EDGES.get(triple.predicate, triple.predicate.value), triple.object.value
                elif triple.predicate == RDFS.subClassOf and isinstance(triple.object, BlankNode):
                    for relation, filler in self._restriction(triple.object):
                        yield node.value, relation, filler

    def _relates(self, triple: Triple) -> bool:
        """Whether a triple relates two nodes; a value of an annotation property is a value, even if it is a node."""
        is_relation = triple.predicate in EDGES or self.types.get(triple.predicate, {}).get("propertyType") == "OBJECT"
        return is_relation and triple.object in self.types

    def _restriction(self, node: Node) -> Iterator[tuple[str, str]]:
        """Property and filler of an existential restriction, or of one to a value; nothing of any other expression."""
        fillers = self._values(node, OWL.someValuesFrom) + self._values(node, OWL.hasValue)
        for relation in self._values(node, OWL.onProperty):
            yield from ((relation, filler) for filler in fillers)

    def _parts(self, predicate: NamedNode) -> Iterator[tuple[NamedNode, list[Node]]]:
        """For each axiom of a predicate its subject and the members of the list or of the intersection it names."""
        for node in self.types:
            for triple in self.statements[node]:
                if triple.predicate == predicate and isinstance(triple.object, BlankNode):
                    heads = [t.object for t in self.statements[triple.object] if t.predicate == OWL.intersectionOf]
                    head = heads[0] if heads else triple.object
                    assert isinstance(head, BlankNode)
                    yield node, [item for item in items(self.statements, head) if not isinstance(item, Literal)]

    def _definitions(self) -> Iterator[dict[str, Any]]:
        for node, parts in self._parts(OWL.equivalentClass):
            restrictions = [
                {"propertyId": relation, "fillerId": filler}
                for part in parts
                if isinstance(part, BlankNode)
                for relation, filler in self._restriction(part)
            ]
            genera = [part.value for part in parts if isinstance(part, NamedNode)]
            assert len(genera) + len(restrictions) == len(parts), f"{node}: a definition of another form"
            yield {"definedClassId": node.value, "genusIds": genera, "restrictions": restrictions}

    def _domains_and_ranges(self) -> Iterator[dict[str, Any]]:
        for node in self.types:
            axiom = {
                key: classes
                for key, predicate in (("domainClassIds", RDFS.domain), ("rangeClassIds", RDFS.range))
                if (classes := [one for one in self._values(node, predicate) if NamedNode(one) in self.types])
            }
            if axiom:
                yield {"predicateId": node.value} | axiom

    def _chains(self) -> Iterator[dict[str, Any]]:
        for node, parts in self._parts(OWL.propertyChainAxiom):
            yield {"predicateId": node.value, "chainPredicateIds": [part.value for part in parts]}
