"""Croissant, validated and loaded by ``mlcroissant``, and the schema.org dataset."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from typing import Any

import pytest
import rdflib

LOAD = """
import json, sys
import mlcroissant

def load(path):
    try:
        dataset = mlcroissant.Dataset(jsonld=path)
        records = {name: list(dataset.records(name)) for name in ("nodes", "edges")}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {
        "warnings": sorted(dataset.metadata.ctx.issues.warnings),
        "counts": {name: len(found) for name, found in records.items()},
        "ids": [record["nodes/id"].decode() for record in records["nodes"]],
    }

print(json.dumps([load(path) for path in sys.argv[1:]]))
"""
"""What mlcroissant loads from descriptions; it takes seconds to import."""

SPOILED = {
    "unknown-file.json": ('"fileObject": {\n       "@id": "hfm_nodes.tsv"', '"fileObject": {\n       "@id": "no.tsv"'),
    "unknown-column.json": ('"column": "xref"', '"column": "crossReference"'),
    "wrong-digest.json": ('"sha256": "', '"sha256": "0'),
}


@pytest.fixture(scope="module")
def loaded(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("croissant")
    for name in ("hfm_nodes.tsv", "hfm_edges.tsv", "croissant.json"):
        (folder / name).write_bytes(files[name])
    text = files["croissant.json"].decode()
    for name, (old, new) in SPOILED.items():
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    names = ["croissant.json", *SPOILED]
    command = [sys.executable, "-c", LOAD, *(str(folder / name) for name in names)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(names, json.loads(done.stdout), strict=True))


def test_mlcroissant_finds_nothing_to_say_and_loads_every_row(
    loaded: dict[str, dict[str, Any]], files: dict[str, bytes]
) -> None:
    good = loaded["croissant.json"]
    nodes, edges = (files[name].decode().splitlines()[1:] for name in ("hfm_nodes.tsv", "hfm_edges.tsv"))
    assert good["warnings"] == []
    assert good["counts"] == {"nodes": len(nodes), "edges": len(edges)}
    assert good["ids"] == [line.partition("\t")[0] for line in nodes]


@pytest.mark.parametrize("name", sorted(SPOILED))
def test_mlcroissant_refuses_a_spoilt_description(name: str, loaded: dict[str, dict[str, Any]]) -> None:
    assert loaded[name]["error"] in ("ValidationError", "GenerationError"), loaded[name]


def test_it_follows_croissant_1_and_names_every_file(files: dict[str, bytes]) -> None:
    document = json.loads(files["croissant.json"])
    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    names = {file["contentUrl"] for file in document["distribution"]}
    assert names == files.keys() - {"croissant.json"}
    (compressed,) = [file for file in document["distribution"] if file["name"] == "hfm-graph.nq.gz"]
    assert compressed["encodingFormat"] == ["application/gzip", "application/n-quads"]


def test_the_schema_org_dataset_reads_as_rdf_without_a_fetch(files: dict[str, bytes]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's parsers use names that rdflib deprecates
        graph = rdflib.Graph().parse(data=files["dataset.jsonld"], format="json-ld", publicID="https://example.org/r/")
    schema = rdflib.SDO
    declared = set(map(str, dir(schema)))
    (dataset,) = graph.subjects(rdflib.RDF.type, schema.Dataset)
    assert str(dataset) == f"https://w3id.org/hfm/releases/{graph.value(dataset, schema.version)}"
    assert graph.value(dataset, schema.license) == rdflib.URIRef("https://creativecommons.org/licenses/by/4.0/")
    downloads = {str(url) for url in graph.objects(predicate=schema.contentUrl)}
    assert "https://example.org/r/hfm_nodes.tsv" in downloads
    assert len(downloads) == len(list(graph.objects(dataset, schema.distribution)))
    for term in {*graph.predicates(), *graph.objects(predicate=rdflib.RDF.type)} - {rdflib.RDF.type}:
        assert str(term) in declared, term


def test_neither_fetches_a_context(files: dict[str, bytes]) -> None:
    for name in ("croissant.json", "dataset.jsonld", "context.jsonld", "hfm-facts.jsonld"):
        context = json.loads(files[name])["@context"]
        assert isinstance(context, dict)
        assert "@import" not in context
