"""The build: the same every time, whole or not at all, and filled with what follows."""

from __future__ import annotations

import csv
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, NamedNode, QueryBoolean, QuerySolutions, Store, Triple

from hfm_kg import catalog, pipeline, reason, sparql, statement, validate
from hfm_kg.errors import Finding, FindingsError, InconsistentError
from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot, current, nquads
from hfm_kg.terms import HFM, INFERRED, ONTOLOGY, OWL, RDF, RDFS, SKOS, concept, iri
from tests.conftest import ROOT, SCRIPT, Edit

SELF_SUPERVISED = {"GenerativeLearning", "ContrastiveLearning", "HybridLearning"}


@cache
def table(name: str) -> list[dict[str, str]]:
    """A table, read without any code of ours."""
    with (ROOT / "data" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def models(**wanted: str) -> set[str]:
    return {row["id"] for row in table("models") if all(row[name] == value for name, value in wanted.items())}


def members(graph: Store, class_: NamedNode) -> set[str]:
    prefix = iri("model").value + "/"
    return {
        quad.subject.value.removeprefix(prefix)
        for quad in graph.quads_for_pattern(None, RDF.type, class_, None)
        if isinstance(quad.subject, NamedNode)
    }


def quick(settings: Settings, output: Path) -> Settings:
    """The settings of a build that takes a second or two."""
    return replace(settings, output=output, shacl=False, reasoning=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# --- what is in it --------------------------------------------------------------------------------------------


def test_the_counts_are_the_survey_s(store: Store, queries: catalog.Catalog) -> None:
    result = sparql.evaluate(store, queries["counts"].text)
    assert isinstance(result, QuerySolutions)
    assert {solution["kind"].value: int(solution["things"].value) for solution in result} == {
        "models": 200,
        "datasets and databases": 114,
        "references": 443,
        "related surveys": 17,
        "applications": 16,
        "challenges": 10,
        "future directions": 12,
    }


@pytest.mark.parametrize(
    ("subfield", "class_", "number"),
    [
        ("Language", HFM.LanguageFoundationModel, 44),
        ("Vision", HFM.VisionFoundationModel, 67),
        ("Bioinformatics", HFM.BioinformaticsFoundationModel, 31),
        ("Multimodal", HFM.MultimodalFoundationModel, 58),
    ],
)
def test_the_four_kinds_of_models_fill_themselves(subfield: str, class_: NamedNode, number: int, store: Store) -> None:
    assert members(store, class_) == models(subfield=subfield)
    assert len(members(store, class_)) == number


def test_self_supervised_models_are_those_of_the_three_paradigms(store: Store) -> None:
    expected = {row["id"] for row in table("models") if row["pretraining"] in SELF_SUPERVISED}
    assert expected
    assert members(store, HFM.SelfSupervisedFoundationModel) == expected


def test_sam_based_models_are_those_with_its_weights(store: Store) -> None:
    expected = {row["model"] for row in table("model_backbones") if "SAM" in row["initial_weights"].split("|")}
    assert expected
    assert members(store, HFM.SAMBasedFoundationModel) == expected


def ancestors(name: str, identifier: str) -> set[str]:
    parents = {row["id"]: row["broader"].split("|") for row in table(name)}
    found, todo = set(), [identifier]
    while todo:
        one = todo.pop()
        if one and one not in found:
            found.add(one)
            todo += parents[one]
    return found


def test_vision_language_models_are_those_with_text_and_some_medical_image(store: Store) -> None:
    expected = set()
    for row in table("models"):
        modalities = {wider for item in row["modalities"].split("|") for wider in ancestors("modalities", item)}
        if row["subfield"] == "Language":
            modalities.add("Text")
        if {"MedicalImage", "Text"} <= modalities:
            expected.add(row["id"])
    assert expected
    assert members(store, HFM.VisionLanguageFoundationModel) == expected


def test_language_models_work_on_text_though_hardly_a_row_says_so(store: Store) -> None:
    stated = {row["id"] for row in table("models") if "Text" in row["modalities"].split("|")}
    inferred = {quad.subject for quad in store.quads_for_pattern(None, HFM.modality, concept("Text"), INFERRED)}
    assert inferred >= {iri("model", name) for name in models(subfield="Language")}
    assert models(subfield="Language") - stated


def test_tasks_climb_to_all_broader_ones(store: Store) -> None:
    for row in table("models"):
        expected = {wider for item in row["tasks"].split("|") for wider in ancestors("tasks", item)}
        found = {
            quad.object.value.rpartition("/")[2]
            for quad in store.quads_for_pattern(iri("model", row["id"]), HFM.taskTransitive, None, None)
            if isinstance(quad.object, NamedNode)
        }
        assert found == expected, row["id"]


# --- where it stands ------------------------------------------------------------------------------------------


def test_nothing_stated_is_repeated_among_what_is_inferred(store: Store, stated: statement.Graph) -> None:
    inferred = {quad.triple for quad in store.quads_for_pattern(None, None, None, INFERRED)}
    assert len(inferred) > 1000
    assert not inferred & stated.triples()


def test_the_default_graph_is_the_union_of_the_named_ones(store: Store) -> None:
    named: Counter[bool] = Counter()
    triples = set()
    for quad in store:
        named[isinstance(quad.graph_name, NamedNode)] += 1
        if isinstance(quad.graph_name, NamedNode):
            triples.add(quad.triple)
    missing = "ASK { GRAPH ?g { ?s ?p ?o } FILTER NOT EXISTS { ?s ?p ?o } }"
    result = sparql.evaluate(store, missing)
    assert isinstance(result, QueryBoolean)
    assert not result
    assert named[False] == len(triples)


def test_what_is_inferred_says_more_than_that_things_are_things(store: Store) -> None:
    for quad in store.quads_for_pattern(None, None, None, INFERRED):
        assert not isinstance(quad.subject, BlankNode)
        assert not isinstance(quad.object, BlankNode)
        assert quad.object not in (OWL.Thing, OWL.NamedIndividual)


def test_the_manifest_counts_what_is_there(snapshot: Snapshot, store: Store) -> None:
    assert snapshot.manifest["quads"] == len(store)
    assert snapshot.manifest["inferred triples"] == len(list(store.quads_for_pattern(None, None, None, INFERRED)))
    assert snapshot.manifest["named graphs"] == len(list(store.named_graphs()))
    assert snapshot.manifest["validated"] is snapshot.manifest["reasoned"] is True


def test_the_dump_holds_what_the_store_holds(snapshot: Snapshot, store: Store) -> None:
    assert sorted(snapshot.dump.read_bytes().splitlines()) == sorted(nquads(store).splitlines())


# --- the same every time --------------------------------------------------------------------------------------


def test_two_builds_give_the_same_bytes(snapshot: Snapshot, settings: Settings, tmp_path: Path) -> None:
    again = pipeline.build(replace(settings, output=tmp_path, shacl=False))
    assert again.dump.read_bytes() == snapshot.dump.read_bytes()
    assert again.path.name == snapshot.path.name


def test_the_order_of_sets_does_not_show(tmp_path: Path) -> None:
    builds = []
    for seed in ("1", "2"):
        command = [SCRIPT, "build", "--no-shacl", "--no-reasoning", "--output", str(tmp_path / seed)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        builds.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    assert [build.wait() for build in builds] == [0, 0]
    one, two = current(tmp_path / "1"), current(tmp_path / "2")
    assert one.dump.read_bytes() == two.dump.read_bytes()
    assert one.manifest == two.manifest


def test_a_snapshot_knows_whether_its_input_has_changed(sandbox: Settings, edit: Edit) -> None:
    built = Snapshot(sandbox.output, {"sources": pipeline.source_hash(sandbox)})
    assert pipeline.is_current(sandbox, built)
    edit("ontology/rules.ttl", "owl:Class", "owl:Class ")
    assert not pipeline.is_current(sandbox, built)


# --- whole or not at all --------------------------------------------------------------------------------------

DEFECTS = {
    "no such concept": ("data/models.tsv", "ContrastiveLearning", "ContrastiveLaerning"),
    "not as printed": ("data/models.tsv", "\tGL\t", "\tCL\t"),
    "broader in a circle": ("data/paradigms.tsv", "SSL|SSP\tself-supervised pre-training|self-supervision\t\t",
                            "SSL|SSP\tself-supervised pre-training|self-supervision\tGenerativeLearning\t"),
    "broken Turtle": ("ontology/rules.ttl", "owl:Class", "owl:Class ]"),
    "no schema": ("data/csv-metadata.json", "{", ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def built(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A snapshot in a folder of its own, to be found again as it was."""
    return pipeline.build(quick(settings, tmp_path_factory.mktemp("built")))


@pytest.mark.parametrize(("file", "old", "new"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_build_with_a_defect_leaves_the_snapshot_before(
    file: str, old: str, new: str, built: Snapshot, sandbox: Settings, edit: Edit
) -> None:
    folder = built.path.parent.parent
    held = contents(folder)
    edit(file, old, new)
    with pytest.raises(FindingsError) as caught:
        pipeline.build(quick(sandbox, folder))
    assert file in {finding.file for finding in caught.value.findings}
    assert contents(folder) == held
    assert current(folder) == built


def test_what_only_a_shape_finds_stops_a_build_too(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    held = contents(settings.output)
    finding = Finding("data/models.tsv", 2, 1, "shacl", "planted")
    monkeypatch.setattr(validate, "check_shapes", lambda *_: [finding])
    with pytest.raises(FindingsError, match="planted"):
        pipeline.build(replace(settings, reasoning=False))
    assert contents(settings.output) == held


def test_what_only_the_reasoner_finds_stops_a_build_too(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refute(*_: object) -> None:
        raise InconsistentError("planted")

    held = contents(settings.output)
    monkeypatch.setattr(reason, "infer", refute)
    with pytest.raises(InconsistentError, match="planted"):
        pipeline.build(replace(settings, shacl=False))
    assert contents(settings.output) == held


STOPPED = """
import sys
from unittest import mock
from hfm_kg import cli

def stop(*_, **__):
    print("here", flush=True)
    sys.stdin.read()

with mock.patch("hfm_kg.store.Store", stop):
    cli.main(["build", "--no-shacl", "--no-reasoning", "--output", sys.argv[1]])
"""


@pytest.fixture
def writing(built: Snapshot, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Snapshot]]:
    """A build that stands still while it writes its snapshot, and the snapshot that was there before."""
    shutil.copytree(built.path.parent.parent, tmp_path, dirs_exist_ok=True)
    before = current(tmp_path)
    command = [sys.executable, "-c", STOPPED, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        yield process, before
        process.kill()


def test_a_killed_build_leaves_the_snapshot_before_and_the_next_one_cleans_up(
    writing: tuple[subprocess.Popen[str], Snapshot], settings: Settings, tmp_path: Path
) -> None:
    process, before = writing
    assert len(list((tmp_path / "snapshots").iterdir())) == 2
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert current(tmp_path) == before
    assert len(before.open()) == before.manifest["quads"]
    after = pipeline.build(quick(settings, tmp_path))
    assert set((tmp_path / "snapshots").iterdir()) == {before.path, after.path}


def test_an_interrupted_build_says_so_and_cleans_up(
    writing: tuple[subprocess.Popen[str], Snapshot], tmp_path: Path
) -> None:
    process, before = writing
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode in (1, 130)
    assert "Traceback" not in said
    assert "Abort" in said
    assert current(tmp_path) == before
    assert list((tmp_path / "snapshots").iterdir()) == [before.path]


# --- the reasoner ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ontology(stated: statement.Graph) -> set[Triple]:
    return {quad.triple for quad in stated.quads if quad.graph_name == ONTOLOGY}


def model(*more: tuple[NamedNode, NamedNode]) -> set[Triple]:
    """A model of the sub-field of vision, and the concepts it needs."""
    concepts = {concept("Language"): HFM.Subfield, concept("Vision"): HFM.Subfield, concept("Text"): HFM.Modality}
    subject = iri("model", "Test")
    return {
        Triple(subject, RDF.type, HFM.FoundationModel),
        Triple(subject, HFM.subfield, concept("Vision")),
        *(Triple(name, RDF.type, class_) for name, class_ in concepts.items()),
        *(Triple(subject, predicate, value) for predicate, value in more),
    }


def test_a_small_graph_gets_its_class_and_its_broader_concepts(ontology: set[Triple]) -> None:
    chain = [concept(name) for name in ("Text", "Wider", "Widest")]
    triples = model((HFM.modality, chain[0])) | {Triple(one, RDF.type, HFM.Modality) for one in chain}
    triples |= {Triple(one, SKOS.broader, two) for one, two in itertools.pairwise(chain)}
    found = {triple for triple in reason.infer(triples, ontology).triples if triple.subject == iri("model", "Test")}
    kinds = {triple.object for triple in found if triple.predicate == RDF.type}
    assert HFM.VisionFoundationModel in kinds
    assert HFM.LanguageFoundationModel not in kinds
    assert {triple.object for triple in found if triple.predicate == HFM.modalityTransitive} == set(chain)
    assert not found & triples


@pytest.mark.parametrize(
    "more",
    [
        (HFM.subfield, concept("Language")),
        (RDF.type, HFM.Dataset),
    ],
    ids=["two sub-fields", "model and dataset"],
)
def test_a_contradiction_is_found(more: tuple[NamedNode, NamedNode], ontology: set[Triple]) -> None:
    with pytest.raises(InconsistentError, match="contradict"):
        reason.infer(model(more), ontology)


def test_a_class_that_nothing_can_belong_to_is_named(ontology: set[Triple]) -> None:
    impossible = iri("Impossible")
    parents = (HFM.Dataset, HFM.FoundationModel)
    planted = {Triple(impossible, RDFS.subClassOf, parent) for parent in parents}
    with pytest.raises(InconsistentError, match=r"nothing can belong to https://w3id\.org/hfm/Impossible"):
        reason.infer(model(), ontology | planted | {Triple(impossible, RDF.type, OWL.Class)})


def test_groups_of_properties_add_nothing_but_themselves(stated: statement.Graph, ontology: set[Triple]) -> None:
    marks = {axiom for axiom in ontology if axiom.object == HFM.PropertyGroup}
    groups = {axiom.subject for axiom in marks}
    plain = reason.infer(stated.triples(), ontology).triples
    grouped = reason.infer(
        stated.triples(), ontology - marks
    ).triples  # without its mark, a group is a property like others
    assert len(groups) == 10
    assert plain < grouped
    assert {triple.predicate for triple in grouped - plain} == groups
