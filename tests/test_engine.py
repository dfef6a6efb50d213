"""Manners of the engine that users are told of: each is shown, so that an update that changes one is noticed, and that
neither the graph nor the catalogue's queries suffer from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, Store

from hfm_kg import statement
from hfm_kg.catalog import Catalog, CatalogQuery
from hfm_kg.sparql import TOKEN
from hfm_kg.terms import XSD

A, P, B, G = (NamedNode(f"urn:{name}") for name in "apbg")
OWN_SCOPE = {"MINUS", "OPTIONAL", "VALUES", "SELECT"}
"""What a group may hold in which the variable of GRAPH is not what SPARQL says."""


def rows(store: Store, query: str) -> list[dict[str, str]]:
    """The bound variables of each solution."""
    solutions = store.query(query)
    assert isinstance(solutions, QuerySolutions)
    names = [variable.value for variable in solutions.variables]
    return [{name: term.value for name, term in zip(names, row, strict=True) if term is not None} for row in solutions]


def kept(literal: Literal) -> Literal:
    """What the store gives back of a literal."""
    store = Store()
    store.add(Quad(A, P, literal))
    (quad,) = store
    assert isinstance(quad.object, Literal)
    return quad.object


@pytest.mark.parametrize(
    ("given", "datatype", "expected"),
    [
        ("001", "integer", "1"),
        ("1.50", "decimal", "1.5"),
        ("1e0", "double", "1"),
        ("1", "boolean", "true"),
        ("2024-01-01T00:00:00+00:00", "dateTime", "2024-01-01T00:00:00Z"),
        ("P1Y12M", "duration", "P2Y"),
        # what is no value of its type, or lies outside of what the engine counts with, stays
        ("x", "integer", "x"),
        ("099999999999999999999", "integer", "099999999999999999999"),
        ("001", "string", "001"),
    ],
)
def test_the_engine_keeps_values_and_not_how_they_are_written(given: str, datatype: str, expected: str) -> None:
    node = NamedNode(f"{XSD.base}{datatype}")
    assert kept(Literal(given, datatype=node)) == Literal(expected, datatype=node)


@pytest.mark.parametrize("datatype", ["int", "long", "nonNegativeInteger", "unsignedByte"])
def test_the_engine_makes_integers_of_all_that_derive_from_them(datatype: str) -> None:
    assert kept(Literal("+5", datatype=NamedNode(f"{XSD.base}{datatype}"))) == Literal("5", datatype=XSD.integer)


def test_no_literal_of_ours_is_written_otherwise_than_it_is_kept(stated: statement.Graph, store: Store) -> None:
    literals = {quad.object for quad in stated.quads if isinstance(quad.object, Literal)}
    assert len(literals) > 5_000
    kept_ones = Store()
    kept_ones.extend(Quad(A, P, literal) for literal in literals)
    assert {quad.object for quad in kept_ones} == literals
    assert literals <= {quad.object for quad in store if isinstance(quad.object, Literal)}


@pytest.fixture
def two_graphs() -> Store:
    store = Store()
    store.extend([Quad(A, P, B, G), Quad(B, P, A, NamedNode("urn:h"))])
    return store


@pytest.mark.parametrize(
    ("query", "engine", "specification"),
    [
        # the two sides share no variable, so MINUS should remove nothing; but the engine binds ?g on both
        ("SELECT ?g { GRAPH ?g { ?s ?p ?o MINUS { ?x ?y ?z } } }", [], [{"g": "urn:g"}, {"g": "urn:h"}]),
        # ?g should be bound to each graph after its group
        ("SELECT ?g { GRAPH ?g { VALUES ?x { 1 } } }", [{}], [{"g": "urn:g"}, {"g": "urn:h"}]),
        ("SELECT ?g { GRAPH ?g { SELECT ?s { ?s ?p ?o } } }", [{}, {}], [{"g": "urn:g"}, {"g": "urn:h"}]),
        # within its group ?g should be any node, not the graph's name; <urn:a> is no graph
        (
            "SELECT ?g ?o { GRAPH ?g { ?s ?p ?o OPTIONAL { ?g ?q ?o } } FILTER(BOUND(?o)) }",
            [{"g": "urn:g", "o": "urn:b"}, {"g": "urn:h", "o": "urn:a"}],
            [],
        ),
    ],
)
def test_the_variable_of_graph_is_bound_within_its_group(
    two_graphs: Store, query: str, engine: list[dict[str, str]], specification: list[dict[str, str]]
) -> None:
    assert sorted(rows(two_graphs, query), key=str) == engine != specification


def test_the_columns_of_an_asterisk_come_in_alphabetical_order(two_graphs: Store) -> None:
    solutions = two_graphs.query("SELECT * { GRAPH <urn:g> { ?s ?p ?o } }")
    assert isinstance(solutions, QuerySolutions)
    assert [variable.value for variable in solutions.variables] == ["o", "p", "s"]


def groups_of_graphs(query: CatalogQuery) -> Iterator[list[str]]:
    """The words of each group behind GRAPH and a variable, in upper case."""
    tokens = [match for match in TOKEN.finditer(query.text) if match.lastgroup != "blank"]
    for start, token in enumerate(tokens[:-1]):
        if token[0].upper() != "GRAPH" or tokens[start + 1][0][0] not in "?$":
            continue
        depth, words = 0, []
        for inner in tokens[start + 2 :]:
            depth += (inner[0] == "{") - (inner[0] == "}")
            words.append(inner[0].upper())
            if not depth:
                break
        yield words


def test_no_query_of_the_catalogue_depends_on_how_graph_is_scoped(queries: Catalog) -> None:
    groups = [(query.name, words) for query in queries for words in groups_of_graphs(query)]
    assert groups
    assert [name for name, words in groups if OWN_SCOPE & set(words)] == []


def test_a_query_that_depended_on_it_would_be_found(queries: Catalog) -> None:
    plain = next(iter(queries))
    spoilt = replace(plain, text="SELECT * { GRAPH ?g { ?s ?p 'VALUES' OPTIONAL { ?s ?q ?r } } VALUES ?s { 1 } }")
    ((*words,),) = groups_of_graphs(spoilt)
    assert OWN_SCOPE & set(words) == {"OPTIONAL"}


def test_no_query_of_the_catalogue_leaves_its_columns_to_the_engine(queries: Catalog) -> None:
    competency = [query for query in queries if query.kind == "competency"]
    assert competency
    for query in competency:
        words = [m[0].upper() for m in TOKEN.finditer(query.text) if m.lastgroup != "blank"]
        assert not {("SELECT", "*"), ("DISTINCT", "*")} & set(itertools.pairwise(words)), query.name
