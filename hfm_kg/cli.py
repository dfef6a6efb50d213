"""The command line: parse, call one function, print.

Data goes to standard output, everything else to standard error. Exit codes: 0 fine, 1 findings or a failure, 2 wrong
usage. Modules that take long to import are imported by the command that needs them, so that a query answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hfm_kg import __version__, atomic
from hfm_kg.errors import HfmError, UsageError
from hfm_kg.pipeline import Settings

if TYPE_CHECKING:
    from hfm_kg.catalog import Catalog
    from hfm_kg.store import Snapshot


class Commands(click.Group):
    """Renders our errors, and ends quietly when the reader of a pipe has gone or the user presses Ctrl-C."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and turn what it raises into a message and an exit code."""
        try:
            return super().invoke(ctx)
        except HfmError as error:
            click.echo(f"hfm-kg: {error}", err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            # what is still buffered cannot be written; give the interpreter something to flush into
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except OSError as error:
            place = f": {error.filename}" if error.strerror and error.filename else ""
            click.echo(f"hfm-kg: {error.strerror or error}{place}", err=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            ctx.exit(1)


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that names the folder of snapshots."""
    return click.option(
        "--output",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="HFM_KG_OUTPUT",
        help="Folder of snapshots.  [default: hfm-kg in the user's data folder]",
    )(command)


def root_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that names the folder of the input."""
    return click.option(
        "--root",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder that holds data, ontology and queries.  [default: those of this installation]",
    )(command)


def records_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that names the format of rows that are no answer to a query."""
    return click.option(
        "--format",
        "-f",
        "format_name",
        type=click.Choice(["table", "tsv", "json"]),
        help="Output format.  [default: table on a terminal, else tsv]",
    )(command)


def _settings(root: Path | None, output: Path | None = None, **more: bool) -> Settings:
    given = {"root": root, "output": output, **more}
    return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type] # a mapping of mixed types


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hfm-kg")
def main() -> None:
    """The knowledge graph of healthcare foundation models.

    \b
    Examples:
      hfm-kg serve                              a SPARQL endpoint and a start page on http://127.0.0.1:7878
      hfm-kg query                              the questions of the catalogue
      hfm-kg query models-by-paradigm           one of them, as a table
      hfm-kg query 'ASK { ?m a hfm:FoundationModel }'
    """


@main.command()
@root_option
@output_option
@click.option("--shacl/--no-shacl", default=True, help="Validate before building.", show_default=True)
@click.option("--reasoning/--no-reasoning", default=True, help="Add what HermiT infers.", show_default=True)
def build(root: Path | None, output: Path | None, shacl: bool, reasoning: bool) -> None:
    """Build a snapshot: tables and ontology, validated and reasoned over.

    The snapshot before stays in use until the new one is whole. Without SHACL and reasoning a build takes a second or
    two, which is meant for trying out; a snapshot for others is built with both.

    \b
    Examples:
      hfm-kg build
      hfm-kg build --no-shacl --no-reasoning --output /tmp/snapshots
    """
    from hfm_kg import pipeline

    with _progress() as progress:
        snapshot = pipeline.build(_settings(root, output, shacl=shacl, reasoning=reasoning), progress)
    click.echo(pipeline.manifest_text(snapshot))
    click.echo(f"snapshot: {snapshot.path}", err=True)


@main.command()
@root_option
@click.option("--shacl/--no-shacl", default=True, help="Validate with SHACL as well.", show_default=True)
@click.option("--reasoning/--no-reasoning", default=True, help="Look for contradictions as well.", show_default=True)
@click.option(
    "--rules", is_flag=True, help="List the rules of ontology and graph instead, each with a defect that it finds."
)
@click.pass_context
def check(ctx: click.Context, root: Path | None, shacl: bool, reasoning: bool, rules: bool) -> None:
    """Report everything that is wrong with data, ontology and queries.

    Each finding is a line FILE:LINE:COLUMN: RULE: MESSAGE on standard output; the exit code is 1 if there is any.

    \b
    Examples:
      hfm-kg check
      hfm-kg check --root . --no-shacl --no-reasoning
      hfm-kg check --rules
    """
    from hfm_kg import pipeline, present

    settings = _settings(root, shacl=shacl, reasoning=reasoning)
    if rules:
        present.records(
            [rule.as_rule() for rule in _catalog(settings).of_kind("checks")], present.default_format(False)
        )
        return
    with _progress() as progress:
        findings = pipeline.check(settings, progress)
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

    given = nullcontext(files) if files else pipeline.owl_files(_settings(root))
    with _progress() as progress, given as paths:
        progress(f"reasoning over {', '.join(path.name for path in paths)}")
        reports = inspection.inspect(paths)
    rows = [
        {"ontology": path.name, **row} for path, report in zip(paths, reports, strict=True) for row in report.rows()
    ]
    present.records(rows, format_name or present.default_format(False))
    ctx.exit(0 if all(report.is_sound for report in reports) else 1)


@main.command()
@click.argument("query", required=False)
@click.option(
    "--format",
    "-f",
    "format_name",
    type=click.Choice(
        ["table", "csv", "tsv", "json", "xml", "turtle", "ntriples", "rdfxml", "jsonld", "trig", "nquads"]
    ),
    help="Output format.  [default: table on a terminal, else tsv; turtle for CONSTRUCT and DESCRIBE]",
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

    settings = _settings(root, output)
    if query is None:
        present.catalogue(_catalog(settings).of_kind("competency"))
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
        result = sparql.evaluate(_snapshot(settings).open(), text)
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

    settings = _settings(root, output)
    queries = _catalog(settings)
    outcomes = claim.recompute(_snapshot(settings).open(), queries)
    present.records([outcome.as_dict() for outcome in outcomes], format_name or present.default_format(False))


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
@root_option
def export_release(output: Path, root: Path | None) -> None:
    """Write every file of a release: ontology, graph, mappings, tables, descriptions, and a manifest.

    The graph is built, validated and reasoned over first. The same input gives the same bytes, anywhere, at any time.

    \b
    Examples:
      hfm-kg export release --output release
      hfm-kg export release --root . --output /tmp/release
    """
    from hfm_kg import pipeline
    from hfm_kg.export import release as releases

    releases.require_free(output)  # rather now than after a minute
    with _progress() as progress:
        files = pipeline.release(_settings(root), progress)
        releases.write(output, files)
    for file in files:
        click.echo(f"{file.sha256}  {file.name}")
    click.echo(f"release: {output}, {len(files)} files", err=True)


@export.command("file")
@click.argument("name", required=False)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write.  [default: stdout]")
@root_option
def export_file(name: str | None, output: Path | None, root: Path | None) -> None:
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
        present.records(rows, present.default_format(False))
        return
    if output is None and name.endswith(".gz") and sys.stdout.isatty():
        raise UsageError(f"{name} is compressed; redirect it, or name a file with --output")
    with _progress() as progress:
        content = pipeline.release_file(_settings(root), name, progress).content
    if output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        atomic.write(output, content)


@export.command("changes")
@click.option("--since", metavar="VERSION", help="The older version.  [default: the newest release before this one]")
@click.option("--until", metavar="VERSION", help="The newer version.  [default: data and ontology as they are now]")
@click.option(
    "--format",
    "-f",
    "format_name",
    default="markdown",
    type=click.Choice(["markdown", "table", "tsv", "json"]),
    help="Output format.",
    show_default=True,
)
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

    before, after, found = pipeline.differences(_settings(root), since, until)
    if format_name == "markdown":
        click.echo(changes.markdown(before, after, found), nl=False)
    else:
        present.records([change.as_dict() for change in found], format_name)


@main.command()
@root_option
def register(root: Path | None) -> None:
    """Record the ontology's version, and every IRI it has, in ontology/registry.

    This is done once a release. From then on the check refuses a graph that has lost one of these IRIs.

    \b
    Examples:
      hfm-kg register --root .
    """
    from hfm_kg import pipeline

    version, added = pipeline.register(_settings(root))
    click.echo(f"registered {version}: {added['terms']} terms and {added['facts']} facts are new or other", err=True)


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
      hfm-kg publish --endpoint http://localhost:8890/sparql --user dba --default-graph https://w3id.org/hfm/
    """
    from hfm_kg import publish as publication

    if update and graph_store:
        raise UsageError("name one of --update and --graph-store")
    target = publication.Target(endpoint, update, graph_store, default_graph)
    access = publication.Access(user, password, token)
    quads = _snapshot(_settings(root, output)).quads()
    with _progress() as progress:
        plan = publication.publish(quads, target, access, replace=replace, dry_run=dry_run, progress=progress)
    for line in plan.lines():
        click.echo(line)
    click.echo("nothing was done" if dry_run else f"{endpoint} holds all of it", err=True)


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
@click.option("--result", type=click.IntRange(1), help="Megabytes that a result may have.  [default: 256]")
@click.option("--evaluators", type=click.IntRange(1), help="Queries evaluated at once.  [default: the number of cores]")
@click.option("--queue", type=click.IntRange(0), help="Queries that may wait.  [default: 64]")
@click.option("--per-client", type=click.IntRange(1), help="Queries of one client at once.  [default: 16]")
@click.option(
    "--patience", type=click.FloatRange(0, min_open=True), help="Seconds for a request's body to arrive.  [default: 10]"
)
@click.option("--cache", type=click.IntRange(0), help="Megabytes of answers that are kept.  [default: 64]")
@click.option(
    "--limit",
    "shape",
    multiple=True,
    metavar="NAME=NUMBER",
    help="What a query may be made of: length, tokens, nesting, triples, optionals, unions, steps. May be repeated.",
)
@root_option
@output_option
def serve(
    host: str, port: int, root: Path | None, output: Path | None, shape: tuple[str, ...], **limits: float | int | None
) -> None:
    """Serve the graph: a SPARQL endpoint at /sparql and a start page. Ctrl-C stops it.

    Builds a snapshot first if there is none. A query that takes too long, too much memory, or breaks the process that
    evaluates it, is ended with an error of its own, and hurts no other.

    \b
    Examples:
      hfm-kg serve
      hfm-kg serve --port 8080 --timeout 10 --memory 512
      hfm-kg serve --limit triples=500 --limit nesting=100
    """
    from hfm_kg import mappings, server

    settings = _settings(root, output)
    queries = _catalog(settings)
    allowed = server.limits(shape, {name: value for name, value in limits.items() if value is not None})
    sets, _ = mappings.read(settings.ontology / "mappings")
    server.run(_snapshot(settings), queries, sets, host, port, allowed)


def _catalog(settings: Settings) -> Catalog:
    """The query catalogue. Raises UsageError if the root holds none."""
    from hfm_kg import catalog

    if not settings.queries.is_dir():
        raise UsageError(f"{settings.root} holds no queries; is it a checkout?")
    return catalog.read(settings.queries)


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
    return _catalog(settings)[query].text


def _snapshot(settings: Settings) -> Snapshot:
    """The current snapshot; one is built if there is none, and an outdated one is told."""
    from hfm_kg import pipeline, store
    from hfm_kg.errors import NoSnapshotError

    try:
        snapshot = store.current(settings.output)
    except NoSnapshotError:
        click.echo("hfm-kg: no snapshot yet, building one", err=True)
        with _progress() as progress:
            return pipeline.build(settings, progress)
    if not pipeline.is_current(settings, snapshot):
        root, built_from = settings.root.resolve(), snapshot.manifest.get("root")
        if built_from not in (None, str(root)):
            click.echo(
                f"hfm-kg: the snapshot that answers was built from {built_from}, not from {root}; "
                "name the folder with --root, or build anew",
                err=True,
            )
        else:
            click.echo(
                "hfm-kg: data or ontology have changed since the snapshot was built; "
                f"renew it with: hfm-kg build --root {root}",
                err=True,
            )
    return snapshot


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A spinner with the step's name on a terminal, silence in a pipe."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield status.update
