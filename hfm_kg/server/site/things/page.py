"""The page of a thing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pyoxigraph import DefaultGraph, NamedNode, Store
from starlette.requests import Request
from starlette.responses import Response

from hfm_kg import sparql
from hfm_kg.errors import UnknownNameError, UsageError
from hfm_kg.export import bibtex
from hfm_kg.server.resources import Description
from hfm_kg.server.site import compare, layout
from hfm_kg.server.site.reference import address
from hfm_kg.server.site.things import around, concepts, structured
from hfm_kg.server.site.things.evidence import Evidence
from hfm_kg.server.site.things.labels import Labels
from hfm_kg.server.site.things.view import FEW, View, Viewer
from hfm_kg.terms import BASE, HFM, SKOS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfm_kg.server.site.site import Site

STATED = 300
"""Statements of a named graph that a page shows: rows have some dozens, the inferred graph has thousands."""
CITED = 5
"""Works of a thing whose BibTeX the page shows."""
LISTED = 200
"""Things on a page of those that point at a thing."""
SUMMARY = 200
"""Letters of a description that search engines show."""
PAGE_QUERY = """SELECT ?property ?value ?place WHERE {{
  GRAPH ?place {{ {name} ?property ?value }}
}}
ORDER BY ?property ?value ?place
"""
"""What is said of a thing, and the named graph that says it."""


class Things:
    """The pages of the things of a store."""

    def __init__(self, store: Store, site: Site) -> None:
        self.store, self.site = store, site
        self.labels = Labels(store)

    def page(self, description: Description, endings: Sequence[str]) -> str:
        """The page of a thing, which links to its RDF by these endings."""
        view = Viewer(Evidence(self.store, self.labels, description.node), description).view()
        node, path = description.node, layout.href(view.title.iri)
        similar = self.site.family.similar(node.value) if view.kind in ("model", "dataset") else []
        together = [node.value, *(one.thing.iri for one in similar)][: compare.MOST]
        is_concept = bool(view.links(SKOS.inScheme))
        return layout.render(
            "thing.html",
            path,
            view.title.label,
            (view.definition or f"{view.title.label}: {view.kind}, in the graph of healthcare foundation models.")[
                :SUMMARY
            ],
            structured.of(view),
            view=view,
            reference=address(*view.documented) if view.documented else "",
            few=FEW,
            formats=endings,
            picture=around.draw(view.title, view.facts, view.incoming),
            similar=similar,
            side_by_side="/compare?" + urlencode([("thing", iri.removeprefix(BASE)) for iri in together], safe="/"),
            lineage=self.site.family.lineage(node.value),
            place=concepts.place(node, self.labels, self.site) if is_concept else None,
            members=concepts.members(node, self.labels) if view.kind == "scheme" else (),
            works=self.works(view),
            text=PAGE_QUERY.format(name=sparql.name(node.value)),
            pointing=lambda predicate: pointing(node, predicate),
        )

    def works(self, view: View) -> str:
        """The BibTeX of the work that a thing is, or of those that report it."""
        cited = [link.iri for link in view.links(HFM.reference) if link.iri.startswith(f"{BASE}reference/")]
        works = [view.title.iri] if view.title.iri.startswith(f"{BASE}reference/") else cited
        return bibtex.write(bibtex.read(works, self.site.select)) if 0 < len(works) <= CITED else ""

    def pointing(self, request: Request) -> Response:
        """The page at ``/pointing``: all that a property relates to a thing. Raises UsageError, UnknownNameError."""
        node, predicate = (_node(request.query_params.get(name, ""), name) for name in ("to", "by"))
        quads = self.store.quads_for_pattern(None, predicate, node, DefaultGraph())
        found = [self.labels.link(quad.subject) for quad in quads if isinstance(quad.subject, NamedNode)]
        if not found:
            raise UnknownNameError(f"nothing points at {node} by {predicate}")
        found.sort(key=lambda link: (link.label.casefold(), link.iri))
        number = request.query_params.get("page", "1")
        pages = -(-len(found) // LISTED)
        if not number.isascii() or not number.isdigit() or not 0 < int(number) <= pages:
            raise UsageError(f"page is a number from 1 to {pages}, not {number[:20]!r}")
        thing, by = self.labels.link(node), self.labels.link(predicate)
        address = pointing(node, predicate.value)
        start = (int(number) - 1) * LISTED
        html = layout.render(
            "pointing.html",
            address + (f"&page={number}" if number != "1" else ""),
            f"{by.label}: {thing.label}",
            f"All that “{by.label}” relates to {thing.label}."[:SUMMARY],
            thing=thing,
            by=by,
            number=len(found),
            found=found[start : start + LISTED],
            start=start + 1,
            page=int(number),
            pages=[(one, f"{address}&page={one}") for one in range(1, pages + 1)],
            text=f"SELECT ?thing ?name WHERE {{\n  ?thing {predicate} {node} .\n"
            "  OPTIONAL { ?thing rdfs:label ?name }\n}\nORDER BY LCASE(STR(?name)) ?thing\n",
        )
        return layout.send(request, html)


def pointing(node: NamedNode, predicate: str) -> str:
    """The address of the list of all that a property relates to a thing."""
    return "/pointing?" + urlencode({"to": node.value.removeprefix(BASE), "by": predicate.removeprefix(BASE)})


def _node(text: str, name: str) -> NamedNode:
    """A thing by its IRI, or its path below our namespace. Raises UsageError."""
    if not text:
        raise UsageError(f"{name} is missing: an IRI, or its path below {BASE}")
    try:
        return NamedNode(text if "://" in text else BASE + text)
    except ValueError:
        raise UsageError(f"{name} is no IRI: {text[:60]!r}") from None
