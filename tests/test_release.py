"""A release: whole, equal to the byte wherever it is made, and the same graph in every serialisation."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import CanonicalizationAlgorithm, Dataset, Quad, RdfFormat, parse

from hfm_kg import pipeline, statement
from hfm_kg.errors import UsageError
from hfm_kg.export import ontology, release
from hfm_kg.export.files import ReleaseFile
from hfm_kg.export.graphs import FORMATS
from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot

from .conftest import ROOT

READERS = {"owl": "xml", "rdf": "xml", "ttl": "turtle", "nq": "nquads", "trig": "trig", "jsonld": "json-ld"}
"""What rdflib calls the serialisations."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release, made by the command from this checkout."""
    return made(ROOT, tmp_path_factory.mktemp("first") / "release", "1")


def made(root: Path, output: Path, seed: str) -> Path:
    command = [sys.executable, "-m", "hfm_kg", "export", "release", "--root", str(root), "--output", str(output)]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=output.parent, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def ending(name: str) -> str:
    return name.removesuffix(".gz").rpartition(".")[2]


def canonical(quads: set[Quad]) -> set[str]:
    dataset = Dataset(quads)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return {str(quad) for quad in dataset}


def read(path: Path) -> set[str]:
    """The quads of a file, read by the strict parser, with canonical names of blank nodes."""
    return canonical(set(parse(content(path), format=FORMATS[ending(path.name)])))


def test_made_twice_in_other_folders_and_at_other_times_it_is_equal_to_the_byte(folder: Path, tmp_path: Path) -> None:
    for name in ("data", "ontology", "queries"):
        shutil.copytree(ROOT / name, tmp_path / "elsewhere" / name)
    for number, path in enumerate(sorted((tmp_path / "elsewhere").rglob("*.tsv"))):
        os.utime(path, (number, number))
    second = made(tmp_path / "elsewhere", tmp_path / "second", "2")
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in second.iterdir())
    for path in folder.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


def test_the_manifest_tells_every_file(folder: Path, settings: Settings) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    told = {file["name"]: file for file in manifest["files"]}
    assert set(told) == {path.name for path in folder.iterdir()} - {"manifest.json"}
    for name, file in told.items():
        raw = (folder / name).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(raw), hashlib.sha256(raw).hexdigest()), name
        assert file["title"]
        assert "/" in file["media_type"]
    assert manifest["sources"] == pipeline.source_hashes(settings)
    assert manifest["sources"]["data/models.tsv"] == hashlib.sha256((ROOT / "data/models.tsv").read_bytes()).hexdigest()
    assert {"FoundationModel": 200, "Dataset": 114, "Publication": 443}.items() <= manifest["counts"].items()
    assert manifest["licences"]["ontology, data and queries"] == "https://creativecommons.org/licenses/by/4.0/"


def test_nothing_tells_where_or_when_it_was_made(folder: Path) -> None:
    for path in folder.iterdir():
        assert str(ROOT).encode() not in content(path), path.name


def test_all_serialisations_of_the_ontology_are_isomorphic(folder: Path, stated: statement.Graph) -> None:
    made = {Quad(*triple) for triple in ontology.merged(stated)}
    for name in ("hfm.owl", "hfm.ttl", "hfm.jsonld"):
        assert read(folder / name) == canonical(made), name


def test_all_serialisations_of_the_graph_are_isomorphic(folder: Path) -> None:
    whole = read(folder / "hfm-graph.nq.gz")
    for name in ("hfm-graph.trig.gz", "hfm-graph.jsonld.gz"):
        assert read(folder / name) == whole, name
    default = read(folder / "hfm-graph.ttl.gz")
    assert read(folder / "hfm-graph.rdf.gz") == default
    quads = set(parse(content(folder / "hfm-graph.nq.gz"), format=RdfFormat.N_QUADS))
    assert canonical({Quad(*quad.triple) for quad in quads}) == default


def test_the_graph_of_the_release_is_that_of_the_snapshot(folder: Path, snapshot: Snapshot) -> None:
    assert read(folder / "hfm-graph.nq.gz") == canonical(
        set(parse(snapshot.dump.read_bytes(), format=RdfFormat.N_QUADS))
    )


RDF = ["hfm.owl", "hfm.ttl", "hfm.jsonld", "hfm-facts.owl"] + [
    f"hfm-graph.{ending}.gz" for ending in ("nq", "trig", "jsonld", "ttl", "rdf")
]


@pytest.mark.parametrize("name", RDF)
def test_a_second_library_reads_as_many_statements(folder: Path, name: str) -> None:
    expected = len(set(parse(content(folder / name), format=FORMATS[ending(name)])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's parsers use names that rdflib deprecates
        graph = rdflib.Dataset()
        graph.parse(data=content(folder / name), format=READERS[ending(name)])
        assert sum(1 for _ in graph.quads()) == expected


def test_a_release_replaces_an_older_one_and_nothing_else(tmp_path: Path) -> None:
    def file(name: str) -> ReleaseFile:
        return ReleaseFile(name, name.encode(), "text/plain", "a file")

    def manifest(*names: str) -> ReleaseFile:
        content = json.dumps({"files": [{"name": name} for name in names]}).encode()
        return ReleaseFile("manifest.json", content, "application/json", "the manifest")

    target = tmp_path / "release"
    release.write(target, [file("a"), manifest("a")])
    release.write(target, [file("b"), manifest("b")])
    assert sorted(path.name for path in target.iterdir()) == ["b", "manifest.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release"]
    (target / "thesis.docx").touch()
    with pytest.raises(UsageError, match="holds something else than a release"):
        release.write(target, [file("c"), manifest("c")])
    (target / "thesis.docx").unlink()
    for other in ("{}", "[]", "no JSON", '{"name": "the manifest of a web application"}'):
        (target / "manifest.json").write_text(other, encoding="utf-8")
        with pytest.raises(UsageError, match="holds something else than a release"):
            release.write(target, [file("c"), manifest("c")])
    assert sorted(path.name for path in target.iterdir()) == ["b", "manifest.json"]


def test_a_release_can_be_written_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    release.write(Path(), [ReleaseFile("manifest.json", b"new", "application/json", "the manifest")])
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


def test_a_release_that_cannot_be_written_leaves_the_older_one(tmp_path: Path) -> None:
    target = tmp_path / "release"
    release.write(target, [ReleaseFile("manifest.json", b'{"files": []}', "application/json", "the manifest")])
    with pytest.raises(OSError, match="directory"):
        release.write(target, [ReleaseFile("no/such/folder", b"", "text/plain", "a file that cannot be written")])
    assert (target / "manifest.json").read_bytes() == b'{"files": []}'
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


def test_one_file_of_a_release_can_be_had_alone(folder: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "hfm_kg", "export", "file", *arguments, "--root", str(ROOT)]
        return subprocess.run(command, capture_output=True, check=False)

    assert run("hfm.owl").stdout == (folder / "hfm.owl").read_bytes()
    wrong = run("hmf.owl")
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert b"no file 'hmf.owl' in a release; did you mean hfm.owl?" in wrong.stderr
