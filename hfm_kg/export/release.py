"""A release: every file of it, the manifest, and how they are written."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from hfm_kg import registry
from hfm_kg.errors import UsageError
from hfm_kg.export import graphs, ontology
from hfm_kg.export.files import ReleaseFile
from hfm_kg.statement import Graph

MANIFEST: Final = "manifest.json"
LICENCES: Final[Mapping[str, str]] = {
    "ontology, data and queries": "https://creativecommons.org/licenses/by/4.0/",
    "program": "https://www.apache.org/licenses/LICENSE-2.0",
}

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "owl": "application/rdf+xml",
    "rdf": "application/rdf+xml",
    "ttl": "text/turtle",
    "nq": "application/n-quads",
    "trig": "application/trig",
    "jsonld": "application/ld+json",
}
SERIALISATIONS: Final[Mapping[str, str]] = {
    "owl": "RDF/XML",
    "rdf": "RDF/XML",
    "ttl": "Turtle",
    "nq": "N-Quads",
    "trig": "TriG",
    "jsonld": "JSON-LD",
}


def rdf_files(graph: Graph) -> Iterable[ReleaseFile]:
    """The ontology, alone and with facts, and the whole graph, in each serialisation that can hold them."""
    merged = ontology.merged(graph)
    for ending in ("owl", "ttl", "jsonld"):
        yield _rdf(f"hfm.{ending}", graphs.write(merged, ending), "the ontology with its concepts, without imports")
    facts = graphs.write(ontology.with_facts(graph), "owl")
    yield _rdf("hfm-facts.owl", facts, "the ontology with concepts, models, datasets and publications")
    title = "the whole graph"
    quads = list(graph.with_default_graph())
    for ending in ("nq", "trig", "jsonld"):
        content = graphs.compressed(graphs.write(quads, ending))
        yield _rdf(f"hfm-graph.{ending}.gz", content, f"{title}, with named graphs")
    triples = graph.triples()
    for ending in ("ttl", "rdf"):
        content = graphs.compressed(graphs.write(triples, ending))
        yield _rdf(f"hfm-graph.{ending}.gz", content, f"{title}, as the default graph has it")


def _rdf(name: str, content: bytes, title: str) -> ReleaseFile:
    ending = name.removesuffix(".gz").rpartition(".")[2]
    return ReleaseFile(name, content, MEDIA_TYPES[ending], f"{title}, as {SERIALISATIONS[ending]}")


def manifest(
    files: Sequence[ReleaseFile], graph: Graph, versions: Mapping[str, str], sources: Mapping[str, str]
) -> ReleaseFile:
    """The manifest: what is in the release, from what it was made, and the digest of each file.

    ``versions`` are those of the release and of what made it, ``sources`` the SHA-256 of each input file.
    """
    kinds = Counter(term.kind for term in registry.current(graph).terms.values())
    content = {
        "versions": versions,
        "licences": LICENCES,
        "counts": {
            "quads": len(graph.quads),
            "triples": len(graph.triples()),
            "named graphs": len({quad.graph_name for quad in graph.quads}),
            **dict(sorted(kinds.items())),
        },
        "files": [
            {
                "name": file.name,
                "title": file.title,
                "media_type": file.media_type,
                "bytes": len(file.content),
                "sha256": file.sha256,
            }
            for file in files
        ],
        "sources": sources,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    return ReleaseFile(MANIFEST, text.encode(), "application/json", "the manifest of the release")


def write(folder: Path, files: Iterable[ReleaseFile]) -> None:
    """Write a release whole or not at all; an older release in the folder is replaced.

    Raises UsageError if the folder holds something else than a release.
    """
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MANIFEST).is_file())):
        raise UsageError(f"{folder} holds something else than a release; name another folder, or an empty one")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        scratch.chmod(0o755)
        for file in files:
            (scratch / file.name).write_bytes(file.content)
        _replace(folder, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _replace(folder: Path, scratch: Path) -> None:
    """Put the new folder in the place of the old one, which comes back if that fails."""
    old = scratch.with_name(f"{scratch.name}-old")
    if folder.exists():
        folder.rename(old)
    try:
        scratch.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
