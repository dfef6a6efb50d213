"""OBO Graphs: the strict model of the library ``obographs``, and counts by query; KGX reads it in its own test."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from obographs import Graph as OboGraph
from obographs import GraphDocument
from pydantic import ValidationError
from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, Store, Triple

from hfm_kg.export import obographs, ontology
from hfm_kg.statement import Graph
from hfm_kg.terms import IAO, ONTOLOGY, OWL, RDF, RDFS, SKOS, iri

PREFIXES = """PREFIX owl: <http://www.w3.org/2002/07/owl#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#> PREFIX obo: <http://purl.obolibrary.org/obo/>
PREFIX dcterms: <http://purl.org/dc/terms/> PREFIX hfm: <https://w3id.org/hfm/>
"""


@pytest.fixture(scope="module")
def raw(files: dict[str, bytes]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files["hfm.json"])
    return document


@pytest.fixture(scope="module")
def graph(raw: dict[str, Any]) -> OboGraph:
    (graph,) = GraphDocument.model_validate(raw, strict=True).graphs
    return graph


@pytest.fixture(scope="module")
def merged(reasoned: Graph) -> Store:
    """The ontology as the other files have it."""
    store = Store()
    store.extend(Quad(*triple) for triple in ontology.merged(reasoned))
    return store


def count(store: Store, pattern: str) -> int:
    solutions = store.query(f"{PREFIXES} SELECT (COUNT(*) AS ?n) {{ SELECT DISTINCT * {{ {pattern} }} }}")
    assert isinstance(solutions, QuerySolutions)
    ((number,),) = solutions
    return int(number.value)


def test_the_model_of_obographs_knows_every_key(raw: dict[str, Any]) -> None:
    document = GraphDocument.model_validate(raw, strict=True)
    assert document.model_dump(exclude_unset=True) == raw


def test_the_model_of_obographs_refuses_a_spoilt_file(raw: dict[str, Any]) -> None:
    spoilt = json.loads(json.dumps(raw))
    spoilt["graphs"][0]["nodes"][0]["type"] = "CONCEPT"
    del spoilt["graphs"][0]["edges"][0]["obj"]
    with pytest.raises(ValidationError, match="2 validation errors"):
        GraphDocument.model_validate(spoilt)


def test_the_graph_is_the_ontology_and_its_version(graph: OboGraph) -> None:
    assert graph.id == "https://w3id.org/hfm/hfm.owl"
    assert graph.version_iri == f"https://w3id.org/hfm/releases/{graph.version}/hfm.owl"
    assert graph.name == "Healthcare Foundation Model ontology"
    assert graph.license == "https://creativecommons.org/licenses/by/4.0/"


def test_nodes_are_the_declared_terms(graph: OboGraph, merged: Store) -> None:
    kinds = Counter((node.type, node.propertyType) for node in graph.nodes)
    assert kinds == {
        ("CLASS", None): count(merged, "?s a owl:Class FILTER(isIRI(?s))"),
        ("INDIVIDUAL", None): count(merged, "?s a owl:NamedIndividual"),
        ("PROPERTY", "OBJECT"): count(merged, "?s a owl:ObjectProperty"),
        ("PROPERTY", "DATA"): count(merged, "?s a owl:DatatypeProperty"),
        ("PROPERTY", "ANNOTATION"): count(merged, "?s a owl:AnnotationProperty"),
    }
    assert len({node.id for node in graph.nodes}) == len(graph.nodes)


def test_definitions_synonyms_and_mappings_are_all_there(graph: OboGraph, merged: Store) -> None:
    metas = [node.meta for node in graph.nodes if node.meta is not None]
    definitions = [meta.definition for meta in metas if meta.definition is not None]
    assert len(definitions) == count(merged, "?s obo:IAO_0000115 ?o")
    assert sum(len(one.xrefs or ()) for one in definitions) == count(
        merged, "?s dcterms:source ?o FILTER EXISTS { ?s obo:IAO_0000115 ?d }"
    )
    synonyms = [synonym for meta in metas for synonym in meta.synonyms or ()]
    assert len(synonyms) == count(merged, "?s skos:altLabel|skos:notation ?o")
    abbreviations = [one for one in synonyms if one.synonymType == obographs.ABBREVIATION]
    assert len(abbreviations) == count(merged, "?s skos:notation ?o")
    subsets = [subset for meta in metas for subset in meta.subsets or ()]
    assert len(subsets) == count(merged, "?s <http://www.geneontology.org/formats/oboInOwl#inSubset> ?o") > 0
    values = Counter(value.pred for meta in metas for value in meta.basicPropertyValues or ())
    for match in ("exactMatch", "closeMatch", "broadMatch", "narrowMatch", "relatedMatch"):
        assert values[f"http://www.w3.org/2004/02/skos/core#{match}"] == count(merged, f"?s skos:{match} ?o") > 0


def test_edges_are_the_relations_of_the_ontology(graph: OboGraph, merged: Store) -> None:
    edges = Counter(edge.pred for edge in graph.edges)
    assert edges["is_a"] == count(merged, "?s rdfs:subClassOf ?o FILTER(isIRI(?o))")
    assert edges["subPropertyOf"] == count(merged, "?s rdfs:subPropertyOf ?o")
    assert edges[SKOS.broader.value] == count(merged, "?s skos:broader ?o")
    assert edges["type"] == count(merged, "?s a ?o . ?o a owl:Class FILTER(isIRI(?o) && isIRI(?s))")
    nodes = {node.id for node in graph.nodes}
    assert all({edge.sub, edge.obj} <= nodes for edge in graph.edges)


def test_axioms(graph: OboGraph, merged: Store) -> None:
    definitions = {one.definedClassId: one for one in graph.logicalDefinitionAxioms}
    assert len(definitions) == count(merged, "?s owl:equivalentClass ?o")
    vision = definitions["https://w3id.org/hfm/VisionFoundationModel"]
    assert vision.genusIds == ["https://w3id.org/hfm/FoundationModel"]
    assert [(one.propertyId, one.fillerId) for one in vision.restrictions or ()] == [
        ("https://w3id.org/hfm/subfield", "https://w3id.org/hfm/Vision")
    ]
    assert len(definitions["https://w3id.org/hfm/VisionLanguageFoundationModel"].restrictions or ()) == 2
    chains = sorted((one.predicateId, *one.chainPredicateIds) for one in graph.propertyChainAxioms)
    assert len(chains) == count(merged, "?s owl:propertyChainAxiom ?o")
    modality = ("modalityTransitive", "modality")
    assert (*(iri(name).value for name in modality), SKOS.broaderTransitive.value) in chains
    domains = [one for axiom in graph.domainRangeAxioms for one in axiom.domainClassIds or ()]
    assert len(domains) == count(merged, "?s rdfs:domain ?o FILTER(isIRI(?o))")
    ranges = [one for axiom in graph.domainRangeAxioms for one in axiom.rangeClassIds or ()]
    assert len(ranges) == count(merged, "?s rdfs:range ?o . ?o a owl:Class FILTER(isIRI(?o))")


def test_a_deprecated_term_is_marked_and_names_what_replaces_it() -> None:
    version = NamedNode("https://w3id.org/hfm/releases/1/hfm.owl")
    old, new, replaced = iri("Old"), iri("New"), IAO.IAO_0100001
    triples = [
        Triple(ONTOLOGY, OWL.versionIRI, version),
        Triple(replaced, RDF.type, OWL.AnnotationProperty),
        Triple(new, RDF.type, OWL.NamedIndividual),
        Triple(old, RDF.type, OWL.NamedIndividual),
        Triple(old, RDFS.label, Literal("obsolete old", language="en")),
        Triple(old, OWL.deprecated, Literal(True)),
        Triple(old, replaced, new),
    ]
    (graph,) = GraphDocument.model_validate_json(obographs.write(triples)).graphs
    (node,) = [node for node in graph.nodes if node.id == old.value]
    assert node.lbl == "obsolete old"
    assert node.meta is not None
    assert node.meta.deprecated
    assert [(value.pred, value.val) for value in node.meta.basicPropertyValues or ()] == [(replaced.value, new.value)]
    assert graph.edges == []
