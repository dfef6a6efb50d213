"""What pages are made from: one SPARQL source, the query catalogue, and what is kept of the source in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

from pyoxigraph import Store
from starlette.routing import Route

from hfm_kg import kinds, rows
from hfm_kg.catalog import Catalog
from hfm_kg.export.reference import Section
from hfm_kg.gaps import Field, Gap, field, ranking
from hfm_kg.gaps.field import Facet
from hfm_kg.listing import Listing
from hfm_kg.search import Search
from hfm_kg.server.answers import Answers
from hfm_kg.server.documents import Documents
from hfm_kg.server.files import Files
from hfm_kg.server.site import (
    about,
    challenges,
    claims,
    compare,
    crawlers,
    downloads,
    finding,
    gaps,
    home,
    layout,
    lists,
    query,
    reference,
    static,
)
from hfm_kg.server.site.things.kin import Family
from hfm_kg.sparql import Select

Made = TypeVar("Made")

PAGES = (home, lists, finding, challenges, compare, gaps, query, reference, downloads, claims, about, crawlers)
"""The modules of pages; each has ``routes(site)``."""

GAPS_KEPT: Final = 64
"""Rankings of gaps that are kept, each for a choice of concepts; one takes a sixth of a second."""


class Site:
    """The pages over a source; ``answers`` evaluates visitors' queries.

    Names and lists are read when they are first needed, or by :meth:`warm`.
    """

    def __init__(self, select: Select, queries: Catalog, documents: Documents, files: Files, answers: Answers) -> None:
        self.select, self.queries, self.documents = select, queries, documents
        self.files, self.answers = files, answers
        self.lock = threading.Lock()
        self.locks: dict[str, threading.Lock] = {}
        self.made: dict[str, Any] = {}
        self.gaps = lru_cache(GAPS_KEPT)(self._gaps)

    @property
    def names(self) -> Search:
        """All that has a name."""
        return self.once("names", lambda: Search(self.select))

    @property
    def version(self) -> str:
        """The version of the ontology."""
        return self.documents.version

    @property
    def sections(self) -> list[Section]:
        """The reference documentation of the ontology."""
        return self.documents.sections()

    @property
    def family(self) -> Family:
        """What is similar, and what is built on what."""
        return self.once("family", lambda: Family(rows.of_terms(self.select), self.queries))

    @property
    def field(self) -> Field:
        """The field as gaps see it."""
        return self.once("field", lambda: field.read(rows.of_terms(self.select), self.queries))

    def _gaps(self, chosen: tuple[tuple[Facet, str], ...]) -> list[Gap]:
        """The best supported gaps within concepts of facets."""
        return ranking.rank(self.field, dict(chosen), limit=gaps.MOST)

    def listing(self, name: str) -> Listing:
        """The list of a kind."""
        return self.once(f"list of {name}", lambda: Listing(kinds.kind(name), self.select))

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What takes a while to make of the source: made when it is first asked for, and kept."""
        with self.lock:
            lock = self.locks.setdefault(name, threading.Lock())
        with lock:  # one for each, lest a page waits for what it does not need
            if name not in self.made:
                self.made[name] = make()
            made: Made = self.made[name]
            return made

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a catalogue query, as texts by column; what is unbound is empty."""
        query = self.queries[name]
        return self.once(
            f"rows of {name}",
            lambda: [
                {column: row[column].value if column in row else "" for column in query.columns}
                for row in self.select(query.text)
            ],
        )

    def warm(self) -> None:
        """Read all that pages need, so that the first visitor need not wait."""
        for template in layout.TEMPLATES.list_templates():
            layout.TEMPLATES.get_template(template)
        for name in (*home.QUERIES, *challenges.QUERIES, *about.QUERIES):
            self.rows(name)
        assert self.names
        assert self.family
        for name in kinds.KINDS:
            self.listing(name)
        claims.outcomes(self)
        self.gaps(())
        if isinstance(self.documents.store, Store):  # of another endpoint it would be read whole, again and again
            assert self.sections

    def routes(self) -> list[Route]:
        """All pages, and the files that they load."""
        return [*static.ROUTES, *(route for module in PAGES for route in module.routes(self))]
