"""Released IRIs: what is registered stays, what is lost is found, and the registry only grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hfm_kg import pipeline, registry, statement
from hfm_kg.errors import Finding, FindingsError, UsageError
from hfm_kg.pipeline import Settings
from hfm_kg.terms import BASE, IAO, OWL

from .conftest import Edit

FIRST = "2026-11-23"


def findings(settings: Settings) -> list[Finding]:
    return list(registry.check(registry.read(settings.ontology), pipeline.stated(settings)))


def raise_version(sandbox: Settings, version: str) -> None:
    """Give the sandbox's ontology another version."""
    path = sandbox.ontology / "hfm.ttl"
    text = path.read_text(encoding="utf-8")
    now = registry.version_of(pipeline.stated(sandbox))
    path.write_text(text.replace(now, version), encoding="utf-8")


def deprecate(sandbox: Settings, *cells: str) -> None:
    """Add a row to the table of deprecated terms."""
    with (sandbox.data / "deprecated.tsv").open("a", encoding="utf-8") as file:
        file.write("\t".join(cells) + "\n")


def test_every_released_iri_is_there_or_deprecated(settings: Settings) -> None:
    assert findings(settings) == []
    assert registry.read(settings.ontology).versions[0] == FIRST


def test_the_first_release_holds_what_the_tables_held(settings: Settings) -> None:
    state = registry.read(settings.ontology).at(FIRST)
    kinds = [term.kind for term in state.terms.values()]
    assert (kinds.count("FoundationModel"), kinds.count("Dataset"), kinds.count("Publication")) == (200, 114, 443)
    assert state.terms["ContrastiveLearning"].parents == "SelfSupervisedLearning"
    assert state.terms["model/BioBERT"].label == "BioBERT"
    assert "he2024/table/2/row/7" in state.facts


def test_a_lost_concept_is_found_with_the_line_of_the_registry(sandbox: Settings, edit: Edit) -> None:
    edit("data/units.tsv", "\nVolumeUnit\t", "\nSpatialVolumeUnit\t")
    for path in sandbox.data.glob("*.tsv"):
        if path.name != "units.tsv":
            path.write_text(
                path.read_text(encoding="utf-8").replace("VolumeUnit", "SpatialVolumeUnit"), encoding="utf-8"
            )
    for path in sorted((sandbox.ontology / "mappings").glob("*.sssom.tsv")):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("hfm:VolumeUnit", "hfm:SpatialVolumeUnit"), encoding="utf-8")
    found = findings(sandbox)
    lines = (sandbox.ontology / "registry" / "terms.tsv").read_text(encoding="utf-8").split("\n")
    assert [finding.rule for finding in found] == ["released-iri"]
    assert "\tVolumeUnit\t" in lines[found[0].line - 1]
    assert "VolumeUnit was released and is gone; restore it, or add it to data/deprecated.tsv" in found[0].message
    deprecate(
        sandbox, "VolumeUnit", "individual", "volume", "SpatialVolumeUnit", "2026-12-01", "The name was too short."
    )
    assert findings(sandbox) == []


def test_a_lost_iri_fails_check_and_build(sandbox: Settings) -> None:
    text = (sandbox.data / "claims.tsv").read_text(encoding="utf-8").split("\n")
    name = text[1].split("\t")[0]
    (sandbox.data / "claims.tsv").write_text("\n".join([text[0], *text[2:]]), encoding="utf-8")
    (sandbox.queries / "claims" / f"{name}.rq").unlink()
    quick = replace(sandbox, reasoning=False)
    assert [finding.rule for finding in pipeline.check(replace(quick, shacl=False))] == ["released-iri"]
    with pytest.raises(FindingsError, match=f"claim/{name} was released and is gone"):
        pipeline.build(quick)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (("OldTask", "individual", "old task", "NoSuchTask"), "'NoSuchTask' that replaces it is no term of ours"),
        (("OldTask", "individual", "old task", "OlderTask"), "is replaced by OlderTask, which is deprecated too"),
    ],
)
def test_a_deprecated_term_needs_a_replacement_in_use(sandbox: Settings, cells: tuple[str, ...], message: str) -> None:
    deprecate(sandbox, "OlderTask", "individual", "older task", "NamedEntityRecognition", FIRST, "Planted.")
    deprecate(sandbox, *cells, FIRST, "Planted.")
    (finding,) = findings(sandbox)
    assert (finding.file, finding.line, finding.rule) == ("data/deprecated.tsv", 3, "released-iri")
    assert message in finding.message


def test_a_deprecated_term_is_served_as_the_obo_foundry_asks(sandbox: Settings) -> None:
    deprecate(sandbox, "OldTask", "individual", "old task", "NamedEntityRecognition", FIRST, "It was the same task.")
    graph = pipeline.stated(sandbox)
    about = {q.predicate: q.object for q in graph.quads if q.subject.value == f"{BASE}OldTask"}  # type: ignore[union-attr] # no blank node has a row
    assert about[OWL.deprecated].value == "true"  # type: ignore[union-attr] # a literal, as the next lines show
    assert about[IAO.IAO_0100001].value == f"{BASE}NamedEntityRecognition"  # type: ignore[union-attr] # see above
    assert registry.current(graph).terms["OldTask"] == replace(
        registry.current(graph).terms["OldTask"],
        kind="deprecated",
        label="obsolete old task",
        replaced_by="NamedEntityRecognition",
    )


def test_a_term_may_not_become_another_kind_of_thing(sandbox: Settings, edit: Edit) -> None:
    edit("ontology/hfm.ttl", ":evidence a owl:DatatypeProperty", ":evidence a owl:AnnotationProperty")
    (finding,) = findings(sandbox)
    assert "was released as DatatypeProperty and is now AnnotationProperty" in finding.message


def drop_line(text: str) -> str:
    lines = text.split("\n")
    return "\n".join([*lines[:5], *lines[6:]])


def swap(text: str) -> str:
    lines = text.split("\n")
    return "\n".join([*lines[:5], lines[6], lines[5], *lines[7:]])


@pytest.mark.parametrize("table", ["terms", "facts"])
@pytest.mark.parametrize(
    "spoil", [drop_line, swap, lambda text: text.replace("BioBERT", "BioBort", 1)], ids=["drop", "swap", "change"]
)
def test_a_registered_row_that_was_changed_is_found(
    sandbox: Settings, stated: statement.Graph, table: str, spoil: Callable[[str], str]
) -> None:
    path = sandbox.ontology / "registry" / f"{table}.tsv"
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    found = list(registry.check(registry.read(sandbox.ontology), stated))
    messages = [finding.message for finding in found if finding.rule == "registry"]
    assert f"the rows up to release {FIRST} are not those that were registered; restore the file" in messages


def test_a_row_without_a_release_is_found(sandbox: Settings, stated: statement.Graph) -> None:
    with (sandbox.ontology / "registry" / "facts.tsv").open("a", encoding="utf-8") as file:
        file.write("2031-01-01\the2024/statement/planted\t0123456789ab\n")
    (finding,) = registry.check(registry.read(sandbox.ontology), stated)
    assert finding.message == "'2031-01-01' is no release of releases.tsv"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version\tterms", "version\tthings", "columns must be version terms facts terms_sha256 facts_sha256"),
        (f"\n{FIRST}\t", f"\n{FIRST} ", "4 cells, expected 5"),
    ],
)
def test_a_malformed_registry_is_told(sandbox: Settings, edit: Edit, old: str, new: str, message: str) -> None:
    edit("ontology/registry/releases.tsv", old, new)
    with pytest.raises(FindingsError) as raised:
        registry.read(sandbox.ontology)
    assert message in str(raised.value)


def test_a_missing_registry_is_told(sandbox: Settings) -> None:
    (sandbox.ontology / "registry" / "terms.tsv").unlink()
    with pytest.raises(FindingsError, match="expected at"):
        registry.read(sandbox.ontology)


def test_register_appends_what_is_new_and_nothing_else(sandbox: Settings, edit: Edit) -> None:
    raise_version(sandbox, "2031-01-01")
    pipeline.register(sandbox)
    folder = sandbox.ontology / "registry"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    withdrawn, added = spoil_statements(sandbox)
    edit(
        "data/tasks.tsv", "A language task that finds, in a collection,", "A language task that seeks, in a collection,"
    )
    raise_version(sandbox, "2031-01-02")
    version, counts = pipeline.register(sandbox)
    rows = {
        path.name: path.read_bytes()[len(before[path.name]) :].decode().removesuffix("\n").split("\n")
        for path in folder.iterdir()
        if path.read_bytes().startswith(before[path.name])
    }
    assert (version, counts) == ("2031-01-02", {"terms": 1, "facts": 3})
    assert [row.split("\t")[1] for row in rows["terms.tsv"]] == ["InformationRetrieval"]
    facts = {row.split("\t")[1]: row.split("\t")[2] for row in rows["facts.tsv"]}
    assert set(facts) == {
        f"he2024/statement/{withdrawn}", f"he2024/statement/{added}", "he2024/concept/InformationRetrieval"
    }  # fmt: skip
    assert facts[f"he2024/statement/{withdrawn}"] == ""
    assert len(rows["releases.tsv"]) == 1
    state = registry.read(sandbox.ontology).at("2031-01-02")
    assert {path: digest for path, digest in state.facts.items() if digest} == registry.current(
        pipeline.stated(sandbox)
    ).facts


def spoil_statements(sandbox: Settings) -> tuple[str, str]:
    """Withdraw the last statement of the text and add one; returns the identifiers of both."""
    path = sandbox.data / "statements.tsv"
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    cells = lines[1].split("\t")
    path.write_text("\n".join([*lines[:-1], "\t".join(["planted", *cells[1:]])]) + "\n", encoding="utf-8")
    return lines[-1].split("\t")[0], "planted"


def test_a_version_is_registered_once(sandbox: Settings) -> None:
    raise_version(sandbox, "2031-01-01")
    pipeline.register(sandbox)
    with pytest.raises(UsageError, match="version 2031-01-01 is registered already"):
        pipeline.register(sandbox)


def test_a_version_comes_after_those_that_are_registered(sandbox: Settings) -> None:
    raise_version(sandbox, "2001-01-01")
    with pytest.raises(UsageError, match="version 2001-01-01 must come after "):
        pipeline.register(sandbox)
    assert "2001-01-01" not in registry.read(sandbox.ontology).versions


def test_an_unknown_version_names_those_there_are(settings: Settings) -> None:
    with pytest.raises(UsageError, match=f"'2001-01-01' is no released version; those are: {FIRST}"):
        registry.read(settings.ontology).at("2001-01-01")


def test_the_digest_of_a_class_does_not_hang_on_other_axioms(sandbox: Settings, edit: Edit) -> None:
    before = registry.current(pipeline.stated(sandbox)).terms
    edit(
        "ontology/rules.ttl",
        "# --- the four kinds",
        "[] a owl:AllDisjointClasses ; owl:members ( :Unit :Survey ) .\n# --- the four kinds",
    )
    assert registry.current(pipeline.stated(sandbox)).terms == before


def test_the_registry_is_no_larger_than_a_person_can_review(settings: Settings) -> None:
    folder: Path = settings.ontology / "registry"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_000_000
