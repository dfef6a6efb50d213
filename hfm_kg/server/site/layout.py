"""What all pages have in common: templates, headers, navigation, and how a page is sent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hfm_kg import __version__, facets
from hfm_kg.errors import HfmError
from hfm_kg.server.answers import ready_made
from hfm_kg.server.cache import Cached
from hfm_kg.server.problems import HEADERS, stopping
from hfm_kg.server.site import static
from hfm_kg.terms import BASE

NAVIGATION: Final = (
    ("Models", "/models"),
    ("Datasets", "/datasets"),
    ("References", "/references"),
    ("Concepts", "/concepts"),
    ("Challenges", "/challenges"),
    ("Compare", "/compare"),
    ("Gaps", "/gaps"),
    ("Query", "/query"),
    ("Ontology", "/terms"),
    ("Downloads", "/downloads"),
    ("Claims", "/claims"),
    ("About", "/about-this-graph"),
)
"""Pages that every page links to; the home page and the search are linked besides."""

POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
"""The Content-Security-Policy: nothing from elsewhere and nothing inline, so that no label can smuggle a script in."""

STRUCTURED: Final = {
    "@context": "https://schema.org",
    "inLanguage": "en",
    "license": "https://creativecommons.org/licenses/by/4.0/",
}


def policy(**more: str) -> dict[str, str]:
    """The header with the policy; ``script_src="…"`` and its like add sources that one page needs."""
    added = {name.replace("_", "-"): sources for name, sources in more.items()}
    value = "; ".join(f"{name} {sources} {added.get(name, '')}".strip() for name, sources in POLICY.items())
    return {"Content-Security-Policy": value, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


def href(address: str) -> str:
    """Where a link leads: here for an IRI of ours, nowhere if a browser could not follow it."""
    if address.startswith(BASE):
        return address.removeprefix(BASE.removesuffix("/"))
    return address if address.startswith(("http://", "https://")) else ""


REPEATED: Final = re.compile("^HFM-KG onto (the )?| of healthcare foundation models$")
"""What the names of all mapping sets begin with, and those of all concept schemes end with."""


def short(name: str) -> str:
    """A name where many stand side by side.

    >>> short("tasks of healthcare foundation models"), short("HFM-KG onto the NCI Thesaurus")
    ('tasks', 'NCI Thesaurus')
    """
    return REPEATED.sub("", name) or name


TEMPLATES: Final = jinja2.Environment(
    # how terms are documented is the same here and in a release's file
    loader=jinja2.ChoiceLoader([jinja2.PackageLoader("hfm_kg.server.site"), jinja2.PackageLoader("hfm_kg.export")]),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals |= {
    "href": href,
    "navigation": NAVIGATION,
    "short": short,
    "static": static.address,
    "there": static.there,
    "version": __version__,
    "written": facets.written,
}


def render(
    template: str, path: str, title: str, description: str, structured: Mapping[str, Any] | None = None, **context: Any
) -> str:
    """A page. ``path`` is its canonical address here, ``structured`` what schema.org's JSON-LD tells of it besides."""
    told = {**STRUCTURED, "@type": "WebPage", "name": title, "description": description, **(structured or {})}
    return TEMPLATES.get_template(template).render(
        path=path, title=title, description=description, structured=told, **context
    )


def send(
    request: Request, html: str, status: int = 200, headers: Mapping[str, str] | None = None, vary: bool = False
) -> Response:
    """A page with entity tag and policy, compressed; ``vary`` if its address has other formats too."""
    answer = Cached.of("text/html; charset=utf-8", html.encode())
    more = {**(HEADERS if vary else {}), **policy(), **(headers or {})}
    return ready_made(request, answer, more, status)


def page(make: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that makes a page beside the event loop; an error of ours becomes a page too."""

    async def respond(request: Request) -> Response:
        try:
            return await run_in_threadpool(make, request)
        except asyncio.CancelledError:
            return stopping()
        except HfmError as error:
            html = render("problem.html", request.url.path, error.title, str(error), message=str(error))
            return send(request, html, error.status)

    return respond
