"""Every ontology check fires on its planted defect, and only it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Store

from hfm_kg import catalog, hierarchy, statement, tables, validate
from hfm_kg.errors import FindingsError
from hfm_kg.pipeline import Settings
from hfm_kg.terms import DCTERMS, HFM, ONTOLOGY, PROV, iri
from tests.defects import DEFECTS, SOUND, VARIANTS, Defect

REPORT = {
    "ERROR": """
        deprecated-boolean-datatype deprecated-class-reference deprecated-property-reference duplicate-definition
        duplicate-label illegal-use-of-built-in-vocabulary label-formatting label-whitespace missing-label
        missing-ontology-description missing-ontology-license missing-ontology-title misused-obsolete-label
        misused-replaced-by multiple-definitions multiple-equivalent-class-definitions multiple-labels
    """,
    "WARN": """
        annotation-whitespace duplicate-exact-synonym duplicate-label-synonym duplicate-scoped-synonym
        equivalent-class-axiom-no-genus equivalent-pair invalid-entity-uri invalid-xref missing-definition
        missing-obsolete-label missing-subset-declaration missing-synonymtype-declaration multiple-equivalent-classes
    """,
    "INFO": "lowercase-definition missing-superclass",
}
"""The rules of ROBOT's default report, and how bad it takes them to be."""


@pytest.fixture(scope="module")
def graph(stated: statement.Graph) -> Store:
    """The graph as the checks see it; whoever plants a defect takes it out again."""
    return validate.in_memory(stated.with_default_graph())


@pytest.fixture(scope="module")
def tracer(stated: statement.Graph, settings: Settings) -> validate.Tracer:
    return validate.Tracer(stated, settings.ontology)


def test_the_real_graph_passes(graph: Store, queries: catalog.Catalog, tracer: validate.Tracer) -> None:
    assert validate.check_ontology(graph, queries, tracer) == []


def test_every_check_has_a_planted_defect(queries: catalog.Catalog) -> None:
    assert {check.name for check in queries.of_kind("checks")} == set(DEFECTS)


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_planted_defect_fires_its_check_and_only_it(
    name: str, graph: Store, queries: catalog.Catalog, tracer: validate.Tracer
) -> None:
    with DEFECTS[name].planted(graph):
        assert {finding.rule for finding in validate.check_ontology(graph, queries, tracer)} == {name}


@pytest.mark.parametrize(("name", "defect"), VARIANTS)
def test_other_ways_to_break_a_rule(
    name: str, defect: Defect, graph: Store, queries: catalog.Catalog, tracer: validate.Tracer
) -> None:
    with defect.planted(graph):
        assert {finding.rule for finding in validate.check_ontology(graph, queries, tracer)} == {name}


@pytest.mark.parametrize("name", sorted(SOUND))
def test_what_is_no_defect_fires_nothing(
    name: str, graph: Store, queries: catalog.Catalog, tracer: validate.Tracer
) -> None:
    with SOUND[name].planted(graph):
        assert validate.check_ontology(graph, queries, tracer) == []


def test_every_rule_of_robots_default_report_is_one_of_ours(queries: catalog.Catalog) -> None:
    checks = {check.name: check for check in queries.of_kind("checks")}
    for severity, names in REPORT.items():
        assert {checks[name].header["severity"] for name in names.split()} == {severity}


def test_a_finding_names_the_row_of_its_subject(
    stated: statement.Graph, graph: Store, queries: catalog.Catalog, tracer: validate.Tracer
) -> None:
    with DEFECTS["model-without-reference"].planted(graph):
        (finding,) = validate.check_ontology(graph, queries, tracer)
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


@pytest.mark.parametrize(
    ("term", "place"),
    [
        (ONTOLOGY, ("ontology/hfm.ttl", "<https://w3id.org/hfm/hfm.owl> a owl:Ontology ;")),
        (DCTERMS.title, ("ontology/hfm.ttl", "dcterms:title a owl:AnnotationProperty ;")),
        (PROV.wasDerivedFrom, ("ontology/alignment.ttl", "prov:wasDerivedFrom a owl:ObjectProperty ;")),
        (HFM.SAMBasedFoundationModel, ("ontology/rules.ttl", ":SAMBasedFoundationModel a owl:Class ;")),
    ],
)
def test_a_finding_about_the_header_or_a_borrowed_term_names_its_line(
    term: NamedNode, place: tuple[str, str], settings: Settings, tracer: validate.Tracer
) -> None:
    finding = tracer.finding("rule", "message", term)
    file, text = place
    assert finding.file == file
    assert (settings.root / file).read_text(encoding="utf-8").splitlines()[finding.line - 1].startswith(text)


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


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a check of that text below a folder of queries, and gives the folder."""

    def written(text: str) -> Path:
        path = tmp_path / "checks" / "ontology" / "planted.rq"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        return tmp_path

    return written


HEADER = "#+ title: t\n#+ severity: WARN\n#+ fix: f\n#+ defect: d\n"


@pytest.mark.parametrize(
    ("header", "place", "message"),
    [
        (HEADER.replace("WARN", "warning"), "2:4", "severity is one of ERROR, WARN, INFO"),
        (HEADER.replace("defect: d", "defect:"), "1:1", "no 'defect'; add a line '#+ defect: …'"),
        (HEADER + "#+ author: me\n", "5:4", "unknown key 'author'"),
    ],
)
def test_a_check_without_a_proper_header_is_told(
    write: Callable[[str], Path], header: str, place: str, message: str
) -> None:
    with pytest.raises(FindingsError) as error:
        catalog.read(write(header + "SELECT ?subject {}\n"))
    assert str(error.value) == f"queries/checks/ontology/planted.rq:{place}: query-header: {message}"


def test_a_check_that_does_not_parse_is_told_with_its_folder(write: Callable[[str], Path]) -> None:
    (finding,) = validate.check_queries(catalog.read(write(HEADER + "SELECT ?subject {\n")))
    assert (finding.file, finding.rule) == ("queries/checks/ontology/planted.rq", "sparql")
