"""The application over one snapshot, or over another endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from pyoxigraph import Store
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hfm_kg import catalog, sparql
from hfm_kg.errors import HfmError
from hfm_kg.mappings import MappingSet
from hfm_kg.server import problems
from hfm_kg.server.answers import Answers
from hfm_kg.server.cache import Cache
from hfm_kg.server.connection import MAX_TARGET
from hfm_kg.server.discovery import Discovery
from hfm_kg.server.distant import Distant
from hfm_kg.server.documents import Documents
from hfm_kg.server.endpoint import Endpoint
from hfm_kg.server.engine import Engine
from hfm_kg.server.files import Files
from hfm_kg.server.graph_store import GraphStore
from hfm_kg.server.linked import LinkedData
from hfm_kg.server.reconcile import Reconciliation
from hfm_kg.server.site import Site


class ShortTargets:
    """Refuses requests whose target is longer than MAX_TARGET."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
            detail = f"an address may have {MAX_TARGET} bytes; send long queries by POST"
            await problems.problem(414, problems.TITLES[414], detail)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def create_app(
    store: Store | Distant, queries: catalog.Catalog, pool: Engine, sets: Sequence[MappingSet] = ()
) -> Starlette:
    """The application over quads for its own pages, a catalogue, and an engine that evaluates visitors' queries.

    ``sets`` are the mapping sets that the store holds, to be described.
    """
    documents = Documents(store, queries, sets)
    discovery = Discovery(documents, queries)
    select = store.select if isinstance(store, Distant) else partial(sparql.select, store)
    files = Files(pool.origin, queries, sets)
    answers = Answers(pool, Cache(pool.version, pool.limits.cache))
    site = Site(select, queries, documents, files, answers)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        await pool.start()
        try:
            yield {"answers": answers}  # for connections to look in first
        finally:
            files.close()
            await pool.close()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            *site.routes(),
            Route("/sparql", Endpoint(answers, discovery, pool.limits.patience), name="sparql"),
            Route("/rdf-graph-store", GraphStore(store, answers)),
            *Reconciliation(site, pool.limits.patience).routes(),
            *discovery.routes(),
            # pages of things ask nothing of a store but what Distant has too
            *LinkedData(cast(Store, store), documents, site).routes(),
        ],
        middleware=[Middleware(ShortTargets)],
        exception_handlers={
            HfmError: problems.from_error,
            HTTPException: problems.from_http,
            Exception: problems.from_bug,
        },
    )
    app.state.answers, app.state.site = answers, site
    return app
