"""What a query may be made of: each limit refuses what passes it, and nothing that people write."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from hfm_kg.admission import NAMES, Shape, _is_small, admit, measure
from hfm_kg.catalog import Catalog
from hfm_kg.errors import QueryLimitError

from .planning import PLANS, largest

HOSTILE = {
    "length": "ASK {} #" + "x" * 100_000,
    "tokens": "SELECT * { VALUES ?x { " + "1 " * 20_000 + "} }",
    "nesting": "ASK { FILTER(" + "(" * 250 + "1" + ")" * 250 + ") }",
    "triples": "ASK { " + "?s ?p ?o . " * 1_000 + "}",
    "optionals": "ASK { " + "OPTIONAL { ?s ?p ?o } " * 300 + "}",
    "unions": "ASK { { ?s ?p ?o } " + "UNION { } " * 4_000 + "}",
    "steps": "ASK { ?s " + "hfm:task/" * 1_000 + "hfm:task ?o }",
    "services": "ASK { " + "SERVICE <http://example.org/> { } " * 9 + "}",
}
"""A query for each limit that the engine would plan for longer than anybody waits, or that is as large or busy."""


@pytest.mark.parametrize("limit", sorted(HOSTILE))
def test_each_limit_refuses_its_query_and_says_its_name(limit: str) -> None:
    with pytest.raises(QueryLimitError) as raised:
        admit(HOSTILE[limit], replace(Shape(**dict.fromkeys(NAMES, 10**9)), **{limit: getattr(Shape(), limit)}))
    assert raised.value.limit == limit
    assert f"{NAMES[limit]}; at most {getattr(Shape(), limit)} are evaluated (limit: {limit})" in str(raised.value)


def test_every_limit_has_its_hostile_query() -> None:
    assert set(HOSTILE) == set(NAMES)


def test_every_query_of_the_catalogue_is_far_below_the_limits(queries: Catalog) -> None:
    limits = Shape()
    for query in queries:
        shape = measure(query.text)
        for name in NAMES:
            assert getattr(shape, name) <= getattr(limits, name) / 2, (query.name, name)


def test_brackets_in_strings_names_and_comments_do_not_count() -> None:
    query = "SELECT * { ?s ?p '((((', <http://x/((> # ((((((\n }"
    assert measure(query).nesting == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ASK {}", Shape(6, 3, 1, 1, 0, 0, 0, 0)),
        ("ASK { ?s ?p ?o ; a ?c , ?d }", Shape(28, 11, 1, 3, 0, 0, 0, 0)),
        ("ASK { ?s (a/a)|^a ?o OPTIONAL { } }", Shape(35, 16, 2, 5, 1, 0, 3, 0)),
        ("ASK { SERVICE <x:y> { } } # SERVICE", Shape(35, 7, 2, 2, 0, 0, 0, 1)),
    ],
)
def test_what_is_counted(query: str, expected: Shape) -> None:
    assert measure(query) == expected


@pytest.mark.parametrize(
    ("query", "patterns"),
    [
        ("ASK { ?s ?p (1 2 ?x 'a'@en <urn:x> true) }", 13),
        ("ASK { ?s ?p (-1-1+1 2.5) }", 9),
        ("ASK { ?s ?p (1), (2), (3) }", 9),
        ("ASK { ?s ?p ((1) (2) (3)) }", 13),
        ("ASK { ?s ?p ([] []) }", 5),
        ("ASK { ?s <urn:p>/<urn:q>/<urn:r> ?o }", 3),
        ("ASK { ?s ?p ?o FILTER(?o) ?s ?q ?o BIND(1 AS ?b) ?s ?r ?o }", 3),
        ("ASK { ?s ?p ?o { ?s ?q ?o } ?s ?r ?o }", 3),
        ("ASK { ?s ?p ?o VALUES (?s ?p) { (1 2) } ?s ?r ?o }", 2),
        ("ASK { << ?s ?p ?o >> ?q ?r . ?s ?p ?o {| ?a ?b |} }", 4),
    ],
)
def test_no_triple_pattern_is_overlooked(query: str, patterns: int) -> None:
    assert measure(query).triples >= patterns - 2  # the ends of lists are not counted; there is no end without a list


def test_data_are_no_triple_patterns() -> None:
    one, many = (
        measure("SELECT * { VALUES (?a ?b) { " + "(<urn:a> 1.5) " * rows + "} ?a ?p ?b }").triples for rows in (1, 100)
    )
    assert many - one <= 99  # the points of numbers, which look as ends of triples do
    years = measure("ASK { ?m ?year ?y FILTER(?y IN (2019 , 2020)) FILTER((?y > 2018) && (STR(?y) = 'x'@en)) }")
    assert years.triples <= 4


@pytest.mark.parametrize("name", sorted(PLANS))
def test_each_shape_is_refused_beyond_a_limit(name: str) -> None:
    most = largest(PLANS[name], Shape())
    admit(PLANS[name](most), Shape())
    with pytest.raises(QueryLimitError):
        admit(PLANS[name](most + 1), Shape())


def test_what_looks_small_is_small(queries: Catalog) -> None:
    chance = random.Random(5)
    pieces = [
        "?s",
        "<urn:a.b/c>",
        "'{.'",
        "1",
        "a",
        "UNION",
        "optional",
        "MINUS",
        "exists",
        "# {\n",
        "VALUES",
        *"{}()[].;,/|^<> \n",
    ]
    texts = [query.text for query in queries] + [" ".join(chance.choices(pieces, k=20)) for _ in range(1000)]
    small = 0
    for text in texts:
        # each limit is as high as may be, or just below or at what the query holds
        shape = measure(text)
        held = {name: getattr(shape, name) for name in NAMES}
        name = chance.choice(list(NAMES))
        limits = Shape(**{**dict.fromkeys(NAMES, 10**9), name: held[name] - 1})
        assert not _is_small(text, limits) or name == "length", text
        small += _is_small(text, replace(limits, **{name: 10**9}))
    assert small > 100
