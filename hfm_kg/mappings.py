"""Mappings onto other vocabularies: ``ontology/mappings/*.sssom.tsv``, one file a target.

The form is the Simple Standard for Sharing Ontological Mappings (SSSOM). A file begins with a YAML header in comment
lines, which holds the set's metadata and the prefixes of its CURIEs. Mappings that were proposed and refused stand in
``rejected.sssom.tsv`` with the reason, and make no triple.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pyoxigraph import Literal, NamedNode

from hfm_kg.errors import Finding
from hfm_kg.statement import Graph
from hfm_kg.tables import nearest
from hfm_kg.terms import BASE, PROV, PROVENANCE, RDFS, SKOS, iri

REJECTED: Final = "rejected.sssom.tsv"
COLUMNS: Final = (
    "subject_id",
    "subject_label",
    "predicate_id",
    "object_id",
    "object_label",
    "mapping_justification",
    "confidence",
    "object_source",
    "object_source_version",
    "comment",
)
PREDICATES: Final[Mapping[str, NamedNode]] = {
    "skos:exactMatch": SKOS.exactMatch,
    "skos:closeMatch": SKOS.closeMatch,
    "skos:broadMatch": SKOS.broadMatch,
    "skos:narrowMatch": SKOS.narrowMatch,
    "skos:relatedMatch": SKOS.relatedMatch,
}


@dataclass(frozen=True)
class MappingRow:
    """One mapping, and the line it stands in."""

    line: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]


@dataclass(frozen=True)
class MappingSet:
    """One SSSOM file."""

    path: Path
    metadata: Mapping[str, Any]
    rows: tuple[MappingRow, ...]

    @property
    def file(self) -> str:
        """The file's name as findings show it."""
        return f"ontology/mappings/{self.path.name}"

    @property
    def prefixes(self) -> Mapping[str, str]:
        """The prefixes of the file's CURIEs."""
        prefixes: Mapping[str, str] = self.metadata.get("curie_map", {})
        return prefixes

    def expand(self, curie: str) -> NamedNode | None:
        """The IRI of a CURIE, None if its prefix is not declared."""
        prefix, _, local = curie.partition(":")
        return NamedNode(self.prefixes[prefix] + local) if prefix in self.prefixes else None

    def finding(self, row: MappingRow, column: str, rule: str, message: str) -> Finding:
        """A finding at one of the file's cells."""
        before = [row[name] for name in COLUMNS[: COLUMNS.index(column)]]
        return Finding(self.file, row.line, sum(len(cell) + 1 for cell in before) + 1, rule, message)


def read(folder: Path) -> tuple[list[MappingSet], list[Finding]]:
    """All mapping sets of a folder, and what is wrong with their form."""
    sets, findings = [], []
    for path in sorted(folder.glob("*.sssom.tsv")):
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        header = [line.removeprefix("#") for line in lines if line.startswith("#")]
        try:
            metadata = yaml.safe_load("\n".join(header)) or {}
        except yaml.YAMLError as error:
            metadata = {}
            findings.append(Finding(f"ontology/mappings/{path.name}", 1, 1, "sssom", f"header: {error}"))
        rows = []
        for number, line in enumerate(lines[len(header) + 1 :], start=len(header) + 2):
            cells = line.split("\t")
            if len(cells) == len(COLUMNS):
                rows.append(MappingRow(number, dict(zip(COLUMNS, cells, strict=True))))
            else:
                message = f"{len(cells)} cells, expected {len(COLUMNS)}"
                findings.append(Finding(f"ontology/mappings/{path.name}", number, 1, "cells", message))
        if lines[len(header)].split("\t") != list(COLUMNS):
            message = f"columns must be {' '.join(COLUMNS)}"
            findings.append(Finding(f"ontology/mappings/{path.name}", len(header) + 1, 1, "header", message))
        sets.append(MappingSet(path, metadata, tuple(rows)))
    return sets, findings


def check(sets: list[MappingSet], graph: Graph) -> Iterator[Finding]:
    """Findings for mappings whose terms cannot be told, or that say the same thing twice."""
    labels: dict[str, str] = {
        quad.subject.value: quad.object.value
        for quad in graph.quads
        if quad.predicate == RDFS.label and isinstance(quad.subject, NamedNode) and isinstance(quad.object, Literal)
    }
    seen: dict[tuple[str, str], str] = {}
    for mapping_set in sets:
        for row in mapping_set.rows:
            for column in ("subject_id", "predicate_id", "object_id", "mapping_justification"):
                if mapping_set.expand(row[column]) is None:
                    message = f"{column}: the prefix of {row[column]!r} is not in the header's curie_map"
                    yield mapping_set.finding(row, column, "sssom", message)
            if row["predicate_id"] not in PREDICATES:
                message = f"predicate_id: {row['predicate_id']!r} is none of {', '.join(PREDICATES)}"
                yield mapping_set.finding(row, "predicate_id", "sssom", message)
            subject = mapping_set.expand(row["subject_id"])
            if subject is not None and subject.value not in labels:
                known = [f"hfm:{name.removeprefix(BASE)}" for name in labels if name.startswith(BASE)]
                message = f"subject_id: nothing is called {row['subject_id']!r}{nearest(row['subject_id'], known)}"
                yield mapping_set.finding(row, "subject_id", "sssom", message)
            elif subject is not None and labels[subject.value] != row["subject_label"]:
                message = f"subject_label: {row['subject_label']!r} is called {labels[subject.value]!r}"
                yield mapping_set.finding(row, "subject_label", "sssom", message)
            pair = (row["subject_id"], row["object_id"])
            if pair in seen:
                message = f"object_id: {' '.join(pair)} stands in {seen[pair]} already"
                yield mapping_set.finding(row, "object_id", "sssom", message)
            seen[pair] = f"{mapping_set.path.name}:{row.line}"


def add(graph: Graph, sets: list[MappingSet]) -> None:
    """State the accepted mappings, each set in a graph of its own, and what the other side is called."""
    for mapping_set in sets:
        if mapping_set.path.name == REJECTED:
            continue
        name = iri("mappings", mapping_set.path.name.removesuffix(".sssom.tsv"))
        graph.add(PROVENANCE, name, RDFS.label, Literal(str(mapping_set.metadata.get("mapping_set_title", ""))))
        graph.add(PROVENANCE, name, PROV.wasDerivedFrom, iri("source", "hfm"))
        for row in mapping_set.rows:
            subject, target = mapping_set.expand(row["subject_id"]), mapping_set.expand(row["object_id"])
            assert subject is not None
            assert target is not None
            graph.add(name, subject, PREDICATES[row["predicate_id"]], target)
            graph.add(PROVENANCE, target, RDFS.label, Literal(row["object_label"]))
