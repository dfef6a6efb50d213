"""The property graph in tables: what KGX reads and finds, and every thing and stated relation of the graph in it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from pyoxigraph import Literal, NamedNode, QuerySolutions, Store

from hfm_kg.export import kgx, prefixes
from hfm_kg.statement import Graph
from hfm_kg.terms import HFM, RDF, RDFS, iri

from .conftest import ROOT

NAMES = ("hfm_nodes.tsv", "hfm_edges.tsv", "hfm.json", "prefixes.epm.json")

SPOILED = {
    "MISSING_EDGE_PROPERTY": ("hfm_edges.tsv", "\tknowledge_level\t", "\tlevel_of_knowledge\t"),
    "INVALID_CATEGORY": ("hfm_nodes.tsv", "\tbiolink:Disease\t", "\tbiolink:FoundationModel\t"),
    "INVALID_EDGE_PREDICATE": ("hfm_edges.tsv", "\tbiolink:has_part\t", "\tbiolink:composed_of\t"),
    "INVALID_NODE_PROPERTY_VALUE": ("hfm_nodes.tsv", "hfm.model:BioBERT\t", "hfm:model/BioBERT\t"),
    "INVALID_EDGE_PROPERTY_VALUE": ("hfm_edges.tsv", "\thfm.model:BioBERT\t", "\tunknown:BioBERT\t"),
}
"""A planted defect for each error of the validator that these tables could have."""


@pytest.fixture(scope="module")
def reports(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What KGX says of the tables as they are, and with all the planted defects."""
    good, bad = tmp_path_factory.mktemp("good"), tmp_path_factory.mktemp("bad")
    for name in NAMES:
        text = files[name].decode()
        (good / name).write_text(text, encoding="utf-8")
        for file, old, new in SPOILED.values():
            if file == name:
                assert old in text
                text = text.replace(old, new)
        (bad / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "tests.kgx_validation", str(good), str(bad)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return read


def rows(content: bytes) -> list[dict[str, str]]:
    header, *lines = [line.split("\t") for line in content.decode().splitlines()]
    return [dict(zip(header, line, strict=True)) for line in lines]


def solutions(store: Store, query: str) -> QuerySolutions:
    found = store.query(query)
    assert isinstance(found, QuerySolutions)
    return found


def test_kgx_reads_all_and_finds_no_error(reports: list[dict[str, Any]], files: dict[str, bytes]) -> None:
    assert reports[0]["errors"] == {}
    assert reports[0]["tables"] == {
        "nodes": len(rows(files["hfm_nodes.tsv"])),
        "edges": len(rows(files["hfm_edges.tsv"])),
    }


def test_kgx_finds_each_planted_defect(reports: list[dict[str, Any]]) -> None:
    assert set(reports[1]["errors"]) == set(SPOILED)


def test_kgx_reads_the_obo_graphs(reports: list[dict[str, Any]], files: dict[str, bytes]) -> None:
    (graph,) = json.loads(files["hfm.json"])["graphs"]
    assert reports[0]["obographs"] == {"nodes": len(graph["nodes"]), "edges": len(graph["edges"])}


def test_every_thing_is_a_node(files: dict[str, bytes], store: Store) -> None:
    query = """PREFIX hfm: <https://w3id.org/hfm/> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
        SELECT DISTINCT ?s ?label { ?s a ?class ; <http://www.w3.org/2000/01/rdf-schema#label> ?label
        VALUES ?class { hfm:FoundationModel hfm:Dataset hfm:Publication skos:Concept
                        hfm:MentionedModel hfm:MentionedDataset hfm:MentionedWork } }"""
    expanded = {one["prefix"]: one["uri_prefix"] for one in json.loads(files["prefixes.epm.json"])}
    nodes = {}
    for row in rows(files["hfm_nodes.tsv"]):
        prefix, _, local = row["id"].partition(":")
        nodes[expanded[prefix] + local] = row["name"]
    assert nodes == {s.value: label.value for s, label in solutions(store, query)}


def test_every_stated_relation_between_things_is_an_edge_with_its_places(files: dict[str, bytes], store: Store) -> None:
    query = """PREFIX hfm: <https://w3id.org/hfm/> PREFIX prov: <http://www.w3.org/ns/prov#>
        PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
        SELECT (STR(?s) AS ?from) (STR(?p) AS ?by) (STR(?o) AS ?to)
            (GROUP_CONCAT(DISTINCT STR(?place); separator=" ") AS ?places) {
          GRAPH ?g { ?s ?p ?o } ?g prov:wasDerivedFrom ?place .
          FILTER(?g != <https://w3id.org/hfm/source/inferred>)
          FILTER(?p != <https://w3id.org/fair4ml#mlTask>)
          FILTER EXISTS { ?s a ?a VALUES ?a { hfm:FoundationModel hfm:Dataset hfm:Publication skos:Concept
                          hfm:MentionedModel hfm:MentionedDataset hfm:MentionedWork } }
          FILTER EXISTS { ?o a ?b VALUES ?b { hfm:FoundationModel hfm:Dataset hfm:Publication skos:Concept
                          hfm:MentionedModel hfm:MentionedDataset hfm:MentionedWork } }
        } GROUP BY ?s ?p ?o"""
    expected = {
        (from_.value, by.value, to.value): frozenset(places.value.split())
        for from_, by, to, places in solutions(store, query)
    }
    bases: dict[str, str] = {one["prefix"]: one["uri_prefix"] for one in json.loads(files["prefixes.epm.json"])}

    def expand(curie: str) -> str:
        prefix, _, local = curie.partition(":")
        return bases[prefix] + local

    edges = rows(files["hfm_edges.tsv"])
    made = {
        (expand(edge["subject"]), expand(edge["original_predicate"]), expand(edge["object"])): frozenset(
            map(expand, edge["places"].split("|"))
        )
        for edge in edges
    }
    assert made == expected
    assert len({edge["id"] for edge in edges}) == len(edges) == len(made)


def test_a_row_of_a_model_as_nodes_and_edges(files: dict[str, bytes]) -> None:
    (node,) = [row for row in rows(files["hfm_nodes.tsv"]) if row["id"] == "hfm.model:UNI"]
    assert node["category"] == "biolink:InformationContentEntity"
    assert "hfm:VisionFoundationModel" in node["type"].split("|")
    (edge,) = [
        row
        for row in rows(files["hfm_edges.tsv"])
        if (row["subject"], row["object"]) == ("hfm.model:UNI", "hfm:Pathology")
    ]
    del edge["id"]
    assert edge == {
        "subject": "hfm.model:UNI",
        "predicate": "biolink:related_to",
        "object": "hfm:Pathology",
        "original_predicate": "hfm:modality",
        "knowledge_level": "knowledge_assertion",
        "agent_type": "manual_agent",
        "primary_knowledge_source": "hfm.source:he2024",
        "publications": "hfm.reference:140",
        "places": "hfm.source:he2024/table/2",
    }


def test_a_cell_that_would_break_the_table_is_refused() -> None:
    graph = Graph()
    name, thing = iri("source", "hfm", "row"), iri("model", "x")
    graph.add(name, thing, RDF.type, HFM.FoundationModel)
    graph.add(name, thing, RDFS.label, Literal("two\tcells"))
    with pytest.raises(ValueError, match="tab or a line break"):
        kgx.write(graph, prefixes.Prefixes({"hfm": NamedNode("https://w3id.org/hfm/").value}))
