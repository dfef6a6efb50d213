"""The page of downloads, and the files themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hfm_kg.server.answers import ready_made
from hfm_kg.server.cache import Cached
from hfm_kg.server.documents import ENDINGS, ONTOLOGIES
from hfm_kg.server.files import RECIPES
from hfm_kg.server.problems import HEADERS, stopping
from hfm_kg.server.site import layout
from hfm_kg.sparql import GRAPH_FORMATS
from hfm_kg.tables import nearest

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

ABOUT: Final = "The ontology, the whole graph, its mappings and tables as files, and the ways to ask for parts of it."


def routes(site: Site) -> list[Route]:
    """``/downloads`` and the files below it; those of a release answer at the addresses that describe them too."""

    def page(request: Request) -> Response:
        site.files.ask(next(iter(RECIPES)))
        made = site.files.made()
        parts = [
            {
                "@type": "DataDownload",
                "name": name,
                "contentUrl": f"/downloads/{name}",
                "encodingFormat": recipe.media_type,
                "description": recipe.title,
            }
            for name, recipe in RECIPES.items()
        ]
        html = layout.render(
            "downloads.html",
            "/downloads",
            "Downloads",
            ABOUT,
            {"@type": "Dataset", "name": "HFM-KG", "version": site.version, "distribution": parts},
            recipes=RECIPES,
            made=made,
            release=site.version,
            formats=GRAPH_FORMATS,
        )
        return layout.send(request, html)

    async def file(request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        if name not in RECIPES:
            raise HTTPException(404, f"no file {name[:60]!r} to download{nearest(name, list(RECIPES))}")
        try:
            found = await asyncio.shield(asyncio.wrap_future(site.files.ask(name)))
        except asyncio.CancelledError:
            return stopping()
        kind = "application/gzip" if found.is_compressed else found.media_type
        answer = site.once(f"file {found.name}", lambda: Cached.of(kind, found.content))
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{found.name}"'}
        return await run_in_threadpool(ready_made, request, answer, headers, compress=not found.is_compressed)

    named = [name for name in RECIPES if not _answers_already(name)]
    return [
        Route("/downloads", layout.page(page), methods=["GET"]),
        Route("/downloads/{name}", file, methods=["GET"]),
        *(Route(f"/releases/{site.version}/{name}", file, methods=["GET"]) for name in named),
    ]


def _answers_already(name: str) -> bool:
    """Whether a file is an ontology, which has an IRI of its own and comes in each format (``linked``)."""
    stem, _, ending = name.rpartition(".")
    return stem in ONTOLOGIES and ending in ("owl", *ENDINGS)
