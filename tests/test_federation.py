"""SERVICE: over a server of ours that another one is allowed to ask, and over one that misbehaves as we say."""

from __future__ import annotations

import gzip
import json
import pickle
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pyoxigraph import Store

from hfm_kg.catalog import Catalog
from hfm_kg.errors import ForbiddenError, QuerySyntaxError, UsageError
from hfm_kg.pipeline import Settings
from hfm_kg.server.app import create_app
from hfm_kg.server.bounds import Limits
from hfm_kg.server.clauses import blocks, trial
from hfm_kg.server.federation import ROWS, Services
from hfm_kg.server.pool import Pool
from hfm_kg.store import Snapshot
from hfm_kg.terms import SD, XSD

from .conftest import serving
from .stores import Foreign
from .test_operations import Running, running, until

JSON = "application/sparql-results+json"
SECRET = "opensesame"

TERMS: list[dict[str, Any]] = [
    {"type": "literal", "value": "it's \"quoted\"\n\r\t\\ \\u0041 ) } UNDEF { ( # '''"},
    {"type": "literal", "value": '"""'},
    {"type": "literal", "value": "\u0000\u0008\u007f é 😀"},
    {"type": "literal", "value": ""},
    {"type": "literal", "value": "SERVICE <http://example.org/> { ?s ?p ?o }"},
    {"type": "literal", "value": "Pathologie", "xml:lang": "de-ch"},
    {"type": "literal", "value": "7", "datatype": XSD.base + "integer"},
    {"type": "literal", "value": "2024-02-29", "datatype": XSD.base + "date"},
    {"type": "literal", "value": "x", "datatype": "http://example.org/type#'(a);b=%20"},
    {"type": "uri", "value": "http://example.org/a'b(c)?d=e&f=%7B#é"},
    {"type": "uri", "value": "urn:x:SERVICE"},
]
"""Terms that are hard to write, each as the engine gives it back."""


def solutions(*rows: dict[str, Any], names: tuple[str, ...] = ("x", "y")) -> bytes:
    return json.dumps({"head": {"vars": names}, "results": {"bindings": rows}}).encode()


def literal(value: object) -> dict[str, Any]:
    return {"type": "literal", "value": str(value)}


class Handler(BaseHTTPRequestHandler):
    """Answers as the path says, and takes note of being asked."""

    server: Remote

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        place = self.path.strip("/")
        self.server.asked.append((place, parse_qs(body)["query"][0]))
        self.server.authorizations.append(self.headers.get("Authorization", ""))
        with suppress(ConnectionError):
            getattr(self, f"do_{place}")()

    def do_GET(self) -> None:
        self.server.asked.append(("GET", ""))
        self.send_error(500)

    def do_terms(self) -> None:
        self.answer(solutions(*({"x": literal(number), "y": term} for number, term in enumerate(TERMS))))

    def do_open(self) -> None:
        self.answer(solutions({"x": literal(1)}, {"y": literal(2)}, {}, {}))

    def do_counting(self) -> None:
        self.answer(solutions({"x": literal(len(self.server.asked))}))

    def do_private(self) -> None:
        self.answer(b"", 401)

    def do_more(self) -> None:
        self.answer(solutions({"x": literal(1), "z": literal("another")}, names=("x", "z")))

    def do_twice(self) -> None:
        self.answer(solutions({"x": literal(1)}, names=("x", "x")))

    def do_injected(self) -> None:
        self.answer(solutions(names=("x) { } } #",)))

    def do_full(self) -> None:
        self.answer(solutions(*({"x": literal(number)} for number in range(ROWS))))

    def do_many(self) -> None:
        self.answer(solutions(*({"x": literal(number)} for number in range(ROWS + 1))))

    def do_blank(self) -> None:
        self.answer(solutions({"x": {"type": "bnode", "value": "b"}}))

    def do_iri(self) -> None:
        self.answer(solutions({"x": {"type": "uri", "value": "http://example.org/> } { <a:b>"}}))

    def do_boolean(self) -> None:
        self.answer(b'{"head":{},"boolean":true}')

    def do_garbage(self) -> None:
        self.answer(solutions({"x": literal(1)})[:-3])

    def do_page(self) -> None:
        self.answer(b"<html>", content_type="text/html")

    def do_packed(self) -> None:
        self.answer(gzip.compress(b" " * 50_000_000), more={"Content-Encoding": "gzip"})

    def do_elsewhere(self) -> None:
        self.answer(b"", 307, more={"Location": "/terms"})

    def do_failing(self) -> None:
        self.answer(b"Error\n\tat org.example.Hidden", 500, "text/plain")

    def do_picky(self) -> None:
        self.answer(b"no such function", 400, "text/plain")

    def do_busy(self) -> None:
        self.answer(b"", 503, more={"Retry-After": "7"})

    def do_late(self) -> None:
        self.answer(b"", 504)

    def do_dropping(self) -> None:
        self.close_connection = True

    def do_endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", JSON)
        self.end_headers()
        try:
            self.wfile.write(b'{"head":{"vars":["x"]},"results":{"bindings":[')
            while True:
                self.wfile.write(b" " * 100_000)
        finally:
            self.server.left.release()

    def do_hanging(self) -> None:
        self.server.hanging.release()
        self.connection.settimeout(60)
        if not self.rfile.read(1):
            self.server.left.release()
        self.close_connection = True

    def answer(
        self, body: bytes, status: int = 200, content_type: str = JSON, more: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        fields = {"Content-Type": content_type, "Content-Length": str(len(body)), **(more or {})}
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


PLACES = [name.removeprefix("do_") for name in vars(Handler) if name.startswith("do_") and name.islower()]


class Remote(ThreadingHTTPServer):
    """An endpoint that does as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str]] = []
        """Places and queries."""
        self.authorizations: list[str] = []
        self.hanging, self.left = threading.Semaphore(0), threading.Semaphore(0)

    def at(self, place: str, user: str = "") -> str:
        return f"http://{user}127.0.0.1:{self.server_port}/{place}"

    def options(self) -> list[str]:
        return [
            text
            for place in PLACES
            for text in ("--service", self.at(place, f"me:{SECRET}@" if place == "private" else ""))
        ]


@pytest.fixture(scope="module")
def scripted() -> Iterator[Remote]:
    with Remote() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _unasked(scripted: Remote) -> None:
    scripted.asked.clear()
    scripted.authorizations.clear()


@pytest.fixture(scope="module")
def server(settings: Settings, snapshot: Snapshot, endpoint: str, scripted: Remote) -> Iterator[Running]:
    """A server that may ask another one of ours over the same snapshot, the scripted one, and one that is dead."""
    allowed = ["--service", f"{endpoint}/sparql", "--service", "http://127.0.0.1:1/sparql", *scripted.options()]
    options = ["--log-level", "info", "--log-format", "json", "--per-client", "2", "--limit", "length=1000"]
    with running(settings.output, *allowed, *options) as server:
        yield server


def rows(answer: httpx.Response) -> Counter[str]:
    assert answer.status_code == 200, answer.text
    return Counter(json.dumps(row, sort_keys=True) for row in answer.json()["results"]["bindings"])


# --- what it gives --------------------------------------------------------------------------------------------

SAME = {
    "alone": "SELECT * { SERVICE <@> { ?m a hfm:Dataset ; rdfs:label ?name } }",
    "joined": "SELECT * { ?m hfm:task ?task . SERVICE <@> { ?m a hfm:FoundationModel ; rdfs:label ?n } ?m a ?c }",
    "optional": "SELECT * { ?m a hfm:FoundationModel OPTIONAL { SERVICE <@> { ?m hfm:modality ?x } } }",
    "twice": "SELECT * { SERVICE <@> { ?m a hfm:FoundationModel } SERVICE <@> { ?m rdfs:label ?n } }",
    "minus": "SELECT ?m { ?m a hfm:FoundationModel MINUS { SERVICE <@> { ?m hfm:modality hfm:Pathology } } }",
    "not exists": "SELECT ?m { ?m a hfm:Dataset FILTER NOT EXISTS { SERVICE <@> { ?m hfm:task ?t } } }",
    "union": "SELECT * { { ?m a hfm:Dataset } UNION { SERVICE <@> { ?m a hfm:FoundationModel } } }",
    "subquery": "SELECT * { { SELECT ?m { SERVICE <@> { ?m a hfm:Dataset } } } ?m rdfs:label ?n }",
    "subquery there": "SELECT * { SERVICE <@> { SELECT ?m { ?m a hfm:Dataset } ORDER BY ?m LIMIT 3 } }",
    "group": "SELECT ?t (COUNT(*) AS ?k) { SERVICE <@> { ?m hfm:task ?t } } GROUP BY ?t",
    "nothing": "SELECT * { ?m a hfm:Dataset . SERVICE <@> { ?m a <urn:none> } }",
    "no variables": "SELECT * { ?m a hfm:Dataset . SERVICE <@> { <model/UNI> a hfm:FoundationModel } }",
    "base": "BASE <https://w3id.org/hfm/model/> SELECT * { SERVICE <@> { <UNI> ?p ?o } }",
    "prefix": "PREFIX m: <https://w3id.org/hfm/model/> SELECT * { SERVICE <@> { m:UNI ?p ?o } }",
    "in lower case": "select * { service silent <@> { ?m a hfm:Dataset } }",
    "no blanks": "SELECT*{SERVICE<@>{?m a hfm:Dataset}?m rdfs:label?n}",
    "comments": "# SERVICE <urn:x> {\nSELECT * { # }\nSERVICE # {\n <@> # {\n { # }\n ?m a hfm:Dataset # }\n} }",
    "strings": (
        "SELECT * { SERVICE <@> { ?m rdfs:label ?n FILTER(?n != '}' && ?n != 'SERVICE <urn:x> {' && ?n != '''}'\n'''"
        " && STRLEN(?n) < 9) } BIND('SERVICE <urn:x> { }' AS ?t) }"
    ),
    "graph": "SELECT * { SERVICE <@> { GRAPH ?g { <model/UNI> hfm:task ?t } } }",
    "less than": "SELECT * { ?m hfm:publicationYear ?y FILTER(?y<2022) SERVICE <@> { ?m hfm:task ?t } FILTER(?y>20) }",
}
"""Queries with SERVICE, in which the endpoint has the same graph."""


@pytest.mark.parametrize("name", SAME)
def test_what_the_same_graph_answers_elsewhere_is_the_same(server: Running, endpoint: str, name: str) -> None:
    query = SAME[name]
    there = query.replace("@", f"{endpoint}/sparql")
    here = there
    for block in reversed(blocks(there)):
        here = here[: block.start] + here[block.group :]
    assert here != there
    answer = server.ask(there)
    expected = rows(httpx.get(f"{endpoint}/sparql", params={"query": here}))
    assert rows(answer) == expected
    assert bool(expected) is (name != "nothing")


def test_other_forms_and_formats(server: Running, endpoint: str) -> None:
    block = f"SERVICE <{endpoint}/sparql> {{ <model/UNI> rdfs:label ?n }}"
    assert server.ask(f"ASK {{ {block} }}").json()["boolean"] is True
    assert server.ask(f"SELECT ?n {{ {block} }}", format="csv").text == "n\r\nUNI\r\n"
    made = server.ask(f"CONSTRUCT {{ <urn:a> <urn:b> ?n }} {{ {block} }}", format="ntriples")
    assert made.text == '<urn:a> <urn:b> "UNI"@en .\n' or made.text == '<urn:a> <urn:b> "UNI" .\n'
    long = f"SELECT ?n {{ {block} }}"
    assert httpx.post(f"{server.address}/sparql", data={"query": long}).json()["results"]["bindings"]


def test_terms_come_as_they_are(server: Running, scripted: Remote) -> None:
    block = f"SERVICE <{scripted.at('terms')}> {{ ?x <urn:p> ?y }}"
    answer = server.ask(f"SELECT ?y {{ {block} }} ORDER BY xsd:integer(?x)")
    assert [row["y"] for row in answer.json()["results"]["bindings"]] == TERMS


def test_what_is_unbound_stays_so(server: Running, scripted: Remote) -> None:
    answer = server.ask(f"SELECT * {{ SERVICE <{scripted.at('open')}> {{ ?x <urn:p> ?y }} }}")
    assert rows(answer) == Counter(
        [json.dumps({"x": literal(1)}), json.dumps({"y": literal(2)}), json.dumps({}), json.dumps({})]
    )


def test_an_endpoint_cannot_bind_what_it_was_not_asked_for(server: Running, scripted: Remote) -> None:
    answer = server.ask(f"SELECT * {{ VALUES ?z {{ 1 }} SERVICE <{scripted.at('more')}> {{ ?x <urn:p> ?y }} }}")
    [row] = answer.json()["results"]["bindings"]
    assert (row["x"]["value"], row["z"]["value"]) == ("1", "1")


def test_as_many_solutions_as_may_be_are_joined(server: Running, scripted: Remote) -> None:
    block = f"SERVICE <{scripted.at('full')}> {{ ?x <urn:p> ?y }}"
    answer = server.ask(f"SELECT (COUNT(*) AS ?n) {{ {block} OPTIONAL {{ ?m rdfs:label ?x }} }}")
    assert int(answer.json()["results"]["bindings"][0]["n"]["value"]) >= ROWS


def test_an_endpoint_is_sent_the_group_and_the_prologue_alone(server: Running, scripted: Remote) -> None:
    query = (
        "PREFIX r: <@> PREFIX e: <http://example.org/>\n"
        "SELECT ?x { ?a e:b ?c . SERVICE r:open { ?x e:p ?y ; skos:note '}' } SERVICE SILENT <@more> { ?x a ?z } }"
    ).replace("@", scripted.at(""))
    assert server.ask(query).status_code == 200
    prologue = query.partition("SELECT")[0]
    skos = "PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
    assert sorted(scripted.asked) == [
        ("more", f"{prologue}SELECT * WHERE {{ ?x a ?z }}"),
        ("open", f"{skos}{prologue}SELECT * WHERE {{ ?x e:p ?y ; skos:note '}}' }}"),
    ]


def test_an_answer_is_never_kept(server: Running, scripted: Remote) -> None:
    query = f"SELECT * {{ SERVICE <{scripted.at('counting')}> {{ ?x <urn:p> ?y }} }}"
    with httpx.Client() as client:
        answers = [client.get(f"{server.address}/sparql", params={"query": query}) for _ in range(3)]
    assert [answer.json()["results"]["bindings"][0]["x"]["value"] for answer in answers] == ["1", "2", "3"]
    assert not [answer for answer in answers if "etag" in answer.headers or "cache-control" in answer.headers]


# --- what goes wrong ------------------------------------------------------------------------------------------

TROUBLES = {
    "private": (502, "401"),
    "many": (503, f"more than {ROWS} solutions"),
    "blank": (400, "?x is a blank node of"),
    "iri": (502, "no application/sparql-results"),
    "injected": (502, "no application/sparql-results"),
    "twice": (502, "declared twice"),
    "boolean": (502, "a boolean"),
    "garbage": (502, "no application/sparql-results"),
    "page": (502, "text/html"),
    "packed": (502, "a coding that was not asked for"),
    "elsewhere": (502, "307"),
    "failing": (502, "500"),
    "picky": (400, "no such function"),
    "busy": (503, "503"),
    "late": (504, "504"),
    "dropping": (502, "disconnected"),
    "endless": (503, "ask for less"),
}


@pytest.mark.parametrize("place", TROUBLES)
def test_each_trouble_of_an_endpoint_has_its_error_unless_it_is_to_be_silent(
    server: Running, scripted: Remote, place: str
) -> None:
    status, told = TROUBLES[place]
    answer = server.ask(f"SELECT * {{ VALUES ?a {{ 1 }} SERVICE <{scripted.at(place)}> {{ ?x <urn:p> ?y }} }}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert told in answer.json()["detail"]
    assert scripted.at(place) in answer.json()["detail"]
    assert not [word for word in (SECRET, "org.example", "Traceback") if word in answer.text + server.said]
    assert answer.headers.get("retry-after") == ("7" if place == "busy" else None)
    silent = server.ask(f"SELECT * {{ VALUES ?a {{ 1 }} SERVICE SILENT <{scripted.at(place)}> {{ ?x <urn:p> ?y }} }}")
    [row] = silent.json()["results"]["bindings"]
    assert row.keys() == {"a"}
    assert [asked for asked, _ in scripted.asked] == [place] * 2


def test_a_user_of_an_endpoint_is_told_nobody_but_it(server: Running, scripted: Remote) -> None:
    assert server.ask(f"ASK {{ SERVICE <{scripted.at('private')}> {{ ?x <urn:p> ?y }} }}").status_code == 502
    assert scripted.authorizations == [httpx.BasicAuth("me", SECRET)._auth_header]
    assert server.ask(f"ASK {{ SERVICE <{scripted.at('open')}> {{ ?x <urn:p> ?y }} }}").json()["boolean"] is True
    assert scripted.authorizations[1:] == [""]


def test_a_dead_endpoint(server: Running) -> None:
    dead = "<http://127.0.0.1:1/sparql> { ?s ?p ?o }"
    answer = server.ask(f"SELECT * {{ SERVICE {dead} }}")
    assert (answer.status_code, answer.json()["title"]) == (502, "The endpoint failed")
    assert rows(server.ask(f"SELECT * {{ SERVICE SILENT {dead} }}")) == Counter(["{}"])
    assert server.ask(f"SELECT * {{ <model/UNI> a ?c OPTIONAL {{ SERVICE SILENT {dead} }} }}").status_code == 200


def test_a_slow_endpoint_has_no_more_than_the_time_of_the_query(server: Running, scripted: Remote) -> None:
    block = f"<{scripted.at('hanging')}> {{ ?x <urn:p> ?y }}"
    answer = server.ask(f"SELECT * {{ SERVICE {block} }}", timeout="0.5")
    assert answer.status_code == 504
    assert f"{scripted.at('hanging')} has not answered within" in answer.json()["detail"]
    assert rows(server.ask(f"SELECT * {{ SERVICE SILENT {block} }}", timeout="1.5")) == Counter(["{}"])
    for _ in range(2):
        assert scripted.hanging.acquire(timeout=10)
        assert scripted.left.acquire(timeout=10)


def test_the_rest_of_the_query_keeps_its_deadline(server: Running, scripted: Remote) -> None:
    endless = "?a ?b ?c . ?d ?e ?f . ?g ?h ?i"
    query = f"SELECT (COUNT(*) AS ?n) {{ SERVICE <{scripted.at('open')}> {{ ?x <urn:p> ?y }} {endless} }}"
    answer = server.ask(query, timeout="1")
    assert (answer.status_code, answer.json()["detail"]) == (
        504,
        "the query took longer than 1 seconds and was stopped",
    )


def test_queries_that_wait_for_endpoints_count_as_their_clients(server: Running, scripted: Remote) -> None:
    query = f"ASK {{ SERVICE <{scripted.at('hanging')}> {{ ?x <urn:p> ?y }} }}"
    with httpx.Client() as first, httpx.Client() as second:
        for client in (first, second):
            threading.Thread(target=_impatient, args=(client, server.address, query)).start()
            assert scripted.hanging.acquire(timeout=10)
        assert server.ask("ASK { ?s a hfm:Nothing }").status_code == 429
        assert server.ask(query).status_code == 429
    for _ in range(2):
        assert scripted.left.acquire(timeout=20)
    until(lambda: server.ask("ASK { ?s a hfm:Nothing }").status_code == 200)


def _impatient(client: httpx.Client, address: str, query: str) -> None:
    """Ask, and leave without an answer."""
    with suppress(httpx.HTTPError):
        client.get(f"{address}/sparql", params={"query": query}, timeout=1.5)


# --- what is refused ------------------------------------------------------------------------------------------

REFUSED = {
    "another endpoint": ("SELECT * { SERVICE <http://127.0.0.1:1/other> { ?s ?p ?o } }", 403, "127.0.0.1:1/other"),
    "silently": ("SELECT * { SERVICE SILENT <http://127.0.0.1:1/other> { ?s ?p ?o } }", 403, "--service"),
    "beside one": ("SELECT * { SERVICE <~open> { ?x ?p ?y } SERVICE <~open/> { ?x ?p ?y } }", 403, "--service"),
    "another scheme": ("SELECT * { SERVICE <file:///etc/passwd> { ?s ?p ?o } }", 403, "--service"),
    "below one": ("SELECT * { SERVICE <~open?x=y> { ?s ?p ?o } }", 403, "--service"),
    "with a user": (
        "SELECT * { SERVICE <http://me:pw@127.0.0.1:1/sparql> { ?s ?p ?o } }",
        403,
        "<http://127.0.0.1",
    ),
    "relative": ("SELECT * { SERVICE <open> { ?s ?p ?o } }", 403, "--service"),
    "variable": ("SELECT * { VALUES ?e { <~open> } SERVICE ?e { ?x ?p ?y } }", 403, "SERVICE ?e"),
    "within another": ("SELECT * { SERVICE <~open> { SERVICE <~more> { ?x ?p ?y } } }", 403, "within SERVICE"),
    "hidden within": ("SELECT * { SERVICE <~open> { ?x ?p 1e5SERVICE <~more> { ?x ?p ?y } } }", 400, "not parse"),
    "hidden beside": ("SELECT * { SERVICE <~open> { ?x ?p ?y } ?x ?p trueSERVICE<~more>{} }", 400, "not parse"),
    "escapes": ("SELECT * { SERVICE <~open> { ?x ?p '\\u0027 . SERVICE <~more> { } #' } }", 400, "ASCII"),
    "unknown prefix": ("SELECT * { SERVICE nope:open { ?x ?p ?y } }", 400, "prefix nope:"),
    "no name": ("SELECT * { SERVICE { ?x ?p ?y } }", 400, "names no endpoint"),
    "no group": ("SELECT * { SERVICE <~open> ?x ?p ?y }", 400, "has no group"),
    "open": ("SELECT * { SERVICE <~open> { ?x ?p ?y ", 400, "not closed"),
    "outside": ("SELECT * { } SERVICE <~open> { ?x ?p ?y }", 400, "does not parse"),
    "in place of a group": ("SELECT * { OPTIONAL SERVICE <~open> { ?x ?p ?y } }", 400, "does not parse"),
    "in a template": ("CONSTRUCT { SERVICE <~open> { ?x ?p ?y } } { ?x ?p ?y }", 400, "does not parse"),
    "wrong there": ("SELECT * {\n SERVICE <~open> { ?x ?p . }\n}", 400, "line 2"),
    "wrong here": ("SELECT * {\n SERVICE <~open> { ?x ?p ?y }\n ?x ?p }", 400, "line 3"),
    "bound before": ("SELECT * { SERVICE <~open> { ?x ?p ?y } BIND(1 AS ?x) }", 400, "does not parse"),
    "in a text": ("SELECT * { FILTER(1<2)#> SERVICE <~open> { ?x ?p ?y }\n}", 400, "no SERVICE"),
    "update": ("INSERT { ?x ?p ?y } WHERE { SERVICE <~open> { ?x ?p ?y } }", 403, "read-only"),
    "too many": ("SELECT * {" + "SERVICE <~open> { } " * 9 + "}", 400, "limit: services"),
    "too large": ("SELECT * { SERVICE <~open> { " + "?x ?p ?y . " * 200 + "} }", 400, "limit: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_nobody_is_asked_for_a_query_that_is_refused(server: Running, scripted: Remote, name: str) -> None:
    query, status, told = REFUSED[name]
    answer = server.ask(query.replace("~", scripted.at("")))
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert told in answer.json()["title"] + answer.json()["detail"]
    assert "pw@" not in answer.text
    assert scripted.asked == []


@pytest.mark.parametrize(
    "parameters",
    [{"format": "pdf"}, {"default-graph-uri": "no iri"}, {"timeout": "soon"}],
    ids=lambda parameters: next(iter(parameters)),
)
def test_nor_for_a_request_that_is(server: Running, scripted: Remote, parameters: dict[str, str]) -> None:
    answer = server.ask(f"SELECT * {{ SERVICE <{scripted.at('open')}> {{ ?x ?p ?y }} }}", **parameters)
    assert answer.status_code in (400, 406)
    assert scripted.asked == []


def test_a_dataset_is_that_of_the_rest_alone(server: Running, endpoint: str) -> None:
    query = f"SELECT ?c {{ SERVICE <{endpoint}/sparql> {{ <model/UNI> a ?c }} OPTIONAL {{ ?s ?p ?c }} }}"
    whole = rows(server.ask(query.replace("OPTIONAL { ?s ?p ?c }", "")))
    assert whole
    assert rows(server.ask(query, **{"default-graph-uri": "urn:none"})) == whole


# --- the rest of the server -----------------------------------------------------------------------------------


def test_the_description_of_the_service_tells_of_it(queries: Catalog, snapshot: Snapshot) -> None:
    pool = Pool(snapshot, Limits(evaluators=1))
    with serving(create_app(Store(), queries, pool, services=Services.of(["http://example.org/"]))) as client:
        text = client.get("/sparql", headers={"Accept": "application/n-triples"}).text
    assert f"{SD.feature} {SD.BasicFederatedQuery}" in text
    assert f"{SD.feature} {SD.UnionDefaultGraph}" in text


def test_without_the_option_the_refusal_tells_of_it(endpoint: str, scripted: Remote) -> None:
    query = f"SELECT * {{ SERVICE <{scripted.at('open')}> {{ ?x ?p ?y }} }}"
    answer = httpx.get(f"{endpoint}/sparql", params={"query": query})
    assert answer.status_code == 403
    assert "--service" in answer.json()["detail"]
    assert scripted.asked == []


def test_other_processes_are_told(scripted: Remote) -> None:
    services = Services.of(scripted.options()[1::2])
    told = pickle.loads(pickle.dumps(services))
    assert told == services
    assert SECRET in told.addresses[scripted.at("private")]


def test_over_another_endpoint(oxigraph: Foreign, endpoint: str, tmp_path: Any, scripted: Remote) -> None:
    block = "?m a hfm:FoundationModel ; hfm:publicationYear ?y"
    query = f"SELECT ?m ?y ?n {{ SERVICE <{endpoint}/sparql> {{ {block} }} ?m rdfs:label ?n }}"
    options = ("--upstream", oxigraph.asked, "--service", f"{endpoint}/sparql", *scripted.options())
    with running(tmp_path, *options) as server:
        here = f"SELECT ?m ?y ?n {{ {block} . ?m rdfs:label ?n }}"
        assert rows(server.ask(query)) == rows(httpx.get(f"{endpoint}/sparql", params={"query": here}))
        refused, status, told = REFUSED["hidden within"]
        answer = server.ask(refused.replace("~", scripted.at("")))
        assert (answer.status_code, scripted.asked) == (status, [])
        assert told in answer.json()["title"]


# --- addresses and texts --------------------------------------------------------------------------------------


def test_addresses_are_compared_in_their_normal_form() -> None:
    allowed = Services.of(["HTTPS://me:pw@Example.org:443/sparql?a=b"]).addresses
    assert allowed == {"https://example.org/sparql?a=b": "https://me:pw@example.org/sparql?a=b"}
    assert "pw" not in repr(Services.of(["https://me:pw@example.org/"]))


@pytest.mark.parametrize("url", ["", "example.org/sparql", "ftp://me:pw@example.org/", "http://", "http://a:b/"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="no address of an endpoint") as caught:
        Services.of([url])
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "kind", "line", "column"),
    [
        ("ASK {\n SERVICE }", QuerySyntaxError, 2, 10),
        ("ASK {\n SERVICE", QuerySyntaxError, 2, 9),
        ("ASK { SERVICE SILENT no:x { } }", QuerySyntaxError, 1, 22),
        ("ASK { SERVICE SILENT $x { } }", ForbiddenError, 0, 0),
    ],
)
def test_a_clause_that_is_none(query: str, kind: type[UsageError], line: int, column: int) -> None:
    with pytest.raises(kind) as caught:
        blocks(query)
    if isinstance(caught.value, QuerySyntaxError):
        assert (caught.value.line, caught.value.column) == (line, column)


def test_names_of_endpoints_are_read() -> None:
    query = (
        "PREFIX : <http://a.example/> prefix p: <http://b.example/> PREFIX p: <http://c.example/>\n"
        "ASK { SERVICE : {} SERVICE :x {} SERVICE p:a\\-b%20c {} SERVICE hfm:x {} }"
    )
    assert [block.endpoint for block in blocks(query)] == [
        "http://a.example/", "http://a.example/x", "http://c.example/a-b%20c", "https://w3id.org/hfm/x",
    ]  # fmt: skip


def test_the_trial_keeps_lines_and_columns() -> None:
    query = "ASK {\n ?s ?p ?o . SERVICE\n  SILENT # {\n <http://a.example/> { ?a ?b ?c }\n ?x ?y ?z }"
    tried = trial(query, blocks(query))
    assert "SERVICE" not in tried
    for word in ("?o", "?x", "?z"):
        place, there = query.index(word), tried.index(word)
        assert query.count("\n", 0, place) == tried.count("\n", 0, there)
        assert place - query.rfind("\n", 0, place) == there - tried.rfind("\n", 0, there)


def test_words_that_are_no_service_are_none() -> None:
    query = "SELECT ?service { ?service hfm:SERVICE 'SERVICE <urn:x> {}' ; <urn:SERVICE> ?x } # SERVICE <urn:x> {}"
    assert blocks(query) == ()
