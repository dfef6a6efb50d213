"""The command that measures the endpoint beside other servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hfm_kg import session
from hfm_kg.cli.group import main
from hfm_kg.cli.options import format_option, output_option, root_option


@main.command()
@click.option(
    "--query",
    "names",
    multiple=True,
    metavar="NAME",
    help="A shape (below queries/shapes), a query of the catalogue, or all of a kind: catalogue, analysis, claims. "
    "May be repeated.  [default: all shapes, and catalogue]",
)
@click.option(
    "--peer",
    "peer_names",
    multiple=True,
    type=click.Choice(["none", "oxigraph", "oxigraph-memory", "rdflib-endpoint", "virtuoso"]),
    help="Measure beside this server. May be repeated.  [default: all that are installed]",
)
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="NAME=URL",
    help="Measure beside a server that runs already and holds the same data. May be repeated.",
)
@click.option("--scale", default=1, type=click.IntRange(1, 1000), help="Times the graph's size.", show_default=True)
@click.option("--clients", default="1,8,32", metavar="N,N,…", help="Clients at once.", show_default=True)
@click.option(
    "--mode", type=click.Choice(["cold", "warm"]), help="No request twice, or a few over and over.  [default: both]"
)
@click.option(
    "--seconds",
    default=1,
    type=click.FloatRange(0, 3600, min_open=True),
    help="Seconds of a measurement; with --attack at least 10.",
    show_default=True,
)
@click.option("--rounds", default=3, type=click.IntRange(1), help="Measurements of each kind.", show_default=True)
@click.option(
    "--patience",
    default=30,
    type=click.FloatRange(0, min_open=True),
    help="Seconds that an answer may take.",
    show_default=True,
)
@click.option("--client", type=click.Choice(["wrk", "python"]), help="What sends.  [default: wrk if it is installed]")
@click.option("--attack", is_flag=True, help="Measure cheap queries beside hostile ones instead.")
@format_option(["table", "markdown", "tsv", "json"], "Output format.  [default: table on a terminal, else tsv]")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw the ratios to a .png or .svg file.")
@root_option
@output_option
@click.pass_context
def bench(ctx: click.Context, /, root: Path | None, output: Path | None, **options: Any) -> None:
    """Measure the endpoint beside other servers: the same data, queries and client in one run, servers in turn.

    Tells requests a second, the times that half and 99 of 100 answers took at most, and how many times the throughput
    of each other server that is ("x NAME"). Only servers that give the right answers are measured. With --attack the
    exit code is 1 if a cheap query failed, or their 99th percentile became 5 times as long.
    Needs: pip install 'hfm-kg[bench]'

    \b
    Examples:
      hfm-kg bench
      hfm-kg bench --query iri-lookup --clients 32 --peer oxigraph --plot ratios.svg
      hfm-kg bench --scale 10 --seconds 5 --format markdown
      hfm-kg bench --attack --seconds 30
    """
    from hfm_kg import present
    from hfm_kg.bench import report, runs

    settings = session.settings(root, output)
    queries, snapshot = session.catalog(settings), session.snapshot(settings)
    format_name = options.pop("format_name") or present.default_format(False)
    with session.progress() as progress:
        outcome = runs.run(runs.Options(**options), queries, snapshot, progress)
    report.write(format_name, outcome)
    ctx.exit(0 if outcome.is_passed else 1)
