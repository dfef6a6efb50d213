"""What robots read: which pages there are, and which are not worth their time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hfm_kg import kinds
from hfm_kg.server.site import layout

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

ROBOTS: Final = """User-agent: *
Disallow: /sparql
Disallow: /rdf-graph-store
Disallow: /search
Disallow: /*?

Sitemap: {base}sitemap.xml
"""


def routes(site: Site) -> list[Route]:
    """``/robots.txt`` and ``/sitemap.xml`` (sitemaps.org, version 0.9)."""

    async def robots(request: Request) -> Response:
        return PlainTextResponse(ROBOTS.format(base=request.base_url))

    async def sitemap(request: Request) -> Response:
        paths = await run_in_threadpool(lambda: addresses(site))
        entries = "".join(f"<url><loc>{escape(str(request.base_url) + path[1:])}</loc></url>\n" for path in paths)
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n'
        )
        return Response(text, media_type="application/xml")

    return [Route("/robots.txt", robots, methods=["GET"]), Route("/sitemap.xml", sitemap, methods=["GET"])]


def addresses(site: Site) -> list[str]:
    """The paths of all pages that are worth finding: those of the navigation, and everything that a list holds."""
    things = (layout.href(node.value) for name in kinds.KINDS for node in site.listing(name).items)
    return ["/", *(path for _, path in layout.NAVIGATION), *things]
