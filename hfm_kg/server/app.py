"""The application and how it is run."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import click
import uvicorn
from pyoxigraph import Store
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hfm_kg import catalog
from hfm_kg.errors import HfmError, UsageError
from hfm_kg.mappings import MappingSet
from hfm_kg.server import pages, problems
from hfm_kg.server.answers import Answers
from hfm_kg.server.cache import Cache
from hfm_kg.server.connection import MAX_TARGET, Connection
from hfm_kg.server.discovery import Discovery
from hfm_kg.server.documents import Documents
from hfm_kg.server.endpoint import Endpoint
from hfm_kg.server.graph_store import GraphStore
from hfm_kg.server.linked import LinkedData
from hfm_kg.server.pool import Limits, Pool
from hfm_kg.store import Snapshot

GRACE = 2
"""Seconds that running queries have to end when the server is stopped; without a limit one query could hold it up."""


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


def create_app(store: Store, queries: catalog.Catalog, pool: Pool, sets: Sequence[MappingSet] = ()) -> Starlette:
    """The application over a store for its own pages, a catalogue, and a pool that evaluates visitors' queries.

    ``sets`` are the mapping sets that the store holds, to be described.
    """
    documents = Documents(store, queries, sets)
    discovery = Discovery(documents, queries)
    answers = Answers(pool, Cache(pool.snapshot.name, pool.limits.cache))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        await pool.start()
        try:
            yield {"answers": answers}  # for connections to look in first
        finally:
            await pool.close()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/", pages.start_page(store, queries), methods=["GET"]),
            Route("/sparql", Endpoint(answers, discovery, pool.limits.patience), name="sparql"),
            Route("/rdf-graph-store", GraphStore(store, answers)),
            *discovery.routes(),
            *LinkedData(store, documents).routes(),
        ],
        middleware=[Middleware(ShortTargets)],
        exception_handlers={
            HfmError: problems.from_error,
            HTTPException: problems.from_http,
            Exception: problems.from_bug,
        },
    )
    app.state.answers = answers
    return app


class Server(uvicorn.Server):
    """Tells its address when it answers, and Ctrl-C is its to handle: not before, and not later."""

    def __init__(self, config: uvicorn.Config, welcome: str) -> None:
        super().__init__(config)
        self.welcome = welcome

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer."""
        await super().startup(sockets)
        click.echo(self.welcome, err=True)


def run(
    snapshot: Snapshot, queries: catalog.Catalog, sets: Sequence[MappingSet], host: str, port: int, limits: Limits
) -> None:
    """Serve a snapshot until interrupted. Raises UsageError if the address cannot be had."""
    if not host:
        raise UsageError("--host is empty; to listen on all addresses say --host 0.0.0.0")
    app = create_app(snapshot.open(), queries, Pool(snapshot, limits), sets)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:  # UnicodeError: a host name that is none
        taken = isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES)
        reason = str(getattr(error, "strerror", None) or error).partition(" (while ")[0]
        hint = "; another port: hfm-kg serve --port 0" if taken else ""
        raise UsageError(f"cannot listen on {host}:{port}: {reason}{hint}") from None
    with listener:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            http=cast(type[asyncio.Protocol], partial(Connection, patience=limits.patience)),
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=GRACE,
        )
        server = Server(config, f"SPARQL endpoint {address}/sparql, start page {address}/ (Ctrl-C stops)")
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
