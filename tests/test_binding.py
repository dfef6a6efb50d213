"""Values of a query's variables: written as terms, in the right place, whatever they hold."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, Store
from rdflib import Graph, URIRef
from rdflib import Literal as RdflibLiteral

from hfm_kg import binding, sparql
from hfm_kg.errors import UsageError

P = NamedNode("https://w3id.org/hfm/p")
A, B, C = (NamedNode(f"https://w3id.org/hfm/{name}") for name in "abc")

HOSTILE = [
    '"',
    "'",
    '" } } #',
    '"""',
    "\\",
    "\\\\",
    '\\" } UNION { ?s ?p ?o } #',
    "\\u0022 } UNION { ?s ?p ?o } #",
    "\\\\u0022 } UNION { ?s ?p ?o } #",
    "\\U00000022 }",
    "\n\r\t\x08\x0c\x01",
    "} DROP ALL ; {",
    "SERVICE <http://127.0.0.1:1/>",
    "?value",
    "<http://a/>",
    "é 模型 🧬",
    "",
]


def holding(*statements: tuple[NamedNode, str | int]) -> Store:
    made = Store()
    made.extend(Quad(subject, P, Literal(value)) for subject, value in statements)
    return made


@pytest.fixture
def store() -> Store:
    return holding((A, 1), (B, 2), (C, 3))


def rows(store: Store, query: str) -> list[tuple[str | None, ...]]:
    found = sparql.evaluate(store, query)
    assert isinstance(found, QuerySolutions)
    return sorted(tuple(None if term is None else str(term) for term in row) for row in found)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_stays_a_text(text: str) -> None:
    store = holding((A, text), (B, "another"))
    bound = binding.bind("SELECT ?s ?value { ?s hfm:p ?value }", {"value": [Literal(text)]})
    assert rows(store, bound) == [(str(A), str(Literal(text)))]


@pytest.mark.parametrize("text", [text for text in HOSTILE if text != "\n\r\t\x08\x0c\x01"])
def test_a_text_stays_a_text_in_an_engine_that_decodes_escapes_first(text: str) -> None:
    graph = Graph()
    graph.add((URIRef(A.value), URIRef(P.value), RdflibLiteral(text)))
    graph.add((URIRef(B.value), URIRef(P.value), RdflibLiteral("another")))
    bound = binding.bind("SELECT ?s ?value { ?s <https://w3id.org/hfm/p> ?value }", {"value": [Literal(text)]})
    assert [str(row[1]) for row in graph.query(bound) if isinstance(row, tuple)] == [text]


def test_escapes_of_the_engine_alone_would_not_do() -> None:
    # what the rewriting of a backslash before a u is for: rdflib takes it for an escape
    query = f"SELECT ?x {{ VALUES ?x {{ {Literal(chr(92) + 'u005C')} }} }}"
    assert [str(row[0]) for row in Graph().query(query) if isinstance(row, tuple)] != ["\\u005C"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT ?s ?v { ?s hfm:p ?v }", [(str(B), '"2"^^<http://www.w3.org/2001/XMLSchema#integer>')]),
        ("SELECT ?s { ?s hfm:p 2 }", [(str(B),)]),
        ("SELECT ?s WHERE { { ?s hfm:p 1 } UNION { ?s hfm:p 2 } }", [(str(B),)]),
        ("SELECT ?s # {\nWHERE # {\n{ ?s hfm:p ?v }", [(str(B),)]),
        ('SELECT ("{" AS ?brace) ?s { ?s hfm:p ?v }', [('"{"', str(B))]),
        ("SELECT (EXISTS { ?x hfm:p 3 } AS ?e) ?s { ?s hfm:p ?v }",
         [('"true"^^<http://www.w3.org/2001/XMLSchema#boolean>', str(B))]),
        ("SELECT (COUNT(*) AS ?n) { ?s hfm:p ?v }", [('"1"^^<http://www.w3.org/2001/XMLSchema#integer>',)]),
        ("SELECT ?s { SELECT ?s { ?s hfm:p ?v } ORDER BY DESC(?v) }", [(str(B),)]),
        ("select $s where { $s hfm:p $v } order by $s limit 5", [(str(B),)]),
        ("SELECT ?s FROM <https://w3id.org/hfm/none> { ?s hfm:p ?v }", []),
        ("SELECT ?s { ?s hfm:p ?v } VALUES ?v { 2 3 }", [(str(B),)]),
        ("SELECT ?s { ?s hfm:p ?v . FILTER NOT EXISTS { ?s hfm:p 2 } }", []),
        ("SELECT ?s { VALUES ?s { hfm:a hfm:c } ?s hfm:p ?v }", [(str(B),)]),
        ("SELECT ?s { VALUES ?s { } ?s hfm:p ?v }", [(str(B),)]),
        ("SELECT ?s { ?s hfm:p ?v { VALUES ?s { hfm:a } } }", []),
    ],
    ids=str,
)  # fmt: skip
def test_the_solutions_with_the_value_are_left(query: str, expected: list[tuple[str, ...]], store: Store) -> None:
    bound = binding.bind(query, {"s": [B]})
    assert rows(store, bound) == expected


def test_several_values_and_variables() -> None:
    store = holding(*((subject, value) for subject in (A, B, C) for value in (1, 2)))
    bound = binding.bind("SELECT * { ?s hfm:p ?v }", {"s": [A, C], "v": [Literal(2)]})
    assert {row[0] for row in rows(store, bound)} == {str(A), str(C)}
    assert len(rows(store, bound)) == 2


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ("CONSTRUCT { ?s a hfm:X } WHERE { ?s hfm:p ?v }", {B}),
        ("CONSTRUCT WHERE { ?s hfm:p ?v # }\n }", {B}),
        ("CONSTRUCT FROM <https://w3id.org/hfm/none> WHERE { ?s hfm:p ?v }", set()),
        ("DESCRIBE ?s", {B}),
        ("DESCRIBE ?s # who", {B}),
        ("DESCRIBE ?s LIMIT 3", {B}),
        ("DESCRIBE ?s { ?s hfm:p ?v }", {B}),
    ],
)
def test_graphs_are_asked_for_too(query: str, subjects: set[NamedNode], store: Store) -> None:
    found = sparql.evaluate(store, binding.bind(query, {"s": [B]}))
    assert {triple.subject for triple in found} == subjects  # type: ignore[union-attr] # they are no booleans


def test_questions_are_asked_too(store: Store) -> None:
    for value, expected in ((B, True), (P, False)):
        assert bool(sparql.evaluate(store, binding.bind("ASK { ?s hfm:p ?v }", {"s": [value]}))) is expected


def test_an_unknown_variable_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no variable \?modle; did you mean model\?"):
        binding.bind("SELECT ?model { ?model a hfm:Dataset } # ?modle", {"modle": [A]})


@pytest.mark.parametrize(
    "query",
    [
        "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
        "SELECT ?n { ?s ?p ?o } GROUP BY (STR(?s) AS ?n)",
        "SELECT (EXISTS { ?n ?p ?o } as $n) { ?s ?p ?o }",
    ],
)
def test_what_the_query_works_out_takes_no_value(query: str) -> None:
    with pytest.raises(UsageError, match=r"works \?n out"):
        binding.bind(query, {"n": [A]})


def test_examples_are_those_of_the_outermost_group() -> None:
    query = """SELECT * { VALUES ?a { 1 } VALUES (?b ?c) { (1 2) } { VALUES ?d { 1 } } VALUES $e { "}" } }
    VALUES ?f { 3 }"""
    assert binding.examples(query) == {"a": "1", "e": '"}"'}


def test_a_brace_that_is_not_closed_is_told() -> None:
    with pytest.raises(UsageError, match="not closed"):
        binding.bind("SELECT ?s { ?s ?p ?o", {"s": [A]})
