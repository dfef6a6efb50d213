"""The command that serves the graph over HTTP."""

from __future__ import annotations

from pathlib import Path

import click

from hfm_kg import session
from hfm_kg.cli.group import main
from hfm_kg.cli.options import output_option, root_option

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")


@main.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on.", show_default=True)
@click.option(
    "--port",
    default=7878,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
    show_default=True,
)
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), help="Seconds that a query may take.  [default: 30]"
)
@click.option(
    "--memory", type=click.IntRange(1), help="Megabytes that a query may use beyond the graph.  [default: 1024]"
)
@click.option(
    "--total-memory",
    type=click.IntRange(1),
    help="Megabytes that all queries may use together.  [default: half of the machine's]",
)
@click.option(
    "--in-memory",
    type=click.IntRange(0),
    help="Megabytes of N-Quads that are held in memory; a larger snapshot is read from disk.  "
    "[default: a sixteenth of the machine's]",
)
@click.option("--result", type=click.IntRange(1), help="Megabytes that a result may have.  [default: 256]")
@click.option("--evaluators", type=click.IntRange(1), help="Queries evaluated at once.  [default: 16]")
@click.option("--queue", type=click.IntRange(0), help="Queries that may wait.  [default: 64]")
@click.option("--per-client", type=click.IntRange(1), help="Queries of one client at once.  [default: 16]")
@click.option(
    "--patience", type=click.FloatRange(0, min_open=True), help="Seconds for a request to arrive.  [default: 10]"
)
@click.option("--cache", type=click.IntRange(0), help="Megabytes of answers that are kept.  [default: 64]")
@click.option(
    "--limit",
    "shape",
    multiple=True,
    metavar="NAME=NUMBER",
    help="What a query may be made of: length, tokens, nesting, triples, optionals, unions, steps, services. "
    "May be repeated.",
)
@click.option(
    "--processes",
    default=1,
    type=click.IntRange(1),
    help="Processes that share the port; limits on evaluators, memory, queue, cache and clients are for each.",
    show_default=True,
)
@click.option(
    "--connections",
    default=1000,
    type=click.IntRange(1, 100_000),
    help="Connections of a process at once.",
    show_default=True,
)
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="Port of /metrics, where it is not for everybody.  [default: the same as for all else]",
)
@click.option(
    "--log-level", default="warning", type=click.Choice(LEVELS), help="info logs each request.", show_default=True
)
@click.option("--log-format", default="text", type=click.Choice(FORMATS), help="How it is logged.", show_default=True)
@click.option(
    "--drain",
    default=0.0,
    type=click.FloatRange(0, 3600),
    help="Seconds between SIGTERM and the end, in which all is answered, and /readyz with 503.",
    show_default=True,
)
@click.option(
    "--grace",
    default=2,
    type=click.IntRange(0, 3600),
    help="Seconds that running queries have to end when the server does.",
    show_default=True,
)
@click.option(
    "--trusted-proxy",
    "trusted",
    multiple=True,
    metavar="ADDRESS",
    help="A proxy whose X-Forwarded-For is believed: an address or a network. May be repeated.  [default: none]",
)
@click.option(
    "--upstream", metavar="URL", help="Serve the graph that this SPARQL endpoint holds, instead of a snapshot."
)
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="URL",
    help="An endpoint that SERVICE may name by this exact address; a user's name and password in it are used and never "
    "told. May be repeated.  [default: none]",
)
@click.option(
    "--at-once",
    default=16,
    type=click.IntRange(1, 10_000),
    help="Queries that upstream evaluates at once.",
    show_default=True,
)
@click.option(
    "--cache-age",
    default=300.0,
    type=click.FloatRange(1),
    help="Seconds after which what is kept of upstream is read anew.",
    show_default=True,
)
@root_option
@output_option
def serve(
    host: str,
    port: int,
    root: Path | None,
    output: Path | None,
    shape: tuple[str, ...],
    processes: int,
    connections: int,
    metrics_port: int | None,
    log_level: str,
    log_format: str,
    drain: float,
    grace: int,
    trusted: tuple[str, ...],
    upstream: str | None,
    services: tuple[str, ...],
    at_once: int,
    cache_age: float,
    **limits: float | int | None,
) -> None:
    """Serve the graph: a SPARQL endpoint at /sparql and a start page. Ctrl-C stops it.

    Builds a snapshot first if there is none. A query that takes too long, too much memory, or breaks the process that
    evaluates it, is ended with an error of its own, and hurts no other. A snapshot that is built meanwhile is served as
    soon as it is there, without a break; SIGHUP hastens that. Monitors find /livez, /readyz and /metrics.

    With --upstream the graph is what another endpoint holds, loaded by hfm-kg publish; queries are evaluated there,
    behind the same limits, and no snapshot is needed.

    With --service a query may ask that endpoint too: each SERVICE is evaluated there by itself, and joined here.

    \b
    Examples:
      hfm-kg serve
      hfm-kg serve --port 8080 --timeout 10 --memory 512
      hfm-kg serve --limit triples=500 --limit nesting=100
      hfm-kg serve --log-level info --log-format json --metrics-port 9090 --drain 10
      hfm-kg serve --upstream http://localhost:7879/query --at-once 32 --cache-age 60
      hfm-kg serve --service https://sparql.uniprot.org/sparql
    """
    from hfm_kg import server

    settings = session.settings(root, output)
    session.catalog(settings)  # a mistake in there is told before a snapshot is built
    asked = server.Services.of(services)
    allowed = server.limits(shape, {name: value for name, value in limits.items() if value is not None})
    if upstream is None:
        session.snapshot(settings)
    address = server.Address(upstream, at_once, cache_age) if upstream else None
    inputs = server.Inputs(settings.output, settings.queries, settings.ontology / "mappings", allowed, address, asked)
    deployment = server.Deployment(
        host, port, processes, connections, metrics_port, log_level, log_format, drain, grace, trusted
    )
    server.run(inputs, deployment)
