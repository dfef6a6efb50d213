"""Every ontology check fires on its planted defect, and only it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from hfm_kg import catalog, hierarchy, statement, tables, validate
from hfm_kg.pipeline import Settings
from hfm_kg.terms import HFM, OWL, RDF, RDFS, SKOS, concept, iri

Change = Callable[[Store], None]


def add(*triples: tuple[NamedNode, NamedNode, NamedNode | Literal]) -> Change:
    def change(store: Store) -> None:
        store.extend(Quad(*triple) for triple in triples)

    return change


def remove(subject: NamedNode, predicate: NamedNode) -> Change:
    def change(store: Store) -> None:
        for quad in list(store.quads_for_pattern(subject, predicate, None)):
            store.remove(quad)

    return change


def both(*changes: Change) -> Change:
    def change(store: Store) -> None:
        for one in changes:
            one(store)

    return change


DEFECTS: dict[str, Change] = {
    "dangling-iri": add((iri("model", "BioBERT"), HFM.task, concept("NoSuchTask"))),
    "undeclared-term": add((iri("model", "BioBERT"), iri("noSuchProperty"), Literal("x"))),
    "duplicate-label": add(
        (iri("Twin"), RDF.type, OWL.Class),
        (iri("Twin"), RDFS.label, Literal("Row", language="en")),
    ),
    "duplicate-notation": add((concept("Dialogue"), SKOS.notation, Literal("NER"))),
    "broader-in-other-scheme": both(
        remove(concept("Dialogue"), SKOS.broader), add((concept("Dialogue"), SKOS.broader, concept("Text")))
    ),
    "model-without-reference": remove(iri("model", "BioBERT"), HFM.reference),
}


@pytest.fixture(scope="module")
def tracer(stated: statement.Graph, settings: Settings) -> validate.Tracer:
    return validate.Tracer(stated, settings.ontology)


def test_the_real_graph_passes(stated: statement.Graph, queries: catalog.Catalog, tracer: validate.Tracer) -> None:
    assert validate.check_ontology(validate.in_memory(stated.with_default_graph()), queries, tracer) == []


def test_every_check_has_a_planted_defect(queries: catalog.Catalog) -> None:
    assert {check.name for check in queries.of_kind("checks")} == set(DEFECTS)


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_planted_defect_fires_its_check_and_only_it(
    name: str, stated: statement.Graph, queries: catalog.Catalog, tracer: validate.Tracer
) -> None:
    store = validate.in_memory(stated.with_default_graph())
    DEFECTS[name](store)
    assert {finding.rule for finding in validate.check_ontology(store, queries, tracer)} == {name}


def test_a_finding_names_the_row_of_its_subject(
    stated: statement.Graph, queries: catalog.Catalog, tracer: validate.Tracer
) -> None:
    store = validate.in_memory(stated.with_default_graph())
    DEFECTS["model-without-reference"](store)
    (finding,) = validate.check_ontology(store, queries, tracer)
    assert (finding.file, finding.line) == ("data/models.tsv", line_of(stated, "BioBERT"))
    assert finding.message.startswith("hfm:model/BioBERT: a model of a survey's table rests on no reference; give")


def line_of(stated: statement.Graph, model: str) -> int:
    """The line of a model in models.tsv."""
    return min(origin.row.line for triple, origin in stated.origins.items() if triple.subject == iri("model", model))


def test_a_finding_about_a_term_names_its_line_in_the_ontology(
    stated: statement.Graph, tracer: validate.Tracer
) -> None:
    finding = tracer.finding("rule", "message", HFM.Place)
    assert finding.file == "ontology/hfm.ttl"
    assert finding.line > 1


def test_a_loop_of_broader_concepts_is_told_with_its_path(sandbox: Settings) -> None:
    path = sandbox.data / "modalities.tsv"
    lines = path.read_text(encoding="utf-8").split("\n")
    columns = lines[0].split("\t")
    for number, line in enumerate(lines):
        cells = line.split("\t")
        if cells[0] == "Text":
            cells[columns.index("broader")] = "Caption"
            lines[number] = "\t".join(cells)
    path.write_text("\n".join(lines), encoding="utf-8")
    findings = list(hierarchy.check(tables.read(sandbox.data)))
    assert [finding.rule for finding in findings] == ["broader-loop"]
    assert "Caption → Text → Caption" in findings[0].message
