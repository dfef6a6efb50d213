"""The lists of models, datasets, references and concepts: facets that combine, order, pages, and the same as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hfm_kg import facets
from hfm_kg.errors import UsageError
from hfm_kg.export import bibtex
from hfm_kg.facets import Selection, Value
from hfm_kg.kinds import KINDS, Asks, Facet, Kind
from hfm_kg.listing import Count, Item, Listing
from hfm_kg.server.problems import HEADERS
from hfm_kg.server.site import compare, layout, tabular

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

PER_PAGE: Final = 50
FIRST: Final = 8
"""Values of a facet that are shown before one asks for all."""
ORDER, PAGE = "sort", "page"
"""Parameters that are no facets."""

TITLES: Final = {
    "models": ("Models", "Healthcare foundation models that the survey reviews."),
    "datasets": ("Datasets", "Datasets and databases for healthcare foundation models that the survey reviews."),
    "references": ("References", "The works that the survey cites, with their identifiers where they were found."),
    "concepts": ("Concepts", "Tasks, modalities, backbones, paradigms and all other concepts, with their definitions."),
}


@dataclass(frozen=True)
class State:
    """A list as an address tells it."""

    kind: Kind
    selection: Selection
    order: str = ""
    page: int = 1

    def address(self, ending: str = "") -> str:
        """The address of the list; with an ending, of its data."""
        pairs = [
            (facet.name, facets.written(facet, value))
            for facet in self.kind.facets
            for value in self.selection.get(facet.name, ())
        ]
        pairs += [(ORDER, self.order)] if self.order else []
        pairs += [(PAGE, str(self.page))] if self.page > 1 and not ending else []
        query = urlencode(pairs, quote_via=quote, safe="/")
        return f"/{self.kind.name}{ending}" + (f"?{query}" if query else "")

    def ordered(self, column: str) -> State:
        """The list by a column, the other way round if it is by that already."""
        first = "" if column == "name" else column
        order = f"-{column}" if self.order == first else first
        return replace(self, order=order, page=1)

    def without(self, facet: Facet, value: Value) -> State:
        """The list without a value of a facet."""
        left = tuple(one for one in self.selection[facet.name] if one != value)
        rest = {name: values for name, values in self.selection.items() if name != facet.name}
        return replace(self, selection={**rest, **({facet.name: left} if left else {})}, page=1)

    def text(self) -> str:
        """The list's query."""
        return facets.query(self.kind, self.selection, self.order)


def read(kind: Kind, parameters: QueryParams, site: Site) -> State:
    """The list that an address asks for. Raises UsageError over what there is not."""
    given = {name: parameters.getlist(name) for name in parameters if name not in (ORDER, PAGE)}
    order = parameters.get(ORDER, "")
    page = parameters.get(PAGE, "1")
    if not page.isascii() or not page.isdigit() or not 0 < int(page) < 10_000:
        raise UsageError(f"page is a number from 1 on, not {page[:20]!r}")
    state = State(kind, facets.choose(kind, given, site.names), "" if order == "name" else order, int(page))
    state.text()  # refuses an order that there is not
    return state


def routes(site: Site) -> list[Route]:
    """A page and its data for each kind."""
    return [route for kind in KINDS.values() for route in _routes(site, kind)]


def _routes(site: Site, kind: Kind) -> list[Route]:
    def page(request: Request) -> Response:
        if "" in request.query_params.values():  # a form sends its empty fields too
            filled = [(name, value) for name, value in request.query_params.multi_items() if value]
            return RedirectResponse(f"/{kind.name}?{urlencode(filled)}" if filled else f"/{kind.name}", 303)
        state = read(kind, request.query_params, site)
        return layout.send(
            request, layout.render("list.html", state.address(), **shown(state, site.listing(kind.name)))
        )

    async def data(request: Request) -> Response:
        ending = request.path_params["ending"]
        if ending not in DATA:
            raise HTTPException(404, f"{kind.name} come as {', '.join(DATA)}")
        content_type, write = DATA[ending]
        body = await run_in_threadpool(lambda: write(read(kind, request.query_params, site), site))
        name = {"Content-Disposition": f'inline; filename="{kind.name}.{ending}"'}
        return Response(body, media_type=content_type, headers={**HEADERS, **name})

    return [
        Route(f"/{kind.name}", layout.page(page), methods=["GET"]),
        Route(f"/{kind.name}.{{ending}}", data, methods=["GET"]),
    ]


# --- as a page ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filter:
    """A facet as a page shows it."""

    facet: Facet
    counts: tuple[Count, ...]
    given: str
    """What was asked for where there is nothing to choose from."""

    @property
    def asks(self) -> str:
        """``ANY``, ``THERE``, ``AT_LEAST`` or ``AT_MOST``; ``TEXT`` where the values are too many to choose from."""
        return self.facet.asks.name if self.facet.listed else "TEXT"

    @property
    def open(self) -> bool:
        """Whether something of it is chosen."""
        return bool(self.given) or any(count.chosen for count in self.counts)


def shown(state: State, listing: Listing) -> dict[str, Any]:
    """What the template is given."""
    items = listing.find(state.selection, state.order)
    pages = max(1, -(-len(items) // PER_PAGE))
    if state.page > pages:
        raise UsageError(f"the list has {pages} page{'s' if pages > 1 else ''}, not {state.page}")
    title, about = TITLES[state.kind.name]
    chosen = [
        (facet.label, listing.label(facet, value), state.without(facet, value).address())
        for facet in state.kind.facets
        for value in state.selection.get(facet.name, ())
    ]
    words = f": {', '.join(label for _, label, _ in chosen)}" if chosen else ""
    return {
        "title": title + words,
        "heading": title,
        "description": about,
        "structured": {"@type": "CollectionPage", "mainEntity": {"@type": "ItemList", "numberOfItems": len(items)}},
        "kind": state.kind,
        "state": state,
        "filters": [_filter(facet, state, listing) for facet in state.kind.facets],
        "first": FIRST,
        "chosen": chosen,
        "items": items[(state.page - 1) * PER_PAGE : state.page * PER_PAGE],
        "number": len(items),
        "all_number": len(listing.items),
        "start": (state.page - 1) * PER_PAGE + 1,
        "pages": [(number, replace(state, page=number).address()) for number in range(1, pages + 1)],
        "text": state.text(),
        "turtle": facets.description(state.kind, state.selection),
        "exports": [(ending, state.address(f".{ending}")) for ending in DATA],
        "side_by_side": compare.address(items[: compare.MOST])
        if state.kind.name in compare.KINDS and items[1:]
        else "",
    }


def _filter(facet: Facet, state: State, listing: Listing) -> Filter:
    wanted = state.selection.get(facet.name, ())
    choice = facet.listed and facet.asks in (Asks.ANY, Asks.THERE)
    counts = tuple(listing.counts(facet, state.selection)) if choice else ()
    given = "" if choice else ", ".join(facets.written(facet, value) for value in wanted)
    return Filter(facet, counts, given)


# --- as data ------------------------------------------------------------------------------------------------------


def _found(state: State, site: Site) -> list[Item]:
    return site.listing(state.kind.name).find(state.selection, state.order)


def _bibtex(state: State, site: Site) -> str:
    works = [row["work"].value for row in site.select(facets.works(state.kind, state.selection))]
    return bibtex.write(bibtex.read(works, site.select))


DATA: Final[Mapping[str, tuple[str, Callable[[State, Site], str]]]] = {
    "csv": ("text/csv; charset=utf-8", lambda state, site: tabular.csv(state.kind, _found(state, site))),
    "json": ("application/json", lambda state, site: tabular.json(state.kind, _found(state, site))),
    "bib": ("application/x-bibtex; charset=utf-8", _bibtex),
    "rq": ("application/sparql-query; charset=utf-8", lambda state, site: state.text()),
}
"""What a list is had as beside a page, by ending; RDF and results in other formats come from the endpoint."""
