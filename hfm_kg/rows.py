"""Solutions as rows of plain Python values: what analyses are made of, whatever source answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from pyoxigraph import QuerySolutions

from hfm_kg import sparql
from hfm_kg.errors import UsageError
from hfm_kg.source import Source
from hfm_kg.values import Iri, to_python

Value = str | int | float | None
"""IRIs and labels are texts, numbers are numbers, what is unbound is None."""

Row = Mapping[str, Value]
Select = Callable[[str], Sequence[Row]]
"""Runs the text of a SELECT query and gives its rows, by the names of the variables."""


def of(source: Source) -> Select:
    """Rows that a source gives."""

    def select(query: str) -> list[Row]:
        result = source.ask(query, None)
        if not isinstance(result, QuerySolutions):
            raise UsageError("only a SELECT query gives rows")
        names = [variable.value for variable in result.variables]
        return [{name: _plain(to_python(solution[name])) for name in names} for solution in result]

    return select


def of_terms(terms: sparql.Select) -> Select:
    """Rows of what gives terms and leaves out what is unbound."""

    def select(query: str) -> list[Row]:
        return [
            defaultdict(lambda: None, {name: _plain(to_python(term)) for name, term in solution.items()})
            for solution in terms(query)
        ]

    return select


def _plain(value: Value) -> Value:
    return str(value) if isinstance(value, Iri) else value
