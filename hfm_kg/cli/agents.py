"""The command that serves the graph to agents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from click.core import ParameterSource

from hfm_kg import session
from hfm_kg.cli.group import main
from hfm_kg.cli.options import output_option, root_option
from hfm_kg.errors import NotInstalledError, UsageError


@main.command()
@click.option("--http", is_flag=True, help="Streamable HTTP at /mcp instead of standard input and output.")
@click.option("--host", default="127.0.0.1", help="Address to listen on, with --http.", show_default=True)
@click.option(
    "--port",
    default=7879,
    type=click.IntRange(0, 65535),
    help="Port to listen on, with --http; 0 takes a free one.",
    show_default=True,
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A host name that clients may call this server by, beside loopback and --host. May be repeated.",
)
@click.option(
    "--timeout", type=click.FloatRange(0, 3600, min_open=True), help="Seconds that a query may take.  [default: 10]"
)
@click.option("--endpoint", metavar="URL", help="Ask this SPARQL endpoint instead of the snapshot.")
@root_option
@output_option
def mcp(
    http: bool,
    host: str,
    port: int,
    hosts: tuple[str, ...],
    timeout: float | None,
    endpoint: str | None,
    root: Path | None,
    output: Path | None,
) -> None:
    """Serve the graph to language-model agents by the Model Context Protocol.

    Agents search, describe, list, run SPARQL read-only, and read where it is said; answers are small and cite the
    survey. Builds a snapshot first if there is none. Needs: pip install 'hfm-kg[mcp]'.

    \b
    Examples:
      hfm-kg mcp
      hfm-kg mcp --http --port 7879
      hfm-kg mcp --http --host 0.0.0.0 --allow-host graph.example.org
      hfm-kg mcp --endpoint http://127.0.0.1:7878/sparql
    """
    try:
        from hfm_kg.agents import serving
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("anyio", "mcp", "mcp_types", "pydantic"):
            raise
        raise NotInstalledError("mcp is not installed; install it with: pip install 'hfm-kg[mcp]'") from None

    given = click.get_current_context().get_parameter_source
    for option in ("host", "port", "hosts"):
        if not http and given(option) is not ParameterSource.DEFAULT:
            raise UsageError(f"--{option.replace('hosts', 'allow-host')} is of use with --http alone")
    settings = session.settings(root, output)
    queries = session.catalog(settings)
    limits = serving.LIMITS if timeout is None else replace(serving.LIMITS, timeout=timeout)
    offer = serving.Offer(endpoint or session.snapshot(settings), queries, limits)
    if http:
        serving.serve_http(offer, host, port, hosts)
    else:
        serving.serve_stdio(offer)
