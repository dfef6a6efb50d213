"""What cannot all be right is marked: the notes of conflicts, and the named graphs that they dispute."""

from __future__ import annotations

import pytest
from pyoxigraph import NamedNode, Quad, QuerySolutions, Store

from hfm_kg import pipeline, sparql, tables
from hfm_kg.pipeline import Settings
from hfm_kg.tables import Row
from hfm_kg.terms import HFM, PROV, PROVENANCE, RDF, iri
from tests.test_transcription import Folder

YEAR = "table-1-row-30-year"


@pytest.fixture(scope="module")
def disputing(settings: Settings) -> list[Row]:
    """The notes that dispute something."""
    return [note for note in tables.read(settings.data)["notes"] if note.items("disputes")]


def test_who_errs_in_a_conflict_cannot_be_told(settings: Settings) -> None:
    conflicts = [note for note in tables.read(settings.data)["notes"] if note.text("kind") == "conflict"]
    assert conflicts
    for note in conflicts:
        assert (note.text("errs"), note.optional("corrected")) == ("unknown", None), note.text("id")
        assert len(set(note.items("disputes"))) >= 2, note.text("id")


def test_what_a_note_disputes_stays_in_graphs_of_its_own(disputing: list[Row], store: Store) -> None:
    for note in disputing:
        for path in note.items("disputes"):
            row = iri("source", path)
            assert Quad(iri("note", note.text("id")), HFM.disputes, row) in store
            assert Quad(row, RDF.type, HFM.Row, row) in store
            assert any(store.quads_for_pattern(row, PROV.wasDerivedFrom, None, PROVENANCE))


def test_the_companion_list_contradicts_the_survey_from_its_own_lines(disputing: list[Row], store: Store) -> None:
    """What another source says stands in graphs of that source, at the line of it."""
    lines = {path for note in disputing for path in note.items("disputes") if path.startswith("awesome-hfm/")}
    assert lines
    for path in lines:
        row = iri("source", path)
        (place,) = store.quads_for_pattern(row, PROV.wasDerivedFrom, None, PROVENANCE)
        assert isinstance(place.object, NamedNode)
        assert place.object == iri("source", "awesome-hfm", "line", path.split("/")[2].split("-")[1])
        assert any(store.quads_for_pattern(None, HFM.mentionedTask, None, row))


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("he2024/reference/73x", "place: disputes: 'he2024/reference/73x' is the graph of no row; did you mean "
         "he2024/reference/73?"),
        ("he2024/statment/iii-d-2-tcga-modality-pathology", "place: disputes: "
         "'he2024/statment/iii-d-2-tcga-modality-pathology' is the graph of no row; did you mean "
         "he2024/statement/iii-d-2-tcga-modality-pathology?"),
        ("provenance", "datatype: disputes: 'provenance' does not have the form [a-z0-9-]+(/[A-Za-z0-9.-]+)+"),
    ],
)  # fmt: skip
def test_a_path_that_is_the_graph_of_no_row_is_found(path: str, told: str, sandbox: Settings) -> None:
    data = Folder(sandbox.data)
    data.put("notes", YEAR, "disputes", f"he2024/table/1/row/30|{path}")
    findings = pipeline.check(sandbox)
    assert [str(finding) for finding in findings] == [f"{data.place('notes', YEAR, 'disputes')}: {told}"]


def test_one_asks_for_a_disputed_statement_and_its_opponents(store: Store) -> None:
    """The year that the graph serves of a model, and the other one."""
    found = sparql.evaluate(
        store,
        """SELECT ?served ?other WHERE {
          GRAPH ?row { <https://w3id.org/hfm/model/Taiyi> hfm:publicationYear ?served }
          ?note hfm:disputes ?row , ?opponent ; hfm:column "year" .
          FILTER(?opponent != ?row)
          GRAPH ?opponent { ?reference hfm:publicationYear ?other }
        }""",
    )
    assert isinstance(found, QuerySolutions)
    assert [(row["served"].value, row["other"].value) for row in found] == [("2023", "2024")]
