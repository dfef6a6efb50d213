"""The server in the hands of those who run it: new snapshots, several processes, probes, figures, logs, the end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pyoxigraph import Literal, NamedNode, Quad

from hfm_kg import store
from hfm_kg.store import Snapshot
from hfm_kg.terms import BASE

from .conftest import SCRIPT

ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
MARK = NamedNode("https://example.org/mark")
WHICH = f"SELECT ?mark {{ {MARK} {MARK} ?mark }}"


class Running:
    """A server that runs as a process of its own, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.said = process, ""
        self.address = self.metrics = ""
        assert process.stderr is not None
        for line in process.stderr:
            self.said += line
            if match := re.match(r"SPARQL endpoint (\S+)/sparql.*?(?:metrics (\S+))? \(Ctrl-C", line):
                self.address, self.metrics = match[1], match[2] or f"{match[1]}/metrics"
                break
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line

    def ask(self, query: str, **parameters: str) -> httpx.Response:
        return httpx.get(f"{self.address}/sparql", params={"query": query, **parameters}, timeout=60)

    def figure(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        told = text_string_to_metric_families(httpx.get(self.metrics).text)
        samples = [sample for family in told for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def events(self) -> list[dict[str, Any]]:
        """The lines of a log in JSON."""
        return [json.loads(line) for line in self.said.splitlines() if line.startswith("{")]

    def end(self, number: signal.Signals) -> int:
        """Send a signal, and wait for the end."""
        self.process.send_signal(number)
        code = self.process.wait(60)
        self.reader.join()
        return code


@contextmanager
def running(output: Path, *options: str) -> Iterator[Running]:
    """A server over a folder of snapshots, on a free port."""
    command = [SCRIPT, "serve", "--port", "0", "--evaluators", "1", "--output", str(output), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        server = Running(process)
        try:
            assert server.address, server.said
            yield server
        finally:
            process.kill()
            server.reader.join()


def until(condition: Callable[[], bool]) -> None:
    """Wait until something has come to pass; the test fails if that takes a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(process: int) -> bool:
    return Path(f"/proc/{process}/root").exists()


def below(process: int) -> set[int]:
    """All processes that descend from one."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    children = {int(child) for task in tasks for child in task.read_text().split()}
    return children.union(*(below(child) for child in children))


@pytest.fixture(scope="module")
def lines(snapshot: Snapshot) -> list[bytes]:
    """A part of the real graph, which is read at once."""
    dump = snapshot.dump.read_bytes().splitlines(keepends=True)
    thing = f"<{BASE}model/BioBERT>".encode()
    return [line for number, line in enumerate(dump) if number % 20 == 0 or line.startswith(thing)]


Renew = Callable[[str], Snapshot]


@pytest.fixture
def renew(snapshot: Snapshot, lines: list[bytes], tmp_path: Path) -> Renew:
    """Makes a snapshot that holds a mark beside the graph, as a build would."""

    def renew(mark: str) -> Snapshot:
        line = store.nquads([Quad(MARK, MARK, Literal(mark))])
        return store.write(tmp_path / "output", mark, b"".join(sorted([*lines, line])), snapshot.manifest)

    return renew


@pytest.fixture
def folder(renew: Renew, tmp_path: Path) -> Path:
    """A folder of snapshots that is the test's own."""
    renew("old")
    return tmp_path / "output"


# --- new snapshots --------------------------------------------------------------------------------------------


def test_a_new_snapshot_is_served_without_a_break(folder: Path, renew: Renew) -> None:
    answers: list[httpx.Response] = []
    enough = threading.Event()

    def ask(address: str, keeps: bool) -> None:
        with httpx.Client(base_url=address, timeout=60) as client:
            while not enough.is_set():
                connection = {} if keeps else {"Connection": "close"}
                parameters = {"query": WHICH, "format": "csv"}
                answers.append(client.get("/sparql", params=parameters, headers=connection))
                answers.append(client.get("/model/BioBERT"))

    with running(folder) as server:
        askers = [threading.Thread(target=ask, args=(server.address, keeps)) for keeps in (True, False)]
        for asker in askers:
            asker.start()
        try:
            for mark in ("first", "second"):
                renew(mark)
                if mark == "second":
                    server.process.send_signal(signal.SIGHUP)
                until(lambda mark=mark: mark in server.ask(WHICH, format="csv").text)  # type: ignore[misc] # bound now
        finally:
            enough.set()
            for asker in askers:
                asker.join()
        assert server.figure("hfm_kg_snapshot_switches_total", result="done") == 2
        assert httpx.get(f"{server.address}/readyz").json()["snapshot"] == "second"
        until(lambda: len(below(server.process.pid)) == 2)  # the evaluators of the snapshots before are gone
    assert {answer.status_code for answer in answers} == {200}
    said = [(answer.text, answer.headers["etag"]) for answer in answers if answer.request.url.path == "/sparql"]
    assert {text for text, _ in said} == {f"mark\r\n{mark}\r\n" for mark in ("old", "first", "second")}
    assert len({tag for _, tag in said}) == 3


def test_an_answer_under_way_ends_on_the_snapshot_that_it_began_on(folder: Path, renew: Renew) -> None:
    large = f"SELECT * {{ ?s ?p ?o VALUES ?n {{ {' '.join(map(str, range(50)))} }} }}"
    # the system would otherwise take in the whole answer for a client that does not read
    narrow = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)])
    with running(folder, "--timeout", "300", "--patience", "300") as server, httpx.Client(transport=narrow) as client:
        count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
        triples = int(server.ask(count, format="csv").text.split()[1])
        parameters = {"query": large, "format": "tsv"}
        with client.stream("GET", f"{server.address}/sparql", params=parameters, timeout=60) as answer:
            parts = answer.iter_raw()
            rows = next(parts).count(b"\n")
            renew("new")
            renew("newer")
            server.process.send_signal(signal.SIGHUP)
            # before the change a query would wait for the old snapshot's one evaluator, and so for what is read here
            until(lambda: server.figure("hfm_kg_snapshot_switches_total", result="done") >= 1)
            until(lambda: "newer" in server.ask(WHICH, format="csv").text)
            assert (folder / "snapshots" / "old").exists()  # as long as it is read
            assert server.figure("hfm_kg_http_requests_in_flight") == 2
            rows += sum(part.count(b"\n") for part in parts)
        assert rows == 50 * triples + 1
        until(lambda: len(below(server.process.pid)) == 2)
    renew("newest")
    assert not (folder / "snapshots" / "old").exists()


def test_a_new_snapshot_finds_the_cache_filled(folder: Path, renew: Renew) -> None:
    with running(folder) as server:
        server.ask(WHICH)
        renew("new")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: server.figure("hfm_kg_snapshot_switches_total", result="done") == 1)
        hits = server.figure("hfm_kg_cache_hits_total")
        assert "new" in server.ask(WHICH).text
        assert server.figure("hfm_kg_cache_hits_total") == hits + 1


def test_a_snapshot_that_cannot_be_opened_leaves_the_one_before(folder: Path, renew: Renew) -> None:
    with running(folder) as server:
        spoilt = renew("spoilt")
        shutil.rmtree(spoilt.path / "store")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: server.figure("hfm_kg_snapshot_switches_total", result="failed") > 0)
        assert server.ask(WHICH, format="csv").text == "mark\r\nold\r\n"
        assert httpx.get(f"{server.address}/readyz").status_code == 200
        until(lambda: "is served on" in server.said)
        assert "cannot open the snapshot" in server.said
        assert "Traceback" not in server.said
        renew("sound")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "sound" in server.ask(WHICH, format="csv").text)


# --- several processes ----------------------------------------------------------------------------------------


def test_processes_share_the_port_and_one_that_is_killed_is_replaced(folder: Path, renew: Renew) -> None:
    with running(folder, "--processes", "2", "--metrics-port", "0", "--log-level", "info") as server:
        for _ in range(40):
            assert server.ask("ASK {}").status_code == 200
        assert server.figure("hfm_kg_http_requests_total", route="/sparql") == 40
        until(lambda: server.figure("hfm_kg_evaluators") == 2)
        assert httpx.get(f"{server.address}/metrics").status_code == 404
        workers = set(map(int, re.findall(r"Started server process \[(\d+)\]", server.said)))
        assert len(workers) == 2
        os.kill(min(workers), signal.SIGKILL)
        until(lambda: server.said.count("Application startup complete") == 3)
        assert {server.ask("ASK {}").status_code for _ in range(20)} == {200}
        until(lambda: server.figure("hfm_kg_evaluators") == 2)
        renew("new")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: server.figure("hfm_kg_snapshot_switches_total", result="done") == 2)
        assert {server.ask(WHICH, format="csv").text for _ in range(20)} == {"mark\r\nnew\r\n"}


@pytest.mark.parametrize(
    ("processes", "number"),
    [("1", signal.SIGKILL), ("2", signal.SIGINT), ("2", signal.SIGTERM), ("2", signal.SIGKILL)],
)
def test_nothing_is_left_behind(folder: Path, processes: str, number: signal.Signals) -> None:
    with running(folder, "--processes", processes) as server:
        descendants = below(server.process.pid)
        assert len(descendants) >= 2
        server.end(number)
        until(lambda: not any(map(is_alive, descendants)))
        assert "Traceback" not in server.said


def test_evaluators_that_cannot_start_end_the_server(folder: Path) -> None:
    for processes in ("1", "2"):
        done = subprocess.run(
            [SCRIPT, "serve", "--port", "0", "--output", str(folder), "--memory", str(2**80), "--processes", processes],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 1
        assert "no evaluator can start with" in done.stderr
        assert "Traceback" not in done.stderr


# --- probes and the end ---------------------------------------------------------------------------------------


def test_a_server_that_is_told_to_stop_says_so_before_it_does(folder: Path) -> None:
    with running(folder, "--drain", "2", "--grace", "30", "--timeout", "3") as server:
        for path in ("/livez", "/readyz"):
            answer = httpx.get(server.address + path)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        statuses: list[int] = []
        thread = threading.Thread(target=lambda: statuses.append(server.ask(ENDLESS).status_code))
        thread.start()
        until(lambda: server.figure("hfm_kg_evaluators", state="busy") == 1)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: httpx.get(f"{server.address}/readyz").status_code == 503)
        told = httpx.get(f"{server.address}/readyz")
        assert told.headers["content-type"] == "application/problem+json"
        assert told.json()["detail"] == "the server stops"
        assert told.headers["connection"] == "close"
        assert httpx.get(f"{server.address}/livez").status_code == 200
        assert httpx.get(f"{server.address}/model/BioBERT").status_code == 200
        assert server.process.wait(60) == -signal.SIGTERM
        thread.join()
        assert statuses == [504]


def test_a_server_without_evaluators_is_not_ready(folder: Path) -> None:
    with running(folder) as server:
        (parent,) = (child for child in below(server.process.pid) if below(child))
        (folder / "snapshots" / "old" / "graph.nq").unlink()
        os.kill(parent, signal.SIGKILL)
        until(lambda: "started again" in httpx.get(f"{server.address}/readyz").text)
        assert httpx.get(f"{server.address}/readyz").status_code == 503
        assert httpx.get(f"{server.address}/livez").status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_can_only_be_read(path: str, endpoint: str) -> None:
    assert httpx.head(endpoint + path).status_code == 200
    answer = httpx.post(endpoint + path)
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")


def is_served(address: tuple[str, int]) -> bool:
    """Whether a connection is not sent away."""
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        try:
            return connection.recv(100).startswith(b"HTTP/1.1 200")
        except ConnectionResetError:
            return False


def test_a_connection_too_many_is_sent_away(folder: Path) -> None:
    with running(folder, "--connections", "3") as server:
        address = httpx.URL(server.address).host, httpx.URL(server.address).port or 80
        held = [socket.create_connection(address) for _ in range(3)]
        with socket.create_connection(address, timeout=60) as other, other.makefile("rb") as said:
            head, _, body = said.read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"application/problem+json" in head
        assert json.loads(body)["detail"] == "there are too many connections"
        for connection in held:
            connection.close()
        until(lambda: is_served(address))


# --- figures --------------------------------------------------------------------------------------------------


def test_figures_tell_what_has_come_to_pass(folder: Path) -> None:
    with running(folder, "--timeout", "5", "--result", "2") as server:
        for query in ("ASK {}", "ASK {}", "ASK {"):
            server.ask(query)
        server.ask(ENDLESS, timeout="0.5")
        with pytest.raises(httpx.RemoteProtocolError):
            server.ask("SELECT * { ?a ?b ?c . ?d ?e ?f }")
        httpx.get(f"{server.address}/nothing")
        httpx.request("PUT", f"{server.address}/sparql")
        until(lambda: server.figure("hfm_kg_evaluators", state="idle") == 1)
        for outcome in ("ok", "cached", "refused", "deadline", "cut"):
            assert server.figure("hfm_kg_query_duration_seconds_count", outcome=outcome) == 1, outcome
        for status, number in (("200", 3), ("400", 1), ("504", 1)):
            assert server.figure("hfm_kg_http_requests_total", route="/sparql", status=status) == number
        assert server.figure("hfm_kg_http_requests_total", route="/{path:path}", status="404") == 1
        assert server.figure("hfm_kg_http_requests_total", method="other", status="405") == 1
        assert server.figure("hfm_kg_evaluator_kills_total", cause="deadline") == 1
        assert server.figure("hfm_kg_evaluator_kills_total", cause="result") == 1
        assert server.figure("hfm_kg_results_cut_total") == 1
        assert server.figure("hfm_kg_cache_hits_total") == 1
        assert server.figure("hfm_kg_cache_answers") == 1
        assert server.figure("hfm_kg_http_requests_in_flight") == 1  # the one that asks
        assert server.figure("hfm_kg_queries_waiting") == 0
        assert server.figure("process_resident_memory_bytes") > 0


# --- the log --------------------------------------------------------------------------------------------------


def test_each_request_is_a_line_without_its_query(folder: Path) -> None:
    with running(folder, "--log-level", "info", "--log-format", "json") as server:
        named = {"X-Request-ID": "trace-1.a_B"}
        first = httpx.get(f"{server.address}/sparql", params={"query": "ASK {}"}, headers=named)
        second = server.ask("ASK {}")
        wrong = server.ask("ASK {")
        httpx.get(f"{server.address}/livez")
        httpx.get(f"{server.address}/a%0Ab")
        assert first.headers["x-request-id"] == "trace-1.a_B"
        assert wrong.json()["request_id"] == wrong.headers["x-request-id"]
        server.end(signal.SIGTERM)
    told = [event for event in server.events() if event["logger"] == "hfm_kg.server.requests"]
    assert [(event["path"], event["status"], event["outcome"], event["cached"]) for event in told] == [
        ("/sparql", 200, "ok", False),
        ("/sparql", 200, "cached", True),
        ("/sparql", 400, "refused", False),
        ("/a%0Ab", 404, "refused", False),
    ]
    assert [event["request_id"] for event in told[:3]] == [
        answer.headers["x-request-id"] for answer in (first, second, wrong)
    ]
    assert len({event["request_id"] for event in told}) == 4
    assert (told[0]["bytes"], told[0]["client"], told[0]["method"]) == (len(first.content), "127.0.0.1", "GET")
    assert all(event["duration_ms"] > 0 and event["time"].endswith("Z") for event in told)
    assert "ASK" not in server.said
    assert {event["logger"] for event in server.events()} >= {"uvicorn.error"}  # in the same form


def test_the_query_is_logged_for_debugging_alone(folder: Path) -> None:
    with running(folder, "--log-level", "debug", "--log-format", "json") as server:
        server.ask("ASK {} # seen")
        httpx.get(f"{server.address}/livez")
        server.end(signal.SIGTERM)
    told = [event for event in server.events() if event["logger"] == "hfm_kg.server.requests"]
    assert [(event["path"], event.get("query")) for event in told] == [("/sparql", "ASK {} # seen"), ("/livez", None)]


def test_a_log_for_people_has_a_line_an_event(folder: Path) -> None:
    with running(folder, "--log-level", "info") as server:
        server.ask("ASK {}")
        server.end(signal.SIGTERM)
    assert re.search(
        r"^\S+Z INFO request request_id=\w+ method=GET path=/sparql status=200 outcome=ok cached=False "
        r"duration_ms=[\d.]+ bytes=\d+ client=127\.0\.0\.1$",
        server.said,
        re.MULTILINE,
    )


def test_by_default_the_terminal_stays_quiet(folder: Path) -> None:
    with running(folder) as server:
        server.ask("ASK {}")
        server.ask("ASK {")
        server.end(signal.SIGTERM)
    assert server.said.partition("(Ctrl-C stops)\n")[2] == ""


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", 'a"b', "a;b"])
def test_a_request_id_that_could_mislead_is_not_taken_over(endpoint: str, given: str) -> None:
    answer = httpx.get(endpoint + "/livez", headers=[(b"X-Request-ID", given.encode("latin-1"))])
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])
