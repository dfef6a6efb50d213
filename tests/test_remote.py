"""Queries that another endpoint answers, or does not."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
import rdflib
from pyoxigraph import Store
from rdflib.plugins.sparql import prepareQuery
from rdflib.query import Result as RdflibResult

from hfm_kg import remote, sparql
from hfm_kg.errors import EndpointError, QuerySyntaxError, UsageError

JSON, CSV = sparql.SOLUTION_FORMATS[0], sparql.SOLUTION_FORMATS[2]


@dataclass
class Answer:
    """What the other side is to answer, and what it was asked."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": JSON.media_types[0]})
    body: bytes = b'{"head":{},"boolean":true}'
    asked: str = ""
    accepted: str = ""
    sent: str = ""


class Stub(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = Answer()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/sparql"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Stub)
        answer = self.server.answer
        answer.asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer.accepted, answer.sent = self.headers["Accept"], self.headers["Content-Type"]
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Stub]:
    with Stub() as stub:
        thread = threading.Thread(target=stub.serve_forever)
        thread.start()
        yield stub
        stub.shutdown()
        thread.join()


@pytest.fixture
def stub(server: Stub) -> Stub:
    server.answer = Answer()
    return server


def test_a_query_is_posted_as_the_protocol_asks(stub: Stub) -> None:
    assert remote.ask(stub.url, "ASK { 'é' ?p ?o }", JSON) == stub.answer.body
    assert parse_qs(stub.answer.asked) == {"query": ["ASK { 'é' ?p ?o }"]}
    assert stub.answer.sent == "application/x-www-form-urlencoded"
    assert stub.answer.accepted == ", ".join(JSON.media_types)


def test_known_prefixes_are_declared_if_they_are_used_and_not_declared(stub: Stub) -> None:
    remote.ask(stub.url, "PREFIX\n hfm: <https://w3id.org/hfm/> ASK { ?s a hfm:Dataset ; rdfs:label ?l }", JSON)
    (asked,) = parse_qs(stub.answer.asked)["query"]
    assert asked.count("hfm: <") == asked.count("rdfs: <") == 1
    assert "skos:" not in asked
    Store().query(asked)  # without any prefixes of ours


def test_relative_iris_and_prefixes_in_texts_are_told_apart(stub: Stub) -> None:
    remote.ask(stub.url, "# skos:\nASK { <model/UNI> rdfs:label 'owl:x', <urn:a> } # <x>", JSON)
    (asked,) = parse_qs(stub.answer.asked)["query"]
    assert asked.startswith("BASE <https://w3id.org/hfm/> PREFIX rdfs: <")
    assert "PREFIX owl" not in asked
    assert "PREFIX skos" not in asked
    remote.ask(stub.url, "ASK { <urn:a> ?p ?o } # <x>", JSON)
    assert parse_qs(stub.answer.asked)["query"] == ["ASK { <urn:a> ?p ?o } # <x>"]


def test_what_is_wanted_is_written_from_what_the_engine_writes(stub: Stub) -> None:
    # as Virtuoso writes it
    stub.answer.body = b"""{ "head": { "link": [], "vars": ["s", "o"] }, "results": { "distinct": false, "bindings": [
      { "s": { "type": "bnode", "value": "nodeID://b10000" }, "o": { "type": "typed-literal",
        "datatype": "http://www.w3.org/2001/XMLSchema#integer", "value": "1" }} ] } }"""
    assert remote.ask(stub.url, "SELECT ?s ?o { ?s ?p ?o }", CSV) == b"s,o\r\n_:b10000,1\r\n"


def test_a_result_that_the_engine_cuts_is_an_error(stub: Stub) -> None:
    stub.answer.headers["X-SPARQL-MaxRows"] = "10000"
    with pytest.raises(EndpointError, match="cuts results after 10000 rows; ask for fewer with LIMIT"):
        remote.ask(stub.url, "ASK {}", JSON)


def test_a_body_that_is_not_what_it_says_is_an_error(stub: Stub) -> None:
    stub.answer.body = b"{"
    with pytest.raises(EndpointError, match=r"is no application/sparql-results\+json"):
        remote.ask(stub.url, "ASK {}", CSV)


def test_relative_iris_are_ours_wherever_they_are_asked_of(stub: Stub) -> None:
    remote.ask(stub.url, "ASK { <model/UNI> a hfm:FoundationModel }", JSON)
    expected = "ASK { <https://w3id.org/hfm/model/UNI> a <https://w3id.org/hfm/FoundationModel> }"
    assert str(rdflib_query(parse_qs(stub.answer.asked)["query"][0])) == str(rdflib_query(expected))
    remote.ask(stub.url, "ASK { <https://w3id.org/hfm/model/UNI> ?p <urn:x> }", JSON)
    assert "BASE" not in stub.answer.asked


def rdflib_query(text: str) -> object:
    """The algebra of a query, which holds no relative IRIs."""
    return prepareQuery(text).algebra


def test_a_redirect_is_followed(stub: Stub, endpoint: str) -> None:
    stub.answer.status, stub.answer.headers = 307, {"Location": f"{endpoint}/sparql"}
    content = remote.ask(stub.url, "ASK {}", JSON)
    assert json.loads(content)["boolean"] is True


@pytest.mark.parametrize("media_type", ["application/sparql-results+json", "APPLICATION/JSON;charset=UTF-8"])
def test_every_media_type_of_the_format_will_do(media_type: str, stub: Stub) -> None:
    stub.answer.headers = {"Content-Type": media_type}
    assert remote.ask(stub.url, "ASK {}", JSON) == stub.answer.body


@pytest.mark.parametrize("headers", [{"Content-Type": "text/html; charset=utf-8"}, {"Content-Type": "text/csv"}, {}])
def test_an_answer_in_another_format_is_an_error(headers: dict[str, str], stub: Stub) -> None:
    stub.answer.headers = headers
    with pytest.raises(EndpointError, match=r"not application/sparql-results\+json"):
        remote.ask(stub.url, "ASK {}", JSON)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, QuerySyntaxError),
        (403, UsageError),
        (404, UsageError),
        (413, UsageError),
        (500, EndpointError),
        (503, EndpointError),
        (304, EndpointError),
    ],
)
def test_an_error_of_the_endpoint_keeps_its_kind_and_its_words(status: int, error: type[Exception], stub: Stub) -> None:
    stub.answer.status, stub.answer.headers = status, {"Content-Type": "text/plain"}
    stub.answer.body = b"" if status == 304 else b"\n what is wrong \r\nand more\n"
    with pytest.raises(error, match=f"{stub.url} answers {status} ") as caught:
        remote.ask(stub.url, "ASK {}", JSON)
    assert type(caught.value) is error
    assert "and more" not in str(caught.value)
    assert str(caught.value).endswith(": what is wrong") or status == 304


def test_problem_details_are_read(stub: Stub) -> None:
    stub.answer.status, stub.answer.headers = 403, {"Content-Type": "application/problem+json"}
    stub.answer.body = b'{"title": "Not allowed", "status": 403, "detail": "no such thing"}'
    with pytest.raises(UsageError, match=r"answers 403 Forbidden: no such thing$"):
        remote.ask(stub.url, "ASK {}", JSON)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"nonsense", b"\xff\xfe", b"x" * 100_000])
def test_odd_problem_details_are_shown_as_they_are_but_not_at_length(body: bytes, stub: Stub) -> None:
    stub.answer.status, stub.answer.headers = 500, {"Content-Type": "application/problem+json"}
    stub.answer.body = body
    with pytest.raises(EndpointError, match=r"answers 500 Internal Server Error: \S") as caught:
        remote.ask(stub.url, "ASK {}", JSON)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:1",
        "ftp://127.0.0.1/",
        "http://[::1",
        "http:///sparql",
        "http://a..b/",
        f"http://{'a' * 70}/",
        "http://127.0.0.1\0/",
    ],
)
def test_an_address_that_is_none_is_an_error(url: str) -> None:
    with pytest.raises(EndpointError):
        remote.ask(url, "ASK {}", JSON)


def test_an_endpoint_that_is_not_there_is_an_error() -> None:
    with Stub() as closed:
        url = closed.url
    with pytest.raises(EndpointError, match="refused"):
        remote.ask(url, "ASK {}", JSON)


def test_a_server_that_speaks_no_http_is_an_error(stub: Stub) -> None:
    stub.answer.headers = {"Content-Type": "a/b\0"}
    with pytest.raises(EndpointError):
        remote.ask(stub.url, "ASK {}", JSON)


@pytest.mark.parametrize("form", sparql.SOLUTION_FORMATS, ids=lambda form: form.name)
def test_our_own_server_answers_as_the_snapshot_does(form: sparql.Format, endpoint: str, store: Store) -> None:
    query = "SELECT ?kind (COUNT(*) AS ?n) { ?s a ?kind } GROUP BY ?kind ORDER BY ?n ?kind"
    assert remote.ask(f"{endpoint}/sparql", query, form) == sparql.write(sparql.evaluate(store, query), form)


def test_our_own_server_s_graphs_are_read_by_rdflib(endpoint: str) -> None:
    query = "CONSTRUCT { ?m a hfm:FoundationModel } { ?m a hfm:FoundationModel }"
    for form, theirs in zip(sparql.GRAPH_FORMATS[:3], ("turtle", "nt", "xml"), strict=True):
        content = remote.ask(f"{endpoint}/sparql", query, form)
        assert len(rdflib.Graph().parse(data=content, format=theirs)) == 200


def test_our_own_server_s_refusals_are_told_in_its_words(endpoint: str) -> None:
    with pytest.raises(QuerySyntaxError, match="answers 400 Bad Request: line 1, column "):
        remote.ask(f"{endpoint}/sparql", "ASK {", JSON)
    with pytest.raises(UsageError, match="answers 403 Forbidden: SERVICE is not allowed"):
        remote.ask(f"{endpoint}/sparql", "ASK { SERVICE <http://127.0.0.1:1/> {} }", JSON)
    with pytest.raises(UsageError, match="answers 405 Method Not Allowed"):
        remote.ask(f"{endpoint}/nothing", "ASK {}", JSON)


def test_rdflib_s_client_reads_our_answers(endpoint: str) -> None:
    content = remote.ask(f"{endpoint}/sparql", "SELECT ?s { ?s a hfm:Survey }", JSON)
    assert len(RdflibResult.parse(io.BytesIO(content), format="json").bindings) == 17


@pytest.mark.parametrize(
    ("query", "name", "expected"),
    [("ASK {}", "json", JSON), ("SELECT * {}", "csv", CSV), ("DESCRIBE <a:b>", "turtle", sparql.GRAPH_FORMATS[0])],
)
def test_the_format_of_a_name_suits_the_query(query: str, name: str, expected: sparql.Format) -> None:
    assert remote.named_format(query, name) is expected


@pytest.mark.parametrize(("query", "name"), [("ASK {}", "turtle"), ("DESCRIBE <a:b>", "csv"), ("ASK {}", "")])
def test_a_format_that_does_not_suit_the_query_is_refused(query: str, name: str) -> None:
    with pytest.raises(UsageError, match="does not fit this query; take one of"):
        remote.named_format(query, name)


@pytest.mark.parametrize(
    ("query", "body", "content_type"),
    [
        (
            "SELECT ?a ?b { }",
            b"""{ "head": { "vars": ["a", "b"] }, "results": { "bindings": [
            { "a": { "type": "typed-literal", "datatype": "http://www.w3.org/2001/XMLSchema#boolean", "value": "1" },
              "b": { "type": "typed-literal", "datatype": "http://www.w3.org/2001/XMLSchema#integer", "value": "1" }}
            ] } }""",
            "application/sparql-results+json",
        ),
        (
            "CONSTRUCT WHERE { ?s ?p ?o }",
            b'<a:b> <a:b> "1"^^<http://www.w3.org/2001/XMLSchema#boolean> .\n'
            b'<a:b> <a:b> "\\"1\\"^^<http://www.w3.org/2001/XMLSchema#boolean>" .\n'
            b'<a:b> <a:b> "1"^^<http://www.w3.org/2001/XMLSchema#integer> .\n',
            "application/n-triples",
        ),
    ],
    ids=["solutions", "graph"],
)
def test_booleans_that_are_written_as_numbers_are_put_right(
    query: str, body: bytes, content_type: str, stub: Stub
) -> None:
    stub.answer.headers, stub.answer.body = {"Content-Type": content_type}, body
    content = remote.ask(stub.url, query, remote.named_format(query, "tsv" if query[0] == "S" else "ntriples"))
    if query[0] == "S":
        assert content == b"?a\t?b\ntrue\t1\n"
    else:
        assert content == body.replace(b'"1"^^<http://www.w3.org/2001/XMLSchema#boolean> .', b"XX").replace(
            b"XX", b'"true"^^<http://www.w3.org/2001/XMLSchema#boolean> .'
        )
