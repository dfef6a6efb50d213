"""Commands that make a graph, or tell what is wrong with one."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import click

from hfm_kg import session
from hfm_kg.cli.group import main
from hfm_kg.cli.options import format_option, lines_option, output_option, records_option, root_option


@main.command()
@format_option(["table", "tsv", "json"], "Output format of the manifest.", "json")
@root_option
@output_option
@click.option("--shacl/--no-shacl", default=True, help="Validate before building.", show_default=True)
@click.option("--reasoning/--no-reasoning", default=True, help="Add what HermiT infers.", show_default=True)
def build(format_name: str, root: Path | None, output: Path | None, shacl: bool, reasoning: bool) -> None:
    """Build a snapshot: tables and ontology, validated and reasoned over.

    The snapshot before stays in use until the new one is whole. Without SHACL and reasoning a build takes a second or
    two, which is meant for trying out; a snapshot for others is built with both.

    \b
    Examples:
      hfm-kg build
      hfm-kg build --no-shacl --no-reasoning --output /tmp/snapshots
    """
    from hfm_kg import pipeline, present

    with session.progress() as progress:
        snapshot = pipeline.build(session.settings(root, output, shacl=shacl, reasoning=reasoning), progress)
    present.facts(dict(snapshot.manifest), format_name)
    click.echo(f"snapshot: {snapshot.path}", err=True)


@main.command()
@lines_option
@root_option
@click.option("--shacl/--no-shacl", default=True, help="Validate with SHACL as well.", show_default=True)
@click.option("--reasoning/--no-reasoning", default=True, help="Look for contradictions as well.", show_default=True)
@click.option(
    "--rules", is_flag=True, help="List the rules of ontology and graph instead, each with a defect that it finds."
)
@click.pass_context
def check(
    ctx: click.Context, format_name: str | None, root: Path | None, shacl: bool, reasoning: bool, rules: bool
) -> None:
    """Report everything that is wrong with data, ontology and queries.

    Each finding is a line FILE:LINE:COLUMN: RULE: MESSAGE on standard output; the exit code is 1 if there is any.

    \b
    Examples:
      hfm-kg check
      hfm-kg check --json
      hfm-kg check --root . --no-shacl --no-reasoning
      hfm-kg check --rules
    """
    from hfm_kg import pipeline, present

    settings = session.settings(root, shacl=shacl, reasoning=reasoning)
    if rules:
        known = session.catalog(settings).of_kind("checks")
        present.records([rule.as_rule() for rule in known], format_name or present.default_format(False))
        return
    with session.progress() as progress:
        findings = pipeline.check(settings, progress)
    if format_name:
        present.records([asdict(finding) for finding in findings], format_name)
    else:
        for finding in findings:
            click.echo(str(finding))
    click.echo(f"{len(findings)} finding{'' if len(findings) == 1 else 's'} in {settings.root.resolve()}", err=True)
    ctx.exit(1 if findings else 0)


@main.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@records_option
@root_option
@click.pass_context
def reason(ctx: click.Context, files: tuple[Path, ...], format_name: str | None, root: Path | None) -> None:
    """Report what the OWL API and three reasoners make of an ontology FILE.

    Tells whether it lies in OWL 2 DL, whether HermiT, Openllet and ELK find it consistent and each class satisfiable,
    and whether they agree; the exit code is 1 if not. Without FILE this is done for hfm.owl and hfm-facts.owl as data
    and ontology state them now. Needs: pip install 'hfm-kg[owlapi]'

    \b
    Examples:
      hfm-kg reason
      hfm-kg reason --root . --format json
      hfm-kg reason my-ontology.owl
    """
    from hfm_kg import inspection, pipeline, present

    given = nullcontext(files) if files else pipeline.owl_files(session.settings(root))
    with session.progress() as progress, given as paths:
        progress(f"reasoning over {', '.join(path.name for path in paths)}")
        reports = inspection.inspect(paths)
    rows = [
        {"ontology": path.name, **row} for path, report in zip(paths, reports, strict=True) for row in report.rows()
    ]
    present.records(rows, format_name or present.default_format(False))
    ctx.exit(0 if all(report.is_sound for report in reports) else 1)


@main.command()
@lines_option
@root_option
def register(format_name: str | None, root: Path | None) -> None:
    """Record the ontology's version, and every IRI it has, in ontology/registry.

    This is done once a release. From then on the check refuses a graph that has lost one of these IRIs.

    \b
    Examples:
      hfm-kg register --root .
    """
    from hfm_kg import pipeline, present

    version, added = pipeline.register(session.settings(root))
    if format_name:
        present.facts({"version": version, **added}, format_name)
    click.echo(f"registered {version}: {added['terms']} terms and {added['facts']} facts are new or other", err=True)
