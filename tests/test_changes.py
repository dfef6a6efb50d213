"""What two releases differ in, for people and for programs."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hfm_kg import catalog, pipeline
from hfm_kg.cli import main
from hfm_kg.errors import UsageError
from hfm_kg.export import changes
from hfm_kg.pipeline import Settings
from hfm_kg.registry import State, Term

from .conftest import Edit
from .test_registry import deprecate, raise_version, spoil_statements

BEFORE = State(
    {
        "Kept": Term("Concept", "kept", "", "1"),
        "Renamed": Term("Concept", "old name", "", "1"),
        "Moved": Term("Concept", "moved", "Kept", "1"),
        "Reworded": Term("Class", "reworded", "", "1"),
        "FoundationModel": Term("Class", "foundation model", "", "1"),
        "Older": Term("deprecated", "obsolete older", "", "1", "Kept"),
    },
    {"he2024/statement/a": "1", "he2024/statement/b": "1", "he2024/statement/c": "1"},
)
AFTER = State(
    {
        "Kept": Term("Concept", "kept", "", "1"),
        "Renamed": Term("Concept", "new name", "", "2"),
        "Moved": Term("Concept", "moved", "Renamed", "2"),
        "Reworded": Term("Class", "reworded", "", "2"),
        "FoundationModel": Term("deprecated", "obsolete foundation model", "", "2", "Kept"),
        "Fresh": Term("Concept", "fresh", "", "1"),
        "Older": Term("deprecated", "obsolete older", "", "2", "Fresh"),
    },
    {"he2024/statement/a": "1", "he2024/statement/b": "2", "he2024/statement/d": "1"},
)


@pytest.fixture(scope="module")
def found(queries: catalog.Catalog) -> list[changes.Change]:
    return changes.between(BEFORE, AFTER, {"he2024/statement/b": "B is said.", "he2024/statement/d": "D."}, queries)


def by_path(found: list[changes.Change]) -> dict[str, changes.Change]:
    return {change.iri.removeprefix("https://w3id.org/hfm/"): change for change in found}


def test_each_kind_of_change_is_told(found: list[changes.Change]) -> None:
    assert {path: change.change for path, change in by_path(found).items()} == {
        "FoundationModel": "deprecated",
        "Fresh": "new",
        "Renamed": "changed",
        "Moved": "changed",
        "Reworded": "changed",
        "Older": "changed",
        "source/he2024/statement/b": "changed",
        "source/he2024/statement/c": "withdrawn",
        "source/he2024/statement/d": "new",
    }
    told = by_path(found)
    assert told["Renamed"].what == "label: 'old name', now 'new name'"
    assert told["Moved"].what == "below: Kept, now Renamed"
    assert told["Reworded"].what == "definition, synonyms or axioms"
    assert told["source/he2024/statement/b"].what == "B is said."


def test_a_query_is_ported_by_the_advice(found: list[changes.Change], queries: catalog.Catalog) -> None:
    told = by_path(found)
    port = told["FoundationModel"].port
    assert port.startswith("write hfm:Kept for hfm:FoundationModel; in the catalogue: ")
    named = set(port.rpartition(": ")[2].split(", "))
    assert "models-by-year" in named
    assert all("hfm:FoundationModel" in queries[name].text for name in named)
    assert "must ask for 'new name', or better for the IRI" in told["Renamed"].port
    assert "find it elsewhere" in told["Moved"].port
    assert told["Older"].what == "replaced by: Kept, now Fresh"
    assert told["Older"].port == "write hfm:Fresh for hfm:Kept"
    assert told["Fresh"].port == ""


def test_nothing_differs_from_itself(queries: catalog.Catalog) -> None:
    assert changes.between(BEFORE, BEFORE, {}, queries) == []
    text = changes.markdown("2031-01-01", "2031-01-02", [])
    assert "No terms differ." in text
    assert "Every query of the older release runs as it is" in text


def test_the_text_has_all_changes(found: list[changes.Change]) -> None:
    text = changes.markdown("2031-01-01", "2031-01-02", found)
    assert text.startswith("# Changes from 2031-01-01 to 2031-01-02\n")
    for change in found:
        assert f"- <{change.iri}>" in text
    assert "### Deprecated (1)" in text
    assert "### Withdrawn (1)" in text
    assert text.index("## Porting a query") > text.index("## Facts")


def test_two_releases_of_real_tables(sandbox: Settings, edit: Edit) -> None:
    raise_version(sandbox, "2031-01-01")
    pipeline.register(sandbox)
    withdrawn, added = spoil_statements(sandbox)
    deprecate(sandbox, "OldTask", "individual", "old task", "NamedEntityRecognition", "2031-01-02", "Planted.")
    raise_version(sandbox, "2031-01-02")
    since, until, found = pipeline.differences(sandbox, None, None)
    assert (since, until) == ("2031-01-01", "2031-01-02")
    told = {(change.change, change.iri.rpartition("/")[2]) for change in found}
    assert told == {("deprecated", "OldTask"), ("new", "OldTask"), ("withdrawn", withdrawn), ("new", added)}
    pipeline.register(sandbox)
    assert pipeline.differences(sandbox, "2031-01-01", "2031-01-02") == (since, until, found)


def test_an_older_version_is_asked_for(settings: Settings) -> None:
    with pytest.raises(UsageError, match="is not older than"):
        pipeline.differences(settings, "2099-01-01", None)


def test_a_version_that_was_not_released_is_told(settings: Settings) -> None:
    for versions in (("2001-01-01", None), (None, "2001-01-01")):
        with pytest.raises(UsageError, match="'2001-01-01' is no released version"):
            pipeline.differences(settings, *versions)


def test_the_command_writes_text_and_records(sandbox: Settings) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner(mix_stderr=False).invoke(main, ["export", "changes", *arguments, "--root", str(sandbox.root)])
        assert done.exit_code == 0, done.output
        return done.stdout

    raise_version(sandbox, "2031-01-01")
    deprecate(sandbox, "OldTask", "individual", "old task", "NamedEntityRecognition", "2031-01-01", "Planted.")
    records = json.loads(run("--since", "2026-11-23", "--format", "json"))
    assert all(set(record) == {"change", "kind", "iri", "what", "port"} for record in records)
    assert {
        "change": "deprecated",
        "kind": "deprecated",
        "iri": "https://w3id.org/hfm/OldTask",
        "what": "replaced by NamedEntityRecognition",
        "port": "write hfm:NamedEntityRecognition for hfm:OldTask",
    } in records
    assert run().startswith("# Changes from ")
    assert run("--format", "tsv").startswith("change\tkind\tiri\twhat\tport\n")
