"""The command that links terms of others to ours."""

from __future__ import annotations

from pathlib import Path

import click

from hfm_kg import session
from hfm_kg.cli.group import main
from hfm_kg.cli.options import format_option, output_option, root_option


@main.command()
@click.argument("source", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--column",
    metavar="NAME",
    help="The column, by its name in the first line, that holds the strings.  [default: the first]",
)
@click.option("--id-column", metavar="NAME", help="The column of a table that holds the IRIs of their terms.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only things of this kind; may be repeated.")
@click.option("--limit", "-n", default=1, type=click.IntRange(1, 100), help="Candidates of a term.", show_default=True)
@click.option(
    "--least", default=60.0, type=click.FloatRange(0, 100), help="The least score of a candidate.", show_default=True
)
@click.option("--all", "with_all", is_flag=True, help="Print terms without a candidate, too, each as a row of its own.")
@format_option(
    ["table", "tsv", "json", "sssom"], "tsv, or sssom for a proposal.  [default: table on a terminal, else tsv]"
)
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), help="Write the proposal to this file.")
@root_option
@output_option
def link(
    source: Path,
    column: str | None,
    id_column: str | None,
    kinds: tuple[str, ...],
    limit: int,
    least: float,
    with_all: bool,
    format_name: str | None,
    file: Path | None,
    root: Path | None,
    output: Path | None,
) -> None:
    """Link the terms of FILE to things of the graph by their names, with a score from 0 to 100 and the reason.

    FILE is a table (.tsv, .csv), an ontology (.obo, .owl, .ttl, .rdf, .nt, .jsonld) or a mapping set (.sssom.tsv).
    Pairs that were reviewed and refused are not proposed again; those that were accepted are told as such, and left
    out of a proposal. OBO files need: pip install 'hfm-kg[obo]'

    \b
    Examples:
      hfm-kg link scans.csv --column modality --kind modality --all
      hfm-kg link terms.owl --kind task --kind technique --format sssom > proposal.sssom.tsv
      hfm-kg link terms.obo --limit 3 --least 40 --json
    """
    from functools import partial

    from hfm_kg import atomic, linking, mappings, present, sparql, termlists
    from hfm_kg.errors import FindingsError, UsageError
    from hfm_kg.matching import Matcher
    from hfm_kg.search import Search

    if file is not None and format_name not in (None, "sssom"):
        raise UsageError("--file takes a proposal; leave out the format or give --format sssom")
    if with_all and (file is not None or format_name == "sssom"):
        raise UsageError("a proposal holds what has a candidate; leave out --all")
    settings = session.settings(root, output)
    terms = termlists.read(source, column, id_column)
    sets, findings = mappings.read(settings.ontology / "mappings")
    if findings:
        raise FindingsError(findings)
    matcher = Matcher(Search(partial(sparql.select, session.snapshot(settings).open())))
    known = linking.prefixes(sets)
    found = linking.link(matcher, terms, linking.reviews(sets), kinds=kinds, limit=limit, least=least)
    if file is not None:
        atomic.write(file, linking.sssom(found, source.name, known))
    elif format_name == "sssom":
        click.echo(linking.sssom(found, source.name, known), nl=False)
    else:
        rows = linking.rows(found, terms) if with_all else [each.row() for each in found]
        present.records(rows, format_name or present.default_format(False))
    linked = len({(each.term.iri, each.term.label) for each in found})
    click.echo(f"{linked} of {len(terms)} terms have a candidate", err=True)
