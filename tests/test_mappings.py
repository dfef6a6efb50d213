"""Mappings: SSSOM that validates, terms that exist, triples in graphs of their own."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from pyoxigraph import Store

from hfm_kg import mappings, tables
from hfm_kg.graph import CONCEPT_CLASSES
from hfm_kg.pipeline import Settings
from hfm_kg.statement import Graph
from hfm_kg.terms import SKOS, iri
from tests.conftest import ROOT

FOLDER = ROOT / "ontology" / "mappings"
FILES = sorted(FOLDER.glob("*.sssom.tsv"))
VOCABULARIES = ROOT.parent / "shared" / "vocabularies"
TERM_LISTS = VOCABULARIES / "term_lists"
CANDIDATES = VOCABULARIES / "candidates_mappings.tsv"


@pytest.fixture(scope="module")
def sets() -> list[mappings.MappingSet]:
    read, findings = mappings.read(FOLDER)
    assert findings == []
    return read


def test_the_mappings_are_in_order(sets: list[mappings.MappingSet], stated: Graph) -> None:
    assert list(mappings.check(sets, stated)) == []
    assert len(sets) > 5


def sssom_validate(*files: Path) -> subprocess.CompletedProcess[str]:
    """What ``sssom validate`` says of each file, in one process: the library takes two seconds to import."""
    code = (
        "import sys; from sssom.cli import main; [main(['validate', f], standalone_mode=False) for f in sys.argv[1:]]"
    )
    command = [sys.executable, "-c", code, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_sssom_validates() -> None:
    done = sssom_validate(*FILES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sssom_refuses_a_prefix_that_is_not_declared(tmp_path: Path) -> None:
    broken = tmp_path / "aio.sssom.tsv"
    text = (FOLDER / broken.name).read_text(encoding="utf-8")
    broken.write_text(text.replace("#  aio: https://w3id.org/aio/\n", "", 1), encoding="utf-8")
    assert "Missing prefix: aio" in sssom_validate(broken).stderr


def test_accepted_mappings_become_triples_of_their_set_and_refused_ones_none(
    sets: list[mappings.MappingSet], store: Store
) -> None:
    for one in sets:
        name = iri("mappings", one.path.name.removesuffix(".sssom.tsv"))
        accepted = 0 if one.path.name == mappings.REJECTED else len(one.rows)
        assert len(list(store.quads_for_pattern(None, None, None, name))) == accepted


@pytest.mark.skipif(not TERM_LISTS.is_dir(), reason=f"the term lists of the other vocabularies are not at {TERM_LISTS}")
def test_mapped_terms_stand_in_the_term_lists_with_their_labels(sets: list[mappings.MappingSet]) -> None:
    known: dict[str, set[str]] = {}
    for path in TERM_LISTS.glob("*.tsv"):
        with path.open(encoding="utf-8", newline="") as lines:
            for cells in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                known.setdefault(cells[0], set()).add(cells[1] if len(cells) > 1 else "")
    for one in sets:
        for row in one.rows:
            assert row["object_label"] in known.get(row["object_id"], set()), (one.path.name, row.line)


def test_every_concept_has_a_mapping_or_is_listed_as_having_none(
    sets: list[mappings.MappingSet], settings: Settings
) -> None:
    read = tables.read(settings.data)
    concepts = {row.text("id") for name in CONCEPT_CLASSES if name != "units" for row in read[name]}
    accepted = [one for one in sets if one.path.name != mappings.REJECTED]
    mapped = {row["subject_id"].removeprefix("hfm:") for one in accepted for row in one.rows}
    lines = (FOLDER / "unmapped.tsv").read_text(encoding="utf-8").splitlines()[1:]
    listed = {concept for concept, reason in (line.split("\t") for line in lines) if reason}
    assert not mapped & listed
    assert concepts <= mapped | listed
    assert listed <= concepts


def contradictions(sets: list[mappings.MappingSet], stated: Graph) -> list[tuple[str, str, str]]:
    """Concepts that equal a term or are wider, though a broader concept of ours equals it too or is narrower."""
    broader = {str(quad.subject): str(quad.object) for quad in stated.quads if quad.predicate == SKOS.broader}
    accepted = {
        (str(one.expand(row["subject_id"])), row["object_id"]): row["predicate_id"]
        for one in sets
        if one.path.name != mappings.REJECTED
        for row in one.rows
    }
    found = []
    for (concept, target), predicate in accepted.items():
        wider = concept
        while (wider := broader.get(wider, "")) != "":
            other = accepted.get((wider, target))
            if predicate in ("skos:exactMatch", "skos:narrowMatch") and other in ("skos:exactMatch", "skos:broadMatch"):
                found.append((concept, wider, target))
    return found


def test_the_direction_of_a_mapping_agrees_with_our_hierarchy(
    sets: list[mappings.MappingSet], stated: Graph, sandbox: Settings
) -> None:
    assert contradictions(sets, stated) == []
    path = sandbox.ontology / "mappings" / "mondo.sssom.tsv"
    text = path.read_text(encoding="utf-8")
    turned = text.replace("eye disease\tskos:narrowMatch\tMONDO:0005283", "eye disease\tskos:broadMatch\tMONDO:0005283")
    path.write_text(turned.replace("hfm:RetinalDisease\tretinal", "hfm:Glaucoma\tretinal"), encoding="utf-8")
    read, _ = mappings.read(path.parent)
    glaucoma, eye_disease = (f"<{iri(name).value}>" for name in ("Glaucoma", "EyeDisease"))
    assert contradictions(read, stated) == [(glaucoma, eye_disease, "MONDO:0005283")]


@pytest.mark.skipif(not CANDIDATES.is_file(), reason=f"the proposed mappings are not at {CANDIDATES}")
def test_every_proposed_mapping_is_accepted_refused_or_listed_as_not_used(
    sets: list[mappings.MappingSet], settings: Settings
) -> None:
    called: dict[str, set[str]] = {}
    read = tables.read(settings.data)
    for concept in (row for name in CONCEPT_CLASSES for row in read[name]):
        for name in (concept.text("label"), *concept.items("notation"), *concept.items("synonyms")):
            called.setdefault(name.lower(), set()).add(f"hfm:{concept.text('id')}")
    pairs = {(row["subject_id"], row["object_id"]) for one in sets for row in one.rows}
    judged = {target for _, target in pairs}
    with (FOLDER / "unused.tsv").open(encoding="utf-8", newline="") as lines:
        unused = {
            (row["survey_label"], row["object_id"]): row["reason"]
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        }
    assert all(unused.values())
    not_used = set()
    with CANDIDATES.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            label, target = row["survey_label"], row["external_id"]
            # labels look like "SEG (image segmentation)"; some name a thing that is no concept of ours
            names = [label, *label.removesuffix(")").split(" (", 1)]
            subjects = {subject for name in names for subject in called.get(name.lower(), ())}
            if not (any((subject, target) in pairs for subject in subjects) if subjects else target in judged):
                not_used.add((label, target))
    assert not_used == unused.keys()


DEFECTS = {
    "object_id": ("nowhere:1", "the prefix of 'nowhere:1' is not in the header's curie_map"),
    "predicate_id": ("skos:related", "'skos:related' is none of"),
    "subject_id": ("hfm:NoSuchConcept", "nothing is called 'hfm:NoSuchConcept'"),
    "subject_label": ("another label", "'another label' is called"),
}


@pytest.mark.parametrize("column", sorted(DEFECTS))
def test_a_planted_defect_is_found_in_its_cell(column: str, sandbox: Settings, stated: Graph) -> None:
    value, message = DEFECTS[column]
    path = sandbox.ontology / "mappings" / FILES[0].name
    lines = path.read_text(encoding="utf-8").split("\n")
    number = next(n for n, line in enumerate(lines) if line.startswith("hfm:"))
    cells = lines[number].split("\t")
    cells[mappings.COLUMNS.index(column)] = value
    lines[number] = "\t".join(cells)
    path.write_text("\n".join(lines), encoding="utf-8")
    read, findings = mappings.read(path.parent)
    assert findings == []
    found = list(mappings.check(read, stated))
    assert [(finding.line, finding.column) for finding in found] == [
        (number + 1, sum(len(cell) + 1 for cell in cells[: mappings.COLUMNS.index(column)]) + 1)
    ]
    assert message in found[0].message


def test_a_mapping_that_stands_twice_is_found(sandbox: Settings, stated: Graph) -> None:
    path = sandbox.ontology / "mappings" / FILES[0].name
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text.rstrip("\n").split("\n")[-1] + "\n", encoding="utf-8")
    (finding,) = mappings.check(mappings.read(path.parent)[0], stated)
    assert "already" in finding.message


def test_a_row_with_too_few_cells_and_a_broken_header_are_found(sandbox: Settings) -> None:
    path = sandbox.ontology / "mappings" / FILES[0].name
    path.write_text("#curie_map: [\n" + "\t".join(mappings.COLUMNS) + "\nhfm:CT\n", encoding="utf-8")
    _, findings = mappings.read(path.parent)
    assert [finding.rule for finding in findings] == ["sssom", "cells"]
