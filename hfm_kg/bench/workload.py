"""What is asked: the shapes of the catalogue with each of their instances, and all its questions in turn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from pyoxigraph import Literal, QuerySolutions, Store

from hfm_kg import sparql
from hfm_kg.catalog import Catalog, CatalogQuery
from hfm_kg.errors import UsageError
from hfm_kg.remote import with_prefixes
from hfm_kg.terms import XSD

MIXES: Final = {"catalogue": "competency", "analysis": "analysis", "claims": "claims"}
"""Workloads that ask all queries of a kind in turn."""


@dataclass(frozen=True)
class Workload:
    """Queries that are asked in turn; each declares its prefixes.

    ``titles`` names each of a mix of different queries; without them all are instances of one shape.
    """

    name: str
    queries: tuple[str, ...]
    titles: tuple[str, ...] = ()

    @property
    def is_mix(self) -> bool:
        """Whether the queries are different ones."""
        return bool(self.titles)

    def title(self, query: str) -> str:
        """What one of the queries is called."""
        return self.titles[self.queries.index(query)] if self.is_mix else self.name

    def without(self, queries: Collection[str]) -> Workload:
        """The mix without some of its queries."""
        pairs = zip(self.queries, self.titles, strict=True)
        kept = [(query, title) for query, title in pairs if query not in queries]
        return Workload(self.name, tuple(query for query, _ in kept), tuple(title for _, title in kept))


def require(names: Sequence[str], queries: Catalog) -> None:
    """Raise UnknownQueryError if one of the names is no workload's."""
    for name in names:
        if name not in MIXES:
            queries[name]


def workloads(names: Sequence[str], queries: Catalog, store: Store) -> list[Workload]:
    """The workloads of these names: a shape, a mix, or one query of the catalogue.

    Without names all shapes and the catalogue. ``store`` tells the shapes' instances.
    Raises UnknownQueryError over a name that is none of them.
    """
    chosen = names or [*(shape.name for shape in queries.of_kind("shapes")), "catalogue"]
    return [_workload(name, queries, store) for name in dict.fromkeys(chosen)]


def _workload(name: str, queries: Catalog, store: Store) -> Workload:
    if name in MIXES:
        asked = queries.of_kind(MIXES[name])
        return Workload(name, tuple(with_prefixes(one.body) for one in asked), tuple(one.name for one in asked))
    query = queries[name]
    return Workload(name, instances(query, store) if query.kind == "shapes" else (with_prefixes(query.body),))


def instances(shape: CatalogQuery, store: Store) -> tuple[str, ...]:
    """A shape with each of the values that its parameter can have, the one of the file first."""
    parameter = shape.header["parameter"]
    if parameter not in shape.body:
        raise UsageError(f"{shape.file}: the query does not hold its parameter {parameter}")
    solutions = sparql.evaluate(store, shape.header["values"])
    assert isinstance(solutions, QuerySolutions)
    values = [_written(solution["value"]) for solution in solutions]
    text = with_prefixes(shape.body)
    return tuple(text.replace(parameter, value) for value in dict.fromkeys((parameter, *values)))


def _written(term: object) -> str:
    """A term as the query writes it."""
    return term.value if isinstance(term, Literal) and term.datatype == XSD.integer else str(term)
