"""The page about the graph: its sources, what was corrected, how to cite it, its licence, and how it grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hfm_kg.server.answers import ready_made
from hfm_kg.server.cache import Cached
from hfm_kg.server.problems import HEADERS
from hfm_kg.server.site import layout

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

QUERIES: Final = ("sources", "corrections-by-kind", "code-by-subfield", "identified-references")
ABOUT: Final = "Where the facts come from, what was corrected in them, how to cite the graph, and how to add to it."
PACKAGE: Final = Path(__file__).parents[2]


@cache
def citation() -> bytes:
    """``CITATION.cff`` (Citation File Format 1.2.0): in the wheel, or beside the package in a checkout."""
    resources = PACKAGE / "resources"
    return ((resources if resources.is_dir() else PACKAGE.parent) / "CITATION.cff").read_bytes()


def bibtex() -> str:
    """The graph and the works that are to be cited with it, as BibTeX."""
    told: dict[str, Any] = yaml.safe_load(citation())
    entries = [_entry("hfm-kg", {**told, "year": told["date-released"].year})]
    entries += [_entry(_key(work), work) for work in told["references"]]
    return "\n".join(entries)


def _key(work: Mapping[str, Any]) -> str:
    """The first author and the year."""
    return f"{work['authors'][0]['family-names'].lower()}{work['year']}"


def _entry(key: str, work: Mapping[str, Any]) -> str:
    fields = {
        "author": " and ".join(_name(author) for author in work["authors"]),
        "title": f"{{{work['title']}}}",
        "year": work["year"],
        **({"version": work["version"]} if "version" in work else {}),
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@misc{{{key},\n{lines}}}\n"


def _name(author: Mapping[str, str]) -> str:
    return f"{author['family-names']}, {author['given-names']}" if "family-names" in author else f"{{{author['name']}}}"


def routes(site: Site) -> list[Route]:
    """``/about-this-graph``, since ``/about`` is a property; and ``/CITATION.cff``."""

    def page(request: Request) -> Response:
        html = layout.render(
            "about.html",
            "/about-this-graph",
            "About",
            ABOUT,
            {"@type": "AboutPage"},
            rows={name: site.rows(name) for name in QUERIES},
            queries={name: site.queries[name].body for name in QUERIES},
            corrections=_corrections(site.rows("corrections-by-kind")),
            code=[tuple(row.values()) for row in site.rows("code-by-subfield")],
            bibtex=bibtex(),
            release=site.version,
        )
        return layout.send(request, html)

    def cff(request: Request) -> Response:
        headers = {**HEADERS, "Content-Disposition": 'inline; filename="CITATION.cff"'}
        return ready_made(request, Cached.of("application/yaml", citation()), headers)

    return [
        Route("/about-this-graph", layout.page(page), methods=["GET"]),
        Route("/CITATION.cff", layout.page(cff), methods=["GET"]),
    ]


KINDS: Final = {
    "conflict": "Two places contradict each other; both stay, and the note disputes them",
    "cross-reference": "A place points to the wrong section or table",
    "duplicate": "A work or a reference stands twice",
    "legend": "A table and its legend do not agree on an abbreviation",
    "name": "A name is misspelt, or spelt otherwise elsewhere",
    "namesake": "Two things have one name",
    "reading": "A cell leaves room for several readings; one was chosen",
    "reference": "A reference does not fit the thing that it stands at",
    "unreliable": "A column or a value is not to be relied on",
    "value": "A value is wrong",
}
"""What the kinds of curation notes mean."""


def _corrections(rows: Sequence[Mapping[str, str]]) -> list[tuple[str, str, str, str, str]]:
    """The rows of the table of notes; a kind that is new tells its name alone."""
    return [(row["kind"], KINDS.get(row["kind"], ""), row["errs"], row["notes"], row["corrected"]) for row in rows]
