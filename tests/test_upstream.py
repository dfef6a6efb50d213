"""The server over another endpoint: Oxigraph's with the graph published to it, and one that misbehaves as we say."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs

import httpx
import pytest
from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Store

from hfm_kg import sparql, statement
from hfm_kg.errors import (
    BusyError,
    ClientBusyError,
    DeadlineError,
    EndpointError,
    EvaluationError,
    ForbiddenError,
    HfmError,
    LargeGraphError,
    NotAcceptableError,
    QuerySyntaxError,
    UsageError,
)
from hfm_kg.server import distant, resources
from hfm_kg.server.bounds import Limits
from hfm_kg.server.distant import Distant
from hfm_kg.server.frames import Job
from hfm_kg.server.upstream import Address, Upstream
from hfm_kg.sparql import GRAPH_FORMATS, SOLUTION_FORMATS
from hfm_kg.terms import BASE, RDF, RDFS, iri

from . import stores
from .conftest import SCRIPT
from .stores import Foreign, free_port
from .test_operations import Running, running, until

Result = TypeVar("Result")

JSON = "application/sparql-results+json"
NOTHING = b'{"head":{"vars":["s"]},"results":{"bindings":[]}}'
ONE = "SELECT ?s { ?s a hfm:FoundationModel } ORDER BY ?s LIMIT 1"
SELECT = "SELECT ?name ?year { <model/UNI> rdfs:label ?name ; hfm:publicationYear ?year }"
CONSTRUCT = "CONSTRUCT { <model/UNI> ?p ?o } { <model/UNI> ?p ?o }"


# --- over the real graph --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(oxigraph: Foreign, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server over Oxigraph's, with no snapshot at hand."""
    with running(tmp_path_factory.mktemp("none"), "--upstream", oxigraph.asked, "--timeout", "120") as server:
        yield server


@pytest.mark.parametrize(
    ("query", "name"),
    [
        *((query, form.name) for form in SOLUTION_FORMATS for query in (SELECT, "ASK { ?s a hfm:Dataset }")),
        *((CONSTRUCT, form.name) for form in GRAPH_FORMATS),
    ],
)
def test_a_result_is_written_in_every_format_as_over_a_snapshot(
    server: Running, endpoint: str, query: str, name: str
) -> None:
    theirs = server.ask(query, format=name)
    ours = httpx.get(f"{endpoint}/sparql", params={"query": query, "format": name})
    assert theirs.status_code == ours.status_code == 200
    assert theirs.headers["content-type"] == ours.headers["content-type"]
    assert len(theirs.content) == len(ours.content)
    assert sorted(theirs.text.splitlines()) == sorted(ours.text.splitlines()) or name in ("jsonld", "turtle", "trig")


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("SELECT ?m { ?m a fair:Model }", 400, "line 1, column 18"),
        ("DEFINE get:soft 'replace' SELECT * { ?s ?p ?o }", 400, "does not parse"),
        ("SELECT * { ?s ?p ?o } INSERT DATA { <urn:a> <urn:a> <urn:a> }", 400, "does not parse"),
        ("INSERT DATA { <urn:a> <urn:a> <urn:a> }", 403, "read-only"),
        ("SELECT * { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }", 403, "SERVICE"),
        ("SELECT * { ?s ?p 1e5SERVICE <http://127.0.0.1/> { ?s ?p ?o } }", 400, "does not parse"),
        ("SELECT * { ?s ?p '\\u0027 . SERVICE <http://127.0.0.1/> { ?s ?p ?o } #' }", 400, "ASCII"),
        ("SELECT * { ?s ?p '\\u0027' }", 400, "ASCII"),
        ("SELECT * {" + "?s ?p ?o ." * 1000 + "}", 400, "triples"),
    ],
)
def test_what_is_refused_over_a_snapshot_is_refused(server: Running, query: str, status: int, told: str) -> None:
    answer = server.ask(query)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.text


def test_a_dataset_is_asked_for(server: Running, endpoint: str) -> None:
    graph = f"{BASE}source/he2024/table/2/row/21"
    parameters = {"query": "SELECT ?p ?o { <model/UNI> ?p ?o } ORDER BY ?p ?o", "default-graph-uri": graph}
    theirs = httpx.get(f"{server.address}/sparql", params=parameters)
    assert theirs.text == httpx.get(f"{endpoint}/sparql", params=parameters).text
    assert len(theirs.json()["results"]["bindings"]) > 5
    whole = httpx.get(f"{server.address}/rdf-graph-store", params={"graph": graph, "format": "ntriples"})
    assert f"<{BASE}model/UNI>" in whole.text
    assert httpx.get(f"{server.address}/rdf-graph-store", params={"graph": "urn:none"}).status_code == 404


def test_an_answer_is_kept_under_a_tag(server: Running) -> None:
    first = server.ask(SELECT)
    known = {"If-None-Match": first.headers["etag"]}
    again = httpx.get(f"{server.address}/sparql", params={"query": SELECT}, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert server.figure("hfm_kg_cache_hits_total") > 0


@pytest.mark.parametrize("path", ["model/UNI", "Pathology", "source/he2024/table/2/row/21", "modality"])
def test_the_page_of_a_thing_is_the_same_as_over_a_snapshot(server: Running, endpoint: str, path: str) -> None:
    for accept in ("text/html", "text/turtle", "application/n-triples"):
        theirs, ours = (
            httpx.get(f"{address}/{path}", headers={"Accept": accept}, timeout=60)
            for address in (server.address, endpoint)
        )
        assert theirs.status_code == 200
        assert theirs.text == ours.text or sorted(tokens(theirs.text)) == sorted(tokens(ours.text))


def tokens(text: str) -> list[str]:
    """What a text consists of; blank nodes, which have other names each time, all called the same."""
    return re.sub(r"_:\w+", "_:b", text).split()


def test_programs_find_examples_and_what_is_not_there(server: Running) -> None:
    examples = httpx.get(f"{server.address}/.well-known/sparql-examples", headers={"Accept": "text/turtle"})
    assert f"{server.address}/sparql" in examples.text
    missing = httpx.get(f"{server.address}/model/BioBET")
    assert missing.status_code == 404
    assert "model/BioBERT" in missing.text


# --- quads by pattern -----------------------------------------------------------------------------------------


def test_patterns_give_what_a_store_gives(store: Store) -> None:
    asked: list[str] = []

    def select(query: str) -> list[sparql.Solution]:
        asked.append(query)
        return sparql.select(store, query)

    quads = Distant(select)
    uni, row, default = iri("model", "UNI"), iri("source", "he2024", "table", "2", "row", "21"), DefaultGraph()
    for pattern in (
        (uni, None, None, None),
        (uni, RDF.type, None, default),
        (uni, None, None, row),
        (None, None, uni, default),
        (None, RDFS.label, None, default),
        (None, RDF.type, iri("Dataset"), None),
        (None, None, None, row),
        (iri("nothing"), RDFS.label, None, default),
    ):
        assert set(quads.quads_for_pattern(*pattern)) == set(store.quads_for_pattern(*pattern))
    number = len(asked)
    assert set(quads.quads_for_pattern(None, None, None, row)) == set(store.quads_for_pattern(None, None, None, row))
    assert len(asked) == number
    assert quads.contains_named_graph(row)
    assert not quads.contains_named_graph(NamedNode("urn:none"))


def test_a_description_follows_blank_nodes_however_deep_and_takes_few_queries(store: Store) -> None:
    asked: list[str] = []

    def select(query: str) -> list[sparql.Solution]:
        asked.append(query)
        return sparql.select(store, query)

    quads, thing = Distant(select), iri("AdaptedFoundationModel")
    theirs, ours = resources.describe(quads, thing), resources.describe(store, thing)  # type: ignore[arg-type] # as app.py says
    assert theirs is not None
    assert ours is not None
    assert any(isinstance(triple.subject, BlankNode) for triple in ours.about)
    assert len(theirs.about) == len(ours.about)
    assert theirs.incoming == ours.incoming
    assert len(asked) < 10


def test_a_whole_graph_is_read_up_to_a_size(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    few = Store()
    few.extend(store.quads_for_pattern(None, None, None, iri("source", "inferred")))
    few.add(next(store.quads_for_pattern(None, RDFS.label, None, DefaultGraph())))
    read = statement.Graph.of(Distant(partial(sparql.select, few))).quads
    assert read == set(few.quads_for_pattern(None, None, None, iri("source", "inferred")))
    assert len(read) > 500
    monkeypatch.setattr(distant, "LARGEST", 500)
    with pytest.raises(LargeGraphError, match="at most 500"):
        statement.Graph.of(Distant(partial(sparql.select, few)))


def test_what_was_read_is_forgotten_when_it_is_too_much(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distant, "KEPT", 1000)
    quads = Distant(partial(sparql.select, store))
    for name in ("UNI", "BioBERT", "CTransPath", "SAM-Med2D") * 3:
        thing = iri("model", name)
        found = set(quads.quads_for_pattern(None, None, thing, DefaultGraph()))
        assert found == set(store.quads_for_pattern(None, None, thing, DefaultGraph()))
        assert set(quads.quads_for_pattern(thing, None, None)) == set(store.quads_for_pattern(thing, None, None))
        assert quads.size <= 1500


# --- an endpoint that misbehaves ------------------------------------------------------------------------------


class Scripted(ThreadingHTTPServer):
    """An endpoint that finds nothing, unless a query holds one of the words below."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked: list[str] = []
        self.left = threading.Event()
        """Set when a client has closed the connection that hangs."""
        self.is_hanging = threading.Semaphore(0)

    @property
    def address(self) -> str:
        return f"http://user:secret@127.0.0.1:{self.server_port}/sparql?default-graph-uri=urn:own"


class Asked(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's name
        """Say nothing."""

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        (query,) = form["query"]
        self.server.asked.append(query)
        if "hang" in query:
            self.server.is_hanging.release()
            if self.connection.recv(1) == b"":
                self.server.left.set()
            self.close_connection = True
        elif "break" in query:
            self.answer(200, NOTHING[:20], length=len(NOTHING))
            self.close_connection = True
        elif "large" in query:
            self.answer(200, b'{"head":{"vars":["s"]},"results":{"bindings":[' + b" " * 3_000_000 + b"]}}")
        elif "busy" in query:
            self.answer(503, b"later", more={"Retry-After": "7"})
        elif "fail" in query:
            self.answer(500, b"java.lang.NullPointerException\n\tat org.example.Secret", "text/plain")
        elif "login" in query:
            self.answer(401, b"", "text/plain")
        elif "page" in query:
            self.answer(200, b"<html>", "text/html")
        elif "cut" in query:
            self.answer(200, NOTHING, more={"X-SPARQL-MaxRows": "10000"})
        elif "wrong" in query:
            self.answer(200, NOTHING[:20])
        elif "dataset" in query:
            found = ",".join(f'{{"s":{{"type":"uri","value":"{name}"}}}}' for name in self.graphs(form))
            self.answer(200, b'{"head":{"vars":["s"]},"results":{"bindings":[%b]}}' % found.encode())
        else:
            self.answer(200, NOTHING)

    def graphs(self, form: dict[str, list[str]]) -> list[str]:
        in_address = parse_qs(self.path.partition("?")[2])
        return in_address.get("default-graph-uri", []) + form.get("default-graph-uri", [])

    def answer(
        self,
        status: int,
        body: bytes,
        content_type: str = JSON,
        length: int | None = None,
        more: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        fields = {"Content-Type": content_type, "Content-Length": str(length or len(body)), **(more or {})}
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with serving_scripted() as scripted:
        yield scripted


@contextmanager
def serving_scripted() -> Iterator[Scripted]:
    with Scripted() as scripted:
        thread = threading.Thread(target=scripted.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield scripted
        finally:
            scripted.shutdown()
            thread.join()


Use = Callable[[Upstream], Awaitable[Result]]


def over(scripted: Scripted, use: Use[Result], *, at_once: int = 2, limits: Limits | None = None) -> Result:
    """What comes of an engine over an endpoint."""

    async def run() -> Result:
        upstream = Upstream(Address(scripted.address, at_once), limits or Limits(evaluators=1))
        await upstream.start()
        try:
            return await use(upstream)
        finally:
            await upstream.close()

    return asyncio.run(run())


def asking(word: str) -> Job:
    return Job(f"SELECT ?s {{ ?s a '{word}' }}")


TROUBLES: dict[str, tuple[type[HfmError], str]] = {
    "break": (EndpointError, "broke the connection off"),
    "large": (EvaluationError, "larger than"),
    "busy": (BusyError, "503"),
    "fail": (EndpointError, "500"),
    "login": (EndpointError, "401"),
    "page": (EndpointError, "text/html"),
    "cut": (EndpointError, "10000 rows"),
    "wrong": (EndpointError, "no application/sparql-results"),
}


def test_each_trouble_of_upstream_has_its_error_and_tells_no_address(scripted: Scripted) -> None:
    async def use(upstream: Upstream) -> dict[str, HfmError]:
        errors = {}
        for word in TROUBLES:
            with pytest.raises(HfmError) as caught:
                await upstream.evaluate(asking(word))
            errors[word] = caught.value
        assert (await upstream.evaluate(asking("well"))).head
        assert not upstream.trouble
        assert not upstream.clients
        return errors

    errors = over(scripted, use, limits=Limits(evaluators=1, result=2_000_000))
    for word, (kind, told) in TROUBLES.items():
        assert type(errors[word]) is kind, word
        assert told in str(errors[word])
        assert not {part for part in ("127.0.0.1", "secret", "org.example") if part in str(errors[word])}
    assert isinstance(errors["busy"], BusyError)
    assert errors["busy"].retry_after == 7
    assert "secret" not in repr(Address(scripted.address))


def test_what_is_refused_never_comes_to_upstream(scripted: Scripted) -> None:
    refused: list[tuple[Job, type[HfmError]]] = [
        (Job("SELECT * { ?s ?p }"), QuerySyntaxError),
        (Job("SELECT * { ?s ?p 1 . SERVICE <urn:x> {} }"), ForbiddenError),
        (Job("SELECT * { ?s ?p '\\u0027' }"), UsageError),
        (Job("ASK {}", accept="image/png"), NotAcceptableError),
        (Job("ASK {}", default_graph=("no iri",)), UsageError),
    ]

    async def use(upstream: Upstream) -> None:
        for job, kind in refused:
            with pytest.raises(kind):
                await upstream.evaluate(job)

    over(scripted, use)
    assert scripted.asked == []


def test_a_query_that_takes_too_long_is_given_up(scripted: Scripted) -> None:
    async def use(upstream: Upstream) -> None:
        with pytest.raises(DeadlineError, match=r"longer than 0\.3 seconds"):
            await upstream.evaluate(asking("hang"), timeout=0.3)
        assert await asyncio.to_thread(scripted.left.wait, 10)

    over(scripted, use)


def test_a_query_whose_client_has_left_is_given_up(scripted: Scripted) -> None:
    async def use(upstream: Upstream) -> None:
        work = asyncio.create_task(upstream.evaluate(asking("hang"), "client"))
        assert await asyncio.to_thread(scripted.is_hanging.acquire, timeout=10)
        work.cancel()
        assert await asyncio.to_thread(scripted.left.wait, 10)
        assert not upstream.clients

    over(scripted, use)


def test_clients_have_shares_and_the_queue_has_an_end(scripted: Scripted) -> None:
    async def use(upstream: Upstream) -> None:
        first = asyncio.create_task(upstream.evaluate(asking("hang"), "one"))
        assert await asyncio.to_thread(scripted.is_hanging.acquire, timeout=10)
        with pytest.raises(ClientBusyError):
            await upstream.evaluate(asking("well"), "one")
        second = asyncio.create_task(upstream.evaluate(asking("well"), "two"))
        while not upstream.waiting:
            await asyncio.sleep(0.01)
        with pytest.raises(BusyError, match="1 queries wait"):
            await upstream.evaluate(asking("well"), "three")
        first.cancel()
        assert (await second).head == NOTHING

    over(scripted, use, at_once=1, limits=Limits(evaluators=1, per_client=1, queue=1))


def test_a_query_with_a_dataset_goes_without_that_of_the_address(scripted: Scripted) -> None:
    async def use(upstream: Upstream) -> list[list[bytes]]:
        heads = [
            (await upstream.evaluate(asking("dataset"))).head,
            (await upstream.evaluate(Job(asking("dataset").query, ("urn:a", "urn:b")))).head,
        ]
        return [[name for name in (b"urn:own", b"urn:a", b"urn:b") if name in head] for head in heads]

    assert over(scripted, use) == [[b"urn:own"], [b"urn:a", b"urn:b"]]


# --- in operation ---------------------------------------------------------------------------------------------


def test_a_client_that_leaves_ends_its_query_upstream(scripted: Scripted, tmp_path: Path) -> None:
    with running(tmp_path, "--upstream", scripted.address) as server:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{server.address}/sparql", params={"query": asking("hang").query}, timeout=1)
        assert scripted.left.wait(10)
        assert server.ask(asking("hang").query, timeout="0.2").status_code == 504
        assert server.end(signal.SIGTERM) == -signal.SIGTERM


def test_upstream_may_change_and_die_and_come_back(tmp_path: Path) -> None:
    port = free_port()
    with ExitStack() as stack:
        foreign = stack.enter_context(stores.oxigraph(port))
        update = foreign.asked.replace("/query", "/update")
        with running(tmp_path, "--upstream", foreign.asked, "--cache-age", "1") as server:
            assert server.ask(ONE).json()["results"]["bindings"] == []
            tag = server.ask(ONE).headers["etag"]
            data = f"INSERT DATA {{ <urn:m> a <{BASE}FoundationModel> }}"
            httpx.post(update, content=data, headers={"Content-Type": "application/sparql-update"}).raise_for_status()
            until(lambda: "urn:m" in server.ask(ONE).text)
            assert server.ask(ONE).headers["etag"] != tag
            assert httpx.get(f"{server.address}/readyz").is_success
            stack.close()
            assert server.ask(f"{ONE} # other").status_code == 502
            until(lambda: httpx.get(f"{server.address}/readyz").status_code == 503)
            with stores.oxigraph(port):
                until(lambda: httpx.get(f"{server.address}/readyz").is_success)
                assert server.ask(f"{ONE} # another").json()["results"]["bindings"] == []


def test_without_upstream_there_is_nothing_to_serve(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}/sparql"
    command = [SCRIPT, "serve", "--port", "0", "--upstream", address, "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the upstream endpoint" in done.stderr
    assert "Traceback" not in done.stderr
