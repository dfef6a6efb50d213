"""A small picture of what a thing is related to: what points at it on the left, what it points at on the right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from hfm_kg.export.manchester import Link
from hfm_kg.server.site.things.view import Row
from hfm_kg.terms import BASE, DCTERMS, HFM, PROV, RDF, SKOS

WIDTH: Final = 960
STEP: Final = 22
"""Height of a line."""
SIDES: Final = (310, 650)
"""Where the names of each side begin or end."""
CENTRE: Final = (370, 590)
"""From where to where the thing itself reaches."""
LETTERS: Final = {"side": 38, "centre": 26}
"""How much of a name there is room for."""
LINES: Final = 16
"""Things of one side, at the most."""
EACH: Final = 4
"""Things of one property, unless there is room for more."""
UNTOLD: Final = {
    one.value for one in (RDF.type, DCTERMS.source, DCTERMS.isPartOf, HFM.cell, HFM.component, SKOS.inScheme,
                          HFM.size, HFM.quantity)
}  # fmt: skip
LAST: Final = {one.value for one in (PROV.wasDerivedFrom, HFM.describes, HFM.about, HFM.disputes)}
"""Relations of records rather than of things: drawn where nothing else is."""


@dataclass(frozen=True)
class Line:
    """A line of text: the name of a relation, or a thing that it leads to."""

    text: str
    link: Link | None
    y: float

    @property
    def full(self) -> str:
        """All of its text."""
        return self.link.label if self.link else self.text


@dataclass(frozen=True)
class Side:
    """One side of the picture."""

    x: int
    lines: tuple[Line, ...]
    paths: tuple[str, ...]
    """From the thing to each relation."""


@dataclass(frozen=True)
class Picture:
    """The picture, in the units of its view box."""

    height: int
    name: str
    sides: tuple[Side, Side]
    width: int = WIDTH
    centre: tuple[int, int] = CENTRE

    @property
    def rows(self) -> list[tuple[str, str, Link]]:
        """The same as a table: direction, relation, thing."""
        found, relation = [], ""
        for direction, side in zip(("to it", "from it"), self.sides, strict=True):
            for line in side.lines:
                if line.link:
                    found.append((direction, relation, line.link))
                else:
                    relation = line.text
        return found


def draw(title: Link, outgoing: Iterable[Row], incoming: Iterable[Row]) -> Picture | None:
    """The picture of a thing; None if it is related to nothing."""
    chosen = [_choose(title, rows) for rows in (incoming, outgoing)]
    numbers = [sum(1 + len(things) for _, things in side) for side in chosen]
    if not any(numbers):
        return None
    height = max(4, *numbers) * STEP + STEP
    sides = [
        _side(number, side, (height - lines * STEP) / 2, height / 2)
        for number, (side, lines) in enumerate(zip(chosen, numbers, strict=True))
    ]
    return Picture(height, _cut(title.label, LETTERS["centre"]), (sides[0], sides[1]))


def _choose(title: Link, rows: Iterable[Row]) -> list[tuple[str, list[Link]]]:
    told = [(row, links) for row in rows if row.predicate.iri not in UNTOLD and (links := list(_links(title, row)))]
    first = [entry for entry in told if entry[0].predicate.iri not in LAST] or told
    each = max(EACH, LINES // max(1, len(first)))
    left, chosen = LINES, []
    for row, links in first:
        if left > 0:
            shown = links[: min(each, left)]
            more = row.number - len(shown)
            chosen.append((row.predicate.label + (f" ({more} more)" if more > 0 else ""), shown))
            left -= len(shown)
    return chosen


def _links(title: Link, row: Row) -> Iterator[Link]:
    for value in row.values:
        for part in value.parts:
            if isinstance(part, Link) and part.iri.startswith(BASE) and part.iri != title.iri:
                yield part


def _side(number: int, groups: list[tuple[str, list[Link]]], top: float, middle: float) -> Side:
    x, start = SIDES[number], CENTRE[number]
    lines, paths, y = [], [], top
    end = x + 8 if number == 0 else x - 8
    bend = (start + end) / 2
    for relation, things in groups:
        y += STEP
        at = y - 5
        lines.append(Line(relation, None, y))
        paths.append(f"M{start} {middle:g}C{bend:g} {middle:g} {bend:g} {at:g} {end} {at:g}")
        for thing in things:
            y += STEP
            lines.append(Line(_cut(thing.label, LETTERS["side"]), thing, y))
    return Side(x, tuple(lines), tuple(paths))


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"
