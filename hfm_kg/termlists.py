"""The terms of others: a column of a table, an OBO file, an ontology in RDF, or one side of a mapping set."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyoxigraph
import yaml
from pyoxigraph import Literal, NamedNode, RdfFormat

from hfm_kg.errors import NotInstalledError, UsageError

OBO: Final = "http://purl.obolibrary.org/obo/"
LABELS: Final = (
    "http://www.w3.org/2000/01/rdf-schema#label",
    "http://www.w3.org/2004/02/skos/core#prefLabel",
)
SYNONYMS: Final = (
    "http://www.geneontology.org/formats/oboInOwl#hasExactSynonym",
    "http://www.w3.org/2004/02/skos/core#altLabel",
)
"""Properties whose values are names; broad, narrow and related synonyms are not."""
DEPRECATED: Final = "http://www.w3.org/2002/07/owl#deprecated"
RDF_FORMATS: Final = {
    ".owl": RdfFormat.RDF_XML,
    ".rdf": RdfFormat.RDF_XML,
    ".xml": RdfFormat.RDF_XML,
    ".ttl": RdfFormat.TURTLE,
    ".nt": RdfFormat.N_TRIPLES,
    ".jsonld": RdfFormat.JSON_LD,
}
MATCH_FIELDS: Final = {"label": "rdfs:label", "synonym": "oboInOwl:hasExactSynonym"}


@dataclass(frozen=True)
class ForeignTerm:
    """A term of another vocabulary, or only a string."""

    iri: str
    """Empty for a string that names no term."""
    label: str
    synonyms: tuple[str, ...] = ()

    @property
    def names(self) -> list[tuple[str, str]]:
        """What it is called, each with ``label`` or ``synonym``."""
        return [("label", self.label), *(("synonym", each) for each in self.synonyms)]


def read(path: Path, column: str | None = None, identifiers: str | None = None) -> list[ForeignTerm]:
    """The terms of a file, each once, in its order; its name tells what it holds.

    Of a table (.tsv, .csv) the column's texts are read, the first column's unless one is named, and identifiers from
    another column if that is named. Raises UsageError for what cannot be read, NotInstalledError for OBO without
    fastobo.
    """
    suffix = path.suffix.lower()
    if (column or identifiers) and suffix not in (".tsv", ".csv"):
        raise UsageError(f"{path.name} is no table; leave out the column")
    try:
        if path.name.lower().endswith(".sssom.tsv"):
            found = _mapping_set(path)
        elif suffix in (".tsv", ".csv"):
            found = _table(path, column, identifiers)
        elif suffix == ".obo":
            found = _obo(path)
        elif suffix in RDF_FORMATS:
            found = _rdf(path, RDF_FORMATS[suffix])
        else:
            known = ", ".join([".tsv", ".csv", ".sssom.tsv", ".obo", *RDF_FORMATS])
            raise UsageError(f"{path.name}: what it holds is told by its name, which must end with one of {known}")
    except (OSError, SyntaxError, ValueError, csv.Error, yaml.YAMLError) as error:
        raise UsageError(f"{path.name} cannot be read: {' '.join(str(error).split())}") from None
    return list({(term.iri, term.label): term for term in found if term.label}.values())


def _table(path: Path, column: str | None, identifiers: str | None) -> Iterable[ForeignTerm]:
    rows = _rows(path.read_text(encoding="utf-8-sig"), "\t" if path.suffix.lower() == ".tsv" else ",")
    if not rows:
        return []
    names = list(rows[0])
    for name in (column, identifiers):
        if name is not None and name not in names:
            raise UsageError(f"{path.name} has no column {name!r}; it has {', '.join(map(repr, names))}")
    found = column or names[0]
    iris = [(row[identifiers] or "").strip() if identifiers else "" for row in rows]
    return [ForeignTerm(iri, (row[found] or "").strip()) for iri, row in zip(iris, rows, strict=True)]


def _rows(text: str, delimiter: str) -> list[dict[str, str | None]]:
    lines = io.StringIO(text, newline="")
    if delimiter == "\t":  # TSV knows no quotes
        return list(csv.DictReader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True))
    return list(csv.DictReader(lines, delimiter=delimiter, strict=True))


def _mapping_set(path: Path) -> Iterable[ForeignTerm]:
    """Both sides of a set; ours is known already and matches itself, so it is left to the caller to pass over."""
    lines = path.read_text(encoding="utf-8").splitlines()
    header = yaml.safe_load("\n".join(line.removeprefix("#") for line in lines if line.startswith("#"))) or {}
    prefixes: Mapping[str, str] = header.get("curie_map", {})
    rows = _rows("\n".join(line for line in lines if not line.startswith("#")), "\t")
    if rows and not {"subject_id", "object_id"} & rows[0].keys():
        raise UsageError(f"{path.name} has neither a column 'subject_id' nor 'object_id'")
    return [
        ForeignTerm(_expanded(row.get(f"{side}_id") or "", prefixes), row.get(f"{side}_label") or "")
        for side in ("subject", "object")
        for row in rows
    ]


def _expanded(curie: str, prefixes: Mapping[str, str]) -> str:
    prefix, _, local = curie.partition(":")
    return prefixes[prefix] + local if prefix in prefixes else curie


def _obo(path: Path) -> Iterable[ForeignTerm]:
    try:
        import fastobo  # which only this form needs
    except ImportError:
        raise NotInstalledError("OBO files need fastobo: pip install 'hfm-kg[obo]'") from None
    found = []
    for frame in fastobo.load(str(path)):
        clauses = list(frame)
        if any(isinstance(each, fastobo.term.IsObsoleteClause) and each.obsolete for each in clauses):
            continue
        names = [each.name for each in clauses if isinstance(each, fastobo.term.NameClause)]
        if isinstance(frame, fastobo.term.TermFrame) and names:
            synonyms = [
                each.synonym.desc
                for each in clauses
                if isinstance(each, fastobo.term.SynonymClause) and each.synonym.scope == "EXACT"
            ]
            found.append(ForeignTerm(_obo_iri(str(frame.id)), names[0], tuple(synonyms)))
    return found


def _obo_iri(identifier: str) -> str:
    """The IRI of an OBO identifier (OBO Flat File Format 1.4, section 5.9)."""
    prefix, colon, local = identifier.partition(":")
    return identifier if "//" in identifier or not colon else f"{OBO}{prefix}_{local}"


def _rdf(path: Path, form: RdfFormat) -> Iterable[ForeignTerm]:
    labels: dict[str, str] = {}
    synonyms: dict[str, list[str]] = {}
    gone: set[str] = set()
    for quad in pyoxigraph.parse(path=str(path), format=form, base_iri=path.absolute().as_uri()):
        subject, value = quad.subject, quad.object
        if not isinstance(subject, NamedNode) or not isinstance(value, Literal):
            continue
        if quad.predicate.value == DEPRECATED and value.value in ("true", "1"):
            gone.add(subject.value)
        elif value.language and not value.language.startswith("en"):
            continue
        elif quad.predicate.value in LABELS:
            labels.setdefault(subject.value, value.value)
        elif quad.predicate.value in SYNONYMS:
            synonyms.setdefault(subject.value, []).append(value.value)
    kept = {iri: label for iri, label in labels.items() if iri not in gone}
    return [ForeignTerm(iri, label, tuple(sorted(synonyms.get(iri, ())))) for iri, label in kept.items()]
