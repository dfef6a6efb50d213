"""Answers to SELECT queries as rows of Python values, from a store or from another endpoint.

What analyses are made of: they take a :data:`Select`, so that they run over any source that answers SPARQL.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from pyoxigraph import BlankNode, Literal, NamedNode, QuerySolutions, Store, Triple

from hfm_kg import remote, sparql
from hfm_kg.errors import UsageError

Value = str | int | float | None
"""IRIs and labels are texts, numbers are numbers, what is unbound is None."""

Row = Mapping[str, Value]
Select = Callable[[str], Sequence[Row]]
"""Runs the text of a SELECT query and gives its rows, by the names of the variables."""

INTEGERS = {f"{sparql.PREFIXES['xsd']}{name}" for name in ("integer", "int", "long", "nonNegativeInteger")}
FLOATS = {f"{sparql.PREFIXES['xsd']}{name}" for name in ("decimal", "double", "float")}


def of_store(store: Store) -> Select:
    """Rows that a store gives."""

    def select(query: str) -> list[Row]:
        result = sparql.evaluate(store, query)
        if not isinstance(result, QuerySolutions):
            raise UsageError("only a SELECT query gives rows")
        names = [variable.value for variable in result.variables]
        return [{name: _value(solution[name]) for name in names} for solution in result]

    return select


def of_terms(terms: sparql.Select) -> Select:
    """Rows of what gives terms, by one that leaves out what is unbound."""

    def select(query: str) -> list[Row]:
        return [
            defaultdict(lambda: None, {name: _value(term) for name, term in solution.items()})
            for solution in terms(query)
        ]

    return select


def of_endpoint(url: str) -> Select:
    """Rows that a SPARQL endpoint gives. Raises what :func:`hfm_kg.remote.ask` raises."""

    def select(query: str) -> list[Row]:
        results = json.loads(remote.ask(url, query, remote.named_format(query, "json")))
        return list(_rows(results))

    return select


def _rows(results: Mapping[str, Mapping[str, list[Mapping[str, Mapping[str, str]]]]]) -> Iterator[Row]:
    """The rows of SPARQL 1.1 Query Results JSON."""
    names = [str(name) for name in results["head"]["vars"]]
    for binding in results["results"]["bindings"]:
        yield {
            name: _typed(term["value"], term.get("datatype", "")) if (term := binding.get(name)) else None
            for name in names
        }


def _value(term: NamedNode | BlankNode | Literal | Triple | None) -> Value:
    if term is None:
        return None
    if isinstance(term, Triple):
        return str(term)
    return _typed(term.value, term.datatype.value if isinstance(term, Literal) else "")


def _typed(value: str, datatype: str) -> str | int | float:
    if datatype in INTEGERS:
        return int(value)
    return float(value) if datatype in FLOATS else value
