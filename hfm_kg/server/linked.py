"""Linked data: each IRI of ours answers at its path, as a page or as RDF, and the ontology as the file it names."""

from __future__ import annotations

import asyncio
from typing import Final

from pyoxigraph import NamedNode, Store
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hfm_kg import sparql
from hfm_kg.errors import LONGEST_MESSAGE, UsageError
from hfm_kg.export import graphs
from hfm_kg.server import resources
from hfm_kg.server.answers import accepted
from hfm_kg.server.documents import (
    ENDINGS,
    JSONLD,
    NTRIPLES,
    OFFERED,
    ONTOLOGIES,
    PAGE,
    RDFXML,
    TURTLE,
    WRITTEN,
    Documents,
)
from hfm_kg.server.files import RECIPES
from hfm_kg.server.problems import HEADERS, problem, stopping
from hfm_kg.server.site import Site, layout
from hfm_kg.server.site.things.page import STATED, Things
from hfm_kg.terms import BASE, iri

DOCUMENT: Final = (RDFXML, TURTLE, NTRIPLES, JSONLD)
"""The representations of an ontology file, whose name tells what it is unless a client wants another."""


class LinkedData:
    """Answers at the paths of IRIs."""

    def __init__(self, store: Store, documents: Documents, site: Site) -> None:
        self.store, self.documents, self.things = store, documents, Things(store, site)
        self.names = resources.Names(store)

    def routes(self) -> list[Route]:
        """The list of what points at a thing, and every path that no route before takes."""
        return [
            Route("/pointing", layout.page(self.things.pointing), methods=["GET"]),
            Route("/{path:path}", self.resource, methods=["GET"]),
        ]

    async def resource(self, request: Request) -> Response:
        """What the IRI of the path names. Raises NotAcceptableError."""
        try:
            return await run_in_threadpool(self.respond, request, request.path_params["path"], accepted(request))
        except asyncio.CancelledError:
            return stopping()

    def respond(self, request: Request, path: str, accept: str | None) -> Response:
        """The representation of what is at a path, by the client's wish or the path's ending."""
        directory, _, file = path.rpartition("/")
        stem, _, ending = file.rpartition(".")
        if stem in ONTOLOGIES and directory in ("", f"releases/{self.documents.version}"):
            has_page = resources.exists(self.store, iri(path))
            if ending == "owl" and not (has_page and _wants_page_alone(accept)):
                return self.document(stem, sparql.negotiate(DOCUMENT, accept))
            if ending in ENDINGS and ENDINGS[ending] in DOCUMENT:
                return self.document(stem, ENDINGS[ending])
        if directory == f"releases/{self.documents.version}" and file in RECIPES:
            return RedirectResponse(f"/downloads/{file}", 307, HEADERS)
        if resources.exists(self.store, iri(path)):
            return self.thing(request, iri(path), sparql.negotiate(OFFERED, accept))
        if ending in ENDINGS and resources.exists(self.store, iri(path.rpartition(".")[0])):
            return self.thing(request, iri(path.rpartition(".")[0]), ENDINGS[ending])
        return self.missing(request, path, accept)

    def document(self, stem: str, form: sparql.Format) -> Response:
        """An ontology file."""
        return Response(self.documents.ontology(stem, form), media_type=form.content_type, headers=HEADERS)

    def thing(self, request: Request, node: NamedNode, form: sparql.Format) -> Response:
        """What is said of a thing that is there."""
        description = resources.describe(self.store, node, STATED if form is PAGE else None)
        assert description is not None
        if form is not PAGE:
            content = graphs.write(description.triples(), WRITTEN[form.name])
            return Response(content, media_type=form.content_type, headers=HEADERS)
        html = self.things.page(description, [ending for ending in ENDINGS if ending != "html"])
        return layout.send(request, html, vary=True)

    def missing(self, request: Request, path: str, accept: str | None) -> Response:
        """Nothing has that IRI: some names that are like it, for a program or for a person."""
        near = self.names.near(path)
        if path.startswith("releases/"):
            near = [f"releases/{self.documents.version}/{stem}.owl" for stem in ONTOLOGIES]
        try:
            form = sparql.negotiate(OFFERED, accept)
        except UsageError:  # there is nothing that could be had in another format
            form = TURTLE
        name = iri(path).value[:LONGEST_MESSAGE]
        if form is PAGE:
            html = layout.render(
                "missing.html",
                "/",
                "Not found",
                "The graph says nothing of this name.",
                name=name,
                near=[BASE + one for one in near],
            )
            return layout.send(request, html, 404, vary=True)
        hint = f"; did you mean {' or '.join(f'/{one}' for one in near)}?" if near else ""
        return problem(404, "Not Found", f"nothing is called {name}{hint}")


def _wants_page_alone(accept: str | None) -> bool:
    """Whether a client takes a page and no file of an ontology."""
    try:
        sparql.negotiate(DOCUMENT, accept)
    except UsageError:
        return sparql.negotiate((*DOCUMENT, PAGE), accept) is PAGE
    return False
