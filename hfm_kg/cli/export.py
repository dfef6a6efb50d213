"""Commands that write files of a release."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from hfm_kg import atomic, session
from hfm_kg.cli.group import main
from hfm_kg.cli.options import format_option, lines_option, records_option, root_option
from hfm_kg.errors import UsageError


@main.group()
def export() -> None:
    """Write release files, or one of them, or what is other than in an older release.

    \b
    Examples:
      hfm-kg export release --output release
      hfm-kg export file hfm.owl > hfm.owl
      hfm-kg export changes --since 2026-11-23
    """


@export.command("release")
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to write to; an older release in it is replaced.",
)
@lines_option
@root_option
def export_release(output: Path, format_name: str | None, root: Path | None) -> None:
    """Write every file of a release: ontology, graph, mappings, tables, descriptions, and a manifest.

    The graph is built, validated and reasoned over first. The same input gives the same bytes, anywhere, at any time.

    \b
    Examples:
      hfm-kg export release --output release
      hfm-kg export release --root . --output /tmp/release
    """
    from hfm_kg import pipeline, present
    from hfm_kg.export import release as releases

    releases.require_free(output)  # rather now than after a minute
    with session.progress() as progress:
        files = pipeline.release(session.settings(root), progress)
        releases.write(output, files)
    if format_name:
        rows = [{"name": file.name, "sha256": file.sha256, "bytes": len(file.content)} for file in files]
        present.records(rows, format_name)
    else:
        for file in files:
            click.echo(f"{file.sha256}  {file.name}")
    click.echo(f"release: {output}, {len(files)} files", err=True)


def _completions(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The files of a release that begin so."""
    from hfm_kg.export import release as releases

    return [CompletionItem(one.name, help=one.title) for one in releases.RECIPES if one.name.startswith(incomplete)]


@export.command("file")
@click.argument("name", required=False, shell_complete=_completions)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write.  [default: stdout]")
@records_option
@root_option
def export_file(name: str | None, output: Path | None, format_name: str | None, root: Path | None) -> None:
    """Write one file of a release; without NAME the files are listed.

    \b
    Examples:
      hfm-kg export file
      hfm-kg export file hfm.owl > hfm.owl
      hfm-kg export file hfm-graph.nq.gz --output graph.nq.gz
    """
    from hfm_kg import pipeline, present
    from hfm_kg.export import release as releases

    if name is None:
        rows = [{"name": recipe.name, "holds": recipe.title} for recipe in releases.RECIPES]
        present.records(rows, format_name or present.default_format(False))
        return
    if format_name:
        raise UsageError(f"--format is for the list of files; {name} has a format of its own")
    if output is None and name.endswith(".gz") and sys.stdout.isatty():
        raise UsageError(f"{name} is compressed; redirect it, or name a file with --output")
    with session.progress() as progress:
        content = pipeline.release_file(session.settings(root), name, progress).content
    if output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        atomic.write(output, content)


@export.command("changes")
@click.option("--since", metavar="VERSION", help="The older version.  [default: the newest release before this one]")
@click.option("--until", metavar="VERSION", help="The newer version.  [default: data and ontology as they are now]")
@format_option(["markdown", "table", "tsv", "json"], "Output format.", "markdown")
@root_option
def export_changes(since: str | None, until: str | None, format_name: str, root: Path | None) -> None:
    """List terms and facts that are new, changed, deprecated or withdrawn, and say how to port a query.

    \b
    Examples:
      hfm-kg export changes
      hfm-kg export changes --since 2026-11-23 --format tsv
    """
    from hfm_kg import pipeline, present
    from hfm_kg.export import changes

    before, after, found = pipeline.differences(session.settings(root), since, until)
    if format_name == "markdown":
        click.echo(changes.markdown(before, after, found), nl=False)
    else:
        present.records([change.as_dict() for change in found], format_name)
