"""The prefixes of a release's CURIEs, and ``prefixes.epm.json``, which gives them to the library ``curies``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from hfm_kg.errors import Finding, FindingsError
from hfm_kg.mappings import MappingSet
from hfm_kg.sparql import PREFIXES
from hfm_kg.terms import BASE

KINDS: Final = ("claim", "dataset", "mappings", "model", "note", "reference", "scheme", "source", "work")
"""The folders below our namespace. Each has a prefix of its own, for the CURIEs of many programs allow no slash."""

DESCRIPTIONS: Final[Mapping[str, str]] = {
    "foaf": "http://xmlns.com/foaf/0.1/",
    "oboInOwl": "http://www.geneontology.org/formats/oboInOwl#",
    "sd": "http://www.w3.org/ns/sparql-service-description#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vann": "http://purl.org/vocab/vann/",
    "void": "http://rdfs.org/ns/void#",
}
"""Prefixes of the vocabularies that describe a release and its ontology."""

IDENTIFIERS: Final[Mapping[str, str]] = {
    "PMC": "https://pmc.ncbi.nlm.nih.gov/articles/PMC",
    "PMID": "https://pubmed.ncbi.nlm.nih.gov/",
    "arXiv": "https://arxiv.org/abs/",
    "doi": "https://doi.org/",
}
"""Prefixes of publications' identifiers, for tables of CURIEs; in RDF, which has links, they stay links."""

SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "CHEBI": ("chebi",),
    "EDAM": ("edam",),
    "EFO": ("efo",),
    "FAIRsharing": ("fairsharing",),
    "FBbi": ("fbbi",),
    "GO": ("go",),
    "LOINC": ("loinc",),
    "MAXO": ("maxo",),
    "MESH": ("MeSH", "mesh"),
    "MI": ("mi",),
    "MONDO": ("mondo",),
    "NCIT": ("ncit",),
    "OBI": ("obi",),
    "OGMS": ("ogms",),
    "PR": ("pr",),
    "SO": ("so",),
    "PMC": ("pmc",),
    "PMID": ("pmid", "pubmed"),
    "UBERON": ("uberon",),
    "arXiv": ("arxiv",),
    "dcterms": ("dct",),
    "doi": ("DOI",),
    "schema": ("sdo",),
}
"""Other spellings under which the same prefix is in use."""

IRI_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "PMC": ("http://europepmc.org/articles/PMC", "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC"),
    "PMID": ("http://www.ncbi.nlm.nih.gov/pubmed/",),
    "doi": ("http://dx.doi.org/", "https://dx.doi.org/"),
    "schema": ("https://schema.org/",),
}
"""Other IRIs under which the same terms are in use."""


@dataclass(frozen=True)
class Prefixes:
    """Prefixes, and the beginning of the IRIs that each stands for."""

    bases: Mapping[str, str]

    def contract(self, iri: str) -> str | None:
        """The CURIE of an IRI by the longest base that fits, None if none does.

        >>> Prefixes({"hfm": "https://w3id.org/hfm/"}).contract("https://w3id.org/hfm/CT")
        'hfm:CT'
        """
        for base, prefix in self._longest_first:
            if iri.startswith(base):
                return f"{prefix}:{iri.removeprefix(base)}"
        return None

    def with_identifiers(self) -> Prefixes:
        """The same, and the prefixes of publications' identifiers."""
        return Prefixes(dict(sorted({**self.bases, **IDENTIFIERS}.items())))

    @cached_property
    def _longest_first(self) -> list[tuple[str, str]]:
        return sorted(((base, prefix) for prefix, base in self.bases.items()), key=lambda pair: -len(pair[0]))


def merged(sets: Iterable[MappingSet]) -> dict[str, str]:
    """The prefixes of mapping sets. Raises FindingsError if two sets mean something else by one prefix."""
    bases: dict[str, str] = {}
    for one in sets:
        for prefix, base in one.prefixes.items():
            if bases.setdefault(prefix, base) != base:
                message = f"curie_map: {prefix} stands for {base} here and for {bases[prefix]} in another file"
                raise FindingsError([Finding(one.file, 1, 1, "sssom", message)])
    return bases


def prefixes(sets: Sequence[MappingSet]) -> Prefixes:
    """All prefixes of a release: those of queries, those of the mappings, and ours for each kind of thing."""
    ours = {f"hfm.{kind}": f"{BASE}{kind}/" for kind in KINDS}
    return Prefixes(dict(sorted((merged(sets) | dict(PREFIXES) | dict(DESCRIPTIONS) | ours).items())))


def extended_prefix_map(known: Prefixes) -> bytes:
    """``prefixes.epm.json``: an extended prefix map, as ``curies.load_extended_prefix_map`` reads it."""
    records = [
        {
            "prefix": prefix,
            "prefix_synonyms": list(SYNONYMS.get(prefix, ())),
            "uri_prefix": base,
            "uri_prefix_synonyms": list(IRI_SYNONYMS.get(prefix, ())),
        }
        for prefix, base in known.with_identifiers().bases.items()
    ]
    return json.dumps(records, indent=1).encode() + b"\n"
