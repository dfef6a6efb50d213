"""Commands that ask the graph."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hfm_kg import session
from hfm_kg.cli.group import main
from hfm_kg.cli.options import format_option, output_option, records_option, root_option
from hfm_kg.errors import UsageError

if TYPE_CHECKING:
    from hfm_kg.pipeline import Settings


@main.command()
@click.argument("query", required=False)
@format_option(
    ["table", "csv", "tsv", "json", "xml", "turtle", "ntriples", "rdfxml", "jsonld", "trig", "nquads"],
    "Output format.  [default: table on a terminal, else tsv; turtle for CONSTRUCT and DESCRIBE]",
)
@click.option("--endpoint", metavar="URL", help="Ask this SPARQL endpoint instead of the snapshot.")
@root_option
@output_option
def query(
    query: str | None, format_name: str | None, endpoint: str | None, root: Path | None, output: Path | None
) -> None:
    """Run a query: a NAME of the catalogue, a FILE.rq, SPARQL itself, or - for standard input.

    Without QUERY the catalogue is listed. Common prefixes (hfm, skos, rdfs, prov, …) need not be declared.

    \b
    Examples:
      hfm-kg query
      hfm-kg query counts
      hfm-kg query queries/competency/counts.rq --format json
      hfm-kg query 'SELECT ?m { ?m hfm:modality hfm:Pathology }' --format csv
      echo 'DESCRIBE <https://w3id.org/hfm/model/BioBERT>' | hfm-kg query - --format jsonld
    """
    from pyoxigraph import Store

    from hfm_kg import present, remote, sparql

    settings = session.settings(root, output)
    if query is None:
        present.catalogue(session.catalog(settings).of_kind("competency"))
        return
    text = _query_text(query, settings)
    sparql.guard(text)
    if format_name == "table" and sparql.is_graph_query(text):
        raise UsageError("a graph has no table; take one of turtle, ntriples, rdfxml, jsonld, trig, nquads")
    if endpoint:
        name = format_name or present.default_format(sparql.is_graph_query(text))
        form = remote.named_format(text, "json" if name == "table" else name)
        body = remote.ask(endpoint, text, form)
    else:
        sparql.evaluate(Store(), text)  # a mistake is told before a snapshot is built
        result = sparql.evaluate(session.snapshot(settings).open(), text)
        name = format_name or present.default_format(sparql.is_graph_query(text))
        body = sparql.write(result, sparql.named_format(result, "json" if name == "table" else name))
    present.body(body, name)


@main.command()
@records_option
@root_option
@output_option
def claims(format_name: str | None, root: Path | None, output: Path | None) -> None:
    """The survey's own claims, each recomputed from the graph.

    Prints what the survey says, what the graph says, and whether the claim holds.

    \b
    Examples:
      hfm-kg claims
      hfm-kg claims --format json
    """
    from hfm_kg import claims as claim
    from hfm_kg import present

    settings = session.settings(root, output)
    queries = session.catalog(settings)
    outcomes = claim.recompute(session.snapshot(settings).open(), queries)
    present.records([outcome.as_dict() for outcome in outcomes], format_name or present.default_format(False))


def _query_text(query: str, settings: Settings) -> str:
    """The SPARQL that the argument means. Raises UsageError if it means none."""
    if not query.strip():
        raise UsageError("the query is empty")
    if query == "-":
        try:
            return sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UsageError(f"cannot read standard input: {error}") from None
    if query.endswith(".rq"):
        try:
            return Path(query).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read {query}: {getattr(error, 'strerror', None) or error}") from None
    if any(letter in query for letter in "{}? \n"):
        return query
    return session.catalog(settings)[query].text
