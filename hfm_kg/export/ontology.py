"""The ontology as others import it: one set of triples without imports, and a second one with the facts.

``hfm.owl`` holds classes, properties, axioms and the concepts (SKOS individuals) with their mappings.
``hfm-facts.owl`` adds models, datasets, publications and what the survey says of them, for those who open the graph in
Protégé. Rows, cells, notes and provenance stay in the graph's own files: in OWL, a thing's source is an annotation.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad, Triple

from hfm_kg.statement import Graph
from hfm_kg.terms import BASE, DCTERMS, HFM, IAO, INFERRED, ONTOLOGY, OWL, PROV, PROVENANCE, RDF, RDFS, SKOS

FACTS: Final = NamedNode(BASE + "hfm-facts.owl")
"""The ontology that holds the facts too."""

RECORDS: Final = frozenset({HFM.Cell, HFM.Claim, HFM.CurationNote, HFM.Place, HFM.Row, HFM.Source})
"""The classes of what is said about sources rather than about the world; their members stay outside of OWL files."""

MATCHES: Final = frozenset({SKOS.exactMatch, SKOS.closeMatch, SKOS.broadMatch, SKOS.narrowMatch, SKOS.relatedMatch})


def merged(graph: Graph) -> set[Triple]:
    """The triples of ``hfm.owl``: the ontology's modules and the concepts, in one piece."""
    concepts = _members(graph, {SKOS.Concept})
    schemes = _members(graph, {SKOS.ConceptScheme})
    ontology = {quad.triple for quad in graph.quads if quad.graph_name == ONTOLOGY}
    deprecated = {quad.subject for quad in graph.quads if quad.predicate == OWL.deprecated}
    terms = concepts | schemes | {triple.subject for triple in ontology}
    ours = concepts | deprecated
    vocabulary = {
        quad.triple
        for quad in graph.quads
        if quad.graph_name != INFERRED
        and (
            (quad.predicate in MATCHES and quad.subject in terms)
            or (quad.subject in ours and (isinstance(quad.object, Literal) or quad.object in terms))
        )
    }
    triples = ontology | vocabulary | _sources(graph, concepts) | _declarations(concepts | schemes)
    return triples | _definitions(triples)


def with_facts(graph: Graph) -> set[Triple]:
    """The triples of ``hfm-facts.owl``: those of ``hfm.owl``, and what rows say of the world."""
    records = _members(graph, RECORDS)
    things = {
        quad.subject
        for quad in graph.quads
        if quad.predicate == RDF.type and quad.subject not in records and _is_ours(quad)
    }
    facts = {
        quad.triple
        for quad in graph.quads
        if quad.graph_name not in (INFERRED, PROVENANCE) and quad.subject in things and quad.object not in records
    }
    ontology = {_renamed(triple) for triple in merged(graph)}
    return ontology | facts | _sources(graph, things) | _declarations(things)


def _members(graph: Graph, classes: Collection[NamedNode]) -> set[NamedNode]:
    """The things that are stated to be of one of the classes."""
    return {
        quad.subject
        for quad in graph.quads
        if quad.predicate == RDF.type and quad.object in classes and isinstance(quad.subject, NamedNode)
    }


def _is_ours(quad: Quad) -> bool:
    """Whether a statement of a type speaks of an individual of ours, not of the ontology."""
    return (
        isinstance(quad.subject, NamedNode)
        and quad.subject.value.startswith(BASE)
        and isinstance(quad.object, NamedNode)
        and not quad.object.value.startswith(OWL.base)
    )


def _sources(graph: Graph, things: Collection[object]) -> set[Triple]:
    """For each thing the places from which the row that makes it was taken, as annotations."""
    made: dict[NamedNode, set[NamedNode]] = {}
    for quad in graph.quads:
        if (
            quad.predicate == RDF.type
            and quad.subject in things
            and isinstance(quad.subject, NamedNode)
            and isinstance(quad.graph_name, NamedNode)
            and quad.graph_name not in (INFERRED, ONTOLOGY)
        ):
            made.setdefault(quad.graph_name, set()).add(quad.subject)
    return {
        Triple(thing, DCTERMS.source, quad.object)
        for quad in graph.quads
        if quad.predicate == PROV.wasDerivedFrom and isinstance(quad.subject, NamedNode)
        for thing in made.get(quad.subject, ())
    }


def _definitions(triples: set[Triple]) -> set[Triple]:
    """Each definition once more as SKOS has it, for tools that know no IAO."""
    definitions = {
        Triple(triple.subject, SKOS.definition, triple.object)
        for triple in triples
        if triple.predicate == IAO.IAO_0000115
    }
    return definitions | {
        Triple(SKOS.definition, RDF.type, OWL.AnnotationProperty),
        Triple(SKOS.definition, RDFS.label, Literal("definition (SKOS)", language="en")),
    }


def _declarations(things: Collection[object]) -> set[Triple]:
    return {Triple(thing, RDF.type, OWL.NamedIndividual) for thing in things if isinstance(thing, NamedNode)}


def _renamed(triple: Triple) -> Triple:
    """The triple with the ontology's own IRI, and that of its version, replaced by those of the file of facts."""
    if triple.subject != ONTOLOGY:
        return triple
    value = triple.object
    if triple.predicate == OWL.versionIRI and isinstance(value, NamedNode):
        value = NamedNode(value.value.replace("hfm.owl", "hfm-facts.owl"))
    return Triple(FACTS, triple.predicate, value)
