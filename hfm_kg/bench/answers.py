"""Whether servers give the same answers: solutions as multisets, graphs as sets, whatever the serialisation."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Final, cast
from urllib.parse import quote, urlsplit

import httpx
from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Triple,
    parse,
    parse_query_results,
)

from hfm_kg import sparql
from hfm_kg.errors import EndpointError
from hfm_kg.terms import XSD

Term = tuple[str, str]
Answer = Counter[frozenset[tuple[str, Term]]]
"""How often each solution occurs: its variables with their values. Blank nodes are all alike."""

NUMBERS: Final = frozenset({
    "byte", "decimal", "double", "float", "int", "integer", "long", "nonNegativeInteger", "positiveInteger", "short",
})  # fmt: skip
"""The datatypes whose values are compared as numbers: whether an average is a decimal or a double is the engine's."""

XSD_BASE: Final = XSD.string.value.removesuffix("string")

SOLUTIONS, GRAPH = "application/sparql-results+json", "text/turtle"


def accept(query: str) -> str:
    """The media type that is asked for: one that every server writes."""
    return GRAPH if sparql.is_graph_query(query) else SOLUTIONS


def address(url: str) -> str:
    """Where a query is asked: what comes before it in the address, which may name a default graph."""
    return f"{url}{'&' if urlsplit(url).query else '?'}query="


def ask(url: str, query: str, patience: float) -> Answer:
    """A server's answer to a query that declares its prefixes. Raises EndpointError over any other than a right one."""
    try:
        response = httpx.get(address(url) + quote(query), headers={"Accept": accept(query)}, timeout=patience)
    except httpx.TimeoutException:
        raise EndpointError(f"no answer within {patience:g} seconds") from None
    except httpx.HTTPError as error:
        raise EndpointError(str(error) or type(error).__name__) from None
    if response.status_code != httpx.codes.OK:
        raise EndpointError(f"status {response.status_code}")
    return read(response.content, is_graph=sparql.is_graph_query(query))


def compare(url: str, query: str, right: Answer, patience: float) -> float:
    """The seconds that a server takes for the right answer. Raises EndpointError over another one, or none."""
    began = time.perf_counter()
    given = ask(url, query, patience)
    seconds = time.perf_counter() - began
    if given != right:
        raise EndpointError(f"other answer: {(given - right).total()} rows too many, {(right - given).total()} missing")
    return seconds


def read(body: bytes, *, is_graph: bool) -> Answer:
    """What a body says: SPARQL results in JSON, or Turtle. Raises EndpointError if it does not parse."""
    try:
        if is_graph:
            return _graph(quad.triple for quad in parse(body, format=RdfFormat.TURTLE))
        return of(cast(sparql.Result, parse_query_results(body, format=QueryResultsFormat.JSON)))
    except (SyntaxError, ValueError) as error:
        raise EndpointError(f"the answer does not parse: {error}") from None


def of(result: sparql.Result) -> Answer:
    """What a result of the engine's says."""
    if isinstance(result, QueryTriples):
        return _graph(result)
    if isinstance(result, QueryBoolean):
        return Counter([frozenset({("", ("boolean", str(bool(result))))})])
    assert isinstance(result, QuerySolutions)
    names = [variable.value for variable in result.variables]
    return Counter(
        frozenset((name, _term(solution[name])) for name in names if solution[name] is not None) for solution in result
    )


def numbers(**values: int) -> Answer:
    """One solution that consists of numbers."""
    return Counter([frozenset((name, _number(value)) for name, value in values.items())])


def _graph(triples: Iterable[Triple]) -> Answer:
    rows = (zip(("subject", "predicate", "object"), triple, strict=True) for triple in triples)
    return Counter({frozenset((name, _term(term)) for name, term in row) for row in rows})


def _term(term: object) -> Term:
    """A term by its value: engines may write the same number, boolean or language otherwise."""
    if isinstance(term, BlankNode):
        return "blank", ""
    if isinstance(term, NamedNode):
        return "iri", term.value
    assert isinstance(term, Literal), f"{term!r} is no term of RDF 1.1"
    if term.language:
        return f"@{term.language.lower()}", term.value
    kind = term.datatype.value.removeprefix(XSD_BASE)
    if kind in NUMBERS:
        return _number(term.value)
    if kind == "boolean":
        return kind, {"1": "true", "0": "false"}.get(term.value, term.value)
    return kind, term.value


def _number(value: str | int) -> Term:
    """A number, as exactly as averages of different engines agree."""
    try:
        return "number", format(float(value), ".12g")
    except ValueError:
        return "number", str(value)
