"""The query page: a form for SPARQL, and the catalogue's questions as examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hfm_kg import sparql
from hfm_kg.server.site import layout

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

EXAMPLE: Final = """SELECT ?model ?name ?year WHERE {
  ?model a hfm:FoundationModel ;
         rdfs:label ?name ;
         hfm:modality hfm:Pathology ;
         hfm:publicationYear ?year .
}
ORDER BY ?year ?name
"""
LONGEST: Final = 20_000
"""Letters of a query that the page shows; longer ones are no people's work."""


def routes(site: Site) -> list[Route]:
    """The page at ``/query``; it opens with the text in ``query``, or with the query of the catalogue in ``name``."""

    def page(request: Request) -> Response:
        name = request.query_params.get("name")
        text = site.queries[name].body if name else request.query_params.get("query", EXAMPLE)[:LONGEST]
        html = layout.render(
            "query.html",
            "/query",
            "Query",
            "Ask the graph in SPARQL, or begin with one of the questions that it answers.",
            text=text,
            queries=site.queries.of_kind("competency"),
            prefixes=sparql.PREFIXES,
        )
        return layout.send(request, html)

    return [Route("/query", layout.page(page), methods=["GET"])]
