"""The field as gaps see it: models and datasets with their facets, concepts with what is broader, named needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from hfm_kg.catalog import Catalog
from hfm_kg.errors import UsageError
from hfm_kg.rows import Row, Select
from hfm_kg.tables import nearest
from hfm_kg.terms import BASE

Facet = Literal["modality", "task", "paradigm", "subfield"]
FACETS: tuple[Facet, ...] = ("modality", "task", "paradigm", "subfield")


@dataclass(frozen=True)
class Concept:
    """A concept of a facet, with the IRIs of those directly broader."""

    iri: str
    label: str
    facet: str
    broader: frozenset[str]


@dataclass(frozen=True)
class Thing:
    """A model or dataset: for each facet its concepts, each with the rows that say so; ``year`` is None if unknown."""

    iri: str
    name: str
    kind: str
    year: int | None
    facets: Mapping[str, Mapping[str, tuple[str, ...]]]

    def rows(self) -> Iterator[str]:
        """The rows that say something of it, some of them repeatedly."""
        return (row for concepts in self.facets.values() for said in concepts.values() for row in said)

    def without(self, rows: Collection[str]) -> Thing:
        """The thing as it is without what only those rows say."""
        facets: dict[str, dict[str, tuple[str, ...]]] = {}
        for facet, concepts in self.facets.items():
            for concept, said in concepts.items():
                if left := tuple(row for row in said if row not in rows):
                    facets.setdefault(facet, {})[concept] = left
        return replace(self, facets=facets)


@dataclass(frozen=True)
class Need:
    """A challenge that affects a concept, or a direction that names it, as one statement of a source says."""

    concept: str
    iri: str
    label: str
    kind: str
    sentence: str
    row: str
    place: str
    year: int | None


@dataclass(frozen=True)
class Field:
    """What the sources report."""

    concepts: Mapping[str, Concept]
    things: tuple[Thing, ...]
    needs: tuple[Need, ...]
    row_years: Mapping[str, int]
    """The year of the newest work that a statement of the text rests on."""

    @property
    def models(self) -> tuple[Thing, ...]:
        """The reviewed models."""
        return tuple(thing for thing in self.things if thing.kind == "model")

    @property
    def datasets(self) -> tuple[Thing, ...]:
        """The reviewed datasets and databases."""
        return tuple(thing for thing in self.things if thing.kind == "dataset")

    def before(self, year: int) -> Field:
        """The field without what is of that year or younger: models, datasets, and statements that rest on such works.

        What has no year stays: a database that was there all along, a statement that cites nothing.
        """
        young = {row for row, newest in self.row_years.items() if newest >= year}
        older = (thing.without(young) for thing in self.things if thing.year is None or thing.year < year)
        things = tuple(thing for thing in older if thing.facets)
        return replace(
            self,
            things=things,
            row_years={row: self.row_years[row] for thing in things for row in thing.rows() if row in self.row_years},
            needs=tuple(need for need in self.needs if need.year is None or need.year < year),
        )

    @cached_property
    def _upward(self) -> dict[str, frozenset[str]]:
        return {iri: self._closure(iri) for iri in self.concepts}

    def _closure(self, iri: str) -> frozenset[str]:
        found, todo = {iri}, [iri]
        while todo:
            more = self.concepts[todo.pop()].broader - found
            found |= more
            todo += more
        return frozenset(found)

    def upward(self, iri: str) -> frozenset[str]:
        """A concept and all that are broader."""
        return self._upward[iri]

    def label(self, iri: str) -> str:
        """The label of a concept."""
        return self.concepts[iri].label

    def chosen(self, names: Mapping[str, str | None]) -> dict[Facet, str]:
        """The concepts that are asked for, by facet; what is None is not. Raises UsageError."""
        return {facet: self.concept(facet, name) for facet in FACETS if (name := names.get(facet)) is not None}

    def concept(self, facet: Facet, name: str) -> str:
        """The IRI of a facet's concept by IRI, ``hfm:`` name, identifier or label. Raises UsageError."""
        asked = name.removeprefix(BASE).removeprefix("hfm:").casefold()
        known = [concept for concept in self.concepts.values() if concept.facet == facet]
        for concept in known:
            if asked in (concept.iri.removeprefix(BASE).casefold(), concept.label.casefold()):
                return concept.iri
        names = [concept.iri.removeprefix(BASE) for concept in known]
        raise UsageError(f"no {facet} {name!r} in the graph{nearest(name, names + [each.label for each in known])}")


def read(select: Select, catalog: Catalog) -> Field:
    """The field that a source reports, by three queries of the catalogue."""
    concepts = _concepts(select(catalog["facet-concepts"].text))
    # of what a graph does not call a modality, a task, ... nothing can be said
    stated = [row for row in select(catalog["facets"].text) if row["concept"] in concepts]
    return Field(
        concepts,
        tuple(_things(stated)),
        tuple(map(_need, select(catalog["named-needs"].text))),
        {str(row["row"]): newest for row in stated if isinstance(newest := row["row_year"], int)},
    )


def _concepts(rows: Iterable[Row]) -> dict[str, Concept]:
    concepts: dict[str, Concept] = {}
    for row in rows:
        iri, above = str(row["concept"]), {str(row["broader"])} if row["broader"] else set()
        known = concepts.get(iri) or Concept(iri, str(row["label"]), str(row["facet"]), frozenset())
        concepts[iri] = replace(known, broader=known.broader | above)
    # a concept may be narrower than one of no facet; that one is left out
    return {
        iri: replace(concept, broader=frozenset(above for above in concept.broader if above in concepts))
        for iri, concept in concepts.items()
    }


def _need(row: Row) -> Need:
    return Need(
        concept=str(row["concept"]),
        iri=str(row["need"]),
        label=str(row["label"]),
        kind=str(row["kind"]),
        sentence=str(row["sentence"]),
        row=str(row["row"]),
        place=str(row["place"]),
        year=_year(row),
    )


def _year(row: Row) -> int | None:
    return row["year"] if isinstance(row["year"], int) else None


def _things(rows: Iterable[Row]) -> list[Thing]:
    facets: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {}
    things: dict[str, Thing] = {}
    for row in rows:
        iri, facet, concept = str(row["thing"]), str(row["facet"]), str(row["concept"])
        of_facet = facets.setdefault(iri, {}).setdefault(facet, {})
        of_facet[concept] = tuple(sorted({*of_facet.get(concept, ()), str(row["row"])}))
        things[iri] = Thing(iri, str(row["name"]), str(row["kind"]), _year(row), facets[iri])
    return list(things.values())
