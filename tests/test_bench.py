"""The benchmark: the scaled graph is like the real one, wrong answers are found out, and nothing stays running."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click
import psutil
import pytest
from click.testing import CliRunner, Result
from pyoxigraph import DefaultGraph, Literal, NamedNode, QuerySolutions, Store

from hfm_kg import admission, sparql
from hfm_kg.bench import answers, attack, load, peers, scale, workload
from hfm_kg.bench.client import Sample, percentile
from hfm_kg.bench.servers import program
from hfm_kg.catalog import Catalog
from hfm_kg.cli import main
from hfm_kg.errors import EndpointError, QueryLimitError, UsageError
from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot
from hfm_kg.terms import RDFS
from tests.conftest import SCRIPT

COLUMN = "SELECT ?n { VALUES ?n { 1 2 } }"
NOTHING = b'{"head": {"vars": ["n"]}, "results": {"bindings": []}}'

# --- the scaled graph -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def twice(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return scale.scaled(snapshot, 2, tmp_path_factory.mktemp("scaled"))


@pytest.fixture(scope="module")
def double(twice: Snapshot) -> Store:
    return twice.open()


def numbers(store: Store, query: str) -> dict[str, int]:
    """What a query counts, by what."""
    result = sparql.evaluate(store, query)
    assert isinstance(result, QuerySolutions)
    counted = {}
    for key, number in result:
        assert isinstance(number, Literal)
        counted[str(key)] = int(number.value)
    return counted


def test_twice_the_graph_has_twice_the_things(store: Store, double: Store, queries: Catalog) -> None:
    once, scaled = (numbers(each, queries["counts"].text) for each in (store, double))
    for kind in ("references", "models", "datasets and databases", "related surveys"):
        assert scaled[f'"{kind}"'] == 2 * once[f'"{kind}"']
    for kind in ("challenges", "future directions", "applications"):
        assert scaled[f'"{kind}"'] == once[f'"{kind}"']


def test_the_manifest_counts_what_is_there(twice: Snapshot, double: Store) -> None:
    default = sum(1 for _ in double.quads_for_pattern(None, None, None, DefaultGraph()))
    assert (twice.manifest["quads"], twice.manifest["triples"]) == (len(double), default)


def test_properties_classes_and_degrees_stay_as_they_are(store: Store, double: Store) -> None:
    for terms in ("SELECT DISTINCT ?p { ?s ?p ?o }", "SELECT DISTINCT ?c { ?s a ?c }"):
        assert answers.of(sparql.evaluate(store, terms)) == answers.of(sparql.evaluate(double, terms))
    degrees = "SELECT ?model (COUNT(*) AS ?degree) { ?model a hfm:FoundationModel ; ?p ?o } GROUP BY ?model"
    once, scaled = (Counter(numbers(each, degrees).values()) for each in (store, double))
    assert scaled == Counter({degree: 2 * number for degree, number in once.items()})
    used = "SELECT ?task (COUNT(?model) AS ?models) { ?model hfm:task ?task } GROUP BY ?task"
    tasks, doubled = (numbers(each, used) for each in (store, double))
    assert doubled == {task: 2 * number for task, number in tasks.items()}


def test_the_checks_of_the_ontology_find_nothing_in_it(double: Store, queries: Catalog) -> None:
    for check in queries.of_kind("checks"):
        result = sparql.evaluate(double, check.text)
        assert isinstance(result, QuerySolutions)
        assert list(result) == [], check.name


def test_the_default_graph_holds_every_triple_and_labels_are_distinct(double: Store) -> None:
    missing = "ASK { GRAPH ?g { ?s ?p ?o } FILTER NOT EXISTS { ?s ?p ?o } }"
    assert not sparql.evaluate(double, missing)
    (uni,) = double.quads_for_pattern(NamedNode("https://w3id.org/hfm/model/UNI~2"), RDFS.label, None, DefaultGraph())
    assert uni.object == Literal("UNI~2")


def test_the_same_dump_gives_the_same_bytes(snapshot: Snapshot, tmp_path: Path) -> None:
    lines = snapshot.dump.read_bytes().splitlines(keepends=True)
    (tmp_path / "part.nq").write_bytes(b"".join(line for line in lines if b"/row/21" in line or b"model/UNI>" in line))
    code = (
        "import sys, hashlib; from pathlib import Path; from hfm_kg.bench import scale; "
        "print(hashlib.sha256(scale.pattern(Path(sys.argv[1]).read_bytes()).copy(7)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "part.nq")],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    copied = scale.pattern((tmp_path / "part.nq").read_bytes()).copy(7)
    assert digests == {hashlib.sha256(copied).hexdigest()}
    assert b"<https://w3id.org/hfm/model/UNI~7>" in copied


# --- queries and answers --------------------------------------------------------------------------------------


def test_each_shape_has_instances_that_are_different_queries(store: Store, queries: Catalog) -> None:
    shapes = queries.of_kind("shapes")
    assert len(shapes) == 8
    for each in workload.workloads([shape.name for shape in shapes], queries, store):
        assert len(set(each.queries)) == len(each.queries) > 3
        assert answers.of(sparql.evaluate(store, each.queries[0])), each.name


def test_a_shape_without_its_parameter_is_told(store: Store, queries: Catalog) -> None:
    shape = queries["year-filter"]
    spoilt = type(shape)(
        shape.name, shape.kind, shape.path, shape.file, shape.text.replace("2023)", "2022)"), shape.header
    )
    with pytest.raises(UsageError, match="does not hold its parameter 2023"):
        workload.instances(spoilt, store)


def test_answers_are_compared_by_value_and_number() -> None:
    def given(*values: dict[str, str]) -> answers.Answer:
        bindings = [{"n": value} for value in values]
        return answers.read(
            json.dumps({"head": {"vars": ["n"]}, "results": {"bindings": bindings}}).encode(), is_graph=False
        )

    def number(value: str, kind: str) -> dict[str, str]:
        return {"type": "literal", "value": value, "datatype": f"http://www.w3.org/2001/XMLSchema#{kind}"}

    one, two = number("1", "integer"), {"type": "uri", "value": "urn:x"}
    assert given(one, two) == given(two, number("1.0", "decimal"))
    assert given(one) != given(one, one)
    assert given(one) != given({"type": "literal", "value": "1"})
    assert given(number("1", "boolean")) == given(number("true", "boolean"))
    assert answers.read(b"<urn:a> <urn:b> 1, 2 .", is_graph=True) == answers.read(
        b"<urn:a> <urn:b> 2, 1 .", is_graph=True
    )
    with pytest.raises(EndpointError, match="does not parse"):
        answers.read(b"<html>", is_graph=False)


# --- the load clients -----------------------------------------------------------------------------------------


class Planted(BaseHTTPRequestHandler):
    """Answers everything alike, and remembers what it was asked."""

    protocol_version = "HTTP/1.1"
    status, headers_sent, body = 200, {"Content-Type": answers.SOLUTIONS, "Content-Length": str(len(NOTHING))}, NOTHING
    asked: list[str]

    def do_GET(self) -> None:  # the name that the library calls
        self.asked.append(parse_qs(urlsplit(self.path).query)["query"][0])
        self.send_response(self.status)
        for name, value in self.headers_sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)
        self.close_connection = self.headers_sent.get("Connection") == "close"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's
        """Say nothing."""


@contextmanager
def planted(**differences: object) -> Iterator[tuple[str, list[str]]]:
    """The address of such a server, and what it was asked."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Planted,), {"asked": asked, **differences}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/sparql", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("values", "percent", "expected"), [
    ([1, 2, 3, 4], 50, 2), ([1, 2, 3, 4], 99, 4), ([5], 50, 5), (range(1, 101), 99, 99), (range(1, 102), 99, 100),
])  # fmt: skip
def test_a_percentile_is_the_nearest_rank(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_a_percentile_of_nothing_is_no_number() -> None:
    assert math.isnan(percentile([], 50))


CLIENTS = [
    "python",
    pytest.param("wrk", marks=pytest.mark.skipif(program("wrk") is None, reason="wrk is not installed")),
]


@pytest.mark.parametrize("name", CLIENTS)
def test_no_cold_request_is_like_another_and_warm_ones_are(name: str) -> None:
    client = load.client(name)
    queries = ["ASK { ?a ?b 'é&+%' }", "ASK {}"]
    with planted() as (url, asked):
        cold = client.measure(url, queries, 2, 0.3, cold=True)
        assert len(set(asked)) == len(asked) >= cold.requests > 2
        for query in asked:
            Store().query(query)
        assert {query.partition("> ")[2] for query in asked} == set(queries)
        asked.clear()
        warm = client.measure(url, queries, 2, 0.3, cold=False)
        assert set(asked) == set(queries)
    assert not cold.failures
    assert 0 < warm.p50 <= warm.p99
    assert warm.rate == pytest.approx(warm.requests / warm.seconds)


@pytest.mark.parametrize("name", CLIENTS)
def test_other_statuses_are_failures_and_no_answers(name: str) -> None:
    with planted(status=503) as (url, _):
        sample = load.client(name).measure(url, ["ASK {}"], 1, 0.2, cold=False)
    assert sample.requests == 0
    assert set(sample.failures) <= {"503", "status"}
    assert sum(sample.failures.values()) > 0


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Transfer-Encoding": "chunked"}, b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n"),
        ({"Connection": "close"}, b"abc"),
        ({"Content-Length": "3", "Connection": "close"}, b"abc"),
    ],
    ids=["chunked", "until it closes", "closed after"],
)
def test_our_client_reads_answers_of_each_kind(headers: dict[str, str], body: bytes) -> None:
    with planted(headers_sent=headers, body=body) as (url, asked):
        sample = load.Python().measure(url, ["ASK {}"], 2, 0.2, cold=False)
    assert not sample.failures
    assert len(asked) >= sample.requests > 2


def test_a_server_that_is_not_there_fails_each_request() -> None:
    with planted() as (url, _):
        pass
    sample = load.Python().measure(url, ["ASK {}"], 1, 0.1, cold=False)
    assert sample.requests == 0
    assert set(sample.failures) == {"ConnectionRefusedError"}


def test_an_answer_that_is_cut_short_is_a_failure() -> None:
    with planted(headers_sent={"Content-Length": "100", "Connection": "close"}, body=b"abc") as (url, _):
        sample = load.Python().measure(url, ["ASK {}"], 1, 0.1, cold=False)
    assert sample.requests == 0
    assert set(sample.failures) == {"IncompleteReadError"}


# --- whole runs -----------------------------------------------------------------------------------------------


def bench(settings: Settings, *arguments: str, **environment: str) -> Result:
    result = CliRunner(mix_stderr=False).invoke(
        main, ["bench", *arguments], env={"HFM_KG_OUTPUT": str(settings.output), **environment}
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


SHORT = ("--clients", "2", "--rounds", "1", "--seconds", "0.1", "--client", "python")


def test_a_run_measures_right_servers_and_tells_of_the_others(
    settings: Settings, snapshot: Snapshot, tmp_path: Path
) -> None:
    plot = tmp_path / "ratios.svg"
    with planted() as (url, _):
        result = bench(
            settings, *SHORT, "--query", "two-hop-join", "--query", "construct", "--peer", "oxigraph",
            "--peer", "virtuoso", "--endpoint", f"wrong={url}", "--format", "json", "--plot", str(plot),
            PATH=str(tmp_path), TMPDIR=str(tmp_path),
        )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    cells = {(cell["query"], cell["mode"], cell["server"]): cell for cell in told["cells"]}
    assert set(cells) == set(itertools.product(["two-hop-join", "construct"], ["cold", "warm"], ["hfm-kg", "oxigraph"]))
    assert all(cell["requests/s"] > 0 and not cell["failed"] for cell in cells.values())
    problems = {(problem["server"], problem["workload"]): problem["reason"] for problem in told["problems"]}
    assert problems["virtuoso", ""] == "virtuoso is not installed; get it with: apt-get install virtuoso-opensource"
    assert problems["wrong", "two-hop-join"].startswith("other answer: 0 rows too many, ")
    assert "does not parse" in problems["wrong", "construct"]
    assert f"{snapshot.manifest['quads']:,} quads" in told["conditions"]["data"]
    assert "oxigraph" in plot.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [plot]


def test_a_table_has_our_figures_and_a_ratio_for_each_peer(settings: Settings, snapshot: Snapshot) -> None:
    result = bench(
        settings, *SHORT, "--query", "counts", "--mode", "warm", "--peer", "oxigraph-memory", "--format", "markdown"
    )
    heading, _, row, *notes = result.stdout.splitlines()
    assert heading == "| query | mode | clients | requests/s | p50 ms | p99 ms | failed | x oxigraph-memory |"
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["counts", "warm", "2"]
    assert float(cells[-1]) > 0
    assert any(note.startswith("- servers: hfm-kg ") and "oxigraph-memory " in note for note in notes)


def test_hostile_queries_are_refused_or_stay_just_below_the_limits() -> None:
    admitted = set()
    for name, query in attack.HOSTILE.items():
        try:
            admission.admit(query, admission.Shape())
            admitted.add(name)
        except QueryLimitError:
            pass
    assert admitted == {
        "Cartesian product, counted", "Cartesian product, sorted", "REPLACE bomb", "48 OPTIONAL", "path of 90 steps",
        "110 triple patterns",
    }  # fmt: skip


def test_every_peer_can_be_chosen() -> None:
    (option,) = (option for option in main.commands["bench"].params if option.name == "peer_names")
    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == ["none", *(peer.name for peer in peers.PEERS)]
    assert peers.peers(()) == peers.PEERS
    assert peers.peers(("none",)) == ()


def test_an_attack_is_measured(
    snapshot: Snapshot, store: Store, queries: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attack, "HEAD_START", 0.2)
    cheap = workload.workloads(attack.CHEAP, queries, store)
    outcome = attack.run(snapshot, cheap, 0.3, 60, lambda step: None)
    assert outcome.idle.requests > 0
    assert not outcome.idle.failures
    assert "400" in outcome.hostile.failures
    spoilt = attack.Outcome(outcome.idle, Sample(1, 1, 1, 1, {"503": 1}), outcome.hostile)
    assert not spoilt.is_passed
    slow = attack.Outcome(Sample(1, 1, 1, 1, {}), Sample(1, 1, 1, 6, {}), outcome.hostile)
    assert (slow.ratio, slow.is_passed) == (6, False)
    fast = attack.Outcome(Sample(1, 1, 1, 1, {}), Sample(1, 1, 1, 4, {}), outcome.hostile)
    assert fast.is_passed


@pytest.mark.parametrize("arguments", [
    ["--clients", "0"], ["--clients", "1,x"], ["--plot", "ratios.pdf"], ["--attack", "--plot", "a.svg"],
    ["--endpoint", "nonsense"], ["--endpoint", "x=ftp://127.0.0.1/"], ["--query", "iri-lokup"],
])  # fmt: skip
def test_wrong_usage_is_told_before_anything_is_started(
    arguments: list[str], settings: Settings, snapshot: Snapshot
) -> None:
    result = bench(settings, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("hfm-kg: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_a_run_that_is_interrupted_leaves_nothing_behind(
    number: signal.Signals, settings: Settings, snapshot: Snapshot, tmp_path: Path
) -> None:
    environment = {**os.environ, "HFM_KG_OUTPUT": str(settings.output), "TMPDIR": str(tmp_path)}
    command = [SCRIPT, "bench", "--query", "iri-lookup", "--peer", "none", "--seconds", "600", "--clients", "1"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        known = psutil.Process(process.pid)
        while not (children := known.children(recursive=True)):
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, b"")
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    assert list(tmp_path.iterdir()) == []
