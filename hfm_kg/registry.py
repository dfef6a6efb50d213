"""Released IRIs: ``ontology/registry``, three tables that only grow.

``releases.tsv`` has a row a release, ``terms.tsv`` a row for each term that is new or other than in the release before,
``facts.tsv`` the same for the named graphs of rows. A term is a class, property, concept or thing of ours, written as
the path of its IRI. What was released last of a term is its newest row, so the state of any release can be told, and
one release compared with another. :func:`check` holds the promise that a released IRI stays or is deprecated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from hfm_kg import atomic
from hfm_kg.errors import Finding, FindingsError, UsageError
from hfm_kg.statement import Graph
from hfm_kg.terms import BASE, HFM, IAO, INFERRED, ONTOLOGY, OWL, PROVENANCE, RDF, RDFS, SKOS, XSD

FOLDER: Final = "registry"
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "releases": ("version", "terms", "facts", "terms_sha256", "facts_sha256"),
    "terms": ("version", "iri", "kind", "label", "parents", "digest", "replaced_by"),
    "facts": ("version", "graph", "digest"),
}
"""The tables and their columns. ``terms`` and ``facts`` of a release count the rows of the two tables up to it."""

DEPRECATED: Final = "deprecated"
TRUE: Final = Literal("true", datatype=XSD.boolean)
DIGITS: Final = 12
"""Hexadecimal digits of a digest: enough for some thousand things that are compared with themselves only."""

SOURCES: Final = BASE + "source/"
DERIVED: Final = (INFERRED, PROVENANCE)
"""Graphs that are worked out anew for each release."""
KINDS: Final[tuple[NamedNode, ...]] = (
    OWL.Class,
    OWL.ObjectProperty,
    OWL.DatatypeProperty,
    OWL.AnnotationProperty,
    SKOS.ConceptScheme,
    SKOS.Concept,
    HFM.FoundationModel,
    HFM.Dataset,
    HFM.Publication,
    HFM.MentionedModel,
    HFM.MentionedDataset,
    HFM.MentionedWork,
    HFM.Claim,
    HFM.Source,
)
"""What a term may be: the kind of a term never changes, whatever class it is moved to below it."""

HIERARCHY: Final = (RDFS.subClassOf, RDFS.subPropertyOf, SKOS.broader)
RECORD: Final = (
    HFM.describes,
    HFM.number,
    HFM.qualifier,
    HFM.reference,
    HFM.reportedValue,
    HFM.sentence,
    HFM.unit,
)
"""What is part of the fact among what a row says of itself and its parts; the rest tells where it was transcribed."""


@dataclass(frozen=True)
class Term:
    """A term as one release has it."""

    kind: str
    label: str
    parents: str
    """Broader terms and superterms, as paths, separated by ``|``."""
    digest: str
    """Tells whether anything at all was changed: label, definition, hierarchy, axioms, synonyms."""
    replaced_by: str = ""

    @property
    def is_deprecated(self) -> bool:
        """Whether the term was taken out of use."""
        return self.kind == DEPRECATED


@dataclass(frozen=True)
class State:
    """All terms by path, and the digest of the named graph of each row by path; a withdrawn row has an empty one."""

    terms: Mapping[str, Term]
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Registry:
    """The tables as they are on disk."""

    folder: Path
    rows: Mapping[str, tuple[tuple[str, ...], ...]]

    @property
    def versions(self) -> tuple[str, ...]:
        """The released versions, the oldest first."""
        return tuple(row[0] for row in self.rows["releases"])

    def at(self, version: str) -> State:
        """What a version had. Raises UsageError if it was not released."""
        if version not in self.versions:
            known = ", ".join(self.versions) or "none"
            raise UsageError(f"{version!r} is no released version; those are: {known}")
        covered = set(self.versions[: self.versions.index(version) + 1])
        return State(
            {iri: Term(*values) for at, iri, *values in self.rows["terms"] if at in covered},
            {name: digest for at, name, digest in self.rows["facts"] if at in covered},
        )

    def latest(self) -> State:
        """What the newest version had; nothing if none was released."""
        return self.at(self.versions[-1]) if self.versions else State({}, {})


def read(ontology: Path) -> Registry:
    """The registry of an ontology's folder. Raises FindingsError if a table is missing or malformed."""
    folder = ontology / FOLDER
    rows: dict[str, tuple[tuple[str, ...], ...]] = {}
    findings = []
    for name, columns in COLUMNS.items():
        file = _file(name)
        try:
            lines = (folder / f"{name}.tsv").read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except FileNotFoundError:
            findings.append(Finding(file, 0, 0, "missing", f"expected at {folder / f'{name}.tsv'}"))
            continue
        if lines[0].split("\t") != list(columns):
            findings.append(Finding(file, 1, 1, "header", f"columns must be {' '.join(columns)}"))
        table = []
        for number, line in enumerate(lines[1:], start=2):
            cells = tuple(line.split("\t"))
            if len(cells) != len(columns):
                message = (
                    f"{len(cells)} cells, expected {len(columns)}; restore the row, a registered row never changes"
                )
                findings.append(Finding(file, number, 1, "cells", message))
            else:
                table.append(cells)
        rows[name] = tuple(table)
    if findings:
        raise FindingsError(findings)
    return Registry(folder, rows)


def version_of(graph: Graph) -> str:
    """The version of the ontology, the value of ``owl:versionInfo``. Raises FindingsError if it has none."""
    for quad in graph.quads:
        if quad.subject == ONTOLOGY and quad.predicate == OWL.versionInfo and isinstance(quad.object, Literal):
            return quad.object.value
    raise FindingsError([Finding("ontology/hfm.ttl", 0, 0, "version", "the ontology has no owl:versionInfo")])


def current(graph: Graph) -> State:
    """What the graph has now."""
    about: dict[NamedNode | BlankNode, set[Quad]] = {}
    named: dict[str, list[str]] = {}
    for quad in graph.quads:
        if isinstance(quad.subject, (NamedNode, BlankNode)) and quad.graph_name not in DERIVED:
            about.setdefault(quad.subject, set()).add(quad)
        name = quad.graph_name.value if isinstance(quad.graph_name, NamedNode) else ""
        if name.startswith(SOURCES) and quad.graph_name not in DERIVED and _is_fact(quad):
            named.setdefault(name.removeprefix(SOURCES), []).append(str(quad.triple))
    facts = {name: _digest(lines) for name, lines in named.items()}
    terms = {}
    for subject, quads in about.items():
        if isinstance(subject, NamedNode) and subject.value.startswith(BASE) and (kind := _kind(quads)):
            terms[subject.value.removeprefix(BASE)] = _term(kind, subject, quads, about)
    return State(terms, facts)


def _is_fact(quad: Quad) -> bool:
    """Whether a statement of a row's graph says more than where the row was transcribed from."""
    subject, graph = quad.subject, quad.graph_name
    assert isinstance(subject, NamedNode)
    assert isinstance(graph, NamedNode)
    of_row = subject == graph or subject.value.startswith(f"{graph.value}#")
    return not of_row or quad.predicate in RECORD


def _kind(quads: Iterable[Quad]) -> str:
    """The local name of the term's kind, empty for what is no term."""
    types = {quad.object for quad in quads if quad.predicate == RDF.type}
    if any(quad.predicate == OWL.deprecated for quad in quads):
        return DEPRECATED
    return next((kind.value.replace("#", "/").rpartition("/")[2] for kind in KINDS if kind in types), "")


def _term(kind: str, subject: NamedNode, quads: set[Quad], about: Mapping[Any, set[Quad]]) -> Term:
    def values(*predicates: NamedNode) -> list[str]:
        return sorted(
            quad.object.value.removeprefix(BASE)
            for quad in quads
            if quad.predicate in predicates and isinstance(quad.object, (NamedNode, Literal))
        )

    # of concepts and of things only what makes them counts: what rows say of them are facts
    own = {quad for quad in quads if quad.graph_name == ONTOLOGY or _makes(subject, quad.graph_name, quads)}
    lines = sorted(
        {f"{quad.predicate} {_nested(quad.object, about)}" for quad in own if quad.predicate != RDFS.seeAlso}
    )
    label = (values(RDFS.label) or [""])[0]
    replaced = values(IAO.IAO_0100001)
    return Term(kind, label, "|".join(values(*HIERARCHY)), _digest(lines), replaced[0] if replaced else "")


def _makes(subject: NamedNode, graph: object, quads: set[Quad]) -> bool:
    """Whether a named graph is that of the row which gives the thing its class."""
    return any(quad.graph_name == graph and quad.predicate == RDF.type for quad in quads)


def _nested(node: object, about: Mapping[Any, set[Quad]]) -> str:
    """A term as text; a class expression by what it says, since names of blank nodes move when others come."""
    if not isinstance(node, BlankNode):
        return str(node)
    return f"[{' ; '.join(sorted(f'{quad.predicate} {_nested(quad.object, about)}' for quad in about[node]))}]"


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:DIGITS]


def additions(registry: Registry, state: State, version: str) -> dict[str, list[tuple[str, ...]]]:
    """The rows that a release adds to the tables of terms and facts."""
    before = registry.latest()
    terms: list[tuple[str, ...]] = [
        (version, iri, term.kind, term.label, term.parents, term.digest, term.replaced_by)
        for iri, term in sorted(state.terms.items())
        if before.terms.get(iri) != term
    ]
    facts: list[tuple[str, ...]] = [
        (version, name, digest) for name, digest in sorted(state.facts.items()) if before.facts.get(name) != digest
    ]
    facts += [
        (version, name, "") for name, digest in sorted(before.facts.items()) if digest and name not in state.facts
    ]
    return {"terms": terms, "facts": facts}


def register(ontology: Path, graph: Graph) -> dict[str, int]:
    """Append the ontology's version to the registry; returns how many rows each table got.

    Raises FindingsError if an IRI was lost or the registry was tampered with, UsageError if the version is registered
    or older than the newest that is.
    """
    registry, version = read(ontology), version_of(graph)
    if findings := sorted(check(registry, graph)):
        raise FindingsError(findings)
    if version in registry.versions:
        raise UsageError(f"version {version} is registered already; give ontology/hfm.ttl a new owl:versionInfo")
    if registry.versions and version < registry.versions[-1]:
        raise UsageError(f"version {version} must come after {registry.versions[-1]}; mend owl:versionInfo")
    added = additions(registry, current(graph), version)
    contents = {name: _content(name, registry.rows[name]) + _lines(rows) for name, rows in added.items()}
    release = (
        version,
        *(str(len(registry.rows[name]) + len(added[name])) for name in ("terms", "facts")),
        *(hashlib.sha256(contents[name]).hexdigest() for name in ("terms", "facts")),
    )
    contents["releases"] = _content("releases", registry.rows["releases"]) + _lines([release])
    # the release comes last: without it the rows before it count for nothing
    for name in ("terms", "facts", "releases"):
        atomic.write(registry.folder / f"{name}.tsv", contents[name])
    return {name: len(rows) for name, rows in added.items()}


def check(registry: Registry, graph: Graph) -> Iterator[Finding]:
    """Findings for registered rows that were changed, and for released IRIs that are lost or became another thing."""
    yield from _check_growth(registry)
    state = current(graph)
    lines = {iri: number for number, (_, iri, *_) in enumerate(registry.rows["terms"], start=2)}
    latest = {iri: Term(*values) for _, iri, *values in registry.rows["terms"]}
    for iri, before in latest.items():
        now = state.terms.get(iri)
        where = _file("terms"), lines[iri], len(registry.rows["terms"][lines[iri] - 2][0]) + 2
        if now is None:
            message = f"{iri}: {BASE}{iri} was released and is gone; restore it, or add it to data/deprecated.tsv"
            yield Finding(*where, "released-iri", message)
        elif not now.is_deprecated and not before.is_deprecated and now.kind != before.kind:
            message = f"{iri}: was released as {before.kind} and is now {now.kind}; an IRI names one thing for ever"
            yield Finding(*where, "released-iri", message)
    for iri, term in state.terms.items():
        if term.is_deprecated and (problem := _unusable(term.replaced_by, state)):
            origin = graph.origins.get(Triple(NamedNode(BASE + iri), OWL.deprecated, TRUE))
            message = f"{iri}: {problem}; name a term in use"
            if origin is not None:
                yield origin.row.finding("replaced_by", "released-iri", message)
            else:
                yield Finding("ontology/hfm.ttl", 0, 0, "released-iri", message)


def _unusable(replacement: str, state: State) -> str:
    """Why a term cannot stand in for a deprecated one, empty if it can."""
    if replacement not in state.terms:
        return f"is deprecated, and {replacement!r} that replaces it is no term of ours"
    if state.terms[replacement].is_deprecated:
        return f"is replaced by {replacement}, which is deprecated too"
    return ""


def _check_growth(registry: Registry) -> Iterator[Finding]:
    """Each release's digests must fit the rows that stood in the tables then."""
    versions: list[str] = []
    for number, (version, *counts_and_digests) in enumerate(registry.rows["releases"], start=2):
        if versions and version <= versions[-1]:
            yield Finding(_file("releases"), number, 1, "registry", f"{version} must come after {versions[-1]}")
        versions.append(version)
        for name, count, digest in zip(("terms", "facts"), counts_and_digests[:2], counts_and_digests[2:], strict=True):
            rows = registry.rows[name][: int(count)] if count.isdigit() else ()
            if hashlib.sha256(_content(name, rows)).hexdigest() != digest:
                message = f"the rows up to release {version} are not those that were registered; restore the file"
                yield Finding(_file(name), 0, 0, "registry", message)
    for name in ("terms", "facts"):
        for number, (version, *_) in enumerate(registry.rows[name], start=2):
            if version not in versions:
                yield Finding(_file(name), number, 1, "registry", f"{version!r} is no release of releases.tsv")
                break


def _file(name: str) -> str:
    return f"ontology/{FOLDER}/{name}.tsv"


def _content(name: str, rows: Iterable[tuple[str, ...]]) -> bytes:
    return _lines([COLUMNS[name], *rows])


def _lines(rows: Iterable[tuple[str, ...]]) -> bytes:
    return "".join("\t".join(row) + "\n" for row in rows).encode()
