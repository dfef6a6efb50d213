"""The command line: what it prints where, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import click
import pytest
import rdflib
from click.testing import CliRunner, Result
from pyoxigraph import Store

import hfm_kg
from hfm_kg import pipeline, sparql
from hfm_kg.catalog import Catalog
from hfm_kg.cli import main
from hfm_kg.errors import Finding
from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot
from tests.conftest import ROOT, SCRIPT, Edit

COUNT = "SELECT (COUNT(*) AS ?models) { ?m a hfm:FoundationModel }"
LEAVES: dict[str, click.Command] = {
    f"{group} {name}".strip(): command
    for group, one in [("", main), *((name, each) for name, each in main.commands.items())]
    for name, command in (one.commands.items() if isinstance(one, click.Group) else ())
    if not isinstance(command, click.Group)
}
"""The commands that do something, by the words that call them."""

COMMANDS = sorted([*LEAVES, *(name for name, command in main.commands.items() if isinstance(command, click.Group))])


@pytest.fixture
def run(settings: Settings, snapshot: Snapshot) -> Run:
    return Run({"HFM_KG_OUTPUT": str(settings.output)})


class Run:
    """Runs a command in this process, over the session's snapshot."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def __call__(self, *arguments: str, typed: str | bytes | None = None) -> Result:
        result = CliRunner(mix_stderr=False).invoke(main, arguments, input=typed, env=self.environment)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.stderr
        return result


def really(*arguments: str, output: Path, **more: object) -> subprocess.CompletedProcess[bytes]:
    """Runs a command as a process."""
    environment = {**os.environ, "HFM_KG_OUTPUT": str(output)}
    return subprocess.run([SCRIPT, *arguments], capture_output=True, env=environment, check=False, **more)  # type: ignore[call-overload,no-any-return] # options as they come


def one_line(text: str) -> str:
    """The only line of an error message."""
    assert text.count("\n") == 1
    assert text.startswith(("hfm-kg: ", "Error: ", "Usage: "))
    return text.rstrip("\n")


# --- help -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], *(name.split() for name in COMMANDS)], ids=["hfm-kg", *COMMANDS])
def test_help_shows_examples_and_fits_a_terminal(arguments: list[str], run: Run) -> None:
    for option in ("--help", "-h"):
        result = run(*arguments, option)
        assert result.exit_code == 0
        text = result.stdout
        examples = text.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
        assert examples
        assert any(line.strip().startswith(" ".join(["hfm-kg", *arguments])) for line in examples)
        assert max(map(len, text.splitlines())) <= 120


def test_options_that_the_examples_show_exist() -> None:
    for name, command in LEAVES.items():
        options = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
        examples = (command.help or "").partition("Examples:")[2]
        assert set(re.findall(r"--[a-z-]+", examples)) <= options, name


def test_the_version_is_told(run: Run) -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout.split()[-1]) == (0, hfm_kg.__version__)


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["query", "--nothing"], ["query", "ASK {}", "--format", "pdf"], ["serve", "--port", "x"]]
)
def test_wrong_usage_is_told_on_standard_error(arguments: list[str], run: Run) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr


@pytest.mark.parametrize(
    ("typed", "near"), [("qury", "query"), ("network mesures", "measures"), ("export fil", "file"), ("--version-", "")]
)
def test_the_nearest_command_is_told(typed: str, near: str, run: Run) -> None:
    result = run(*typed.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert ("did you mean" in result.stderr) == bool(near)
    assert near in result.stderr


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, run: Run) -> None:
    result = run("network", "export", "lineage", "--file", str(tmp_path / "none" / "lineage.graphml"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert one_line(result.stderr) == f"hfm-kg: No such file or directory: {tmp_path}/none/lineage.graphml"


# --- query ----------------------------------------------------------------------------------------------------


def test_without_a_query_the_catalogue_is_listed(run: Run, queries: Catalog) -> None:
    lines = run("query").stdout.splitlines()
    listed = [*queries.of_kind("competency"), *queries.of_kind("analysis")]
    assert lines == [f"{query.name}\t{query.question}" for query in listed]


def test_a_query_can_be_given_in_four_ways(run: Run, queries: Catalog, settings: Settings) -> None:
    text = queries["counts"].text
    answers = [
        run("query", "counts"),
        run("query", str(settings.queries / "competency" / "counts.rq")),
        run("query", text),
        run("query", "-", typed=text),
    ]
    assert {answer.exit_code for answer in answers} == {0}
    assert len({answer.stdout for answer in answers}) == 1
    assert "models\t200" in answers[0].stdout.replace('"', "")


def test_a_byte_order_mark_is_no_part_of_a_query(run: Run, tmp_path: Path) -> None:
    marked = b"\xef\xbb\xbf" + COUNT.encode()
    (tmp_path / "marked.rq").write_bytes(marked)
    assert "200" in run("query", str(tmp_path / "marked.rq")).stdout
    assert "200" in run("query", "-", typed=marked).stdout


def test_every_question_of_the_catalogue_is_answered(run: Run, queries: Catalog) -> None:
    for query in queries.of_kind("competency"):
        result = run("query", query.name, "--format", "csv")
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) > 1
        assert tuple(result.stdout.splitlines()[0].split(",")) == query.columns


@pytest.mark.parametrize("name", [form.name for form in sparql.SOLUTION_FORMATS])
def test_solutions_are_printed_in_every_format(name: str, run: Run, store: Store) -> None:
    result = run("query", COUNT, "--format", name)
    answer = sparql.evaluate(store, COUNT)
    expected = sparql.write(answer, sparql.named_format(answer, name))
    assert result.stdout_bytes.rstrip(b"\n") == expected.rstrip(b"\n")
    assert result.stdout_bytes.endswith(b"\n")


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("turtle", "turtle"), ("ntriples", "nt"), ("rdfxml", "xml"), ("jsonld", "json-ld"), (None, "turtle")],
)
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # rdflib's parser of JSON-LD
def test_graphs_are_printed_in_every_format(name: str | None, theirs: str, run: Run) -> None:
    construct = "CONSTRUCT { ?m a hfm:FoundationModel } { ?m a hfm:FoundationModel }"
    result = run("query", construct, *(["--format", name] if name else []))
    assert len(rdflib.Graph().parse(data=result.stdout, format=theirs)) == 200


def test_a_table_shows_names_not_addresses(run: Run) -> None:
    query = "SELECT ?model ?name ?none { VALUES ?model { <https://w3id.org/hfm/model/UNI> } ?model rdfs:label ?name }"
    lines = run("query", query, "--format", "table").stdout.splitlines()
    assert [name for name in ("model", "name", "none") if name in lines[1]] == ["model", "name", "none"]
    assert "<https://w3id.org/hfm/model/UNI>" in lines[3]
    assert lines[-1].strip() == "1 row"


@pytest.mark.parametrize("markup", ["[bold]x[/bold]", "[/nothing]", ":smile:", "\\[x", "a\nb"])
def test_a_table_shows_values_as_they_are(markup: str, run: Run) -> None:
    escaped = markup.replace("\\", "\\\\").replace("\n", "\\n")
    shown = run("query", f'SELECT ("{escaped}" AS ?a) {{}}', "-f", "table")
    assert shown.exit_code == 0
    for line in markup.split("\n"):
        assert line in shown.stdout


def test_a_table_of_nothing_and_of_a_boolean(run: Run) -> None:
    assert run("query", "SELECT ?a { ?a hfm:no ?b }", "-f", "table").stdout.rstrip().endswith("0 rows")
    assert run("query", "ASK {}", "-f", "table").stdout == "true\n"
    assert run("query", "ASK { ?a hfm:no ?b }", "-f", "table").stdout == "false\n"


@pytest.mark.parametrize(
    ("query", "name"), [("ASK {}", "turtle"), ("DESCRIBE hfm:Vision", "csv"), ("DESCRIBE hfm:Vision", "table")]
)
def test_a_format_that_does_not_suit_the_query_is_refused(query: str, name: str, run: Run) -> None:
    result = run("query", query, "--format", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "take one of" in one_line(result.stderr)


def test_an_unknown_name_gets_a_suggestion(run: Run) -> None:
    result = run("query", "count")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no query 'count' in the catalogue; did you mean counts?" in one_line(result.stderr)


@pytest.mark.parametrize("name", ["nothing-like-it", "../counts", "é", "\udcff"])
def test_other_names_are_refused(name: str, run: Run) -> None:
    result = run("query", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no query" in one_line(result.stderr)


def test_an_empty_query_is_called_empty(run: Run) -> None:
    for nothing in ("", "  "):
        result = run("query", nothing)
        assert (result.exit_code, result.stderr) == (2, "hfm-kg: the query is empty\n")


def test_a_root_without_queries_is_told(run: Run, tmp_path: Path) -> None:
    for command in (["query", "counts"], ["query"], ["claims"]):
        result = run(*command, "--root", str(tmp_path))
        assert (result.exit_code, result.stdout) == (2, "")
        assert one_line(result.stderr).endswith(f"{tmp_path} holds no queries; is it a checkout?")


def test_a_full_disk_is_told_without_traceback(settings: Settings, snapshot: Snapshot) -> None:
    command = [SCRIPT, "query", "counts", "--output", str(settings.output)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "hfm-kg: No space left on device\n")


def test_a_snapshot_of_another_folder_is_told(sandbox: Settings, snapshot: Snapshot, run: Run, edit: Edit) -> None:
    edit("data/models.tsv", "\tMedCPT\t", "\tMedCPT2\t")
    result = run("query", "ASK {}", "--root", str(sandbox.root))
    assert f"was built from {snapshot.manifest['root']}, not from {sandbox.root}" in one_line(result.stderr)


def test_a_syntax_error_shows_the_line_and_a_caret(run: Run) -> None:
    result = run("query", "-", typed="SELECT ?s {\n  ?s nope:x ?o\n}")
    assert (result.exit_code, result.stdout) == (2, "")
    message, line, caret = result.stderr.rstrip("\n").split("\n")
    assert message.startswith("hfm-kg: line 2, column ")
    assert line == "    ?s nope:x ?o"
    assert caret.strip() == "^"
    assert line[caret.index("^")] in "nope:x"


@pytest.mark.parametrize("query", ["DROP ALL ?", "SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }"])
def test_updates_and_services_are_refused(query: str, run: Run) -> None:
    for more in ([], ["--endpoint", "http://127.0.0.1:1/"]):
        result = run("query", query, *more)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "allowed" in result.stderr or "read-only" in result.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the query is empty"),
        (b"\n\n", "the query is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "standard input: 'utf-8' codec can't decode byte 0x89"),
        (b"ASK { \x00 }", "line 1, column"),
        (b"(" * 300, "line 1, column"),
        (b"x" * 1_000_000, "line 1, column"),
    ],
    ids=["nothing", "blank", "binary", "NUL", "brackets", "huge"],
)
def test_odd_input_is_refused(content: bytes, message: str, run: Run) -> None:
    result = run("query", "-", typed=content)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert len(result.stderr) < 1_000


def test_arguments_that_are_no_text_are_refused(settings: Settings, snapshot: Snapshot) -> None:
    for argument in (b"ASK { ?s ?p '\xff' }", b"\xff", b"\xff.rq"):
        result = really("query", os.fsdecode(argument), output=settings.output)
        assert result.returncode == 2
        assert result.stderr.startswith(b"hfm-kg: ")
        assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_a_file_that_cannot_be_read_is_told(kind: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.rq"
    if kind == "folder":
        path.mkdir()
    if kind == "binary":
        path.write_bytes(b"\xff")
    result = run("query", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"cannot read {path}: " in one_line(result.stderr)


@pytest.mark.parametrize("name", [*(form.name for form in sparql.SOLUTION_FORMATS), "table"])
def test_an_endpoint_gives_the_same_answer(name: str, run: Run, endpoint: str) -> None:
    arguments = ["query", "counts", "--format", name]
    assert run(*arguments, "--endpoint", f"{endpoint}/sparql").stdout == run(*arguments).stdout


def test_an_endpoint_gives_the_same_graph(run: Run, endpoint: str) -> None:
    arguments = ["query", "DESCRIBE <https://w3id.org/hfm/model/UNI>", "--format", "ntriples"]
    near, far = (run(*arguments, *more).stdout for more in ([], ["--endpoint", f"{endpoint}/sparql"]))
    assert sorted(near.splitlines()) == sorted(far.splitlines())
    assert near


def test_an_endpoint_that_is_not_there_is_told(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/sparql"
    for address in (url, "nonsense", "http://a..b/"):
        result = run("query", "ASK {}", "--endpoint", address)
        assert (result.exit_code, result.stdout) == (1, "")
        assert address in one_line(result.stderr)


def test_an_endpoint_s_page_is_not_taken_for_an_answer(run: Run, endpoint: str) -> None:
    result = run("query", "ASK {}", "-f", "table", "--endpoint", f"{endpoint}/")
    assert result.exit_code == 2
    assert "405" in one_line(result.stderr)


def test_an_endpoint_s_syntax_error_is_told(run: Run, endpoint: str) -> None:
    result = run("query", "ASK {", "--endpoint", f"{endpoint}/sparql")
    assert result.exit_code == 2
    assert "answers 400 Bad Request: line 1, column" in result.stderr


@pytest.mark.parametrize("arguments", ["counts", "counts -f table", "-f table 'SELECT * { ?s ?p ?o } LIMIT 3000'",
                                       "'SELECT * { ?s ?p ?o }'", "", "'DESCRIBE hfm:FoundationModel'"])  # fmt: skip
def test_a_reader_that_has_seen_enough_is_no_error(arguments: str, settings: Settings, snapshot: Snapshot) -> None:
    command = f"set -o pipefail; {SCRIPT} query {arguments} | head -n 1"
    environment = {**os.environ, "HFM_KG_OUTPUT": str(settings.output)}
    result = subprocess.run(["bash", "-c", command], capture_output=True, env=environment, check=False)
    assert result.stderr == b""
    assert result.stdout.count(b"\n") == 1
    assert result.returncode == 0


def test_output_and_messages_go_their_own_ways(settings: Settings, snapshot: Snapshot) -> None:
    result = really("query", COUNT, "-f", "csv", output=settings.output)
    assert list(csv.reader(io.StringIO(result.stdout.decode(), newline=""))) == [["models"], ["200"]]
    assert (result.returncode, result.stderr) == (0, b"")


# --- build and check ------------------------------------------------------------------------------------------


def test_a_build_prints_its_manifest_and_is_told_when_it_is_outdated(sandbox: Settings, edit: Edit, run: Run) -> None:
    options = ["--root", str(sandbox.root), "--output", str(sandbox.output)]
    built = run("build", "--no-shacl", "--no-reasoning", *options)
    assert built.exit_code == 0
    assert json.loads(built.stdout)["reasoned"] is False
    assert built.stderr.startswith(f"snapshot: {sandbox.output}")
    assert run("query", COUNT, *options).stderr == ""
    edit("ontology/rules.ttl", "owl:Class", "owl:Class ")
    outdated = run("query", COUNT, *options)
    assert outdated.exit_code == 0
    assert "200" in outdated.stdout
    assert "renew it with: hfm-kg build" in one_line(outdated.stderr)


def test_a_query_builds_a_snapshot_if_there_is_none(
    run: Run, snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def build(settings: Settings, progress: object) -> Snapshot:
        asked.append(settings.output)
        return snapshot

    monkeypatch.setattr(pipeline, "build", build)
    result = run("query", COUNT, "--output", str(tmp_path / "new"))
    assert "200" in result.stdout
    assert asked == [tmp_path / "new"]
    assert "no snapshot yet" in one_line(result.stderr)


def test_a_clean_tree_has_no_findings(run: Run) -> None:
    result = run("check", "--no-shacl")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"0 findings in {ROOT}\n")


def test_findings_are_printed_as_compilers_do(sandbox: Settings, edit: Edit, run: Run) -> None:
    edit("data/models.tsv", "ContrastiveLearning", "ContrastiveLaerning")
    edit("data/tasks.tsv", "\t", "\t\t")
    edit("queries/competency/counts.rq", "SELECT", "SELEC")
    result = run("check", "--root", str(sandbox.root))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    findings = [re.fullmatch(r"([\w./-]+):(\d+):(\d+): ([\w-]+): (.+)", line) for line in lines]
    assert None not in findings
    files = {match[1] for match in findings if match}
    assert {"data/models.tsv", "data/tasks.tsv", "queries/competency/counts.rq"} <= files
    assert result.stderr == f"{len(lines)} findings in {sandbox.root}\n"
    wrong = next(line for line in lines if "ContrastiveLaerning" in line)
    _, line, column, *_ = wrong.split(":")
    text = (sandbox.root / "data/models.tsv").read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert text[int(column) - 1 :].startswith("ContrastiveLaerning")


def test_the_rules_are_listed_with_the_defect_that_fires_each(run: Run, queries: Catalog) -> None:
    result = run("check", "--rules")
    names, *rows = (line.split("\t") for line in result.stdout.splitlines())
    assert (result.exit_code, names) == (0, ["rule", "severity", "title", "fix", "defect"])
    assert [row[0] for row in rows] == [query.name for query in queries.of_kind("checks")]
    assert all(len(row) == len(names) and all(row) for row in rows)


def test_one_finding_is_one_finding(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "check", lambda *_: [Finding("a", 1, 2, "rule", "message")])
    result = run("check")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "a:1:2: rule: message\n", f"1 finding in {ROOT}\n")


def test_a_build_from_spoilt_data_prints_the_findings_on_standard_error(
    sandbox: Settings, edit: Edit, run: Run
) -> None:
    edit("data/models.tsv", "ContrastiveLearning", "ContrastiveLaerning")
    result = run("build", "--root", str(sandbox.root), "--output", str(sandbox.output))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("hfm-kg: data/models.tsv:2:")
    assert not sandbox.output.exists()


def test_an_output_folder_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    output = tmp_path / "file" / "below"
    result = run("build", "--no-shacl", "--no-reasoning", "--output", str(output))
    assert (result.exit_code, result.stdout) == (1, "")
    assert one_line(result.stderr) == f"hfm-kg: cannot write a snapshot to {output}: Not a directory"


def test_an_output_that_is_a_file_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in ("build", "query", "serve"):
        result = run(command, "--output", str(tmp_path / "file"))
        assert (result.exit_code, result.stdout) == (2, "")
        assert "is a file" in result.stderr


@pytest.mark.parametrize(
    "command",
    sorted(name for name, command in LEAVES.items() if any("--root" in each.opts for each in command.params)),
)
def test_a_root_that_is_not_there_is_wrong_usage(command: str, run: Run, tmp_path: Path) -> None:
    result = run(*command.split(), "--root", str(tmp_path / "none"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "does not exist" in result.stderr


def test_a_root_without_data_is_told(run: Run, tmp_path: Path) -> None:
    for command in ("build", "check"):
        result = run(command, "--root", str(tmp_path))
        assert result.exit_code == 1
        assert "csv-metadata.json:0:0: metadata: missing" in result.stdout + result.stderr
    assert not list(tmp_path.iterdir())


def test_a_broken_snapshot_is_told_with_the_cure(run: Run, tmp_path: Path, snapshot: Snapshot) -> None:
    broken = tmp_path / "snapshots" / "broken"
    broken.mkdir(parents=True)
    (tmp_path / "current").write_text("broken\n")
    (broken / "manifest.json").write_text(json.dumps(dict(snapshot.manifest)))
    for command in (["query", COUNT], ["serve", "--port", "0"]):
        result = run(*command, "--output", str(tmp_path))
        assert (result.exit_code, result.stdout) == (1, "")
        assert one_line(result.stderr).endswith("build it anew: hfm-kg build")


# --- serve ----------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_told(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--port", str(port))
    assert (result.exit_code, result.stdout) == (2, "")
    assert one_line(result.stderr) == (
        f"hfm-kg: cannot listen on 127.0.0.1:{port}: Address already in use; another port: hfm-kg serve --port 0"
    )


@pytest.mark.parametrize("host", ["256.0.0.1", "a..b", "x" * 70, "::g", "127.0.0.1:80"])
def test_a_host_that_is_none_is_told(host: str, run: Run) -> None:
    result = run("serve", "--port", "0", "--host", host)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"cannot listen on {host}" in one_line(result.stderr)
    assert "another port" not in result.stderr


def test_an_interrupt_ends_a_command_without_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(pipeline, "check", interrupt)
    result = run("check")
    assert result.exit_code in (1, 130)
    assert "Abort" in result.stderr


def test_our_errors_are_the_only_ones_that_are_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "check", lambda *_: 1 / 0)
    assert isinstance(CliRunner().invoke(main, ["check"]).exception, ZeroDivisionError)
