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
from hfm_kg.catalog import Catalog
from hfm_kg.errors import UsageError
from hfm_kg.export import context, croissant, describe, graphs, kgx, obographs, ontology, prefixes, reference, sssom
from hfm_kg.export.files import ReleaseFile
from hfm_kg.mappings import MappingSet
from hfm_kg.statement import Graph
from hfm_kg.tables import nearest

MANIFEST: Final = "manifest.json"
CHANGES: Final = "changes.md"
LICENCES: Final[Mapping[str, str]] = {
    "ontology, data and queries": "https://creativecommons.org/licenses/by/4.0/",
    "program": "https://www.apache.org/licenses/LICENSE-2.0",
}


@dataclass(frozen=True)
class Material:
    """What the files of a release are made from."""

    graph: Graph
    """The graph with its provenance and with what was inferred."""
    sets: Sequence[MappingSet]
    """The mappings, those that were refused too."""
    queries: Catalog
    """The query catalogue."""
    changes: str = ""
    """What is other than in the release before, as Markdown; empty for the first."""

    @cached_property
    def about(self) -> describe.Release:
        """The release as descriptions name it."""
        return describe.Release(registry.version_of(self.graph))

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

    @cached_property
    def prefixes(self) -> prefixes.Prefixes:
        """The prefixes of CURIEs."""
        return prefixes.prefixes(self.sets)

    @cached_property
    def context(self) -> context.Context:
        """The JSON-LD context of the facts."""
        return context.context(self.facts, self.prefixes)

    @cached_property
    def tables(self) -> kgx.Tables:
        """The tables of the property graph."""
        return kgx.write(self.graph, self.prefixes)


@dataclass(frozen=True)
class Recipe:
    """How a file of a release is made. What describes other files is given those that are made before it."""

    name: str
    media_type: str
    title: str
    make: Callable[[Material, Sequence[ReleaseFile]], bytes]
    conforms_to: str = ""
    describes_others: bool = False

    def file(self, material: Material, others: Sequence[ReleaseFile] = ()) -> ReleaseFile:
        """The file, compressed if its name says so."""
        content = self.make(material, others)
        if self.name.endswith(".gz"):
            content = graphs.compressed(content)
        return ReleaseFile(self.name, content, self.media_type, self.title, self.conforms_to)


def _rdf(name: str, title: str, statements: Callable[[Material], Iterable[Triple] | Iterable[Quad]]) -> Recipe:
    """The recipe of an RDF file, whose name tells the serialisation."""
    ending = name.removesuffix(".gz").rpartition(".")[2]
    form = graphs.FORMATS[ending]
    return Recipe(
        name,
        form.media_type,
        f"{title}, as {form.name}",
        lambda material, _: graphs.write(statements(material), ending),
    )


def _readable(triples: Iterable[Triple]) -> bytes:
    from hfm_kg.export import turtle  # rdflib takes half a second to import, which a query should not wait for

    return turtle.readable(triples)


ONTOLOGY: Final = "the ontology with its concepts, without imports"
FACTS: Final = "the ontology with concepts, models, datasets and publications"
WHOLE: Final = "the whole graph with its named graphs"
PLAIN: Final = "the whole graph without names of graphs"
TSV: Final = "text/tab-separated-values"
JSON: Final = "application/json"
JSON_LD: Final = "application/ld+json"

RECIPES: Final[tuple[Recipe, ...]] = (
    _rdf("hfm.owl", ONTOLOGY, lambda material: material.ontology),
    Recipe("hfm.ttl", "text/turtle", f"{ONTOLOGY}, as Turtle", lambda material, _: _readable(material.ontology)),
    Recipe(
        "hfm.jsonld",
        JSON_LD,
        f"{ONTOLOGY}, as JSON-LD",
        lambda material, _: context.compacted(material.ontology, material.context),
    ),
    Recipe(
        "hfm.json",
        JSON,
        f"{ONTOLOGY}, as OBO Graphs JSON",
        lambda material, _: obographs.write(material.ontology),
        "https://w3id.org/linkml/obographs",
    ),
    _rdf("hfm-facts.owl", FACTS, lambda material: material.facts),
    Recipe(
        "hfm-facts.jsonld",
        JSON_LD,
        f"{FACTS}, as JSON-LD",
        lambda material, _: context.compacted(material.facts, material.context),
    ),
    _rdf("hfm-graph.nq.gz", WHOLE, lambda material: material.quads),
    _rdf("hfm-graph.trig.gz", WHOLE, lambda material: material.quads),
    _rdf("hfm-graph.jsonld.gz", WHOLE, lambda material: material.quads),
    _rdf("hfm-graph.ttl.gz", PLAIN, lambda material: material.triples),
    _rdf("hfm-graph.rdf.gz", PLAIN, lambda material: material.triples),
    Recipe(
        "hfm.sssom.tsv",
        TSV,
        "the mappings onto other vocabularies, as SSSOM",
        lambda material, _: sssom.write(material.sets, material.about.version),
        "https://w3id.org/sssom/",
    ),
    Recipe("hfm_nodes.tsv", TSV, "the things of the graph, as KGX nodes", lambda material, _: material.tables.nodes),
    Recipe("hfm_edges.tsv", TSV, "how they relate, as KGX edges", lambda material, _: material.tables.edges),
    Recipe(
        "context.jsonld", JSON_LD, "the context of the JSON-LD", lambda material, _: context.write(material.context)
    ),
    Recipe(
        "prefixes.epm.json",
        JSON,
        "the prefixes of CURIEs, as an extended prefix map",
        lambda material, _: prefixes.extended_prefix_map(material.prefixes),
    ),
    Recipe(
        "reference.html",
        "text/html",
        "the reference of classes, properties and concepts, as a page",
        lambda material, _: reference.html(reference.terms(material.graph, material.queries), material.about.version),
    ),
    Recipe(
        CHANGES,
        "text/markdown",
        "what is other than in the release before",
        lambda material, _: material.changes.encode(),
    ),
    Recipe(
        "void.ttl",
        "text/turtle",
        "the graph in figures, and its links, as VoID",
        lambda material, others: describe.void(
            material.about, material.graph, sssom.accepted(material.sets), material.prefixes, others
        ),
        describes_others=True,
    ),
    Recipe(
        "service.ttl",
        "text/turtle",
        "the endpoint, as a SPARQL service description",
        lambda material, _: describe.service(material.about, material.graph),
    ),
    Recipe(
        "dcat.ttl",
        "text/turtle",
        "the files, as DCAT",
        lambda material, others: describe.dcat(material.about, material.graph, others),
        describes_others=True,
    ),
    Recipe(
        "dataset.jsonld",
        JSON_LD,
        "the release as a schema.org dataset",
        lambda material, others: croissant.dataset(material.about, others),
        describes_others=True,
    ),
    Recipe(
        "croissant.json",
        JSON_LD,
        "the files and tables for machine learning, as Croissant",
        lambda material, others: croissant.croissant(material.about, others),
        "http://mlcommons.org/croissant/1.0",
        describes_others=True,
    ),
)
"""Every file of a release but the manifest, in the order in which they are made."""


def files(material: Material, progress: Callable[[str], None]) -> list[ReleaseFile]:
    """Every file of a release but the manifest."""
    made: list[ReleaseFile] = []
    for one in RECIPES:
        progress(f"writing {one.name}")
        made.append(one.file(material, tuple(made)))
    return made


def file(material: Material, name: str, progress: Callable[[str], None]) -> ReleaseFile:
    """One file. Raises UsageError, with the nearest name, if a release has no such file."""
    one = recipe(name)
    if one.describes_others:
        return next(made for made in files(material, progress) if made.name == name)
    progress(f"writing {name}")
    return one.file(material)


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


def require_free(folder: Path) -> None:
    """Raise UsageError if a folder holds anything but a release, since all that is in it will be replaced."""
    if folder.exists() and (not folder.is_dir() or not {path.name for path in folder.iterdir()} <= _released(folder)):
        raise UsageError(f"{folder} holds something else than a release; name another folder, or an empty one")


def _released(folder: Path) -> set[str]:
    """The files of a folder's release, by its manifest; none if it has no manifest of ours."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        return {MANIFEST, *(file["name"] for file in manifest["files"])}
    except (OSError, ValueError, LookupError, TypeError):
        return set()


def write(folder: Path, files: Iterable[ReleaseFile]) -> None:
    """Write a release whole or not at all; an older release in the folder is replaced.

    Raises UsageError as :func:`require_free` does.
    """
    require_free(folder)
    folder = folder.resolve()
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
    try:
        if folder.exists():
            folder.rename(old)
        scratch.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
