"""How a query is run: what is refused, which format is chosen, what is written."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, QueryBoolean, QuerySolutions, QueryTriples, Store
from rdflib.compare import isomorphic
from rdflib.query import Result as RdflibResult

from hfm_kg import sparql
from hfm_kg.errors import ForbiddenError, NotAcceptableError, QuerySyntaxError, UsageError
from hfm_kg.terms import BASE, XSD

EX = "https://example.org/"


def ex(name: str) -> NamedNode:
    return NamedNode(EX + name)


def filled(quads: Iterable[Quad]) -> Store:
    store = Store()
    store.extend(quads)
    return store


# --- the guard ------------------------------------------------------------------------------------------------


class Listener(BaseHTTPRequestHandler):
    """Another machine, which takes note of being asked."""

    def do_POST(self) -> None:
        assert isinstance(self.server, Elsewhere)
        self.server.asked.append(self.path)
        self.send_error(500)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Elsewhere(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Listener)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def small() -> Store:
    """Something for each of the queries below to match, so that the engine comes to the SERVICE clause."""
    values: list[Literal | NamedNode] = [
        Literal("true", datatype=XSD.boolean),
        Literal("1e5", datatype=NamedNode(XSD.base + "double")),
        Literal("1", datatype=XSD.integer),
        NamedNode(BASE),
        NamedNode("http://h:"),
    ]
    return filled(Quad(ex("s"), ex("p"), value) for value in values)


SMUGGLED = {
    "plain": "SELECT * { SERVICE <@> { ?s ?p ?o } }",
    "lower case": "SELECT * { service <@> {} }",
    "mixed case": "SELECT * { SerVice sIlEnt <@> {} }",
    "ASK": "ASK { SERVICE <@> {} }",
    "CONSTRUCT": "CONSTRUCT { ?s ?p ?o } { SERVICE <@> { ?s ?p ?o } }",
    "DESCRIBE": "DESCRIBE ?s { SERVICE <@> { ?s ?p ?o } }",
    "no white space": "SELECT*{SERVICE<@>{}}",
    "nested": "SELECT * { { SELECT * { OPTIONAL { SERVICE <@> {} } } } }",
    "in EXISTS": "SELECT * { ?s ?p 1 FILTER EXISTS { SERVICE <@> {} } }",
    "by prefixed name": "PREFIX x: <@> SELECT * { SERVICE x: {} }",
    "joined to a prefix": "PREFIX x: <@> SELECT * { SERVICEx:a {} }",
    "as if a prefix": "PREFIX : <@> SELECT * { SERVICE:a {} }",
    "joined to SILENT": "SELECT * { SERVICESILENT<@> {} }",
    "joined to a boolean": "SELECT * { ?s ?p trueSERVICE<@> {} }",
    "joined to a number": "SELECT * { ?s ?p 1e5SERVICE<@> {} }",
    "joined to a dot": "SELECT * { ?s ?p ?o.SERVICE<@> {} }",
    "joined to an empty local name": "SELECT * { ?s ?p hfm:.SERVICE <@> {} }",
    "as local name of no IRI": "PREFIX p: <http://h:> SELECT * { ?s ?p p:SERVICE <@> {} }",
    "after a comment with CR": "SELECT * { # comment\rSERVICE <@> {}\n}",
    "comment inside": "SELECT * { SERVICE# <\n#{\r<@># {\n{} }",
    "quotes in comments": "SELECT * { # it's\nSERVICE <@> {} # it's\n}",
    "quotes in IRIs": "SELECT * { OPTIONAL { <a:'> ?p ?o } SERVICE <@> {} OPTIONAL { <a:'> ?p ?o } }",
    "hash in an IRI": r"SELECT * { OPTIONAL { <a:\u0041#> ?p ?o } SERVICE <@> {} }",
    "less than, as if an IRI with a quote": "SELECT * { FILTER('a'<'>')SERVICE<@>{}FILTER(1=1||'') }",
    "less than, as if an IRI with a hash": "SELECT * { FILTER(1<2)SERVICE#>\n<@> {} }",
    "escaped backslash": r"SELECT * { BIND('\\' AS ?a) SERVICE <@> {} BIND('\\' AS ?b) }",
    "long string": "SELECT * { BIND('''a'b''' AS ?a) SERVICE <@> {} BIND('''c''' AS ?b) }",
    "empty string": "SELECT * { BIND('' AS ?a) SERVICE <@> {} BIND('' AS ?b) }",
    "after a variable of that name": "SELECT * { VALUES ?service { 1 } SERVICE <@> {} }",
}


@pytest.mark.parametrize("query", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_no_query_asks_another_machine(query: str, elsewhere: Elsewhere, small: Store) -> None:
    query = query.replace("@", elsewhere.url)
    elsewhere.asked.clear()
    with suppress(OSError):  # the other machine answers with an error
        result = small.query(query, prefixes=dict(sparql.PREFIXES))
        sparql.write(result, sparql.formats(result)[0])
    assert elsewhere.asked, "the engine does not take this for a request, so the test shows nothing"

    elsewhere.asked.clear()
    with pytest.raises((ForbiddenError, QuerySyntaxError)):
        sparql.evaluate(small, query)
    assert not elsewhere.asked


@pytest.mark.parametrize(
    "name", ["plain", "lower case", "ASK", "no white space", "in EXISTS", "after a comment with CR"]
)
def test_a_service_clause_is_called_by_its_name(name: str) -> None:
    with pytest.raises(ForbiddenError, match="SERVICE is not allowed"):
        sparql.guard(SMUGGLED[name])


@pytest.mark.parametrize(
    "query",
    [
        r"SELECT * { \u0053ERVICE <@> {} }",
        r"SELECT * { S\U00000045RVICE <@> {} }",
        r"\u0049NSERT DATA { <a:a> <a:a> 1 }",
    ],
)
def test_escapes_do_not_make_keywords(query: str, elsewhere: Elsewhere, small: Store) -> None:
    elsewhere.asked.clear()
    with pytest.raises((ForbiddenError, QuerySyntaxError)):
        sparql.evaluate(small, query.replace("@", elsewhere.url))
    assert not elsewhere.asked
    assert len(small) == 5


HARMLESS = {
    "variable": "SELECT ?service ?x { ?service ?p ?x }",
    "dollar variable": "SELECT $SERVICE { $SERVICE ?p ?x }",
    "string": "SELECT * { ?s ?p ?o FILTER(?o != 'SERVICE <http://127.0.0.1/> {}') }",
    "long string": "SELECT * { BIND('''it's\n'SERVICE' <a:b> {}''' AS ?a) }",
    "escaped quote": r"SELECT * { BIND('\' SERVICE <a:b> {} ' AS ?a) }",
    "comment": "SELECT * { # SERVICE <http://127.0.0.1/> { ?s ?p ?o }\n ?s ?p ?o }",
    "comment at the end": "ASK {} # SERVICE <a:b> {}",
    "IRI": "SELECT * { <http://127.0.0.1/service> ?p <a:SERVICE> }",
    "IRI before a group": "SELECT * { GRAPH <http://127.0.0.1/SERVICE> { ?s ?p ?o } }",
    "local name": "PREFIX ex: <https://example.org/> SELECT * { ?s ex:SERVICE ?o ; hfm:service ?x }",
    "local name before a group": "PREFIX ex: <https://example.org/> SELECT * { ?s ex:SERVICE ?o { ?a ?b ?c } }",
    "prefix": "PREFIX service: <https://example.org/> SELECT * { GRAPH service:a { ?s service:p ?o } }",
    "blank node": "SELECT * { _:SERVICE ?p ?o }",
    "language tag": "SELECT * { ?s ?p 'a'@service }",
    "update words": "SELECT ?insert ?delete { ?insert hfm:load ?delete FILTER(?delete != 'DROP ALL') } # CLEAR",
}


@pytest.mark.parametrize("query", HARMLESS.values(), ids=HARMLESS.keys())
def test_words_that_are_no_keywords_are_not_refused(query: str, small: Store) -> None:
    result = sparql.evaluate(small, query)
    assert sparql.write(result, sparql.formats(result)[0])


@pytest.mark.parametrize(
    "update",
    [
        "INSERT DATA { <a:a> <a:a> <a:a> }",
        "delete where { ?s ?p ?o }",
        "PREFIX ex: <a:> # SELECT\nDELETE { ?s ?p ?o } INSERT { ?s ?p 1 } WHERE { ?s ?p ?o }",
        "BASE <a:b> LOAD <http://127.0.0.1:1/>",
        "WITH <a:g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
        "CLEAR ALL",
        "DROP SILENT DEFAULT",
        "CREATE GRAPH <a:g>",
        "COPY DEFAULT TO <a:g>",
        "MOVE DEFAULT TO <a:g>",
        "ADD DEFAULT TO <a:g>",
    ],
)
def test_updates_are_refused_as_such(update: str, small: Store) -> None:
    with pytest.raises(ForbiddenError, match="is an update"):
        sparql.evaluate(small, update)
    assert len(small) == 5


@pytest.mark.parametrize("query", ["ASK {} ; INSERT DATA { <a:a> <a:a> <a:a> }", "SELECT * { } DROP ALL"])
def test_an_update_behind_a_query_changes_nothing(query: str, small: Store) -> None:
    with pytest.raises(QuerySyntaxError):
        sparql.evaluate(small, query)
    assert len(small) == 5


def test_from_clauses_fetch_nothing(elsewhere: Elsewhere, small: Store) -> None:
    elsewhere.asked.clear()
    result = sparql.evaluate(small, f"SELECT * FROM <{elsewhere.url}> FROM NAMED <{elsewhere.url}> {{ ?s ?p ?o }}")
    assert isinstance(result, QuerySolutions)
    assert not list(result)
    assert not elsewhere.asked


# --- queries that do not parse --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("SELEC ?s { ?s ?p ?o }", 1),
        ("SELECT ?s {\n  ?s ?p ?o\n", 3),
        ("SELECT ?s {\n  ?s nope:x ?o .\n}", 2),
        ("SELECT ?s {\r\n  ?s ?p 'é' .\r\n  ?s nope:x ?o . ?s ?p ?o .\r\n}", 3),
        ("# service\nSELECT ?s {\n  ?s ?p }", 3),
        ("SELECT * { \0 }", 1),
        ("\ufeff!", 1),
    ],
)
def test_a_syntax_error_tells_the_line_and_points_at_the_place(query: str, line: int, small: Store) -> None:
    with pytest.raises(QuerySyntaxError, match=f"^line {line}, column ") as caught:
        sparql.evaluate(small, query)
    assert caught.value.line == line
    assert caught.value.column > 0
    assert str(caught.value).splitlines()[-1].strip() == "^"


def test_an_unknown_prefix_is_called_by_its_name(small: Store) -> None:
    with pytest.raises(QuerySyntaxError, match=r"prefix .*is neither declared nor known"):
        sparql.evaluate(small, "SELECT * { ?s nope:x ?o }")


@pytest.mark.parametrize("query", ["", "  \n"])
def test_an_empty_query_is_refused(query: str, small: Store) -> None:
    with pytest.raises(QuerySyntaxError, match="the query is empty"):
        sparql.evaluate(small, query)


@pytest.mark.parametrize("query", ["ASK { ?s ?p '\udcff' }", "\ud800", "SERVICE \udcff"])
def test_bytes_that_were_no_text_are_refused(query: str, small: Store) -> None:
    with pytest.raises(UsageError, match="not UTF-8"):
        sparql.evaluate(small, query)


def test_a_long_query_is_answered(small: Store) -> None:
    result = sparql.evaluate(small, "ASK {} #" + "x" * 900_000)
    assert isinstance(result, QueryBoolean)
    assert result


@pytest.mark.parametrize(("unit", "words"), [("a.", 1), ("a-", 1), ("é.", 0), ("'\\", 0), ("<a ", 1), ("'''\\", 0)])
def test_a_long_text_is_scanned_in_one_go(unit: str, words: int) -> None:
    times = 300_000  # a scan that looked at the rest of the text from each of its places would take an hour
    assert len(sparql.keywords(unit * times)) == words * times


def test_a_string_may_hold_nul(small: Store) -> None:
    result = sparql.evaluate(small, "SELECT ('a\0b' AS ?a) {}")
    assert isinstance(result, QuerySolutions)
    assert [solution["a"].value for solution in result] == ["a\0b"]


# --- the dataset ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graphs() -> Store:
    def quad(graph: str | None) -> Quad:
        value = Literal(graph or "default")
        return Quad(ex("s"), ex("p"), value, ex(graph)) if graph else Quad(ex("s"), ex("p"), value)

    return filled([quad(None), quad("one"), quad("two")])


PLAIN = "SELECT ?v { ?s ?p ?v }"
NAMED = "SELECT ?v { GRAPH ?g { ?s ?p ?v } }"


@pytest.mark.parametrize(
    ("query", "default", "named", "expected"),
    [
        (PLAIN, (), (), {"default"}),
        (PLAIN, ("one",), (), {"one"}),
        (PLAIN, ("one", "two"), (), {"one", "two"}),
        (PLAIN, (), ("one",), set()),
        (PLAIN, ("none",), (), set()),
        (NAMED, (), (), {"one", "two"}),
        (NAMED, (), ("two",), {"two"}),
        (NAMED, ("one",), ("two",), {"two"}),
        (NAMED, ("one",), (), set()),
        (PLAIN.replace("{", f"FROM <{EX}one> {{", 1), (), (), {"one"}),
        (PLAIN.replace("{", f"FROM <{EX}one> {{", 1), ("two",), (), {"two"}),  # the protocol wins: 2.1.4
    ],
)
def test_the_dataset_is_what_the_parameters_name(
    query: str, default: tuple[str, ...], named: tuple[str, ...], expected: set[str], graphs: Store
) -> None:
    result = sparql.evaluate(
        graphs, query, default_graph=[EX + name for name in default], named_graphs=[EX + name for name in named]
    )
    assert isinstance(result, QuerySolutions)
    assert {solution["v"].value for solution in result} == expected


@pytest.mark.parametrize("name", ["", "no IRI", "relative", "a:\n", "<a:b>"])
def test_a_graph_s_name_must_be_an_iri(name: str, graphs: Store) -> None:
    with pytest.raises(UsageError, match="no IRI"):
        sparql.evaluate(graphs, PLAIN, default_graph=[name])
    with pytest.raises(UsageError, match="no IRI"):
        sparql.evaluate(graphs, PLAIN, named_graphs=[name])


# --- negotiation ----------------------------------------------------------------------------------------------

SELECT, CONSTRUCT = "SELECT * { ?s ?p ?o }", "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


@pytest.mark.parametrize(
    ("accept", "solutions", "graph"),
    [
        (None, "json", "turtle"),
        ("", "json", "turtle"),
        ("*/*", "json", "turtle"),
        ("*", "json", "turtle"),
        (JAVA, "json", "turtle"),
        (BROWSER, "xml", "rdfxml"),
        ("application/json", "json", "jsonld"),
        ("application/xml", "xml", "rdfxml"),
        ("text/csv", "csv", None),
        ("TEXT/CSV", "csv", None),
        ("text/csv; charset=utf-8", "csv", None),
        ("text/tab-separated-values", "tsv", None),
        ("application/sparql-results+xml", "xml", None),
        ("text/turtle", None, "turtle"),
        ("application/n-triples", None, "ntriples"),
        ("text/plain", None, "ntriples"),
        ("application/ld+json", None, "jsonld"),
        ("application/rdf+xml", None, "rdfxml"),
        ("text/csv;q=0.5, text/tab-separated-values;q=0.9, text/turtle;q=0.1", "tsv", "turtle"),
        ("text/csv;q=0.1, */*;q=0.9", "json", "turtle"),
        ("text/csv, application/sparql-results+json", "json", None),
        ("text/csv;q=0, */*", "json", "turtle"),
        ("text/csv,, ,", "csv", None),
        ("text/csv;q=abc", "csv", None),
        ("text/html", None, None),
        ("text/csv;q=0, text/turtle;q=0", None, None),
        (",", None, None),
        ("\xff/\xff", None, None),
    ],
)
def test_the_format_is_what_the_client_accepts(
    accept: str | None, solutions: str | None, graph: str | None, small: Store
) -> None:
    for query, expected in ((SELECT, solutions), (CONSTRUCT, graph)):
        result = sparql.evaluate(small, query)
        if expected:
            assert sparql.negotiate(sparql.formats(result), accept).name == expected
        else:
            with pytest.raises(NotAcceptableError):
                sparql.negotiate(sparql.formats(result), accept)


@pytest.mark.parametrize("accept", ["text", "a/b/c", ";", 'text/csv;x="a,b"', "\0"])
def test_an_accept_header_that_does_not_parse_is_refused(accept: str) -> None:
    with pytest.raises(UsageError, match="does not parse"):
        sparql.negotiate(sparql.SOLUTION_FORMATS, accept)


def test_a_very_long_accept_header_is_not_repeated() -> None:
    accept = ", ".join(f"a/b{number}" for number in range(5_000))
    with pytest.raises(NotAcceptableError) as caught:
        sparql.negotiate(sparql.SOLUTION_FORMATS, accept)
    assert len(str(caught.value)) < 500
    assert sparql.negotiate(sparql.SOLUTION_FORMATS, accept + ", text/csv;q=0.1").name == "csv"


@pytest.mark.parametrize("query", [SELECT, "ASK {}", CONSTRUCT, f"DESCRIBE <{EX}s>"])
def test_every_format_has_a_name_and_no_other_name_is_one(query: str, small: Store) -> None:
    result = sparql.evaluate(small, query)
    for form in sparql.formats(result):
        assert sparql.named_format(result, form.name) is form
        assert sparql.negotiate(sparql.formats(result), form.media_types[0]) is form
    for name in ("pdf", "", "JSON", "turtle" if sparql.formats(result)[0].name == "json" else "csv"):
        with pytest.raises(NotAcceptableError, match="is no format for"):
            sparql.named_format(result, name)


@pytest.mark.parametrize(
    ("query", "graph"),
    [
        (SELECT, False),
        ("ASK {}", False),
        (CONSTRUCT, True),
        ("describe <a:b>", True),
        ("# CONSTRUCT\nSELECT * {}", False),
        ("PREFIX construct: <a:> SELECT ('DESCRIBE' AS ?describe) {}", False),
        ("BASE <a:SELECT> PREFIX ask: <a:> CONSTRUCT { ?s ?p ?o } { SELECT * { ?s ?p ?o } }", True),
        ("", False),
    ],
)
def test_queries_for_graphs_are_told_from_others(query: str, graph: bool) -> None:
    assert sparql.is_graph_query(query) is graph


# --- serialisation, read back by another library --------------------------------------------------------------

AWKWARD = ["", "plain", "tab\tnewline\n\"quote\" 'quote' \\ back", "é € 𝄞", "<tag>&amp;", "a,b;c", " padded "]


@pytest.fixture(scope="module")
def awkward() -> Store:
    store = filled(Quad(ex(f"s{number}"), ex("p"), Literal(text)) for number, text in enumerate(AWKWARD))
    store.add(Quad(ex("é"), ex("p"), Literal("deutsch", language="de")))
    store.add(Quad(ex("n"), ex("p"), Literal("12", datatype=XSD.integer)))
    store.add(Quad(BlankNode("b"), ex("p"), ex("s0")))
    return store


@pytest.fixture(scope="module")
def expected(awkward: Store) -> rdflib.Graph:
    graph = rdflib.Graph()
    for number, text in enumerate(AWKWARD):
        graph.add((rdflib.URIRef(f"{EX}s{number}"), rdflib.URIRef(EX + "p"), rdflib.Literal(text)))
    graph.add((rdflib.URIRef(EX + "é"), rdflib.URIRef(EX + "p"), rdflib.Literal("deutsch", lang="de")))
    graph.add((rdflib.URIRef(EX + "n"), rdflib.URIRef(EX + "p"), rdflib.Literal(12)))
    graph.add((rdflib.BNode(), rdflib.URIRef(EX + "p"), rdflib.URIRef(EX + "s0")))
    return graph


def written(store: Store, query: str, name: str) -> bytes:
    result = sparql.evaluate(store, query)
    return sparql.write(result, sparql.named_format(result, name))


@pytest.mark.parametrize(
    ("name", "theirs"), [("turtle", "turtle"), ("ntriples", "nt"), ("rdfxml", "xml"), ("jsonld", "json-ld")]
)
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # rdflib's parser of JSON-LD
def test_graphs_are_read_back_by_rdflib(name: str, theirs: str, awkward: Store, expected: rdflib.Graph) -> None:
    found = rdflib.Graph().parse(data=written(awkward, CONSTRUCT, name), format=theirs)
    assert isomorphic(found, expected)


@pytest.mark.parametrize("name", ["json", "xml"])
def test_solutions_are_read_back_by_rdflib(name: str, awkward: Store, expected: rdflib.Graph) -> None:
    result = RdflibResult.parse(io.BytesIO(written(awkward, SELECT, name)), format=name)
    found = rdflib.Graph()
    for row in result.bindings:
        subject, predicate, value = (row[rdflib.Variable(variable)] for variable in "spo")
        assert isinstance(subject, rdflib.term.Node)
        found.add((subject, predicate, value))
    assert isomorphic(found, expected)


def test_csv_is_read_back_by_the_csv_module(awkward: Store) -> None:
    rows = list(csv.DictReader(io.StringIO(written(awkward, SELECT, "csv").decode(), newline="")))
    assert {row["o"] for row in rows} == {*AWKWARD, "deutsch", "12", EX + "s0"}
    assert {row["p"] for row in rows} == {EX + "p"}


def test_tsv_has_one_line_a_solution_and_terms_as_in_turtle(awkward: Store) -> None:
    head, *rows = written(awkward, "SELECT ?s ?o { ?s ?p ?o }", "tsv").decode().removesuffix("\n").split("\n")
    assert head == "?s\t?o"
    turtle = ""
    for row in rows:
        subject, value = row.split("\t")
        turtle += f"{subject} <{EX}p> {value} .\n"
    found = {str(value) for value in rdflib.Graph().parse(data=turtle, format="turtle").objects()}
    assert found == {*AWKWARD, "deutsch", "12", EX + "s0"}


@pytest.mark.parametrize(("query", "truth"), [("ASK { ?s ?p 12 }", True), ("ASK { ?s ?p 13 }", False)])
def test_booleans_can_be_read_in_every_format(query: str, truth: bool, awkward: Store) -> None:
    for name in ("json", "xml"):
        result = RdflibResult.parse(io.BytesIO(written(awkward, query, name)), format=name)
        assert result.askAnswer is truth
    text = "true" if truth else "false"
    assert list(csv.reader(io.StringIO(written(awkward, query, "csv").decode(), newline=""))) == [["boolean"], [text]]
    assert written(awkward, query, "tsv").decode().split("\n") == ["?boolean", text, ""]


@pytest.mark.parametrize("name", ["json", "xml", "csv", "tsv"])
def test_no_solutions_still_tell_the_columns(name: str, small: Store) -> None:
    content = written(small, "SELECT ?first ?second { ?first hfm:nothing ?second }", name)
    if name in ("json", "xml"):
        assert list(map(str, RdflibResult.parse(io.BytesIO(content), format=name).vars or [])) == ["first", "second"]
    else:
        assert content.decode().replace("?", "").split() == (["first,second"] if name == "csv" else ["first", "second"])


def test_content_types_of_text_tell_the_encoding() -> None:
    for form in (*sparql.SOLUTION_FORMATS, *sparql.GRAPH_FORMATS):
        assert form.content_type.startswith(form.media_types[0])
        assert ("charset=utf-8" in form.content_type) == form.media_types[0].startswith("text/")


def test_known_prefixes_need_no_declaration_and_shorten_turtle(store: Store) -> None:
    result = sparql.evaluate(store, "CONSTRUCT { ?m a hfm:FoundationModel } { ?m a hfm:FoundationModel } LIMIT 1")
    assert isinstance(result, QueryTriples)
    assert b"a hfm:FoundationModel" in sparql.write(result, sparql.GRAPH_FORMATS[0])


def test_a_declared_prefix_wins_over_a_known_one(graphs: Store) -> None:
    result = sparql.evaluate(graphs, f"PREFIX hfm: <{EX}> SELECT ?v {{ hfm:s hfm:p ?v }}")
    assert isinstance(result, QuerySolutions)
    assert [solution["v"].value for solution in result] == ["default"]


def test_relative_iris_are_names_of_ours(store: Store) -> None:
    assert sparql.evaluate(store, "ASK { <model/UNI> a <FoundationModel> }")
    assert not sparql.evaluate(store, "BASE <https://example.org/> ASK { <model/UNI> a ?class }")


def test_a_function_that_the_engine_does_not_have_is_named(store: Store) -> None:
    for query in ("SELECT (<urn:f>(1) AS ?x) {}", "SELECT (<urn:f>('SERVICE') AS ?x) {}"):
        with pytest.raises(UsageError, match="urn:f"):
            sparql.evaluate(store, query)
