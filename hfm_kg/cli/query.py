"""Commands that ask the graph."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from hfm_kg import session
from hfm_kg.cli.group import main
from hfm_kg.cli.options import format_option, output_option, records_option, root_option
from hfm_kg.errors import UsageError

if TYPE_CHECKING:
    from hfm_kg.pipeline import Settings


def _completions(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Queries of the catalogue that begin so, else files."""
    known = session.catalog(session.settings(context.params.get("root")))
    found = [
        CompletionItem(query.name, help=query.title)
        for query in [*known.of_kind("competency"), *known.of_kind("analysis")]
        if query.name.startswith(incomplete)
    ]
    return found or [CompletionItem(incomplete, type="file")]


@main.command()
@click.argument("query", required=False, shell_complete=_completions)
@click.option(
    "--bind",
    "bindings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value for a variable of the query: a number, a text, an IRI, or a thing by its name. May be repeated.",
)
@format_option(
    ["table", "csv", "tsv", "json", "xml", "turtle", "ntriples", "rdfxml", "jsonld", "trig", "nquads"],
    "Output format.  [default: table on a terminal, else tsv; turtle for CONSTRUCT and DESCRIBE]",
)
@click.option("--endpoint", metavar="URL", help="Ask this SPARQL endpoint instead of the snapshot.")
@root_option
@output_option
def query(
    query: str | None,
    bindings: tuple[str, ...],
    format_name: str | None,
    endpoint: str | None,
    root: Path | None,
    output: Path | None,
) -> None:
    """Run a query: a NAME of the catalogue, a FILE.rq, SPARQL itself, or - for standard input.

    Without QUERY the catalogue is listed. Common prefixes (hfm, skos, rdfs, prov, …) need not be declared.

    \b
    Examples:
      hfm-kg query
      hfm-kg query counts
      hfm-kg query notes-of-a-thing --bind thing=DeepLesion
      hfm-kg query queries/competency/counts.rq --format json
      hfm-kg query 'SELECT ?m { ?m hfm:modality hfm:Pathology }' --format csv
      echo 'DESCRIBE <https://w3id.org/hfm/model/BioBERT>' | hfm-kg query - --format jsonld
    """
    from pyoxigraph import Store

    from hfm_kg import present, remote, sparql

    settings = session.settings(root, output)
    if query is None:
        queries = session.catalog(settings)
        present.catalogue([*queries.of_kind("competency"), *queries.of_kind("analysis")], format_name)
        return
    text = _query_text(query, settings)
    sparql.guard(text)
    if format_name == "table" and sparql.is_graph_query(text):
        raise UsageError("a graph has no table; take one of turtle, ntriples, rdfxml, jsonld, trig, nquads")
    if bindings:
        text = _bound(text, bindings, endpoint, settings)
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
    from hfm_kg import present, sparql

    settings = session.settings(root, output)
    queries = session.catalog(settings)
    store = session.snapshot(settings).open()
    outcomes = claim.recompute(partial(sparql.select, store), queries)
    present.records([outcome.as_dict() for outcome in outcomes], format_name or present.default_format(False))


def _bound(text: str, bindings: tuple[str, ...], endpoint: str | None, settings: Settings) -> str:
    """The query with values for some of its variables. Raises UsageError over one that is not NAME=VALUE."""
    from hfm_kg import source
    from hfm_kg.api import KnowledgeGraph
    from hfm_kg.values import read

    values: dict[str, list[str]] = {}
    for given in bindings:
        name, sign, value = given.partition("=")
        if not sign:
            raise UsageError(f"--bind {given}: write NAME=VALUE")
        values.setdefault(name.lstrip("?$"), []).append(value)
    opened = source.Endpoint(endpoint) if endpoint else source.of_snapshot(session.snapshot(settings))
    graph = KnowledgeGraph(opened, session.catalog(settings))
    return graph.bound(text, **{name: [read(value) for value in some] for name, some in values.items()})


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
