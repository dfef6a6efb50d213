"""What pages are made from: one SPARQL source, the query catalogue, and what is kept of the source in memory."""

from __future__ import annotations

import threading
from collections import defaultdict
from functools import cached_property

from starlette.routing import Route

from hfm_kg import kinds
from hfm_kg.catalog import Catalog
from hfm_kg.listing import Listing
from hfm_kg.search import Search
from hfm_kg.server.site import crawlers, finding, home, lists, query, static
from hfm_kg.server.site.things.kin import Family
from hfm_kg.sparql import Select

PAGES = (home, lists, finding, query, crawlers)
"""The modules of pages; each has ``routes(site)``."""


class Site:
    """The pages over a source. Names and lists are read when they are first needed, or by :meth:`warm`."""

    def __init__(self, select: Select, queries: Catalog, version: str) -> None:
        self.select, self.queries, self.version = select, queries, version
        self.lock = threading.RLock()
        self.listings: dict[str, Listing] = {}

    @cached_property
    def _names(self) -> Search:
        return Search(self.select)

    @property
    def names(self) -> Search:
        """All that has a name."""
        with self.lock:
            return self._names

    @cached_property
    def _family(self) -> Family:
        def select(query: str) -> list[dict[str, str | None]]:
            return [
                defaultdict(lambda: None, {name: term.value for name, term in row.items()})
                for row in self.select(query)
            ]

        return Family(select, self.queries)

    @property
    def family(self) -> Family:
        """What is similar, and what is built on what."""
        with self.lock:
            return self._family

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
        assert self.family
        for name in kinds.KINDS:
            self.listing(name)

    def routes(self) -> list[Route]:
        """All pages, and the files that they load."""
        return [*static.ROUTES, *(route for module in PAGES for route in module.routes(self))]
