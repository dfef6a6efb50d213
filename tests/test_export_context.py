"""Prefixes for ``curies``, the JSON-LD context, and the facts written with it: three readers see the same graph."""

from __future__ import annotations

import json
import warnings
from typing import Any

import curies
import pytest
import rdflib
from pyld import jsonld
from pyoxigraph import BlankNode, CanonicalizationAlgorithm, Dataset, Literal, NamedNode, Quad, RdfFormat, Triple, parse

from hfm_kg import mappings
from hfm_kg.export import context, ontology, prefixes
from hfm_kg.sparql import PREFIXES
from hfm_kg.statement import Graph
from hfm_kg.terms import HFM, RDFS, iri

from .conftest import ROOT


@pytest.fixture(scope="module")
def known() -> prefixes.Prefixes:
    return prefixes.prefixes(mappings.read(ROOT / "ontology" / "mappings")[0])


@pytest.fixture(scope="module")
def triples(reasoned: Graph) -> set[Triple]:
    return ontology.with_facts(reasoned)


@pytest.fixture(scope="module")
def facts(triples: set[Triple]) -> set[str]:
    return canonical({Quad(*triple) for triple in triples})


def canonical(quads: set[Quad]) -> set[str]:
    dataset = Dataset(quads)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return {str(quad) for quad in dataset}


def refuse(url: str, options: object) -> Any:
    pytest.fail(f"{url} would have been fetched")


# --- prefixes -----------------------------------------------------------------------------------------------------


def test_curies_loads_the_prefixes_strictly(files: dict[str, bytes], known: prefixes.Prefixes) -> None:
    converter = curies.load_extended_prefix_map(json.loads(files["prefixes.epm.json"]), strict=True)
    assert dict(converter.bimap) == known.with_identifiers().bases
    assert converter.compress("https://w3id.org/hfm/model/BioBERT") == "hfm.model:BioBERT"
    assert converter.compress("https://w3id.org/hfm/Pathology") == "hfm:Pathology"
    assert converter.expand("sdo:name") == "http://schema.org/name"
    assert converter.compress("https://dx.doi.org/10.1000/1") == "doi:10.1000/1"


def test_curies_refuses_a_prefix_that_stands_for_two_things(files: dict[str, bytes]) -> None:
    records = json.loads(files["prefixes.epm.json"])
    with pytest.raises(ValueError, match="hfm"):
        curies.load_extended_prefix_map([*records, records[0] | {"prefix": "hfm", "uri_prefix": "https://e.org/"}])


def test_curies_contracts_as_we_do(files: dict[str, bytes], known: prefixes.Prefixes, reasoned: Graph) -> None:
    converter = curies.load_extended_prefix_map(json.loads(files["prefixes.epm.json"]))
    iris = {
        term.value for quad in reasoned.quads for term in (quad.subject, quad.object) if isinstance(term, NamedNode)
    }
    plain = {one for one in iris if not any(synonym in one for synonym in ("europepmc", "www.ncbi", "https://schema"))}
    ours = known.with_identifiers()
    assert {one: ours.contract(one) for one in plain} == {one: converter.compress(one) for one in plain}


def test_all_prefixes_are_there(known: prefixes.Prefixes) -> None:
    assert PREFIXES.items() <= known.bases.items()
    for one in mappings.read(ROOT / "ontology" / "mappings")[0]:
        assert one.prefixes.items() <= known.bases.items()


def test_every_kind_of_thing_has_its_prefix(reasoned: Graph, known: prefixes.Prefixes) -> None:
    subjects = {quad.subject.value for quad in reasoned.quads if isinstance(quad.subject, NamedNode)}
    paths = [one.removeprefix("https://w3id.org/hfm/") for one in subjects if one.startswith("https://w3id.org/hfm/")]
    assert {path.partition("/")[0] for path in paths if "/" in path} == set(prefixes.KINDS)


# --- context and facts --------------------------------------------------------------------------------------------


def test_oxigraph_reads_the_facts_back(files: dict[str, bytes], facts: set[str]) -> None:
    assert canonical(set(parse(files["hfm-facts.jsonld"], format=RdfFormat.JSON_LD))) == facts


def test_rdflib_reads_the_facts_back(files: dict[str, bytes], facts: set[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's parsers use names that rdflib deprecates
        graph = rdflib.Graph().parse(data=files["hfm-facts.jsonld"], format="json-ld")
        lines = graph.serialize(format="nt")
    assert canonical(set(parse(lines.encode(), format=RdfFormat.N_TRIPLES))) == facts


def test_pyld_reads_the_facts_back(files: dict[str, bytes], facts: set[str]) -> None:
    options = {"format": "application/n-quads", "documentLoader": refuse, "processingMode": "json-ld-1.1"}
    lines = jsonld.to_rdf(json.loads(files["hfm-facts.jsonld"]), options)
    assert canonical(set(parse(lines.encode(), format=RdfFormat.N_QUADS))) == facts


def test_people_can_read_a_model(files: dict[str, bytes]) -> None:
    nodes = json.loads(files["hfm-facts.jsonld"])["@graph"]
    (model,) = [node for node in nodes if node.get("@id") == "hfm.model:UNI"]
    assert model["name"] == "UNI"
    assert "FoundationModel" in model["@type"]
    assert model["modality"] == ["hfm:Pathology"]
    assert model["pretrainingParadigm"] == "hfm:HybridLearning"
    assert model["publicationYear"] == 2024
    assert model["codeRepository"] == ["https://github.com/mahmoodlab/UNI"]


def test_the_context_alone_is_the_one_that_the_facts_carry(files: dict[str, bytes]) -> None:
    alone = json.loads(files["context.jsonld"])
    assert alone["@context"] == json.loads(files["hfm-facts.jsonld"])["@context"]


def test_what_people_write_with_the_context_becomes_our_terms(files: dict[str, bytes]) -> None:
    written = {
        **json.loads(files["context.jsonld"]),
        "@id": "hfm.model:Mine",
        "@type": "FoundationModel",
        "name": "Mine",
        "modality": "hfm:CT",
        "publicationYear": 2025,
        "codeTicked": True,
    }
    mine = NamedNode("https://w3id.org/hfm/model/Mine")
    read = {quad.triple for quad in parse(json.dumps(written), format=RdfFormat.JSON_LD)}
    assert Triple(mine, HFM.modality, iri("CT")) in read
    assert Triple(mine, RDFS.label, Literal("Mine")) in read
    assert Triple(mine, HFM.publicationYear, Literal(2025)) in read
    assert Triple(mine, HFM.codeTicked, Literal(True)) in read
    assert len(read) == 5


def test_every_property_and_class_of_ours_has_a_term(files: dict[str, bytes], triples: set[Triple]) -> None:
    terms = json.loads(files["context.jsonld"])["@context"]
    for predicate in {triple.predicate for triple in triples}:
        local = predicate.value.removeprefix("https://w3id.org/hfm/")
        if local != predicate.value:
            assert terms[local]["@id"] == f"hfm:{local}"
    assert terms["FoundationModel"] == {"@id": "hfm:FoundationModel"}


def test_literals_of_several_kinds_keep_theirs(known: prefixes.Prefixes) -> None:
    subject = iri("model", "x")
    values = [Literal("plain"), Literal("deutsch", language="de"), Literal("5", datatype=Literal(1).datatype)]
    triples = [Triple(subject, HFM.reason, value) for value in values]
    written = context.compacted(triples, context.context(triples, known))
    assert {quad.triple for quad in parse(written, format=RdfFormat.JSON_LD)} == set(triples)


def test_a_blank_node_that_is_used_twice_is_refused(known: prefixes.Prefixes) -> None:
    shared = BlankNode("shared")
    triples = [
        Triple(iri("x"), HFM.about, shared),
        Triple(iri("y"), HFM.about, shared),
        Triple(shared, HFM.about, iri("z")),
    ]
    with pytest.raises(ValueError, match="used twice"):
        context.compacted(triples, context.context(triples, known))
