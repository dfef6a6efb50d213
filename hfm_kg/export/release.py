"""A release: every file of it, the manifest, and how they are written."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pyoxigraph import Quad, Triple

from hfm_kg import registry
from hfm_kg.errors import UsageError
from hfm_kg.export import graphs, ontology
from hfm_kg.export.files import ReleaseFile
from hfm_kg.statement import Graph
from hfm_kg.tables import nearest

MANIFEST: Final = "manifest.json"
LICENCES: Final[Mapping[str, str]] = {
    "ontology, data and queries": "https://creativecommons.org/licenses/by/4.0/",
    "program": "https://www.apache.org/licenses/LICENSE-2.0",
}


@dataclass(frozen=True)
class Material:
    """What the files of a release are made from."""

    graph: Graph
    """The graph with its provenance and with what was inferred."""
    changes: str = ""
    """What is other than in the release before, as Markdown; empty for the first."""

    @cached_property
    def ontology(self) -> set[Triple]:
        """The triples of ``hfm.owl``."""
        return ontology.merged(self.graph)

    @cached_property
    def facts(self) -> set[Triple]:
        """The triples of ``hfm-facts.owl``."""
        return ontology.with_facts(self.graph)

    @cached_property
    def triples(self) -> set[Triple]:
        """The triples of the default graph."""
        return self.graph.triples()

    @cached_property
    def quads(self) -> list[Quad]:
        """The quads of all graphs, the default graph too."""
        return list(self.graph.with_default_graph())


@dataclass(frozen=True)
class Recipe:
    """How a file of a release is made."""

    name: str
    media_type: str
    title: str
    make: Callable[[Material], bytes]
    conforms_to: str = ""

    def file(self, material: Material) -> ReleaseFile:
        """The file, compressed if its name says so."""
        content = self.make(material)
        if self.name.endswith(".gz"):
            content = graphs.compressed(content)
        return ReleaseFile(self.name, content, self.media_type, self.title, self.conforms_to)


def _rdf(name: str, title: str, statements: Callable[[Material], Iterable[Triple] | Iterable[Quad]]) -> Recipe:
    """The recipe of an RDF file, whose name tells the serialisation."""
    ending = name.removesuffix(".gz").rpartition(".")[2]
    media_type, serialisation = graphs.SERIALISATIONS[ending]
    return Recipe(
        name, media_type, f"{title}, as {serialisation}", lambda material: graphs.write(statements(material), ending)
    )


ONTOLOGY_TITLE: Final = "the ontology with its concepts, without imports"


def _readable(triples: Iterable[Triple]) -> bytes:
    from hfm_kg.export import turtle  # rdflib takes half a second to import, which a query should not wait for

    return turtle.readable(triples)


RECIPES: Final[tuple[Recipe, ...]] = (
    _rdf("hfm.owl", ONTOLOGY_TITLE, lambda material: material.ontology),
    Recipe("hfm.ttl", "text/turtle", f"{ONTOLOGY_TITLE}, as Turtle", lambda material: _readable(material.ontology)),
    _rdf("hfm.jsonld", ONTOLOGY_TITLE, lambda material: material.ontology),
    _rdf(
        "hfm-facts.owl",
        "the ontology with concepts, models, datasets and publications",
        lambda material: material.facts,
    ),
    *(
        _rdf(f"hfm-graph.{ending}.gz", "the whole graph with its named graphs", lambda material: material.quads)
        for ending in ("nq", "trig", "jsonld")
    ),
    *(
        _rdf(f"hfm-graph.{ending}.gz", "the whole graph without names of graphs", lambda material: material.triples)
        for ending in ("ttl", "rdf")
    ),
    Recipe(
        "changes.md",
        "text/markdown",
        "what is other than in the release before",
        lambda material: material.changes.encode(),
    ),
)
"""Every file of a release but the manifest."""


def recipe(name: str) -> Recipe:
    """The recipe of a file. Raises UsageError, with the nearest name, if a release has no such file."""
    for one in RECIPES:
        if one.name == name:
            return one
    raise UsageError(f"no file {name!r} in a release{nearest(name, [one.name for one in RECIPES])}")


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
