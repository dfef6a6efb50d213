"""Tables and ontology → quads → validated → reasoned → snapshot."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path

import platformdirs
from pyoxigraph import Quad, Triple

from hfm_kg import (
    catalog,
    claims,
    facts,
    graph,
    hierarchy,
    mappings,
    registry,
    statement,
    store,
    tables,
    transcription,
)
from hfm_kg.errors import Finding, FindingsError, InconsistentError, UsageError
from hfm_kg.export import changes, graphs
from hfm_kg.export import ontology as owl
from hfm_kg.export import release as releases
from hfm_kg.export.files import ReleaseFile
from hfm_kg.terms import INFERRED, ONTOLOGY

PACKAGE = Path(__file__).parent


def packaged_root() -> Path:
    """Where ``data``, ``ontology`` and ``queries`` lie: in the wheel, or beside the package in a checkout."""
    resources = PACKAGE / "resources"
    return resources if resources.is_dir() else PACKAGE.parent


def default_output() -> Path:
    """Where snapshots are kept unless told otherwise: ``$HFM_KG_OUTPUT``, or the user's data folder."""
    return Path(os.environ.get("HFM_KG_OUTPUT") or platformdirs.user_data_path("hfm-kg", appauthor=False))


@dataclass(frozen=True)
class Settings:
    """Everything that a build needs to know."""

    root: Path = field(default_factory=packaged_root)
    """The folder that holds ``data``, ``ontology`` and ``queries``."""
    output: Path = field(default_factory=default_output)
    """The folder of snapshots."""
    shacl: bool = True
    """Validate against the SHACL shapes."""
    reasoning: bool = True
    """Run the reasoner and add what it infers."""

    @property
    def data(self) -> Path:
        """The folder of tables."""
        return self.root / "data"

    @property
    def ontology(self) -> Path:
        """The folder of the ontology's modules."""
        return self.root / "ontology"

    @property
    def queries(self) -> Path:
        """The folder of the query catalogue."""
        return self.root / "queries"


Progress = Callable[[str], None]


def _silent(step: str) -> None:
    """Tell nobody."""


def source_hashes(settings: Settings) -> dict[str, str]:
    """SHA-256 of each file that a graph is made from, by its path below the root."""
    return {
        path.relative_to(settings.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in (settings.data, settings.ontology)
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".tsv", ".json", ".ttl"))
    }


def source_hash(settings: Settings) -> str:
    """SHA-256 over names and digests of all input files: tells whether a snapshot is up to date."""
    return hashlib.sha256(json.dumps(source_hashes(settings)).encode()).hexdigest()


def stated(settings: Settings) -> statement.Graph:
    """The graph that tables and ontology state. Raises FindingsError if the tables are not in order."""
    read = tables.read(settings.data).require_clean()
    if findings := sorted(_check_tables(read)):
        raise FindingsError(findings)
    return _built(settings, read)


def _built(settings: Settings, read: tables.Tables) -> statement.Graph:
    """The graph of tables that are in order, with the mappings. Raises FindingsError over these."""
    built = graph.build(read, settings.ontology)
    sets, findings = mappings.read(settings.ontology / "mappings")
    if findings := sorted(findings or mappings.check(sets, built)):
        raise FindingsError(findings)
    mappings.add(built, sets)
    return built


def _check_tables(read: tables.Tables) -> list[Finding]:
    """What must hold between tables before a graph can be made of them."""
    return [*transcription.check(read), *facts.check(read, graph.CONCEPT_CLASSES), *hierarchy.check(read)]


def check(settings: Settings, progress: Progress = _silent) -> list[Finding]:
    """Everything that is wrong with tables, ontology, queries and graph, in one list."""
    findings: list[Finding] = []
    progress("reading the query catalogue")
    try:
        queries = catalog.read(settings.queries)
    except FindingsError as error:
        findings += error.findings
        queries = catalog.Catalog({})
    from hfm_kg import validate  # pySHACL and rdflib take half a second to import, which a query should not wait for

    findings += validate.check_queries(queries)
    progress("reading the tables")
    try:
        read = tables.read(settings.data)
        findings += read.findings
        if not read.findings:
            findings += [*_check_tables(read), *(claims.check(read, queries) if queries.queries else ())]
        if not findings:
            built = _built(settings, read)
            findings += _check_graph(settings, built, queries, progress)
            if settings.reasoning and not findings:
                findings += _check_consistency(settings, built, progress)
    except FindingsError as error:
        findings += error.findings
    return sorted(set(findings))


def _check_graph(
    settings: Settings, built: statement.Graph, queries: catalog.Catalog, progress: Progress
) -> list[Finding]:
    from hfm_kg import validate  # see check()

    progress("tracing cells")
    tracer = validate.Tracer(built, settings.ontology)
    findings: list[Finding] = []
    if settings.shacl:
        progress("validating with SHACL")
        findings += validate.check_shapes(built, settings.ontology, tracer)
    progress("looking for released IRIs")
    findings += registry.check(registry.read(settings.ontology), built)
    progress("running the ontology's checks")
    findings += validate.check_ontology(validate.in_memory(built.with_default_graph()), queries, tracer)
    return findings


def _check_consistency(settings: Settings, built: statement.Graph, progress: Progress) -> list[Finding]:
    """Findings at the statements that contradict each other, if HermiT finds the graph inconsistent."""
    from hfm_kg import reason as reasoner  # owlready2 opens a database when it is imported
    from hfm_kg import validate  # see check()

    progress("reasoning with HermiT")
    try:
        reason(built)
    except InconsistentError as error:
        progress("looking for the statements that contradict each other")
        culprits = reasoner.conflict(built.triples(), _ontology(built))
        tracer = validate.Tracer(built, settings.ontology)
        return [tracer.contradiction(triple, culprits) for triple in culprits] or [
            Finding("ontology/rules.ttl", 0, 0, "owl", str(error))
        ]
    return []


def _ontology(built: statement.Graph) -> set[Triple]:
    return {quad.triple for quad in built.quads if quad.graph_name == ONTOLOGY}


def reason(built: statement.Graph) -> int:
    """Add what follows from the graph to it, in a named graph of its own; returns how many triples that is."""
    from hfm_kg import reason as reasoner  # owlready2 opens a database when it is imported

    inference = reasoner.infer(built.triples(), _ontology(built))
    built.quads |= {Quad(triple.subject, triple.predicate, triple.object, INFERRED) for triple in inference.triples}
    return len(inference.triples)


def _complete(settings: Settings, progress: Progress) -> tuple[statement.Graph, int]:
    """The graph, validated and reasoned as the settings say, and how many triples were inferred."""
    progress("reading tables and ontology")
    gc.disable()  # the terms hold no cycles, and looking for some takes a tenth of the time
    try:
        built = stated(settings)
    finally:
        gc.enable()
    if settings.shacl:
        findings = _check_graph(settings, built, catalog.read(settings.queries), progress)
        if findings:
            raise FindingsError(sorted(findings))
    inferred = 0
    if settings.reasoning:
        progress("reasoning with HermiT")
        inferred = reason(built)
    return built, inferred


def build(settings: Settings, progress: Progress = _silent) -> store.Snapshot:
    """Build a snapshot and make it the current one.

    Raises FindingsError or InconsistentError if the input is not in order; the snapshot before then stays in use.
    """
    built, inferred = _complete(settings, progress)
    progress("writing the snapshot")
    dump = built.nquads()
    quads = dump.count(b"\n")
    sources = source_hash(settings)
    return store.write(settings.output, _name(settings, sources), dump, {
        "version": metadata.version("hfm-kg"),
        "sources": sources,
        "root": str(settings.root.resolve()),
        "quads": quads,
        "triples": quads - len(built.quads),
        "named graphs": len({quad.graph_name for quad in built.quads}),
        "inferred triples": inferred,
        "validated": settings.shacl,
        "reasoned": settings.reasoning,
    })  # fmt: skip


def _name(settings: Settings, sources: str) -> str:
    """What the snapshot is called: the same input gives the same name."""
    given = f"{metadata.version('hfm-kg')} {sources} {settings.reasoning}"
    return hashlib.sha256(given.encode()).hexdigest()[:16]


def is_current(settings: Settings, snapshot: store.Snapshot) -> bool:
    """Whether a snapshot was built from the inputs as they are now."""
    return snapshot.manifest.get("sources") == source_hash(settings)


@contextmanager
def owl_files(settings: Settings) -> Iterator[tuple[Path, ...]]:
    """``hfm.owl`` and ``hfm-facts.owl`` as the input states them, in a folder that is gone after the context."""
    built = stated(settings)
    with tempfile.TemporaryDirectory(prefix="hfm-kg-") as folder:
        files = {"hfm.owl": owl.merged(built), "hfm-facts.owl": owl.with_facts(built)}
        for name, triples in files.items():
            (Path(folder) / name).write_bytes(graphs.write(triples, "owl"))
        yield tuple(Path(folder) / name for name in files)


ENGINES = ("hfm-kg", "pyoxigraph", "owlready2", "rdflib")
"""The packages whose versions a release tells: another version of theirs may order or infer otherwise."""


def release(settings: Settings, progress: Progress = _silent) -> list[ReleaseFile]:
    """All files of a release, the manifest last. Raises as :func:`build` does."""
    built, _ = _complete(settings, progress)
    return release_files(settings, built, progress)


def release_files(settings: Settings, built: statement.Graph, progress: Progress = _silent) -> list[ReleaseFile]:
    """The files of a release of a graph that is complete."""
    material, since = _material(settings, built)
    files = releases.files(material, progress)
    versions = {"release": registry.version_of(built), "prior release": since}
    versions |= {name: metadata.version(name) for name in ENGINES}
    return [*files, releases.manifest(files, built, versions, source_hashes(settings))]


def release_file(settings: Settings, name: str, progress: Progress = _silent) -> ReleaseFile:
    """One file of a release, without validating the graph. Raises UsageError if a release has no such file."""
    releases.recipe(name)
    built, _ = _complete(replace(settings, shacl=False), progress)
    return releases.file(_material(settings, built)[0], name, progress)


def _material(settings: Settings, built: statement.Graph) -> tuple[releases.Material, str]:
    """What release files are made from, and the release before, empty if there is none."""
    since, found = _changes(settings, built, None, None)
    text = changes.markdown(since, registry.version_of(built), found) if since else ""
    sets, _ = mappings.read(settings.ontology / "mappings")
    return releases.Material(built, sets, catalog.read(settings.queries), text), since


def differences(settings: Settings, since: str | None, until: str | None) -> tuple[str, str, list[changes.Change]]:
    """The changes between two versions, with their names; the newest release and the graph of now by default.

    Raises UsageError if a version was not released or is newer than the one it is compared with.
    """
    built = stated(settings)
    before, found = _changes(settings, built, since, until)
    if not before:
        raise UsageError("nothing was released before; a release is recorded with: hfm-kg register --root .")
    return before, until or registry.version_of(built), found


def _changes(
    settings: Settings, built: statement.Graph, since: str | None, until: str | None
) -> tuple[str, list[changes.Change]]:
    """The version that is compared with, empty if there is none, and the changes since then."""
    known = registry.read(settings.ontology)
    after = known.at(until) if until else registry.current(built)
    last = until or registry.version_of(built)
    before = since or next((version for version in reversed(known.versions) if version < last), "")
    if not before:
        return "", []
    if before >= last:
        raise UsageError(f"{before} is not older than {last}; give --since an older version")
    queries = catalog.read(settings.queries)
    return before, changes.between(known.at(before), after, changes.sentences(built), queries)


def register(settings: Settings) -> tuple[str, dict[str, int]]:
    """Record the ontology's version in the registry; returns the version and how many rows each table got.

    Raises FindingsError if a released IRI was lost, UsageError if the version is registered already.
    """
    built = stated(settings)
    return registry.version_of(built), registry.register(settings.ontology, built)
