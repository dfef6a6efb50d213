"""What pages are made from: one SPARQL source, the query catalogue, and what is kept of the source in memory."""

from __future__ import annotations

import threading
from functools import cached_property, lru_cache
from typing import Final

from starlette.routing import Route

from hfm_kg import kinds, rows
from hfm_kg.catalog import Catalog
from hfm_kg.gaps import Field, Gap, field, ranking
from hfm_kg.gaps.field import Facet
from hfm_kg.listing import Listing
from hfm_kg.search import Search
from hfm_kg.server.answers import Answers
from hfm_kg.server.site import compare, crawlers, finding, gaps, home, lists, query, static
from hfm_kg.sparql import Select

PAGES = (home, lists, finding, compare, gaps, query, crawlers)
"""The modules of pages; each has ``routes(site)``."""

GAPS_KEPT: Final = 64
"""Rankings of gaps that are kept, each for a choice of concepts; one takes a sixth of a second."""


class Site:
    """The pages over a source; ``answers`` evaluates visitors' queries.

    Names and lists are read when they are first needed, or by :meth:`warm`.
    """

    def __init__(self, select: Select, queries: Catalog, version: str, answers: Answers) -> None:
        self.select, self.queries, self.version, self.answers = select, queries, version, answers
        self.lock = threading.RLock()
        self.listings: dict[str, Listing] = {}
        self.gaps = lru_cache(GAPS_KEPT)(self._gaps)

    @cached_property
    def _names(self) -> Search:
        return Search(self.select)

    @property
    def names(self) -> Search:
        """All that has a name."""
        with self.lock:
            return self._names

    @cached_property
    def _field(self) -> Field:
        return field.read(rows.of_terms(self.select), self.queries)

    @property
    def field(self) -> Field:
        """The field as gaps see it."""
        with self.lock:
            return self._field

    def _gaps(self, chosen: tuple[tuple[Facet, str], ...]) -> list[Gap]:
        """The best supported gaps within concepts of facets."""
        return ranking.rank(self.field, dict(chosen), limit=gaps.MOST)

    def listing(self, name: str) -> Listing:
        """The list of a kind."""
        with self.lock:
            if name not in self.listings:
                self.listings[name] = Listing(kinds.kind(name), self.select)
            return self.listings[name]

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a catalogue query, as texts by column; what is unbound is empty."""
        query = self.queries[name]
        return [
            {column: row[column].value if column in row else "" for column in query.columns}
            for row in self.select(query.text)
        ]

    def warm(self) -> None:
        """Read all that pages need, so that the first visitor need not wait."""
        assert self.names
        for name in kinds.KINDS:
            self.listing(name)
        self.gaps(())

    def routes(self) -> list[Route]:
        """All pages, and the files that they load."""
        return [*static.ROUTES, *(route for module in PAGES for route in module.routes(self))]
