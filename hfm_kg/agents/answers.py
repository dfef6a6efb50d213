"""What tools answer: small, typed, and with its sources. Texts of the graph are values in it, never prose of ours."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from hfm_kg.values import Iri, shown

MOST_BYTES: Final = 24_000
"""Bytes of the rows of one answer: some 6,000 tokens, which every context takes."""
LONGEST_TEXT: Final = 1_000
"""Letters of one text in an answer."""


class Answer(BaseModel):
    """Base of what tools answer."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Link(Answer):
    """A thing: its IRI, and what the graph calls it."""

    iri: str
    """Identifies the thing; tools take it wherever they take a name."""
    label: str


Cell = Link | bool | int | float | str | None


class Place(Answer):
    """Where a source speaks of a thing."""

    place: str
    """Such as 'Table 2, row 21', 'Section II.B.1' or 'Line 149'."""
    source: str
    """IRI of the survey, https://w3id.org/hfm/source/he2024, or of another source."""
    references: list[int]
    """Numbers in the survey's reference list; https://w3id.org/hfm/reference/NUMBER is the entry."""


class Citation(Answer):
    """Where the sources speak of a thing of the answer."""

    thing: Link
    places: list[Place]
    more_places: int
    """Places that are left out; the tool provenance gives them all."""


class Page(Answer):
    """How much of the whole an answer holds."""

    total: int
    """Rows that there are."""
    shown: int
    """Rows that this answer holds."""
    more: int
    """Rows that come after these."""
    next: str | None
    """How to get them."""


class Table(Page):
    """Rows, and the sources of the things in them."""

    columns: list[str]
    rows: list[list[Cell]]
    """A row for each result, its values in the order of the columns."""
    citations: list[Citation]
    """Of the first 40 things in these rows."""


class Found(Answer):
    """A thing that is called so or nearly so."""

    thing: Link
    kind: str
    """Such as model, dataset, task, modality, reference."""
    score: float
    """1 if it is called exactly so."""
    reason: str
    name: str
    """The name by which it was found."""


class Hits(Page):
    """Things by their names, the best first."""

    hits: list[Found]
    citations: list[Citation]


class Statement(Answer):
    """A property of a thing, its value, and where the sources say so."""

    property: Link
    value: Cell
    places: list[str]
    """Places of the sources; empty for what was inferred or belongs to the ontology."""
    references: list[int]


class Note(Answer):
    """What curators remark on what the sources say."""

    iri: str
    kind: str
    """A note of the kind 'conflict' disputes what it is about."""
    reported: str
    corrected: str | None
    errs: str
    reason: str


class Described(Page):
    """What the graph says of a thing."""

    thing: Link
    kind: str
    statements: list[Statement]
    mentions: int
    """Statements of other things that point at this one."""
    notes: list[Note]
    more_notes: int
    """Notes that are left out; the question notes-of-a-thing gives them all."""
    citations: list[Citation]


class Source(Answer):
    """A statement, and one place that says so."""

    property: Link
    value: Cell
    place: str
    source: str
    reference: int | None


class Rests(Page):
    """What the statements about a thing rest on."""

    thing: Link
    statements: list[Source]
    notes: list[Note]
    more_notes: int
    """Notes that are left out; the question notes-of-a-thing gives them all."""


class Word(Answer):
    """A class or property, to ask with."""

    term: Link
    name: str
    """As a query writes it; the prefix need not be declared."""
    uses: int
    """Instances of a class, statements of a property."""
    definition: str | None


class Schema(Page):
    """Classes or properties."""

    of: str
    words: list[Word]
    prefixes: dict[str, str]
    """Known to queries without being declared."""


class Example(Answer):
    """A question of the catalogue."""

    name: str
    """The tool ask runs it."""
    question: str
    columns: list[str]
    binds: list[str]
    """Variables that ask takes another value for, in place of the example's."""
    query: str | None
    """Its SPARQL, if one example is asked for."""


class Examples(Page):
    """Questions of the catalogue."""

    examples: list[Example]


T = TypeVar("T")


def plain(text: str) -> str:
    r"""A text cut to a bearable length; letters that are not seen, or turn the direction of writing, as their codes.

    >>> print(plain("CT" + chr(0x202E) + " scan"))
    CT\u202e scan
    """
    seen = "".join(
        letter
        if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cf", "Co", "Cs")
        else letter.encode("unicode_escape").decode()
        for letter in text[:LONGEST_TEXT]
    )
    return f"{seen}… ({len(text) - LONGEST_TEXT} more letters)" if len(text) > LONGEST_TEXT else seen


def link(iri: Iri) -> Link:
    """An IRI with its label."""
    return Link(iri=plain(iri), label=plain(iri.label))


def cell(value: Any) -> Cell:
    """A value of a result; what JSON does not know as its text."""
    match value:
        case Iri():
            return link(value)
        case None | bool():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case int():
            return value if abs(value) < 2**53 else str(value)
        case str():
            return plain(value)
    return plain(shown(value))


def page(rows: Sequence[T], total: int, offset: int, cure: str) -> tuple[list[T], dict[str, Any]]:
    """As many rows as an answer takes, at least one, and the fields of its :class:`Page`.

    ``rows`` may follow the first ``offset`` of so many; ``cure`` tells what to do instead of reading on.
    """
    room, kept = MOST_BYTES, list[T]()
    for row in rows:
        room -= len(to_json(row))
        if room < 0 and kept:
            break
        kept.append(row)
    more = max(0, total - offset - len(kept))
    told = f"the same call with offset={offset + len(kept)}; or {cure}" if more else None
    return kept, {"total": total, "shown": len(kept), "more": more, "next": told}
