"""``hfm_nodes.tsv`` and ``hfm_edges.tsv``: the things that a source speaks of and how they relate, in KGX.

Categories and predicates are Biolink's where one truly fits, else ``biolink:NamedThing`` and ``biolink:related_to``;
our own class and property stand beside them in ``type`` and ``original_predicate``. Only stated triples become edges,
since what follows from them repeats them along the hierarchies; it is in the graph's RDF. Rows, cells, notes,
quantities and the parts of backbones are no nodes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pyoxigraph import Literal, NamedNode, Triple

from hfm_kg.export.prefixes import Prefixes
from hfm_kg.statement import Graph
from hfm_kg.terms import BASE, DCTERMS, FAIR4ML, HFM, IAO, INFERRED, PROJECT, PROV, RDF, RDFS, SCHEMA, SKOS, iri

NODE_COLUMNS: Final = ("id", "category", "name", "description", "synonym", "xref", "provided_by", "type")
EDGE_COLUMNS: Final = (
    "id",
    "subject",
    "predicate",
    "object",
    "original_predicate",
    "knowledge_level",
    "agent_type",
    "primary_knowledge_source",
    "publications",
    "places",
)
"""``places`` is ours: where in the source the triple is stated."""

SEPARATOR: Final = "|"
"""What stands between the values of a cell."""

CATEGORIES: Final[Mapping[NamedNode, str]] = {
    HFM.FoundationModel: "biolink:InformationContentEntity",
    HFM.MentionedModel: "biolink:InformationContentEntity",
    HFM.Dataset: "biolink:Dataset",
    HFM.MentionedDataset: "biolink:Dataset",
    HFM.Publication: "biolink:Publication",
    HFM.MentionedWork: "biolink:NamedThing",
    SKOS.Concept: "biolink:NamedThing",
}
"""The classes whose members are nodes. A model, being weights and a program, is information as IAO has it, to which
Biolink maps."""

PUBLICATION_CATEGORIES: Final[Mapping[str, str]] = {
    "article": "biolink:JournalArticle",
    "preprint": "biolink:PreprintPublication",
    "book": "biolink:Book",
    "chapter": "biolink:BookChapter",
    "web": "biolink:WebPage",
}
"""Categories of publications by the value of ``hfm:publicationKind``."""

CONCEPT_CATEGORIES: Final[Mapping[str, str]] = {
    "http://purl.obolibrary.org/obo/MONDO_": "biolink:Disease",
    "http://purl.obolibrary.org/obo/UBERON_": "biolink:GrossAnatomicalStructure",
    "https://w3id.org/biolink/vocab/Drug": "biolink:Drug",
    "https://w3id.org/biolink/vocab/Genome": "biolink:Genome",
}
"""Categories of concepts by the beginning of the IRI that they match exactly. Biolink's other classes that one of ours
matches are left out: Human is deprecated, KnowledgeGraph is no named thing, and a unit of counting is no Book."""

PREDICATES: Final[Mapping[NamedNode, str]] = {
    HFM.affects: "biolink:affects",
    HFM.composedOf: "biolink:has_part",
}
"""The properties for which Biolink has a predicate that says the same. ``skos:broader`` is not ``subclass_of``, and
what a source cites for a thing need not mention it."""

RELATED: Final = "biolink:related_to"

REPEATED: Final = frozenset({FAIR4ML.mlTask})
"""Properties of other vocabularies that only say again what one of ours says."""

OWN: Final = iri("source", PROJECT).value
"""The source that stands for this project's curators."""


@dataclass(frozen=True)
class Tables:
    """The two files of a property graph."""

    nodes: bytes
    edges: bytes


def write(graph: Graph, prefixes: Prefixes) -> Tables:
    """The two files, sorted. ``prefixes`` make the CURIEs."""
    return _Writer(graph, prefixes).tables()


class _Writer:
    """The graph by subject, and what each named graph rests on."""

    def __init__(self, graph: Graph, prefixes: Prefixes) -> None:
        self.prefixes = prefixes.with_identifiers()
        self.values: dict[tuple[NamedNode, NamedNode], set[NamedNode | Literal]] = {}
        self.graphs: dict[Triple, set[NamedNode]] = {}
        for quad in graph.quads:
            if isinstance(quad.subject, NamedNode) and isinstance(quad.object, NamedNode | Literal):
                self.values.setdefault((quad.subject, quad.predicate), set()).add(quad.object)
            if isinstance(quad.graph_name, NamedNode) and quad.graph_name != INFERRED:
                self.graphs.setdefault(quad.triple, set()).add(quad.graph_name)
        self.categories = {
            subject: self._category(subject, types)
            for (subject, predicate), types in self.values.items()
            if predicate == RDF.type and subject.value.startswith(BASE) and not types.isdisjoint(CATEGORIES)
        }

    def tables(self) -> Tables:
        nodes = (self._node(node) for node in self.categories)
        edges = (
            self._edge(triple, graphs)
            for triple, graphs in self.graphs.items()
            if triple.subject in self.categories
            and triple.object in self.categories
            and triple.predicate not in REPEATED
        )
        return Tables(_table(NODE_COLUMNS, nodes), _table(EDGE_COLUMNS, edges))

    def _all(self, subject: NamedNode, predicate: NamedNode) -> list[str]:
        return sorted(value.value for value in self.values.get((subject, predicate), ()))

    def _curies(self, iris: Iterable[str]) -> str:
        return SEPARATOR.join(sorted(self._curie(one) for one in iris))

    def _curie(self, one: str) -> str:
        return self.prefixes.contract(one) or one

    def _category(self, node: NamedNode, types: Iterable[NamedNode | Literal]) -> str:
        for kind in self._all(node, HFM.publicationKind):
            if kind in PUBLICATION_CATEGORIES:
                return PUBLICATION_CATEGORIES[kind]
        for match in self._all(node, SKOS.exactMatch):
            for base, category in CONCEPT_CATEGORIES.items():
                if match.startswith(base):
                    return category
        (category,) = {CATEGORIES[one] for one in types if isinstance(one, NamedNode) and one in CATEGORIES}
        return category

    def _node(self, node: NamedNode) -> dict[str, str]:
        makers = {
            name for type_ in self.values[node, RDF.type] for name in self.graphs.get(Triple(node, RDF.type, type_), ())
        }
        matches = [value for one in (SKOS.exactMatch, SKOS.closeMatch, SCHEMA.sameAs) for value in self._all(node, one)]
        return {
            "id": self._curie(node.value),
            "category": self.categories[node],
            "name": self._all(node, RDFS.label)[0],
            "description": "".join(self._all(node, IAO.IAO_0000115)),
            "synonym": SEPARATOR.join(self._all(node, SKOS.altLabel) + self._all(node, SKOS.notation)),
            "xref": self._curies(matches),
            "provided_by": self._curies(self._sources(self._places(makers))),
            "type": self._curies(one for one in self._all(node, RDF.type) if one.startswith(BASE)),
        }

    def _edge(self, triple: Triple, graphs: Iterable[NamedNode]) -> dict[str, str]:
        assert isinstance(triple.subject, NamedNode)
        assert isinstance(triple.object, NamedNode)
        places = self._places(graphs)
        source, *_ = sorted(self._sources(places), key=lambda one: (one == OWN, one))
        references = {reference for name in graphs for reference in self._all(name, HFM.reference)}
        return {
            "id": hashlib.sha256(str(triple).encode()).hexdigest()[:32],
            "subject": self._curie(triple.subject.value),
            "predicate": PREDICATES.get(triple.predicate, RELATED),
            "object": self._curie(triple.object.value),
            "original_predicate": self._curie(triple.predicate.value),
            "knowledge_level": "knowledge_assertion",
            "agent_type": "not_provided" if source == OWN else "manual_agent",
            "primary_knowledge_source": self._curie(source),
            "publications": self._curies(references),
            "places": self._curies(places),
        }

    def _places(self, graphs: Iterable[NamedNode]) -> set[str]:
        return {place for name in graphs for place in self._all(name, PROV.wasDerivedFrom)}

    def _sources(self, places: Iterable[str]) -> set[str]:
        """The sources that places are part of; a source is its own place where a row names no other."""
        return {source for one in places for source in self._all(NamedNode(one), DCTERMS.isPartOf) or [one]}


def _table(columns: tuple[str, ...], rows: Iterable[dict[str, str]]) -> bytes:
    """A table without quotes, for so KGX reads it. Raises ValueError if a cell would break it."""
    lines = sorted("\t".join(row[column] for column in columns) for row in rows)
    for line in lines:
        if line.count("\t") != len(columns) - 1 or "\n" in line or "\r" in line:
            raise ValueError(f"a cell holds a tab or a line break: {line!r}")
    return "\n".join(["\t".join(columns), *lines, ""]).encode()
