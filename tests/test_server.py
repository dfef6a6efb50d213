"""The server: SPARQL 1.1 Protocol, problem details, the start page."""

from __future__ import annotations

import csv
import http.client
import io
import json
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import rdflib
from pyoxigraph import Store
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from starlette.applications import Starlette

from hfm_kg import sparql
from hfm_kg.catalog import Catalog, CatalogQuery
from hfm_kg.pipeline import Settings
from hfm_kg.server import Limits, create_app
from hfm_kg.server.answers import MAX_ACCEPT
from hfm_kg.server.connection import MAX_HEAD, MAX_TARGET
from hfm_kg.server.endpoint import FORM, MAX_BODY, MAX_FIELDS, QUERY, UPDATE
from hfm_kg.server.pool import Pool
from hfm_kg.server.problems import LONGEST_DETAIL
from hfm_kg.store import Snapshot
from tests.conftest import ROOT, SCRIPT, serving

SELECT = "SELECT ?s { ?s a hfm:Survey } ORDER BY ?s"
CONSTRUCT = "CONSTRUCT { ?s a hfm:Survey } { ?s a hfm:Survey }"
INFERRED = "https://w3id.org/hfm/source/inferred"


@pytest.fixture(scope="module")
def app(store: Store, queries: Catalog, snapshot: Snapshot) -> Starlette:
    return create_app(store, queries, Pool(snapshot, Limits(evaluators=2)))


@pytest.fixture(scope="module")
def client(app: Starlette) -> Iterator[httpx.Client]:
    with serving(app) as client:
        yield client


def problem(answer: httpx.Response, status: int) -> str:
    """The detail of problem details, after a look at their form: RFC 9457."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Accept" in answer.headers["vary"]
    body = answer.json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    assert isinstance(body["detail"], str)
    assert body["detail"]
    for leak in ("Traceback", str(ROOT), ".py", "hfm_kg", "pyoxigraph"):
        assert leak not in answer.text
    return str(body["detail"])


# --- the three ways to ask ------------------------------------------------------------------------------------


def ways(client: httpx.Client, query: str, **headers: str) -> list[httpx.Response]:
    """The answers to a query that is sent in each of the protocol's three ways."""
    return [
        client.get("/sparql", params={"query": query}, headers=headers),
        client.post("/sparql", data={"query": query}, headers=headers),
        client.post("/sparql", content=query.encode(), headers={"Content-Type": QUERY, **headers}),
    ]


@pytest.mark.parametrize("query", [SELECT, "ASK { ?s rdfs:label 'é€𝄞' }", CONSTRUCT, "DESCRIBE hfm:Vision"])
def test_the_three_ways_give_the_same_answer(query: str, client: httpx.Client, store: Store) -> None:
    result = sparql.evaluate(store, query)
    expected = sparql.formats(result)[0]
    for answer in ways(client, query, Accept=expected.media_types[0]):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == expected.content_type
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["vary"] == "Accept, Accept-Encoding"
        if expected.name == "json":
            assert answer.json() == json.loads(sparql.write(sparql.evaluate(store, query), expected))
        else:
            assert len(rdflib.Graph().parse(data=answer.text)) == len(list(sparql.evaluate(store, query)))  # type: ignore[arg-type] # triples


@pytest.mark.parametrize("content_type", [QUERY, QUERY + "; charset=utf-8", QUERY.upper()])
def test_content_types_may_have_parameters_and_any_case(content_type: str, client: httpx.Client) -> None:
    answer = client.post("/sparql", content=b"ASK {}", headers={"Content-Type": content_type})
    assert answer.json()["boolean"] is True


@pytest.mark.parametrize("form", [*sparql.SOLUTION_FORMATS, *sparql.GRAPH_FORMATS], ids=lambda form: form.name)
def test_every_format_can_be_had_by_accept_and_by_name(form: sparql.Format, client: httpx.Client) -> None:
    query = SELECT if form in sparql.SOLUTION_FORMATS else CONSTRUCT
    named = client.get("/sparql", params={"query": query, "format": form.name}, headers={"Accept": "text/html"})
    posted = client.post("/sparql", data={"query": query, "format": form.name})
    accepted = client.get("/sparql", params={"query": query}, headers={"Accept": form.media_types[0]})
    assert named.status_code == posted.status_code == accepted.status_code == 200
    assert named.headers["content-type"] == accepted.headers["content-type"] == form.content_type
    assert sorted(named.content) == sorted(posted.content) == sorted(accepted.content)
    assert b"reference" in named.content


def test_several_accept_headers_count_as_one(client: httpx.Client) -> None:
    headers = [("Accept", "text/html"), ("Accept", "text/csv;q=0.5")]
    assert (
        client.get("/sparql", params={"query": SELECT}, headers=headers).headers["content-type"].startswith("text/csv")
    )


def test_parameters_name_the_dataset(client: httpx.Client) -> None:
    count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    named = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }"

    def rows(parameters: dict[str, str]) -> list[list[str]]:
        got = client.get("/sparql", params={**parameters, "format": "csv"})
        posted = client.post("/sparql", data={**parameters, "format": "csv"})
        query = parameters.pop("query")
        target = "/sparql?" + urlencode({**parameters, "format": "csv"})
        direct = client.post(target, content=query, headers={"Content-Type": QUERY})
        assert got.status_code == 200
        assert got.text == posted.text == direct.text
        return list(csv.reader(io.StringIO(got.text)))[1:]

    whole, inferred = (
        int(rows({"query": count})[0][0]),
        int(rows({"query": count, "default-graph-uri": INFERRED})[0][0]),
    )
    assert 0 < inferred < whole
    assert rows({"query": count, "default-graph-uri": "https://example.org/none"}) == [["0"]]
    assert rows({"query": named, "named-graph-uri": INFERRED}) == [[INFERRED]]
    assert rows({"query": count, "named-graph-uri": INFERRED}) == [["0"]]
    target = "/sparql?" + urlencode({"default-graph-uri": INFERRED, "format": "csv"})
    assert client.post(target, data={"query": count}).text.split() == ["n", str(inferred)]


def test_options_tell_what_other_origins_may_do(client: httpx.Client) -> None:
    answer = client.options(
        "/sparql", headers={"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 204
    assert answer.content == b""
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "Content-Type" in answer.headers["access-control-allow-headers"]


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "PROPFIND"])
def test_other_methods_are_not_allowed(method: str, client: httpx.Client) -> None:
    answer = client.request(method, "/sparql")
    problem(answer, 405)
    assert "POST" in answer.headers["allow"]


def test_the_start_page_can_only_be_fetched(client: httpx.Client) -> None:
    answer = client.post("/")
    problem(answer, 405)
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/nothing", "/sparql/more", "/..%2fetc/passwd", "/%00", "/<script>"])
def test_other_paths_are_not_found(path: str, client: httpx.Client) -> None:
    problem(client.get(path), 404)


@pytest.mark.parametrize("parameters", [{"Query": "ASK {}"}, {"query": ["ASK {}", "ASK {}"]}])
def test_exactly_one_query_is_wanted(parameters: dict[str, list[str]], client: httpx.Client) -> None:
    assert "exactly one" in problem(client.get("/sparql", params=parameters), 400)
    assert "exactly one" in problem(client.post("/sparql", data=parameters, headers={"Content-Type": FORM}), 400)


def test_a_form_without_a_query_is_a_bad_request(client: httpx.Client) -> None:
    assert "exactly one" in problem(client.post("/sparql", headers={"Content-Type": FORM}), 400)


def test_a_query_in_the_body_and_one_in_the_address_are_two(client: httpx.Client) -> None:
    target = "/sparql?query=ASK%20%7B%7D"
    problem(client.post(target, content=b"ASK {}", headers={"Content-Type": QUERY}), 400)
    problem(client.post(target, data={"query": "ASK {}"}), 400)


@pytest.mark.parametrize(
    "query", ["", " ", "SELECT", "ASK { ?s ?p }", "\0", "ASK { nope:x ?p ?o }", "(" * 300, "x" * 60_000]
)
def test_a_query_that_does_not_parse_is_a_bad_request(query: str, client: httpx.Client) -> None:
    details = {problem(answer, 400) for answer in ways(client, query)}
    assert len(details) == 1
    assert len(details.pop()) < 1_000


def test_a_function_that_the_engine_does_not_have_is_a_bad_request(client: httpx.Client) -> None:
    for answer in ways(client, "SELECT (<urn:f>(1) AS ?x) {}"):
        assert "urn:f" in problem(answer, 400)


def test_a_syntax_error_tells_line_and_column(client: httpx.Client) -> None:
    answer = client.get("/sparql", params={"query": "SELECT ?s {\n ?s nope:x ?o }"})
    detail = problem(answer, 400)
    assert answer.json()["line"] == 2
    assert answer.json()["column"] > 1
    assert detail.splitlines()[1] == "   ?s nope:x ?o }"
    assert detail.splitlines()[2].strip() == "^"


@pytest.mark.parametrize(
    "query", ["DROP ALL", "INSERT DATA { <a:a> <a:a> 1 }", "ASK { SERVICE <http://127.0.0.1:1/> {} }"]
)
def test_updates_and_services_are_forbidden(query: str, client: httpx.Client) -> None:
    for answer in ways(client, query):
        problem(answer, 403)


def test_the_protocol_s_update_is_forbidden(client: httpx.Client) -> None:
    update = "INSERT DATA { <a:a> <a:a> 1 }"
    problem(client.post("/sparql", content=update, headers={"Content-Type": UPDATE}), 403)
    problem(client.post("/sparql", data={"update": update}), 403)
    problem(client.get("/sparql", params={"update": update, "query": "ASK {}"}), 403)
    assert client.get("/sparql", params={"query": "ASK { <a:a> ?p ?o }"}).json()["boolean"] is False


@pytest.mark.parametrize("parameter", ["default-graph-uri", "named-graph-uri"])
@pytest.mark.parametrize("value", ["", "no IRI", "<a:b>", "\0"])
def test_a_graph_s_name_must_be_an_iri(parameter: str, value: str, client: httpx.Client) -> None:
    assert "no IRI" in problem(client.get("/sparql", params={"query": "ASK {}", parameter: value}), 400)


@pytest.mark.parametrize(
    ("query", "accept"),
    [(SELECT, "text/html"), (SELECT, "text/turtle"), (CONSTRUCT, "text/csv"), ("ASK {}", "image/png, text/csv;q=0")],
)
def test_what_the_client_does_not_accept_is_not_sent(query: str, accept: str, client: httpx.Client) -> None:
    for answer in ways(client, query, Accept=accept):
        problem(answer, 406)


def test_an_unknown_format_is_not_acceptable(client: httpx.Client) -> None:
    problem(client.get("/sparql", params={"query": SELECT, "format": "turtle"}), 406)
    assert "'<b>'" in problem(client.get("/sparql", params={"query": SELECT, "format": "<b>"}), 406)


@pytest.mark.parametrize("name", ["rdf+xml", "xml", "application/rdf+xml", "text/csv, application/rdf+xml"])
def test_a_format_has_the_names_that_clients_give_it(name: str, client: httpx.Client) -> None:
    answer = client.get("/sparql", params={"query": CONSTRUCT, "format": name})
    assert answer.headers["content-type"] == "application/rdf+xml"


@pytest.mark.parametrize("accept", ["nonsense", "a/b/c", ";;;"])
def test_an_accept_header_that_does_not_parse_is_a_bad_request(accept: str, client: httpx.Client) -> None:
    problem(client.get("/sparql", params={"query": SELECT}, headers={"Accept": accept}), 400)


def test_a_very_long_accept_header_is_read(client: httpx.Client) -> None:
    accept = ",".join(["a/b"] * 10_000)
    assert len(problem(client.get("/sparql", params={"query": SELECT}, headers={"Accept": accept}), 406)) < 500
    answer = client.get("/sparql", params={"query": SELECT}, headers={"Accept": accept + ",text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")


def test_an_accept_header_that_takes_long_to_read_is_refused(client: httpx.Client) -> None:
    headers = {"Accept": ",".join(["a/b"] * 15_000)}
    for path in ("/sparql?query=ASK%7B%7D", "/sparql", "/.well-known/void", "/model/UNI"):
        assert f"at most {MAX_ACCEPT} are read" in problem(client.get(path, headers=headers), 400)


def test_a_form_of_too_many_fields_is_refused(client: httpx.Client) -> None:
    form = "query=ASK%20%7B%7D" + "&x" * (MAX_FIELDS - 1)
    assert client.post("/sparql", content=form, headers={"Content-Type": FORM}).json()["boolean"] is True
    assert "fields" in problem(client.post("/sparql", content=form + "&", headers={"Content-Type": FORM}), 400)


@pytest.mark.parametrize("parameters", [{"format": "x" * 9_000}, {"timeout": "x" * 9_000}])
def test_a_problem_repeats_no_more_of_a_request_than_a_person_reads(
    client: httpx.Client, parameters: dict[str, str]
) -> None:
    answer = client.get("/sparql", params={"query": "ASK {}", **parameters})
    assert answer.status_code in (400, 406)
    assert len(answer.json()["detail"]) == LONGEST_DETAIL + 1


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/json", "multipart/form-data; boundary=x", ";", "é"]
)
def test_other_bodies_are_not_supported(content_type: str, client: httpx.Client) -> None:
    headers = {"Content-Type": content_type.encode("latin-1")} if content_type else {}
    problem(client.post("/sparql", content=b"ASK {}", headers=headers), 415)  # type: ignore[arg-type] # bytes will do


@pytest.mark.parametrize("content_type", [QUERY, FORM])
def test_a_body_that_is_too_large_is_refused(content_type: str, client: httpx.Client) -> None:
    start = b"ASK {} #" if content_type == QUERY else b"query=ASK%20%7B%7D%20%23"
    largest = start + b"x" * (MAX_BODY - len(start))
    headers = {"Content-Type": content_type}
    assert "(limit: length)" in problem(client.post("/sparql", content=largest, headers=headers), 400)
    assert str(MAX_BODY) in problem(client.post("/sparql", content=largest + b"x", headers=headers), 413)


@pytest.mark.parametrize("content_type", [QUERY, FORM])
def test_a_body_that_is_no_utf_8_is_a_bad_request(content_type: str, client: httpx.Client) -> None:
    answer = client.post("/sparql", content=b"query=ASK \xff", headers={"Content-Type": content_type})
    assert problem(answer, 400) == "the body is not UTF-8 at byte 10"


@pytest.mark.parametrize("content_type", [QUERY, FORM])
def test_a_body_in_another_encoding_is_not_supported(content_type: str, client: httpx.Client) -> None:
    for charset in ("UTF-16", "utf-16be", "latin-1", "nonsense"):
        headers = {"Content-Type": f'{content_type}; charset="{charset}"'}
        detail = problem(client.post("/sparql", content="ASK {}".encode("utf-16-be"), headers=headers), 415)
        assert charset.lower() in detail


def slowly(head: bytes, address: httpx.URL) -> tuple[int, bytes]:
    """Send the head of a request and nothing of its body: status, and all that the server says until it hangs up."""
    with socket.create_connection((address.host, address.port or 80), timeout=60) as connection:
        connection.sendall(head)
        with connection.makefile("rb") as answer:
            said = answer.read()
    return int(said.split()[1]), said


def test_a_body_that_does_not_come_is_not_waited_for(store: Store, queries: Catalog, snapshot: Snapshot) -> None:
    app = create_app(store, queries, Pool(snapshot, Limits(evaluators=1, patience=0.05)))
    with serving(app) as client:
        head = f"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: {QUERY}\r\nContent-Length: 6\r\n\r\nASK"
        status, said = slowly(head.encode(), client.base_url)
        assert status == 408
        assert b"application/problem+json" in said
        assert b"0.05 seconds" in said
        assert client.get("/sparql", params={"query": "ASK {}"}).json()["boolean"] is True


@pytest.mark.parametrize("escape", ["%FF", "%ED%A0%80", "%", "%zz", "%00"])
def test_odd_escapes_in_the_address_do_no_harm(escape: str, client: httpx.Client) -> None:
    assert problem(client.get(f"/sparql?query=ASK{escape}"), 400)


def test_a_mistake_of_ours_is_told_without_its_insides(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("/tmp/secret is broken")

    monkeypatch.setattr(Pool, "evaluate", fail)
    with httpx.Client(
        base_url=client.base_url
    ) as own:  # whose connection the server closes once it has logged the error
        detail = problem(own.get("/sparql", params={"query": "ASK {} # of which no answer is kept"}), 500)
    assert "secret" not in detail
    assert "secret" in caplog.text


# --- the start page -------------------------------------------------------------------------------------------

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Text and links of a page; every element must be closed by its own end tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.scripts: list[str] = []
        self.text = ""
        self.areas = ""
        self.ids: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if "svg" not in self.open:  # whose titles are no titles of the page
            self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "src":
                self.scripts.append(value or "")
            if name == "href":
                self.links.append(value or "")
            if name in ("id", "for"):
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "td":
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] == "textarea":
            self.areas += data

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert "svg" in self.open, f"<{tag}/> is no HTML"
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)


@pytest.fixture(scope="module")
def pages(client: httpx.Client) -> dict[str, Page]:
    """The home page and the query page."""
    answers = {path: client.get(path) for path in ("/", "/query")}
    for answer in answers.values():
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.text.lower().startswith("<!doctype html>")
        assert len(answer.content) < 200_000
    return {path: Page(answer.text) for path, answer in answers.items()}


def test_pages_are_whole(pages: dict[str, Page]) -> None:
    for page in pages.values():
        for tag in ("html", "head", "title", "body", "header", "main", "footer", "h1"):
            assert page.tags.count(tag) == 1, tag
    assert pages["/query"].tags.count("textarea") == 1
    assert pages["/query"].ids.count("query") == 2, "the label is for the text area"


def test_pages_load_nothing_from_elsewhere(client: httpx.Client, pages: dict[str, Page]) -> None:
    for path, page in pages.items():
        assert not {"img", "iframe", "style"} & set(page.tags)
        assert page.scripts
        assert all(re.fullmatch(r"/static/[\w-]+\.[0-9a-f]{12}\.js", script) for script in page.scripts)
        policy = client.get(path).headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "http" not in policy


def test_the_query_page_lists_every_competency_query(pages: dict[str, Page], queries: Catalog) -> None:
    questions = queries.of_kind("competency")
    assert questions
    for query in questions:
        assert query.question in pages["/query"].text
        assert f"hfm-kg query {query.name}" in pages["/query"].text
        assert query.body in pages["/query"].text


def test_the_query_page_opens_with_a_query(client: httpx.Client, queries: Catalog) -> None:
    def opened(**parameters: str) -> str:
        text = Page(client.get("/query", params=parameters).text).areas
        return text.removeprefix("\n")

    assert opened(query="</textarea> ASK {}") == "</textarea> ASK {}"
    assert opened(name="counts") == queries["counts"].body
    assert "hfm:FoundationModel" in opened()
    assert client.get("/query", params={"name": "count"}).status_code == 404


def test_the_home_page_counts(pages: dict[str, Page], client: httpx.Client, queries: Catalog) -> None:
    answer = client.get("/sparql", params={"query": queries["counts"].text, "format": "csv"})
    text = " ".join(pages["/"].text.split())
    for kind, number in list(csv.reader(io.StringIO(answer.text)))[1:]:
        assert f"{int(number):,} {kind}" in text


def test_every_link_of_the_first_pages_answers(pages: dict[str, Page], client: httpx.Client, queries: Catalog) -> None:
    local = {link for page in pages.values() for link in page.links if link.startswith("/")}
    assert len(local) >= 2 * len(queries.of_kind("competency"))
    for link in local:
        assert client.get(link, headers={"Accept": "text/html, */*;q=0.8"}).status_code == 200, link


def test_every_question_has_an_answer(client: httpx.Client, queries: Catalog) -> None:
    for query in queries.of_kind("competency"):
        answer = client.get("/sparql", params={"query": query.text, "format": "csv"})
        assert len(answer.text.splitlines()) > 1, query.name


def test_what_the_catalogue_holds_is_escaped_on_the_query_page(
    store: Store, queries: Catalog, snapshot: Snapshot
) -> None:
    nasty = "</pre><script>alert('x')</script>&amp;\"'"
    text = f"# {nasty}\nASK {{}}"
    planted = CatalogQuery(f"x{nasty}", "competency", Path(), "x.rq", text, {"title": nasty, "question": nasty})
    app = create_app(store, Catalog({**queries.queries, planted.name: planted}), Pool(snapshot, Limits(evaluators=1)))
    with serving(app) as client:
        page = Page(client.get("/query").text)
        assert page.tags.count("script") == len(page.scripts) + 1, "the one that holds JSON-LD"
        assert page.text.count(nasty) >= 3
        for link in [link for link in page.links if "script" in link]:
            assert client.get(link).status_code == 200


# --- a real server --------------------------------------------------------------------------------------------

ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
"""Some ten billion times ten thousand solutions to count."""


def test_head_tells_what_get_would_without_a_body(endpoint: str) -> None:
    for path, parameters in (("/", {}), ("/sparql", {"query": "ASK {}", "format": "csv"}), ("/sparql", {"query": "x"})):
        got, head = (httpx.request(method, endpoint + path, params=parameters) for method in ("GET", "HEAD"))
        assert head.content == b""
        assert head.status_code == got.status_code
        for name in ("content-type", "content-length", "vary", "access-control-allow-origin"):
            assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize("path", ["/sparql?query=", "/", "/model/"])
def test_an_address_that_is_too_long_is_refused(path: str, endpoint: str) -> None:
    address = httpx.URL(endpoint)

    def get(length: int) -> tuple[int, str]:
        """httpx sends no address of that length."""
        connection = http.client.HTTPConnection(address.host, address.port, timeout=60)
        connection.request("GET", path + "x" * (length - len(path.replace("?", ""))))
        answer = connection.getresponse()
        told = json.loads(answer.read())
        connection.close()
        assert answer.getheader("content-type") == "application/problem+json"
        return answer.status, told["title"] + told["detail"]

    for length in (MAX_TARGET + 1, MAX_HEAD - 1000):
        status, told = get(length)
        assert status == 414
        assert "URI Too Long" in told
        assert "POST" in told
    assert get(MAX_TARGET)[0] in (400, 404)


def test_rdflib_can_be_a_client(endpoint: str) -> None:
    for method in ("GET", "POST", "POST_FORM"):
        graph = rdflib.Graph(SPARQLStore(f"{endpoint}/sparql", method=method, returnFormat="json"))
        rows = list(graph.query("SELECT ?m { ?m a <https://w3id.org/hfm/FoundationModel> }"))
        assert len(rows) == 200
        assert bool(graph.query("ASK { ?m a <https://w3id.org/hfm/Dataset> }"))
        assert (rdflib.URIRef(INFERRED), None, None) in graph


def test_the_server_does_not_tell_what_it_is_made_of(endpoint: str) -> None:
    assert "server" not in httpx.get(endpoint).headers


@pytest.fixture
def process(settings: Settings, snapshot: Snapshot) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of the test's own, and its address."""
    command = [SCRIPT, "serve", "--port", "0", "--output", str(settings.output)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if address := re.search(r"(http://\S+)/sparql", line):
                break
        assert address
        yield process, address[1]
        process.kill()


def test_ctrl_c_stops_a_server_at_once(process: tuple[subprocess.Popen[str], str]) -> None:
    server, _ = process
    server.send_signal(signal.SIGINT)
    _, said = server.communicate()
    assert server.returncode in (0, 130)
    assert "Traceback" not in said


def test_a_query_without_end_neither_blocks_others_nor_ctrl_c(process: tuple[subprocess.Popen[str], str]) -> None:
    server, address = process
    ended: list[object] = []

    def ask() -> None:
        try:
            ended.append(httpx.get(f"{address}/sparql", params={"query": ENDLESS}, timeout=None).status_code)
        except httpx.HTTPError as error:
            ended.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(20):
        answer = httpx.get(f"{address}/sparql", params={"query": SELECT, "format": "csv"}, timeout=60)
        assert answer.status_code == 200
    assert not ended
    server.send_signal(signal.SIGINT)
    _, said = server.communicate()
    thread.join()
    assert server.returncode in (0, 130)
    assert "Traceback" not in said
