"""Names of elsewhere matched to ours: the rules one by one, files of terms, proposals, and how good it is."""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from pyoxigraph import Store

from hfm_kg import linking, mappings, sparql, termlists
from hfm_kg.linking import REFUSED
from hfm_kg.matching import CERTAIN, Matcher
from hfm_kg.pipeline import Settings
from hfm_kg.search import Search
from hfm_kg.terms import BASE
from tests.test_cli import Run
from tests.test_cli import run as run

KINDS = ("modality", "task")


@pytest.fixture(scope="module")
def matcher(store: Store) -> Matcher:
    return Matcher(Search(partial(sparql.select, store)))


@pytest.fixture(scope="module")
def sets(settings: Settings) -> list[mappings.MappingSet]:
    return mappings.read(settings.ontology / "mappings")[0]


# --- rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "how", "is_match"),
    [
        ("Computed Tomography", "CT", "exact", True),
        ("computed-tomography", "CT", "exact", True),
        ("CT", "CT", "exact", True),
        ("CAT scans", "CT", "words", True),
        ("Computed Tomography (CT)", "CT", "exact", True),
        ("Tomography, Computed", "CT", "words", True),
        ("recognition of named entities", "NamedEntityRecognition", "words", True),
        ("summarisation", "Summarization", "words", True),
        ("named entity recogniton", "NamedEntityRecognition", "alike", False),
        ("image registration", "ImageRegistration", "exact", True),
        ("https://w3id.org/hfm/CT", "CT", "identifier", True),
    ],
)
def test_a_name_is_matched(text: str, path: str, how: str, is_match: bool, matcher: Matcher) -> None:
    best = matcher.match(text, 5, lambda thing: thing.kind in KINDS)[0]
    assert (best.thing.path, best.how, best.match) == (path, how, is_match)
    assert (best.score >= CERTAIN) is is_match


@pytest.mark.parametrize("text", ["", " ", "?!", "qwxzv", "🧬", "\0"])
def test_nothing_is_matched(text: str, matcher: Matcher) -> None:
    assert matcher.match(text) == []


def test_a_namesake_leaves_the_choice_to_a_person(matcher: Matcher) -> None:
    labels: dict[str, set[str]] = {}
    for name in matcher.search.names:
        if name.what == "label":
            labels.setdefault(name.folded, set()).add(name.thing.path)
    shared = [label for label, paths in labels.items() if len(paths) > 1]
    assert shared
    for label in shared:
        found = matcher.match(label, 10)
        assert found[1].score == 100
        assert not any(each.match for each in found), label


def test_every_thing_is_found_by_its_own_label(matcher: Matcher) -> None:
    for thing in matcher.search.things.values():
        if thing.kind in (*KINDS, "model", "dataset", "technique"):
            found = matcher.match(thing.label, 20)
            assert thing.path in [each.thing.path for each in found if each.score == 100], thing


# --- files ----------------------------------------------------------------------------------------------------------

OBO = """format-version: 1.4
ontology: x

[Term]
id: X:1
name: scan by CT
synonym: "computed tomography" EXACT []
synonym: "imaging" BROAD []

[Term]
id: X:2
name: endoscopy
is_obsolete: true

[Typedef]
id: part_of
name: part of
"""
TURTLE = """@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix x: <http://purl.obolibrary.org/obo/X_> .
x:1 rdfs:label "Tomographie"@de, "scan by CT"@en ; skos:altLabel "computed tomography" .
x:2 rdfs:label "endoscopy" ; owl:deprecated true .
"""
RDFXML = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#" xmlns:oboInOwl="http://www.geneontology.org/formats/oboInOwl#">
<rdf:Description rdf:about="http://purl.obolibrary.org/obo/X_1"><rdfs:label>scan by CT</rdfs:label>
<oboInOwl:hasExactSynonym>computed tomography</oboInOwl:hasExactSynonym></rdf:Description></rdf:RDF>"""


@pytest.mark.parametrize(("name", "content"), [("x.obo", OBO), ("x.ttl", TURTLE), ("x.owl", RDFXML)])
def test_an_ontology_is_a_list_of_terms(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    found = termlists.read(tmp_path / name)
    assert found == [
        termlists.ForeignTerm("http://purl.obolibrary.org/obo/X_1", "scan by CT", ("computed tomography",))
    ]


def test_a_table_and_a_mapping_set_are_lists_of_terms(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "x.csv").write_text('id,name\nurn:a,"scan, CT"\nurn:b,\nurn:a,"scan, CT"\n')
    assert termlists.read(tmp_path / "x.csv", "name", "id") == [termlists.ForeignTerm("urn:a", "scan, CT")]
    assert [term.label for term in termlists.read(tmp_path / "x.csv")] == ["urn:a", "urn:b"]
    found = termlists.read(settings.ontology / "mappings" / "dicom.sssom.tsv")
    assert any(term.iri == f"{BASE}CT" for term in found)
    assert any(term.iri.startswith("http") and not term.iri.startswith(BASE) for term in found)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.pdf", b"", "must end with one of"),
        ("x.ttl", b"<urn:a> <urn:b", "cannot be read"),
        ("x.owl", b"<rdf", "cannot be read"),
        ("x.obo", b"[Term]\nnothing", "cannot be read"),
        ("x.tsv", b"\xff\n", "cannot be read"),
        ("x.csv", b'name\n"open', "cannot be read"),
        ("x.sssom.tsv", b"#curie_map: [\na\tb\n", "cannot be read"),
        ("x.sssom.tsv", b"a\tb\n1\t2\n", "neither a column"),
    ],
)
def test_what_is_no_list_of_terms_is_told(name: str, content: bytes, message: str, tmp_path: Path, run: Run) -> None:
    (tmp_path / name).write_bytes(content)
    result = run("link", str(tmp_path / name))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_an_unknown_column_and_kind_are_told(tmp_path: Path, run: Run) -> None:
    (tmp_path / "x.tsv").write_text("name\nCT\n")
    for arguments in (["--column", "names"], ["--kind", "modalities"], ["--json", "--file", str(tmp_path / "y")]):
        result = run("link", str(tmp_path / "x.tsv"), *arguments)
        assert result.exit_code == 2
        assert result.stdout == ""


READ = """
import json, sys
from sssom.parsers import parse_sssom_table
from sssom.validators import validate

found = parse_sssom_table(sys.argv[1])
reports = validate(found, fail_on_error=False)
problems = [result.message for report in reports.values() for result in report.results]
print(json.dumps([found.df.fillna("").to_dict("records"), problems]))
"""
"""What the library of SSSOM reads in a file, and what it finds wrong with it; it takes seconds to import."""

# --- proposals ------------------------------------------------------------------------------------------------------


def test_a_column_is_linked(tmp_path: Path, run: Run) -> None:
    (tmp_path / "scans.csv").write_text("scan,modality\n1,Computed Tomography\n2,qwxzv\n")
    result = run("link", str(tmp_path / "scans.csv"), "--column", "modality", "--kind", "modality", "--format", "tsv")
    rows = list(csv.DictReader(io.StringIO(result.stdout), delimiter="\t"))
    assert [(row["string"], row["iri"], float(row["score"]), row["match"]) for row in rows] == [
        ("Computed Tomography", f"{BASE}CT", 100, "yes")
    ]
    assert rows[0]["why"] == "label is the same: computed tomography"
    assert result.stderr == "1 of 2 terms have a candidate\n"


def test_terms_without_a_candidate_keep_their_place_if_asked_for(tmp_path: Path, run: Run) -> None:
    (tmp_path / "x.csv").write_text(f"name,id\nqwxzv,urn:a\nComputed Tomography,urn:b\nCT,{BASE}CT\nxqzvw,urn:c\n")
    arguments = ["link", str(tmp_path / "x.csv"), "--id-column", "id", "--limit", "2", "--json"]
    some, everything = (json.loads(run(*arguments, *more).stdout) for more in ([], ["--all"]))
    assert [row["term"] for row in everything if not row["iri"]] == ["urn:a", "urn:c"]
    assert [row for row in everything if row["iri"]] == some
    assert [row["term"] for row in (everything[0], everything[1], everything[-1])] == ["urn:a", "urn:b", "urn:c"]
    assert all(list(row) == list(some[0]) for row in everything)
    refused = run(*arguments[:4], "--all", "--format", "sssom")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_a_proposal_is_sssom_that_others_read(tmp_path: Path, run: Run) -> None:
    (tmp_path / "x.obo").write_text(OBO)
    proposal = tmp_path / "proposal.sssom.tsv"
    assert run("link", str(tmp_path / "x.obo"), "--kind", "modality", "--file", str(proposal)).stdout == ""
    assert run("link", str(tmp_path / "x.obo"), "--kind", "modality", "-f", "sssom").stdout == proposal.read_text()
    done = subprocess.run([sys.executable, "-c", READ, proposal], capture_output=True, text=True, check=True)
    [row], problems = json.loads(done.stdout)
    assert problems == []
    assert (row["subject_id"], row["predicate_id"]) == ("hfm:CT", "skos:exactMatch")
    assert row["mapping_justification"] == "semapv:LexicalMatching"
    assert (row["subject_match_field"], row["object_match_field"]) == ("rdfs:label", "oboInOwl:hasExactSynonym")
    assert row["object_label"] == "scan by CT"
    assert 0 < float(row["confidence"]) <= 1


def test_what_is_reviewed_is_not_proposed_again(
    matcher: Matcher, sets: list[mappings.MappingSet], settings: Settings
) -> None:
    reviewed = linking.reviews(sets)
    seen = set()
    for path in sorted((settings.ontology / "mappings").glob("*.sssom.tsv")):
        found = linking.link(matcher, termlists.read(path), reviewed, limit=5)
        seen |= {each.reviewed for each in found}
        proposed = linking.sssom(found, path.name, linking.prefixes(sets)).decode().splitlines()
        rows = list(csv.DictReader([line for line in proposed if not line.startswith("#")], delimiter="\t"))
        prefixes = linking.prefixes(sets)
        for row in rows:
            prefix, _, local = row["object_id"].partition(":")
            ours = BASE + row["subject_id"].removeprefix("hfm:")
            assert (ours, prefixes[prefix] + local) not in reviewed, row
    assert {"skos:exactMatch", "skos:closeMatch", ""} <= seen
    assert REFUSED not in seen


# --- how good it is -------------------------------------------------------------------------------------------------


def sample(sets: list[mappings.MappingSet], matcher: Matcher, seed: int) -> tuple[dict[str, set[str]], list[str]]:
    """50 names of terms of others: 25 with modalities or tasks of ours to which curators found them to be exact or
    close, and 25 to which they found no such counterpart."""
    equal: dict[str, set[str]] = {}
    other: set[str] = set()
    for one in sets:
        for row in one.rows:
            thing = matcher.search.things.get(row["subject_id"].removeprefix("hfm:"))
            if thing is not None and thing.kind in KINDS:
                other.add(row["object_label"])
                if one.path.name != mappings.REJECTED and row["predicate_id"] in ("skos:exactMatch", "skos:closeMatch"):
                    equal.setdefault(row["object_label"], set()).add(thing.path)
    folder = sets[0].path.parent
    with (folder / "unused.tsv").open(encoding="utf-8", newline="") as file:
        other |= {row["object_label"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    chance = random.Random(seed)
    names = chance.sample(sorted(equal), 25)
    return {name: equal[name] for name in names}, chance.sample(sorted(other - equal.keys()), 25)


def quality(sets: list[mappings.MappingSet], matcher: Matcher, seed: int) -> tuple[float, float, float]:
    """Precision and recall of what is taken without a person, and recall within the first three candidates."""
    equal, none = sample(sets, matcher, seed)
    terms = [termlists.ForeignTerm("", name) for name in (*equal, *none)]
    taken = {
        each.name: each.candidate.thing.path
        for each in linking.link(matcher, terms, {}, kinds=KINDS)
        if each.candidate.match
    }
    right = sum(path in equal.get(name, ()) for name, path in taken.items())
    shown = linking.link(matcher, terms, {}, kinds=KINDS, limit=3)
    near = {each.name for each in shown if each.candidate.thing.path in equal.get(each.name, ())}
    return right / len(taken), right / len(equal), len(near) / len(equal)


def test_fifty_names_of_other_ontologies(sets: list[mappings.MappingSet], matcher: Matcher) -> None:
    figures = [quality(sets, matcher, seed) for seed in range(20)]
    precision, recall, near = (sum(column) / len(figures) for column in zip(*figures, strict=True))
    told = f"precision {precision:.2f}, recall {recall:.2f}, recall among three {near:.2f}"
    print(f"20 samples of 50 names: {told}; the first: {figures[0]}")
    assert precision >= 0.7, told
    assert recall >= 0.5, told
    assert near >= 0.9, told
