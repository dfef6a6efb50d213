"""The reference of the ontology: its contents, and a page for each section; a release has all of it in one file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hfm_kg.export import reference
from hfm_kg.export.reference import Section
from hfm_kg.server.site import layout
from hfm_kg.tables import nearest
from hfm_kg.terms import ONTOLOGY

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

FEW: Final = 30
"""Terms whose names are shown before one asks for them."""
QUERY: Final = """SELECT ?term ?kind ?name ?definition WHERE {
  VALUES ?kind { owl:Class owl:ObjectProperty owl:DatatypeProperty owl:AnnotationProperty skos:Concept }
  ?term a ?kind ; rdfs:label ?name .
  OPTIONAL { ?term obo:IAO_0000115 ?definition }
}
ORDER BY ?kind LCASE(STR(?name))
"""
"""Gives what the reference tells of."""
ABOUT: Final = "The classes, properties and concepts of the ontology: what each means, and how the graph uses it."


def routes(site: Site) -> list[Route]:
    """``/terms`` and the sections below it."""

    def contents(request: Request) -> Response:
        found = site.sections
        html = layout.render(
            "terms.html",
            "/terms",
            "Ontology",
            ABOUT,
            {"@type": "DefinedTermSet", "version": site.version, "url": ONTOLOGY.value},
            sections=found,
            release=site.version,
            text=QUERY,
            **_shown(found),
        )
        return layout.send(request, html)

    def section(request: Request) -> Response:
        found = {one.name: one for one in site.sections}
        name = request.path_params["section"]
        if name not in found:
            raise HTTPException(404, f"the reference has no section {name[:60]!r}{nearest(name, list(found))}")
        html = layout.render(
            "section.html",
            address(name),
            found[name].title,
            f"{found[name].title}: {ABOUT[0].lower()}{ABOUT[1:]}",
            {"@type": "DefinedTermSet"},
            section=found[name],
            **_shown(site.sections, name),
            few=FEW,
        )
        return layout.send(request, html)

    return [
        Route("/terms", layout.page(contents), methods=["GET"]),
        Route("/terms/{section}", layout.page(section), methods=["GET"]),
    ]


def address(section: str, term: str = "") -> str:
    """The page of a section, at a term by its fragment."""
    fragment = "#" + quote(term, safe=":/") if term else ""
    return f"/terms/{quote(section)}{fragment}"


def _shown(sections: list[Section], here: str = "") -> dict[str, Callable[..., object]]:
    """What the templates call; ``here`` is the section of the page."""
    known = {
        term.iri: f"#{term.anchor}" if section.name == here else address(section.name, term.anchor)
        for section in sections
        for term in section.terms
    }
    return {
        "href": lambda iri: known.get(iri) or layout.href(iri),
        "page_of": layout.href,
        "asked": lambda name: f"/query?name={quote(name)}",
        "forest": reference.forest,
        "at": address,
    }
