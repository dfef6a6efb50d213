"""Commands that analyse the field: gaps, and networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hfm_kg import session
from hfm_kg.cli.group import main
from hfm_kg.cli.options import Command, format_option, output_option, records_option, root_option
from hfm_kg.errors import UsageError

if TYPE_CHECKING:
    from hfm_kg.catalog import Catalog
    from hfm_kg.rows import Select


def endpoint_option(command: Command) -> Command:
    """The option that names another endpoint as the source."""
    return click.option("--endpoint", metavar="URL", help="Ask this SPARQL endpoint instead of the snapshot.")(command)


def _source(endpoint: str | None, root: Path | None, output: Path | None) -> tuple[Select, Catalog]:
    """What answers the catalogue's queries, and the catalogue."""
    from hfm_kg import rows, source

    settings = session.settings(root, output)
    return rows.of(source.opened(endpoint, lambda: session.snapshot(settings))), session.catalog(settings)


@main.command()
@click.option("--modality", metavar="NAME", help="Only combinations with this modality, or a narrower one.")
@click.option("--task", metavar="NAME", help="Only combinations with this task, or a narrower one.")
@click.option("--paradigm", metavar="NAME", help="Only combinations with this paradigm, or a narrower one.")
@click.option("--subfield", metavar="NAME", help="Only combinations within this sub-field.")
@click.option("--by-subfield", is_flag=True, help="Tell sub-fields apart: what one covers, another may not.")
@click.option("--limit", "-n", default=20, type=click.IntRange(1), help="How many gaps are shown.", show_default=True)
@click.option("--trial", metavar="YEAR", type=int, help="Hide the models of a year and see how well gaps foresee them.")
@click.option("--tuned-on", metavar="YEAR", type=int, help="In a trial, try weights that are tuned on an earlier year.")
@click.option("--seed", default=0, help="Seed of a trial's random numbers.", show_default=True)
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw a trial to this file, .png or .svg."
)
@endpoint_option
@records_option
@root_option
@output_option
def gaps(
    modality: str | None,
    task: str | None,
    paradigm: str | None,
    subfield: str | None,
    by_subfield: bool,
    limit: int,
    trial: int | None,
    tuned_on: int | None,
    seed: int,
    plot: Path | None,
    endpoint: str | None,
    format_name: str | None,
    root: Path | None,
    output: Path | None,
) -> None:
    """Combinations of modality, task and paradigm that no reviewed model covers, the best supported first.

    A gap is what the sources of the graph do not report; a model may exist all the same. Evidence is data of the
    modality and task, models one step away, and challenges and directions that name the concepts; --format json gives
    each piece with the rows it rests on.

    \b
    Examples:
      hfm-kg gaps --limit 10
      hfm-kg gaps --modality Pathology --paradigm GenerativeLearning --format json
      hfm-kg gaps --subfield Vision --task 'image segmentation'
      hfm-kg gaps --trial 2024 --tuned-on 2023
      hfm-kg gaps --trial 2024 --plot trial.svg
    """
    from hfm_kg import gaps as ranking
    from hfm_kg import pictures, present
    from hfm_kg.gaps import plot as drawing
    from hfm_kg.gaps import trial as trials

    for option, value in (("--tuned-on", tuned_on), ("--plot", plot)):
        if value is not None and trial is None:
            raise UsageError(f"{option} belongs to a --trial")
    given = {"modality": modality, "task": task, "paradigm": paradigm, "subfield": subfield}
    if trial is not None and any(given.values()):
        raise UsageError("a --trial is on all combinations; leave out --modality, --task, --paradigm and --subfield")
    if plot is not None:
        pictures.require(plot, "network", "scipy")
    field = ranking.read(*_source(endpoint, root, output))
    shown = format_name or present.default_format(False)
    if trial is not None:
        outcome = trials.run(field, trial, tuned_on=tuned_on, by_subfield=by_subfield, seed=seed)
        if plot is not None:
            pictures.write(plot, lambda: drawing.figure(outcome))
        click.echo(str(outcome), err=True)
        present.records(outcome.rows(), shown)
        return
    found = ranking.rank(field, field.chosen(given), by_subfield=by_subfield, limit=limit)
    if shown == "json":
        click.echo(json.dumps([gap.as_dict() for gap in found], indent=1, ensure_ascii=False))
    else:
        present.records([gap.row() for gap in found], shown)
    click.echo(ranking.NOT_REPORTED, err=True)


@main.group()
def network() -> None:
    """The graph as a network: measures beside what chance gives, files for other programs, pictures.

    \b
    Examples:
      hfm-kg network measures backbones
      hfm-kg network export lineage --format graphml > lineage.graphml
      hfm-kg network plots --folder plots
    """


@network.command("measures")
@click.argument("names", metavar="[MEASURE]...", nargs=-1)
@click.option(
    "--samples", default=100, type=click.IntRange(1), help="Random networks behind z and p.", show_default=True
)
@click.option("--seed", default=0, help="Seed of the random numbers.", show_default=True)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Write each measure to a TSV in it, too."
)
@endpoint_option
@records_option
@root_option
@output_option
def network_measures(
    names: tuple[str, ...],
    samples: int,
    seed: int,
    folder: Path | None,
    endpoint: str | None,
    format_name: str | None,
    root: Path | None,
    output: Path | None,
) -> None:
    """Print measures of the field; all of them, or those named, each with its definition.

    Measures: backbones, bridges, communities, lineage, cores, co-occurrence, similar-models, similar-datasets, growth,
    growth-rate. Definitions go to standard error, or into the JSON. Needs for most: pip install 'hfm-kg[network]'

    \b
    Examples:
      hfm-kg network measures growth
      hfm-kg network measures backbones lineage --format json
      hfm-kg network measures --samples 1000 --folder measures
    """
    from hfm_kg import atomic, present
    from hfm_kg.network import measures

    chosen = measures.chosen(names)
    source = measures.Network(*_source(endpoint, root, output), seed=seed, samples=samples)
    shown = format_name or present.default_format(False)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    documents = []
    with session.progress() as progress:
        for name in chosen:
            progress(f"measuring {name}")
            measured = measures.measure(source, name)
            if folder is not None:
                atomic.write(folder / f"{name}.tsv", measured.tsv())
            if shown == "json":
                documents.append(measured.as_dict())
                continue
            click.echo(f"{measured.title}. {measured.definition}", err=True)
            present.records(measured.rows, shown)
    if shown == "json":
        click.echo(json.dumps(documents, indent=1, ensure_ascii=False))


@network.command("export")
@click.argument("view", metavar="[VIEW]", required=False)
@format_option(
    ["graphml", "gexf", "cyjs", "json", "dot"],
    "graphml, gexf (Gephi), cyjs (Cytoscape), json (node-link), dot (Graphviz).",
    "graphml",
)
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), help="File to write.  [default: stdout]")
@endpoint_option
@root_option
@output_option
def network_export(
    view: str | None, format_name: str, file: Path | None, endpoint: str | None, root: Path | None, output: Path | None
) -> None:
    """Write a view of the graph for Gephi, Cytoscape, Graphviz, igraph, d3; without VIEW the views are listed.

    Nodes have label, kind, IRI, and year and sub-field where known; edges have their relation, and a weight where
    things are counted.

    \b
    Examples:
      hfm-kg network export
      hfm-kg network export lineage --format dot > lineage.dot
      hfm-kg network export co-citation --format gexf --file co-citation.gexf
    """
    from hfm_kg import atomic, present
    from hfm_kg.network import VIEWS, formats, to_networkx
    from hfm_kg.network.views import view as known_view

    if view is None:
        rows = [{"view": each.name, "query": each.query, "holds": each.holds} for each in VIEWS.values()]
        present.records(rows, present.default_format(False))
        return
    known_view(view)  # a mistake is told before a snapshot is built
    select, catalog = _source(endpoint, root, output)
    content = formats.write(to_networkx(select, view, catalog), format_name)
    if file is None:
        click.echo(content, nl=False)
    else:
        atomic.write(file, content)


@network.command("plots")
@click.argument("names", metavar="[MEASURE]...", nargs=-1)
@click.option(
    "--folder",
    default=Path("plots"),
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to.",
    show_default=True,
)
@click.option(
    "--samples", default=100, type=click.IntRange(1), help="Random networks behind z and p.", show_default=True
)
@click.option("--seed", default=0, help="Seed of the random numbers.", show_default=True)
@endpoint_option
@root_option
@output_option
def network_plots(
    names: tuple[str, ...],
    folder: Path,
    samples: int,
    seed: int,
    endpoint: str | None,
    root: Path | None,
    output: Path | None,
) -> None:
    """Draw measures, all of them or those named, as PNG and SVG; the files are named on standard output.

    Needs: pip install 'hfm-kg[network]'

    \b
    Examples:
      hfm-kg network plots --folder plots
      hfm-kg network plots growth bridges --samples 200
    """
    from hfm_kg import atomic, pictures
    from hfm_kg.network import measures, plots

    chosen = measures.chosen(names)
    pictures.require_packages("network")
    source = measures.Network(*_source(endpoint, root, output), seed=seed, samples=samples)
    folder.mkdir(parents=True, exist_ok=True)
    with session.progress() as progress:
        for name in chosen:
            progress(f"measuring {name}")
            measured = measures.measure(source, name)
            for format_name in pictures.FORMATS:
                path = folder / f"{name}.{format_name}"
                atomic.write(path, plots.write(measured, format_name))
                click.echo(str(path))
