"""Addresses: each as one place has it, accepted or refused with a reason."""

from __future__ import annotations

import csv

import pytest
from pyoxigraph import NamedNode, Quad, Store

from hfm_kg import facts, graph, tables
from hfm_kg.pipeline import Settings
from hfm_kg.tables import Tables
from hfm_kg.terms import HFM, PROV, PROVENANCE, iri
from tests.conftest import ROOT

LINKS = ("model_links", "dataset_links", "thing_links")
FOUND = ROOT.parent / "shared" / "facts"


@pytest.fixture(scope="module")
def read(settings: Settings) -> Tables:
    return tables.read(settings.data)


def test_a_refused_address_has_its_reason(read: Tables) -> None:
    refused = [row for name in LINKS for row in read[name] if row.text("status") == "rejected"]
    assert refused
    assert [row.line for row in refused if row.optional("reason") is None] == []


def test_an_address_leads_to_its_place_in_each_source_that_has_it(store: Store) -> None:
    page = Quad(iri("dataset", "PubMed"), HFM.landingPage, NamedNode("https://pubmed.ncbi.nlm.nih.gov/download/"))
    found = {quad.graph_name for quad in store.quads_for_pattern(page.subject, page.predicate, page.object, None)}
    for source, place in (("awesome-hfm", "line/343"), ("he2024", "section/III.A.1")):
        name = iri("source", source, "dataset/PubMed", place, "data")
        assert name in found
        assert Quad(name, PROV.wasDerivedFrom, iri("source", source, place), PROVENANCE) in store


def test_what_only_the_text_or_a_list_names_has_addresses_too(store: Store) -> None:
    code = NamedNode("https://github.com/BAAI-DCAI/M3D")
    assert Quad(iri("model", "M3D"), HFM.codeRepository, code) in store


def test_an_address_of_a_thing_that_is_not_there_is_found(sandbox: Settings) -> None:
    path = sandbox.data / "thing_links.tsv"
    lines = path.read_text(encoding="utf-8").split("\n")
    number = next(n for n, line in enumerate(lines) if line.startswith("model/M3D\t"))
    lines[number] = lines[number].replace("model/M3D", "model/M4D", 1)
    path.write_text("\n".join(lines), encoding="utf-8")
    (finding,) = facts.check(tables.read(sandbox.data), graph.CONCEPT_CLASSES)
    assert (finding.file, finding.line, finding.column) == ("data/thing_links.tsv", number + 1, 1)
    assert finding.message == "thing: 'model/M4D' is not in things.tsv; did you mean model/M3D?"


@pytest.mark.skipif(not FOUND.is_dir(), reason=f"the addresses found in lists are not at {FOUND}")
def test_every_address_that_was_found_is_accepted_or_refused(read: Tables) -> None:
    sources = {row.optional("url"): row.text("id") for row in read["sources"]}
    kept = {
        (row.text("source"), row.text("place"), row.text("url").removeprefix("https://"))
        for name in LINKS
        for row in read[name]
    }
    kept |= {
        (row.text("url_source"), f"line/{row.text('url_line')}", row.text("url").removeprefix("https://"))
        for row in read["related_surveys"]
    }
    found = 0
    for path in sorted(FOUND.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                source = sources[f"https://github.com/{row['source_repo']}"]
                at = (row.get("source_line") or row["readme_line"]).split(";")
                for column in ("paper_url", "code_url", "link_url", "extra_paper_url", "extra_code_url"):
                    for address in filter(None, (row.get(column) or "").split(";")):
                        # of one list, the lines of a work are given together
                        places = {(source, f"line/{line}", address.removeprefix("https://")) for line in at}
                        assert places & kept, (path.name, row)
                        found += 1
    assert found > len(kept) / 2
