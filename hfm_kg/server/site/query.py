"""The query page: an editor, the catalogue's questions as examples, and what a query gives."""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hfm_kg import sparql
from hfm_kg.errors import HfmError, UsageError
from hfm_kg.server.answers import ready_made
from hfm_kg.server.cache import Cached
from hfm_kg.server.problems import stopping
from hfm_kg.server.records import GONE
from hfm_kg.server.site import layout, questions, results, vocabulary

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
TABLE: Final = "html"
"""The format that stays on the page."""
FORMATS: Final = {
    TABLE: "a table on this page",
    "csv": "CSV",
    "tsv": "TSV",
    "json": "JSON",
    "xml": "XML",
    "turtle": "Turtle",
    "ntriples": "N-Triples",
    "rdfxml": "RDF/XML",
    "jsonld": "JSON-LD",
    "trig": "TriG",
    "nquads": "N-Quads",
}
"""What the form offers; which of them fit depends on the query."""


def routes(site: Site) -> list[Route]:
    """``/query`` with the text in ``query``, or the catalogue's in ``name``; with ``format`` it runs."""

    @cache
    def told() -> Cached:
        body = vocabulary.written(site)
        return Cached("application/json", body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', 0)

    async def words(request: Request) -> Response:
        return ready_made(request, await run_in_threadpool(told))

    async def page(request: Request) -> Response:
        try:
            return await respond(request, site)
        except asyncio.CancelledError:
            return stopping()

    return [
        Route("/query", page, methods=["GET"]),
        Route("/query/words.json", words, methods=["GET"]),
    ]


async def respond(request: Request, site: Site) -> Response:
    """The page; with the result if one is asked for, and what is wrong where there is none."""
    given = request.query_params
    text, name, form = given.get("query", EXAMPLE), given.get("name"), given.get("format")
    mistake: results.Mistake | None = None
    result: results.Result | None = None
    try:
        if name:
            text = site.queries[name].body
        if form is not None and form not in FORMATS:
            raise UsageError(f"the page has no format {form[:20]!r}; take one of {', '.join(FORMATS)}")
        if form not in (None, TABLE):
            return RedirectResponse(f"/sparql?{urlencode({'query': text, 'format': form})}", 303)
        if form == TABLE:
            result = await run(request, text, site)
            if result is None:
                return Response(status_code=GONE)
    except HfmError as error:
        mistake = results.Mistake.of(error)
    html = await run_in_threadpool(
        layout.render,
        "query.html",
        "/query",
        "Query",
        "Ask the graph in SPARQL, or begin with one of the questions that it answers.",
        **shown(site, text, name, form or TABLE, result, mistake),
    )
    return layout.send(request, html, mistake.status if mistake else 200)


async def run(request: Request, text: str, site: Site) -> results.Result | None:
    """What a visitor's query gives, evaluated as the endpoint does; None if the visitor has left. Raises HfmError."""
    job = results.job(text)
    begun = await site.answers.beginning(request, job, results.READ)
    return None if begun is None else await run_in_threadpool(results.read, job, *begun, site.names)


def shown(
    site: Site,
    text: str,
    name: str | None,
    form: str,
    result: results.Result | None,
    mistake: results.Mistake | None,
) -> dict[str, Any]:
    """What the template is given."""
    offered = sparql.GRAPH_FORMATS if result and result.is_graph else sparql.SOLUTION_FORMATS
    return {
        "query_text": text,
        "topics": questions.by_topic(site.queries),
        "question": site.queries[name].question if name and not mistake else "",
        "prefixes": sparql.PREFIXES,
        "formats": FORMATS,
        "form": form,
        "result": result,
        "cells": [[(cell.text, layout.href(cell.iri)) for cell in row] for row in result.rows] if result else [],
        "mistake": mistake,
        "downloads": [
            (each.name, FORMATS[each.name], f"/sparql?{urlencode({'query': text, 'format': each.name})}")
            for each in offered
        ],
    }
