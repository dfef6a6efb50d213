"""Results of visitors' queries as pages show them: a table with labels, and what is wrong with a query and where."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolution,
    QuerySolutions,
    RdfFormat,
    Triple,
    parse,
    parse_query_results,
)

from hfm_kg import sparql
from hfm_kg.errors import HfmError, QuerySyntaxError
from hfm_kg.listing import Cell
from hfm_kg.search import Search
from hfm_kg.server.frames import Job
from hfm_kg.terms import BASE, RDF
from hfm_kg.values import to_python

SHOWN: Final = 200
"""Rows that a page shows; all of them come as data."""
READ: Final = 2_000_000
"""Bytes of a result that are read for a page."""

Term = NamedNode | BlankNode | Literal | Triple | None


@dataclass(frozen=True)
class Result:
    """The beginning of a result."""

    columns: tuple[tuple[str, bool], ...]
    """Names of the variables, each with whether its values are numbers."""
    rows: tuple[tuple[Cell, ...], ...]
    is_whole: bool
    """Whether there are no more rows."""
    answer: bool | None = None
    """What an ASK query gives."""
    is_graph: bool = False
    """Whether the rows are triples."""


@dataclass(frozen=True)
class Mistake:
    """Why there is no result; line and column count from 1, 0 where no place is known."""

    title: str
    message: str
    status: int
    line: int = 0
    column: int = 0

    @classmethod
    def of(cls, error: HfmError) -> Mistake:
        """The mistake that an error tells."""
        place = (error.line, error.column) if isinstance(error, QuerySyntaxError) else (0, 0)
        return cls(error.title, str(error), error.status, *place)


def job(query: str) -> Job:
    """What an evaluator is asked for, so that its answer can be read by :func:`read`."""
    return Job(query, format_name="ntriples" if sparql.is_graph_query(query) else "json")


def read(job: Job, body: bytes, is_whole: bool, names: Search) -> Result:
    """The rows of an answer that may be cut off."""
    if job.format_name == "ntriples":
        lines = body if is_whole else body[: body.rfind(b"\n") + 1]
        triples = parse(lines, format=RdfFormat.N_TRIPLES)
        terms = [(quad.subject, quad.predicate, quad.object) for quad in islice(triples, SHOWN + 1)]
        return _result(("subject", "predicate", "object"), terms, is_whole, names, is_graph=True)
    found = parse_query_results(io.BytesIO(body), format=QueryResultsFormat.JSON)
    if isinstance(found, QueryBoolean):
        return Result((), (), True, bool(found))
    assert isinstance(found, QuerySolutions)
    variables = tuple(variable.value for variable in found.variables)
    rows = [tuple(row[name] for name in variables) for row in _some(found)]
    return _result(variables, rows, is_whole, names)


def _some(found: QuerySolutions) -> Iterator[QuerySolution]:
    """The first solutions, as far as the answer goes."""
    for _ in range(SHOWN + 1):
        try:
            yield next(found)
        except (StopIteration, SyntaxError):  # the end, or where the answer was cut off
            return


def _result(
    names: tuple[str, ...], rows: Sequence[tuple[Term, ...]], is_whole: bool, known: Search, *, is_graph: bool = False
) -> Result:
    shown = rows[:SHOWN]
    columns = tuple((name, _are_numbers([row[place] for row in shown])) for place, name in enumerate(names))
    cells = tuple(tuple(_cell(term, known) for term in row) for row in shown)
    return Result(columns, cells, is_whole and len(rows) <= SHOWN, is_graph=is_graph)


def _are_numbers(terms: list[Term]) -> bool:
    values = [to_python(term) for term in terms if term is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _cell(term: Term, names: Search) -> Cell:
    if isinstance(term, NamedNode):
        path = term.value.removeprefix(BASE)
        if term.value.startswith(BASE) and path in names.things:
            return Cell(names.things[path].label, term.value)
        return Cell("a" if term == RDF.type else sparql.name(term.value).strip("<>"), term.value)
    if isinstance(term, Literal):
        return Cell(term.value)
    return Cell("" if term is None else str(term))
