"""The application and how it is run."""

from __future__ import annotations

import socket
from pathlib import Path

import click
import uvicorn
from pyoxigraph import Store
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from hfm_kg import catalog
from hfm_kg.errors import HfmError, UsageError
from hfm_kg.server import pages, problems
from hfm_kg.server.endpoint import Endpoint
from hfm_kg.store import Snapshot


def create_app(store: Store, queries: catalog.Catalog) -> Starlette:
    """The application over a store and a catalogue; it reads no global and changes neither."""
    return Starlette(
        routes=[
            Route("/", pages.start_page(store, queries), methods=["GET"]),
            Route("/sparql", Endpoint(store), name="sparql"),
        ],
        exception_handlers={
            HfmError: problems.from_error,
            HTTPException: problems.from_http,
            Exception: problems.from_bug,
        },
    )


def run(snapshot: Snapshot, queries: Path, host: str, port: int) -> None:
    """Serve a snapshot until interrupted. Raises UsageError if the address cannot be had."""
    app = create_app(snapshot.open(), catalog.read(queries))
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        hint = "; another port: hfm-kg serve --port 0" if error.errno else ""
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror or error}{hint}") from None
    with listener:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        click.echo(f"SPARQL endpoint {address}/sparql, start page {address}/ (Ctrl-C stops)", err=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        server = uvicorn.Server(config)
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
