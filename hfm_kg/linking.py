"""Terms of others linked to ours: the best candidates, and proposals as SSSOM that respect what was reviewed.

The subject of a proposal is ours and the object theirs, as in ``ontology/mappings``, so that a row which a curator
accepts can move there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import yaml

from hfm_kg import __version__
from hfm_kg.errors import UsageError
from hfm_kg.mappings import REJECTED, MappingSet
from hfm_kg.matching import LEAST, Candidate, Matcher
from hfm_kg.search import KINDS, Thing
from hfm_kg.termlists import MATCH_FIELDS, ForeignTerm
from hfm_kg.terms import BASE

REFUSED: Final = "rejected"
"""What stands for the predicate of a mapping that was proposed and refused."""
FOUND: Final = ("iri", "label", "kind", "score", "match", "why", "reviewed")
"""What a row for people tells beside the term."""
JUSTIFICATION: Final = "semapv:LexicalMatching"
OUR_FIELDS: Final = {
    "label": "rdfs:label",
    "title": "dcterms:title",
    "abbreviation": "skos:notation",
    "synonym": "skos:altLabel",
    "authors": "hfm:authors",
    "identifier": "hfm:doi",
}
COLUMNS: Final = (
    "subject_id",
    "subject_label",
    "predicate_id",
    "object_id",
    "object_label",
    "object_type",
    "mapping_justification",
    "mapping_tool",
    "mapping_tool_version",
    "confidence",
    "subject_match_field",
    "object_match_field",
    "match_string",
    "comment",
)
"""Slots of SSSOM, in the order in which its schema declares them."""
PREFIXES: Final = {
    "dcterms": "http://purl.org/dc/terms/",
    "hfm": BASE,
    "oboInOwl": "http://www.geneontology.org/formats/oboInOwl#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "semapv": "https://w3id.org/semapv/vocab/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}


@dataclass(frozen=True)
class Link:
    """A term of others, and one candidate for it."""

    term: ForeignTerm
    found_by: str
    """``label`` or ``synonym``: which name of the term was matched."""
    name: str
    """That name."""
    candidate: Candidate
    reviewed: str = ""
    """The predicate of a reviewed mapping between the two, or REFUSED; empty if nobody has reviewed the pair."""

    def row(self) -> dict[str, str | float]:
        """The link for people."""
        candidate = self.candidate
        return {
            "string": self.term.label,
            "term": self.term.iri,
            "iri": candidate.thing.node.value,
            "label": candidate.thing.label,
            "kind": candidate.thing.kind,
            "score": candidate.score,
            "match": "yes" if candidate.match else "",
            "why": f"{candidate.why}: {candidate.text}" + (f" (by {self.name})" if self.found_by == "synonym" else ""),
            "reviewed": self.reviewed,
        }


Reviews = Mapping[tuple[str, str], str]
"""Predicates by our IRI and theirs."""


def reviews(sets: Iterable[MappingSet]) -> Reviews:
    """What was reviewed: accepted mappings with their predicates, and refused ones."""
    return {
        (subject.value, target.value): REFUSED if one.path.name == REJECTED else row["predicate_id"]
        for one in sets
        for row in one.rows
        if (subject := one.expand(row["subject_id"])) and (target := one.expand(row["object_id"]))
    }


def link(
    matcher: Matcher,
    terms: Sequence[ForeignTerm],
    reviewed: Reviews,
    *,
    kinds: Sequence[str] = (),
    limit: int = 1,
    least: float = LEAST,
) -> list[Link]:
    """The best candidates of each term, up to a limit, with at least a score; refused pairs are left out.

    ``kinds`` are kinds of things, such as modality and task; all that have a name by default. Terms that are ours
    already are passed over. Raises UsageError for an unknown kind.
    """
    known = set(KINDS.values())
    for kind in kinds:
        if kind not in known:
            raise UsageError(f"there is no kind {kind!r}; take of {', '.join(sorted(known))}")
    found = []
    for term in terms:
        if not term.iri.startswith(BASE):
            refused = {ours for (ours, theirs), what in reviewed.items() if theirs == term.iri and what == REFUSED}

            def accepts(thing: Thing, refused: set[str] = refused) -> bool:
                return (not kinds or thing.kind in kinds) and thing.node.value not in refused

            best: dict[str, Link] = {}
            for found_by, name in term.names:
                for candidate in matcher.match(name, limit, accepts):
                    iri = candidate.thing.node.value
                    if iri not in best or candidate.score > best[iri].candidate.score:
                        best[iri] = Link(term, found_by, name, candidate, reviewed.get((iri, term.iri), ""))
            order = sorted(best.values(), key=lambda each: (-each.candidate.score, each.candidate.thing.path))
            found += [each for each in order[:limit] if each.candidate.score >= least]
    return found


def rows(links: Iterable[Link], terms: Iterable[ForeignTerm]) -> list[dict[str, str | float]]:
    """The links for people, in the order of the terms, with an empty one for each term of others that has none."""
    of_term: dict[ForeignTerm, list[dict[str, str | float]]] = {
        term: [] for term in terms if not term.iri.startswith(BASE)
    }
    for one in links:
        of_term[one.term].append(one.row())
    return [row for term, found in of_term.items() for row in found or [_unlinked(term)]]


def _unlinked(term: ForeignTerm) -> dict[str, str | float]:
    return {"string": term.label, "term": term.iri, **dict.fromkeys(FOUND, "")}


def prefixes(sets: Iterable[MappingSet]) -> dict[str, str]:
    """The prefixes that reviewed sets declare for terms of others."""
    return {prefix: base for one in sets for prefix, base in one.prefixes.items()}


def sssom(links: Sequence[Link], source: str, known: Mapping[str, str] = PREFIXES) -> bytes:
    """Links that nobody has reviewed, as a proposal in SSSOM/TSV; ``source`` is the name of the file of the terms.

    ``known`` are prefixes for IRIs of others; what has none gets one that is made up, and declared like all.

    The predicate is skos:exactMatch where the names leave no choice and skos:closeMatch elsewhere: names alone cannot
    tell more, and a curator decides.
    """
    rows = [_row(each) for each in links if not each.reviewed]
    curies = _Curies({**known, **PREFIXES})
    for row in rows:
        row["object_id"] = curies.of(row["object_id"])
    header = {
        "curie_map": dict(sorted({**PREFIXES, **curies.used}.items())),
        "mapping_set_id": f"{BASE}mappings/proposal.sssom.tsv",
        "mapping_set_title": f"Proposed mappings of HFM-KG onto the terms of {source}",
        "mapping_set_description": "Found by names alone and not reviewed; pairs that are reviewed stand elsewhere.",
        "license": "https://creativecommons.org/licenses/by/4.0/",
    }
    comments = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=10_000).splitlines()
    lines = ["\t".join(" ".join(row[column].split()) for column in COLUMNS) for row in rows]
    return "\n".join([*(f"#{line}" for line in comments), "\t".join(COLUMNS), *lines, ""]).encode()


class _Curies:
    """Shortens IRIs, and keeps which prefixes that took."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = sorted(known.items(), key=lambda item: (-len(item[1]), item[0]))
        self.used: dict[str, str] = {}
        self.made: dict[str, str] = {}

    def of(self, iri: str) -> str:
        """The CURIE of an IRI; what is none stays as it is."""
        for prefix, base in self.known:
            if iri.startswith(base) and iri != base:
                self.used[prefix] = base
                return f"{prefix}:{iri.removeprefix(base)}"
        cut = max(iri.rfind(sign) for sign in "/#_") + 1
        if "://" not in iri or cut <= iri.index("://") + 3:
            return iri
        prefix = self.made.setdefault(iri[:cut], f"ns{len(self.made) + 1}")
        self.used[prefix] = iri[:cut]
        return f"{prefix}:{iri[cut:]}"


def _row(found: Link) -> dict[str, str]:
    candidate, thing = found.candidate, found.candidate.thing
    return {
        "subject_id": f"hfm:{thing.path}",
        "subject_label": thing.label,
        "predicate_id": "skos:exactMatch" if candidate.match else "skos:closeMatch",
        "object_id": found.term.iri,
        "object_label": found.term.label,
        "object_type": "" if found.term.iri else "rdfs literal",
        "mapping_justification": JUSTIFICATION,
        "mapping_tool": "hfm-kg link",
        "mapping_tool_version": __version__,
        "confidence": f"{candidate.score / 100:.3f}",
        "subject_match_field": OUR_FIELDS[candidate.what],
        "object_match_field": MATCH_FIELDS[found.found_by],
        "match_string": candidate.text,
        "comment": candidate.why,
    }
