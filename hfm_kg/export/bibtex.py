"""References as BibTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from pyoxigraph import NamedNode

from hfm_kg.sparql import Select
from hfm_kg.terms import BASE, BIBO, DCTERMS, HFM

FIELDS: Final = {
    HFM.authors: "author",
    DCTERMS.title: "title",
    HFM.venue: "venue",
    HFM.publicationYear: "year",
    HFM.publicationKind: "kind",
    BIBO.volume: "volume",
    BIBO.issue: "number",
    BIBO.pages: "pages",
    HFM.doi: "doi",
    HFM.arxivId: "eprint",
    HFM.paperPage: "url",
}
"""The properties of a reference that an entry is made of."""

TYPES: Final = {"article": "article", "conference": "inproceedings", "book": "book", "chapter": "incollection"}
"""The types of entries by kind of publication; every other kind is ``misc``."""
VENUES: Final = {"article": "journal", "inproceedings": "booktitle", "book": "publisher", "incollection": "booktitle"}
"""What a type of entry calls its venue."""

SPECIAL: Final = str.maketrans(
    {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {letter: f"\\{letter}" for letter in "&%$#_"}
)
"""What LaTeX would take for more than the letter that it is."""

Entry = Mapping[str, str]
"""Values by the names of FIELDS, and the entry's key."""


def read(works: Iterable[str], select: Select) -> list[Entry]:
    """The entries of references, by their IRIs, in their order."""
    entries: dict[str, dict[str, str]] = {
        work: {"key": "hfm-" + work.removeprefix(f"{BASE}reference/").replace("/", "-")} for work in works
    }
    if entries:
        things = " ".join(str(NamedNode(work)) for work in entries)
        properties = " ".join(map(str, FIELDS))
        wanted = f"VALUES ?work {{ {things} }} VALUES ?p {{ {properties} }}"
        query = f"SELECT ?work ?p ?value WHERE {{ {wanted} ?work ?p ?value }}"
        for row in select(query):
            predicate = row["p"]
            assert isinstance(predicate, NamedNode)
            known = entries[row["work"].value]
            name = FIELDS[predicate]
            known[name] = min(known.get(name, row["value"].value), row["value"].value)
    return list(entries.values())


def write(entries: Iterable[Entry]) -> str:
    """A BibTeX file."""
    return "\n".join(map(_entry, entries))


def _entry(entry: Entry) -> str:
    kind = TYPES.get(entry.get("kind", ""), "misc")
    fields = {name: entry[name] for name in FIELDS.values() if name in entry and name not in ("kind", "venue")}
    if "venue" in entry:
        fields[VENUES.get(kind, "howpublished")] = entry["venue"]
    if fields.get("author", "—") == "—":  # what the survey prints for a work without authors
        fields.pop("author", None)
    if "pages" in fields:
        fields["pages"] = fields["pages"].replace("\N{EN DASH}", "--")
    if "eprint" in fields:
        fields["eprinttype"] = "arxiv"
    lines = (f"  {name} = {{{_escaped(name, value)}}},\n" for name, value in fields.items())
    return f"@{kind}{{{entry['key']},\n{''.join(lines)}}}\n"


def _escaped(name: str, value: str) -> str:
    """A value as LaTeX takes it; addresses and identifiers stay as they are, without what would end them."""
    if name in ("url", "doi", "eprint"):
        return value.replace("{", "%7B").replace("}", "%7D")
    if name == "author":
        return _authors(value)
    text = value.translate(SPECIAL)
    return f"{{{text}}}" if name == "title" else text  # keeps capitals


def _authors(text: str) -> str:
    """Authors as BibTeX separates them; a name without initials is an organisation's.

    >>> _authors("J. Ma and B. Wang"), _authors("V. Rawte, A. Sheth, and A. Das"), _authors("T. Jin et al.")
    ('J. Ma and B. Wang', 'V. Rawte and A. Sheth and A. Das', 'T. Jin and others')
    >>> _authors("The RNAcentral Consortium")
    '{The RNAcentral Consortium}'
    """
    named = re.sub(r"( et al\.?| and [Oo]thers?)$", "", text)
    authors = re.split(r",? and |, ", named)
    if not all(re.match(r"\w\w?\.", author) for author in authors):
        authors = [f"{{{named.translate(SPECIAL)}}}"]
    else:
        authors = [author.translate(SPECIAL) for author in authors]
    return " and ".join([*authors, *(["others"] if named != text else [])])
