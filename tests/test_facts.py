"""What the survey's text says: statements, the things they name, and where each stands."""

from __future__ import annotations

import re

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from hfm_kg import facts, graph, tables
from hfm_kg.pipeline import Settings
from hfm_kg.statement import Graph
from hfm_kg.tables import Tables
from hfm_kg.terms import DCTERMS, HFM, PROV, PROVENANCE, concept, iri


@pytest.fixture(scope="module")
def read(settings: Settings) -> Tables:
    return tables.read(settings.data)


def test_there_are_a_thousand_facts_beyond_the_tables(read: Tables) -> None:
    assert len(read["statements"]) >= 1_000


def test_every_word_for_a_property_is_declared_and_used(read: Tables) -> None:
    (column,) = (column for column in read.schemas["statements"].columns if column.name == "property")
    assert column.format is not None
    assert set(column.format.pattern.split("|")) == set(facts.PROPERTIES)
    assert {row.text("property") for row in read["statements"]} == set(facts.PROPERTIES)


def test_every_reference_of_the_body_hangs_on_a_fact(read: Tables) -> None:
    """The survey cites 443 works, in the text of Sections I to VI or in its tables."""
    hanging = {number for row in read["statements"] for number in row.items("references")}
    in_tables = {number for name in ("models", "datasets") for row in read[name] for number in row.items("references")}
    assert {row.text("id") for row in read["references"]} == hanging | in_tables


def test_a_statement_has_a_graph_with_its_sentence_place_and_references(read: Tables, store: Store) -> None:
    for row in read["statements"]:
        name = iri("source", row.text("source"), "statement", row.text("id"))
        said = {
            (quad.predicate, getattr(quad.object, "value", ""))
            for quad in store.quads_for_pattern(name, None, None, name)
        }
        assert (HFM.sentence, row.text("statement")) in said
        assert {value for predicate, value in said if predicate == HFM.reference} == {
            iri("reference", number).value for number in row.items("references")
        }
        (place,) = store.quads_for_pattern(name, PROV.wasDerivedFrom, None, PROVENANCE)
        assert place.object == iri("source", row.text("source"), row.text("place"))


def test_a_statement_relates_its_subject_to_its_object(store: Store) -> None:
    row = iri("source", "he2024", "statement", "ii-a-1-a-pmc-llama-technique-next-token-prediction")
    fact = Quad(iri("model", "PMC-LLaMA"), HFM.technique, concept("NextTokenPrediction"), row)
    assert fact in store


def test_sentences_are_short_and_of_our_own_making(read: Tables) -> None:
    for row in read["statements"]:
        assert len(row.text("statement").split()) <= 60, row.text("id")
        assert not re.search(r"\[\d+\]", row.text("statement")), row.text("id")


DEFECTS: dict[str, tuple[str, str, str]] = {
    "entity": (
        "object",
        "MaskedLanguageModelling",
        "object: 'MaskedLanguageModelling' is in no table; did you mean MaskedLanguageModeling?",
    ),
    "statement object": ("object", "", "object: is empty, but technique relates two things"),
    "statement unit": ("number", "3", "number: an amount has a number and a unit"),
    "statement quantity": ("property", "quantity", "number: a quantity has a number"),
}  # fmt: skip


@pytest.mark.parametrize("defect", sorted(DEFECTS))
def test_a_planted_defect_is_found_where_it_stands(defect: str, sandbox: Settings) -> None:
    column, value, message = DEFECTS[defect]
    path = sandbox.data / "statements.tsv"
    lines = path.read_text(encoding="utf-8").split("\n")
    names = lines[0].split("\t")
    number = next(n for n, line in enumerate(lines) if "\tMaskedLanguageModeling\t" in line and "\ttechnique\t" in line)
    cells = lines[number].split("\t")
    cells[names.index(column)] = value
    lines[number] = "\t".join(cells)
    path.write_text("\n".join(lines), encoding="utf-8")
    (finding,) = facts.check(tables.read(sandbox.data), graph.CONCEPT_CLASSES)
    assert (finding.file, finding.line, finding.message) == ("data/statements.tsv", number + 1, message)


def test_mentioned_things_are_none_of_the_tables(read: Tables) -> None:
    for table, kind in (("models", "model"), ("datasets", "dataset")):
        listed = {row.text("id") for row in read[table]}
        assert not listed & {row.text("id") for row in read["things"] if row.text("kind") == kind}


def test_what_the_text_says_does_not_change_what_the_tables_say(stated: Graph, read: Tables) -> None:
    """Tasks, modalities and sizes of the text have properties of their own."""
    from_text = {quad.predicate for quad in stated.quads if "/statement/" in str(quad.graph_name)}
    assert not from_text & {HFM.task, HFM.modality, HFM.size, HFM.subfield, HFM.pretrainingParadigm, HFM.backbone}


def test_places_are_sections_of_the_survey(read: Tables) -> None:
    sections = {row.text("place").removeprefix("section/").split(".")[0].split("/")[0] for row in read["statements"]}
    assert sections >= {"I", "II", "III", "IV", "V", "VI"}


def test_a_second_source_is_rows_of_its_own(read: Tables, store: Store) -> None:
    rows = [row for row in read["things"] if row.text("source") == "awesome-hfm"]
    assert len(rows) == 5
    for row in rows:
        name = iri("source", "awesome-hfm", row.text("kind"), row.text("id"))
        assert Quad(facts.thing(row), HFM.domain, Literal("healthcare"), name) in store
        (place,) = store.quads_for_pattern(name, PROV.wasDerivedFrom, None, PROVENANCE)
        assert isinstance(place.object, NamedNode)
        (source,) = store.quads_for_pattern(place.object, DCTERMS.isPartOf, None, PROVENANCE)
        assert source.object == iri("source", "awesome-hfm")
