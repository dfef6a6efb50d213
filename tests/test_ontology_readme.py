"""ontology/README.md shows nothing that does not happen, and its examples parse."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fastobo
import pytest
import rdflib
from pronto.ontology import Ontology
from pyoxigraph import DefaultGraph, NamedNode, RdfFormat, Store, parse

from hfm_kg import pipeline
from hfm_kg.cli import main
from hfm_kg.pipeline import Settings
from hfm_kg.server import resources
from hfm_kg.terms import BASE, OWL, RDF, RDFS, SKOS, concept, iri
from tests.conftest import ROOT, SCRIPT
from tests.test_registry import raise_version

README = (ROOT / "ontology/README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of a language, without the indent of a list that they stand in."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", README, re.DOTALL | re.MULTILINE)
    return [re.sub(f"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


# --- commands -------------------------------------------------------------------------------------------------


def test_the_commands_run_one_after_the_other(sandbox: Settings) -> None:
    raise_version(sandbox, "2099-01-01")  # as the text says, before a version is registered
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) >= 7
    path = f"{Path(SCRIPT).parent}:{os.environ['PATH']}"
    for command in commands:
        assert command.startswith("hfm-kg ")
        done = subprocess.run(
            command, shell=True, cwd=sandbox.root, env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    for file in ("hfm.owl", "hfm-facts.owl"):
        rdflib.Graph().parse(sandbox.root / file, format="xml")
    registered = (sandbox.ontology / "registry/releases.tsv").read_text(encoding="utf-8").splitlines()
    assert registered[-1].startswith("2099-01-01\t")


def test_commands_within_the_text_exist() -> None:
    named = set(re.findall(r"`hfm-kg ([a-z]+)", README))
    assert {"check", "export", "serve"} <= named <= set(main.commands)


# --- names ----------------------------------------------------------------------------------------------------


def test_files_that_it_links_to_exist() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)]+)\)", README)
    assert len(targets) > 8
    for target in targets:
        assert (ROOT / "ontology" / target).exists(), target


def test_every_module_of_the_ontology_is_listed() -> None:
    table = README.partition("| File |")[2].partition("\n\n")[0]
    names = {name.rstrip("/") for name in re.findall(r"\]\(([^)]+)\)", table)}
    assert names == {path.name for path in (ROOT / "ontology").iterdir()} - {"README.md"}


def test_every_term_and_iri_that_it_names_is_in_the_graph(store: Store) -> None:
    names = set(re.findall(r"\bhfm:(\w+)(?![\w.])", README))
    paths = set(re.findall(r"`https://w3id\.org/hfm/([^`]+)`", README))
    assert len(names) >= 5
    assert len(paths) > 12
    for path in names | {path for path in paths if not path.startswith("releases/")}:
        assert resources.describe(store, iri(path)) is not None, path
    for released in paths - {path for path in paths if not path.startswith("releases/")}:
        version = released.split("/")[1]
        registered = (ROOT / "ontology/registry/releases.tsv").read_text(encoding="utf-8")
        assert f"\n{version}\t" in registered


# --- rows -----------------------------------------------------------------------------------------------------


def test_the_rows_that_it_proposes_are_accepted(sandbox: Settings) -> None:
    tables = {
        path.read_text(encoding="utf-8").partition("\n")[0]: path
        for path in (sandbox.data / "modalities.tsv", sandbox.data / "deprecated.tsv")
    }
    shown = [block.splitlines() for block in blocks("tsv")]
    assert [tables[header].name for header, _ in shown] == ["modalities.tsv", "deprecated.tsv"]
    for header, row in shown:
        with tables[header].open("a", encoding="utf-8") as file:
            file.write(row + "\n")
    assert pipeline.check(replace(sandbox, reasoning=False)) == []
    stated = pipeline.stated(sandbox).triples()
    subjects = {triple.subject for triple in stated}
    assert {concept("Elastography"), concept("MedicalPicture")} <= subjects


# --- links from other ontologies ------------------------------------------------------------------------------


def label(store: Store, name: str) -> str:
    (found,) = {
        quad.object.value  # type: ignore[union-attr] # a label is a literal
        for quad in store.quads_for_pattern(concept(name), RDFS.label, None, DefaultGraph())
    }
    return found


READ_SSSOM = """
import json, sys
from sssom.parsers import parse_sssom_table
from sssom.validators import validate

def read(path):
    found = parse_sssom_table(path)
    reports = validate(found, fail_on_error=False)
    rows = found.df[["subject_id", "predicate_id", "object_id", "object_label"]].values.tolist()
    return {"rows": rows, "problems": [one.message for report in reports.values() for one in report.results]}

print(json.dumps([read(path) for path in sys.argv[1:]]))
"""
"""What the library of SSSOM reads and finds wrong; a process of its own, since others' warnings are no errors there."""


def test_the_sssom_example_is_valid_and_names_a_concept(store: Store, tmp_path: Path) -> None:
    (text,) = blocks("sssom")
    good, bad = tmp_path / "good.sssom.tsv", tmp_path / "bad.sssom.tsv"
    good.write_text(text, encoding="utf-8")
    bad.write_text(text.replace("semapv:Manual", "semapv:Mental"), encoding="utf-8")
    command = [sys.executable, "-c", READ_SSSOM, str(good), str(bad)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert found[0]["problems"] == []
    assert found[1]["problems"] != []
    (row,) = found[0]["rows"]
    assert row == ["EX:0000123", "skos:exactMatch", "hfm:Pathology", label(store, "Pathology")]


def test_the_owl_example_parses_and_uses_terms_as_they_are(store: Store) -> None:
    (text,) = blocks("turtle")
    triples = [quad.triple for quad in parse(text, format=RdfFormat.TURTLE)]
    assert len(rdflib.Graph().parse(data=text, format="turtle")) == len(triples)
    used = {
        node
        for triple in triples
        for node in (triple.predicate, triple.object)
        if isinstance(node, NamedNode) and node.value.startswith(BASE)
    }
    kinds = {
        "FoundationModel": OWL.Class,
        "taskTransitive": OWL.ObjectProperty,
        "ImageSegmentation": SKOS.Concept,
        "Pathology": SKOS.Concept,
    }
    assert used == {iri("hfm.owl"), *map(concept, kinds)}
    for name, kind in kinds.items():
        assert list(store.quads_for_pattern(concept(name), RDF.type, kind, DefaultGraph())), name


def test_the_obo_example_parses_with_two_libraries(store: Store) -> None:
    (text,) = blocks("obo")
    (frame,) = fastobo.loads(text)
    assert {"xref: hfm:Pathology", "property_value: skos:exactMatch hfm:Pathology"} <= {str(clause) for clause in frame}
    term = Ontology(io.BytesIO(text.encode()))["EX:0000123"]
    assert {xref.id for xref in term.xrefs} == {"hfm:Pathology"}
    assert list(store.quads_for_pattern(concept("Pathology"), RDF.type, SKOS.Concept, DefaultGraph()))
    with pytest.raises(SyntaxError):
        fastobo.loads(text.replace("xref: ", "xref "))
