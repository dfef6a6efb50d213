"""The command that loads the graph into another store."""

from __future__ import annotations

from pathlib import Path

import click

from hfm_kg import session
from hfm_kg.cli.group import main
from hfm_kg.cli.options import output_option, root_option
from hfm_kg.errors import UsageError


@main.command()
@click.option("--endpoint", required=True, metavar="URL", help="The store's SPARQL endpoint for queries.")
@click.option("--update", default="", metavar="URL", help="Where updates go.  [default: told by the endpoint]")
@click.option("--graph-store", default="", metavar="URL", help="Write by the Graph Store Protocol at this address.")
@click.option("--default-graph", default="", metavar="IRI", help="The named graph that holds our default graph.")
@click.option("--user", default="", envvar="HFM_KG_USER", help="Name, for Basic or Digest; HFM_KG_USER.")
@click.option("--password", default="", envvar="HFM_KG_PASSWORD", help="Better given as HFM_KG_PASSWORD.")
@click.option("--token", default="", envvar="HFM_KG_TOKEN", help="Bearer token; better given as HFM_KG_TOKEN.")
@click.option("--replace", is_flag=True, help="Replace a default graph that holds something.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@root_option
@output_option
def publish(
    endpoint: str,
    update: str,
    graph_store: str,
    default_graph: str,
    user: str,
    password: str,
    token: str,
    replace: bool,
    dry_run: bool,
    root: Path | None,
    output: Path | None,
) -> None:
    """Load the graph into another store, by SPARQL Update or the Graph Store Protocol.

    Every named graph there below https://w3id.org/hfm/ is replaced; the graphs of others stay. In the end the triples
    of each graph are counted there. A store whose default graph is the union of all graphs (Virtuoso, GraphDB) gets
    ours as a named graph; ask it with ?default-graph-uri= and that name in the endpoint's address.

    \b
    Examples:
      hfm-kg publish --endpoint http://localhost:7879/query --dry-run
      hfm-kg publish --endpoint http://localhost:3030/hfm/query --replace
      hfm-kg publish --endpoint http://localhost:8890/sparql --default-graph urn:hfm
    """
    from hfm_kg import publish as publication

    if update and graph_store:
        raise UsageError("name one of --update and --graph-store")
    target = publication.Target(endpoint, update, graph_store, default_graph)
    access = publication.Access(user, password, token)
    quads = session.snapshot(session.settings(root, output)).quads()
    with session.progress() as progress:
        plan = publication.publish(quads, target, access, replace=replace, dry_run=dry_run, progress=progress)
    for line in plan.lines():
        click.echo(line)
    click.echo("nothing was done" if dry_run else f"{endpoint} holds all of it", err=True)
