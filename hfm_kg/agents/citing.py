"""Where the sources speak of the things of an answer, one query for all of them; and rows with their citations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from hfm_kg.agents.answers import Answer, Citation, Link, Place, Table, cell, page, plain
from hfm_kg.api import KnowledgeGraph
from hfm_kg.result import Result, Row
from hfm_kg.terms import BASE
from hfm_kg.values import Iri

PLACES: Final = """SELECT DISTINCT ?thing ?place ?line ?source ?number WHERE {
  {
    ?row hfm:describes ?thing ; prov:wasDerivedFrom ?where .
    ?where rdfs:label ?place ; dcterms:isPartOf ?source .
    OPTIONAL { ?row hfm:sourceRow ?line }
    OPTIONAL { ?row hfm:reference/hfm:referenceNumber ?number }
  } UNION {
    ?thing hfm:referenceNumber ?number .
    BIND("Reference list" AS ?place)
    BIND(?number AS ?line)
    BIND(<source/he2024> AS ?source)
  }
}"""
"""References are the entries of the survey's reference list, whose rows name no place."""
MOST_THINGS: Final = 40
"""Things of one answer that are cited."""
MOST_PLACES: Final = 3
"""Places of one thing."""


def cite(graph: KnowledgeGraph, answers: Iterable[Any]) -> list[Citation]:
    """Citations of our things in some rows, cells or answers, in the order in which they come."""
    links = {one.iri: one for one in _links(answers) if one.iri.startswith(BASE) and "/source/" not in one.iri}
    wanted = [Iri(iri) for iri in links][:MOST_THINGS]
    if not wanted:
        return []
    found: dict[str, list[Row]] = {}
    for row in graph.query(PLACES, thing=wanted):
        found.setdefault(row.thing, []).append(row)
    return [_citation(links[iri], found[iri]) for iri in wanted if iri in found]


def table(graph: KnowledgeGraph, found: Result, limit: int, offset: int, cure: str) -> Table:
    """Rows of a result, with citations; ``cure`` as :func:`page` takes it."""
    rows = [[cell(value) for value in row] for row in found[offset : offset + limit]]
    kept, told = page(rows, len(found), offset, cure)
    return Table(columns=list(found.columns), rows=kept, citations=cite(graph, kept), **told)


def _citation(thing: Link, rows: list[Row]) -> Citation:
    places: dict[tuple[bool, bool, str, str], tuple[Row, set[int]]] = {}
    for row in rows:
        # the survey's tables first, then its text, then other sources
        key = (not row.source.endswith("/he2024"), row.line is None, row.source, placed(row.place, row.line))
        places.setdefault(key, (row, set()))[1].update([] if row.number is None else [row.number])
    ordered = [
        Place(place=key[3], source=plain(row.source), references=sorted(numbers))
        for key, (row, numbers) in sorted(places.items(), key=lambda one: one[0])
    ]
    return Citation(thing=thing, places=ordered[:MOST_PLACES], more_places=max(0, len(ordered) - MOST_PLACES))


def placed(place: str, line: int | None) -> str:
    """A place and, in a table or list, the row."""
    return plain(place if line is None else f"{place}, row {line}")


def _links(answers: Iterable[Any]) -> Iterable[Link]:
    for one in answers:
        match one:
            case Link():
                yield one
            case Answer():
                yield from _links(value for _, value in one)
            case list():
                yield from _links(one)
