"""VoID, DCAT and the service description: figures by independent queries, terms that their vocabularies declare."""

from __future__ import annotations

import hashlib
import tomllib
import warnings
from collections.abc import Iterable, Iterator
from typing import cast

import httpx
import pytest
import rdflib
import yaml
from pyoxigraph import NamedNode, QuerySolutions, RdfFormat, Store, parse
from rdflib.namespace import DCAT, DCTERMS, FOAF, PROV, RDF, RDFS, SKOS, VOID, XSD

from hfm_kg import registry
from hfm_kg.export import describe, sssom
from hfm_kg.export.files import ReleaseFile
from hfm_kg.export.prefixes import Prefixes
from hfm_kg.mappings import read
from hfm_kg.sparql import GRAPH_FORMATS, PREFIXES, SOLUTION_FORMATS
from hfm_kg.statement import Graph
from hfm_kg.terms import iri

from .conftest import ROOT

NAMES = ("void.ttl", "dcat.ttl", "service.ttl")
SD = rdflib.Namespace("http://www.w3.org/ns/sparql-service-description#")
SPDX = rdflib.Namespace("http://spdx.org/rdf/terms#")
HFM = rdflib.Namespace("https://w3id.org/hfm/")
CLOSED = (DCAT, DCTERMS, FOAF, PROV, RDF, RDFS, SKOS, VOID, XSD)
"""The vocabularies whose terms rdflib knows."""
DCAT_3 = rdflib.URIRef("http://www.w3.org/ns/dcat#version")
"""A term of DCAT 3; rdflib has those of DCAT 2."""

DATATYPES = {rdflib.URIRef(f"http://ldf.fi/void-ext#{name}") for name in ("datatypePartition", "datatype")}
"""The terms of the extension of VoID that bioinformatics uses; rdflib does not have it."""


@pytest.fixture(scope="module")
def release(reasoned: Graph) -> describe.Release:
    return describe.Release(registry.version_of(reasoned))


@pytest.fixture(scope="module")
def dataset(release: describe.Release) -> rdflib.URIRef:
    return rdflib.URIRef(release.dataset.value)


@pytest.fixture(scope="module")
def graphs(files: dict[str, bytes], dataset: rdflib.URIRef) -> dict[str, rdflib.Graph]:
    """The files as rdflib reads them, below the address at which they lie."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's parsers use names that rdflib deprecates
        return {
            name: rdflib.Graph().parse(data=files[name], format="turtle", publicID=f"{dataset}/{name}")
            for name in NAMES
        }


def number(store: Store, query: str) -> int:
    solutions = store.query(query)
    assert isinstance(solutions, QuerySolutions)
    ((value,),) = solutions
    return int(value.value)


def grouped(store: Store, query: str) -> dict[str, int]:
    solutions = store.query(query)
    assert isinstance(solutions, QuerySolutions)
    return {key.value: int(value.value) for key, value in solutions}


@pytest.mark.parametrize("name", NAMES)
def test_two_parsers_read_the_same_number_of_triples(
    name: str, files: dict[str, bytes], graphs: dict[str, rdflib.Graph], dataset: rdflib.URIRef
) -> None:
    strict = set(parse(files[name], format=RdfFormat.TURTLE, base_iri=f"{dataset}/{name}"))
    assert len(strict) == len(graphs[name]) > 50


@pytest.mark.parametrize("name", NAMES)
def test_terms_are_declared_by_their_vocabularies(name: str, graphs: dict[str, rdflib.Graph]) -> None:
    graph = graphs[name]
    for term in {*graph.predicates(), *graph.objects(predicate=RDF.type)} - {DCAT_3, *DATATYPES}:
        assert isinstance(term, rdflib.URIRef)
        known = [vocabulary for vocabulary in CLOSED if str(term).startswith(str(vocabulary))]
        if known:
            assert term in known[0], term
        else:
            assert str(term).startswith((str(SD), str(SPDX))), term


def test_the_strict_parser_refuses_an_iri_with_a_space(files: dict[str, bytes]) -> None:
    spoilt = files["void.ttl"].replace(b"<https://w3id.org/hfm/mappings/aio>", b"<https://w3id.org/hfm/mappings/a io>")
    with pytest.raises(SyntaxError):
        list(parse(spoilt, format=RdfFormat.TURTLE))


def test_the_figures_are_those_of_the_default_graph(
    graphs: dict[str, rdflib.Graph], dataset: rdflib.URIRef, store: Store
) -> None:
    void = graphs["void.ttl"]
    queries = {
        VOID.triples: "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
        VOID.classes: "SELECT (COUNT(DISTINCT ?o) AS ?n) { ?s a ?o }",
        VOID.properties: "SELECT (COUNT(DISTINCT ?p) AS ?n) { ?s ?p ?o }",
        VOID.distinctSubjects: "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o }",
        VOID.distinctObjects: "SELECT (COUNT(DISTINCT ?o) AS ?n) { ?s ?p ?o }",
        VOID.entities: """SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o
            FILTER(STRSTARTS(STR(?s), "https://w3id.org/hfm/")) }""",
    }
    for predicate, query in queries.items():
        assert int(str(void.value(dataset, predicate))) == number(store, query), predicate


def partitions(void: rdflib.Graph, link: rdflib.URIRef, key: rdflib.URIRef, figure: rdflib.URIRef) -> dict[str, int]:
    """The figure of each partition of the release; those of linksets are other ones."""
    (dataset,) = set(void.subjects(VOID.uriSpace, rdflib.Literal("https://w3id.org/hfm/")))
    assert all(len(list(void.objects(one, key))) == 1 for one in void.objects(dataset, link))
    return {str(void.value(one, key)): int(str(void.value(one, figure))) for one in void.objects(dataset, link)}


def test_every_class_and_property_has_its_partition(graphs: dict[str, rdflib.Graph], store: Store) -> None:
    void = graphs["void.ttl"]
    classes = grouped(store, "SELECT ?c (COUNT(DISTINCT ?s) AS ?n) { ?s a ?c FILTER(isIRI(?c)) } GROUP BY ?c")
    assert partitions(void, VOID.classPartition, VOID["class"], VOID.entities) == classes
    properties = grouped(store, "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p")
    assert partitions(void, VOID.propertyPartition, VOID.property, VOID.triples) == properties


def rows(given: rdflib.Graph | Store, query: str) -> set[tuple[str, ...]]:
    """The solutions of a query, as text."""
    if isinstance(given, Store):
        solutions = given.query(query, prefixes=dict(PREFIXES))
        assert isinstance(solutions, QuerySolutions)
        return {tuple(term.value for term in solution) for solution in solutions}
    return {
        tuple(str(term) for term in row) for row in cast(Iterable[tuple[rdflib.term.Node, ...]], given.query(query))
    }


def test_every_class_of_ours_tells_its_properties_and_their_values(
    graphs: dict[str, rdflib.Graph], store: Store
) -> None:
    void = graphs["void.ttl"]
    start = (
        "PREFIX ext: <http://ldf.fi/void-ext#> "
        "SELECT ?class ?p %s { ?c void:class ?class ; void:propertyPartition ?part . ?part void:property ?p ; %s }"
    )
    ours = "FILTER(STRSTARTS(STR(?class), 'https://w3id.org/hfm/'))"
    kinds = "FILTER(STRSTARTS(STR(?kind), 'https://w3id.org/hfm/'))"
    assert rows(void, start % ("?n", "void:triples ?n")) == rows(
        store, f"SELECT ?class ?p (COUNT(*) AS ?n) {{ ?s a ?class ; ?p ?o {ours} }} GROUP BY ?class ?p"
    )
    assert rows(void, start % ("?kind", "void:classPartition [ void:class ?kind ]")) == rows(
        store, f"SELECT DISTINCT ?class ?p ?kind {{ ?s a ?class ; ?p ?o . ?o a ?kind {ours} {kinds} }}"
    )
    assert rows(void, start % ("?type", "ext:datatypePartition [ ext:datatype ?type ]")) == rows(
        store,
        f"SELECT DISTINCT ?class ?p ?type {{ ?s a ?class ; ?p ?o {ours} FILTER(isLiteral(?o)) "
        "BIND(DATATYPE(?o) AS ?type) }",
    )


def test_terms_without_a_prefix_have_partitions_of_their_own(release: describe.Release) -> None:
    graph = Graph()
    for number in (1, 2):
        graph.add(iri("source", "hfm"), iri("x"), NamedNode(f"https://example.org/#p{number}"), iri("y"))
    void = rdflib.Graph().parse(data=describe.void(release, graph, [], Prefixes({}), []), format="turtle")
    found = partitions(void, VOID.propertyPartition, VOID.property, VOID.triples)
    assert found == {"https://example.org/#p1": 1, "https://example.org/#p2": 1}


def test_every_mapping_set_is_a_linkset(graphs: dict[str, rdflib.Graph]) -> None:
    void = graphs["void.ttl"]
    for one in sssom.accepted(read(ROOT / "ontology" / "mappings")[0]):
        links = HFM["mappings/" + one.path.name.removesuffix(".sssom.tsv")]
        assert int(str(void.value(links, VOID.triples))) == len(one.rows)
        predicates = {str(term).rpartition("#")[2] for term in void.objects(links, VOID.linkPredicate)}
        assert predicates == {row["predicate_id"].removeprefix("skos:") for row in one.rows}
        target = void.value(links, VOID.objectsTarget)
        spaces = [str(space) for space in void.objects(target, VOID.uriSpace)]
        for row in one.rows:
            linked = one.expand(row["object_id"])
            assert linked is not None
            assert any(linked.value.startswith(space) for space in spaces), row["object_id"]
    assert len(set(void.subjects(RDF.type, VOID.Linkset))) == 23


def test_examples_are_things_of_the_graph(graphs: dict[str, rdflib.Graph], store: Store) -> None:
    examples = set(graphs["void.ttl"].objects(predicate=VOID.exampleResource))
    assert len(examples) == len(describe.EXAMPLES)
    for example in examples:
        assert store.query(f"ASK {{ <{example}> a ?class }}")


def test_dumps_of_void_are_files_that_hold_the_graph(graphs: dict[str, rdflib.Graph], dataset: rdflib.URIRef) -> None:
    dumps = set(graphs["void.ttl"].objects(predicate=VOID.dataDump))
    assert dumps == {dataset + f"/hfm-graph.{ending}.gz" for ending in ("nq", "trig", "jsonld", "ttl", "rdf")}


def test_every_file_is_a_distribution(graphs: dict[str, rdflib.Graph], files: dict[str, bytes]) -> None:
    dcat = graphs["dcat.ttl"]
    told = {}
    for one in dcat.subjects(RDF.type, DCAT.Distribution):
        checksum = dcat.value(one, SPDX.checksum)
        name = str(dcat.value(one, DCAT.downloadURL)).rpartition("/")[2]
        told[name] = (int(str(dcat.value(one, DCAT.byteSize))), str(dcat.value(checksum, SPDX.checksumValue)))
        assert str(dcat.value(one, DCAT.mediaType)).startswith("https://www.iana.org/assignments/media-types/")
        assert (dcat.value(one, DCAT.compressFormat) is not None) == name.endswith(".gz")
    describing = {"dcat.ttl", "croissant.json", "dataset.jsonld"}  # made after it, or itself
    assert told == {
        name: (len(content), hashlib.sha256(content).hexdigest())
        for name, content in files.items()
        if name not in describing
    }


def test_a_specification_that_a_file_follows_is_told(reasoned: Graph, release: describe.Release) -> None:
    file = ReleaseFile("hfm.x", b"", "text/plain", "a file", "https://example.org/specification")
    triples = parse(describe.dcat(release, reasoned, [file]), format=RdfFormat.TURTLE)
    told = [t.object.value for t in triples if t.predicate.value == str(DCTERMS.conformsTo)]
    assert told == ["https://example.org/specification"]


def test_title_publisher_and_licence_are_those_of_the_citation_file(
    graphs: dict[str, rdflib.Graph], dataset: rdflib.URIRef, release: describe.Release
) -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["title"] == describe.TITLE
    assert [author["name"] for author in citation["authors"]] == [describe.PUBLISHER]
    assert "CC-BY-4.0" in citation["license"]
    for name in ("void.ttl", "dcat.ttl"):
        assert str(graphs[name].value(dataset, DCTERMS.title)) == citation["title"]
        assert str(graphs[name].value(dataset, DCTERMS.issued)) == release.version


def test_keywords_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(describe.KEYWORDS) <= set(project["keywords"])


def test_the_service_is_at_a_relative_address(files: dict[str, bytes]) -> None:
    for base in ("http://127.0.0.1:7878/service.ttl", "https://w3id.org/hfm/service.ttl"):
        triples = parse(files["service.ttl"], format=RdfFormat.TURTLE, base_iri=base)
        (endpoint,) = [t.object for t in triples if t.predicate.value == str(SD.endpoint)]
        assert endpoint.value == base.replace("service.ttl", "sparql")


def test_graphs_of_the_service_hold_as_many_triples(graphs: dict[str, rdflib.Graph], store: Store) -> None:
    service = graphs["service.ttl"]
    named = set(service.objects(predicate=SD.namedGraph))
    assert len(named) == 26
    for one in named:
        name, graph = service.value(one, SD.name), service.value(one, SD.graph)
        held = number(store, f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{name}> {{ ?s ?p ?o }} }}")
        assert int(str(service.value(graph, VOID.triples))) == held > 0
    default = service.value(predicate=RDF.type, object=SD.Dataset)
    everything = service.value(service.value(default, SD.defaultGraph), VOID.triples)
    assert int(str(everything)) == number(store, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")


def test_the_default_graph_is_the_union_of_the_named_ones(graphs: dict[str, rdflib.Graph], store: Store) -> None:
    assert set(graphs["service.ttl"].objects(predicate=SD.feature)) == {SD.UnionDefaultGraph}
    assert not store.query("ASK { ?s ?p ?o FILTER NOT EXISTS { GRAPH ?g { ?s ?p ?o } } }")
    assert not store.query("ASK { GRAPH ?g { ?s ?p ?o } FILTER NOT EXISTS { ?s ?p ?o } }")


def accepted(graph: rdflib.Graph) -> Iterator[str]:
    for form in graph.objects(predicate=SD.resultFormat):
        yield str(form).rpartition("/")[2]


def test_the_endpoint_answers_in_every_format_that_the_service_tells(
    graphs: dict[str, rdflib.Graph], endpoint: str
) -> None:
    assert len(set(accepted(graphs["service.ttl"]))) == len(SOLUTION_FORMATS) + len(GRAPH_FORMATS)
    names = {describe.RESULT_FORMATS[form.name]: form for form in (*SOLUTION_FORMATS, *GRAPH_FORMATS)}
    for name in accepted(graphs["service.ttl"]):
        form = names[name]
        query = "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o } LIMIT 1" if form in GRAPH_FORMATS else "ASK { ?s ?p ?o }"
        answer = httpx.get(f"{endpoint}/sparql", params={"query": query}, headers={"Accept": form.media_types[0]})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == form.content_type


def test_no_public_endpoint_is_told(files: dict[str, bytes]) -> None:
    assert b"sparqlEndpoint" not in files["void.ttl"]
    assert b"endpointURL" not in files["dcat.ttl"]
