"""What a query gives in Python: named rows of Python values, which turn into frames of other libraries."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, overload

from pyoxigraph import QueryBoolean, QueryTriples, RdfFormat, Triple, serialize

from hfm_kg import sparql
from hfm_kg.errors import NotInstalledError
from hfm_kg.values import Labels, html_table, shown, to_python

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow
    import rdflib

SHOWN: Final = 10
"""Rows that a result shows of itself as text."""
SHOWN_HTML: Final = 60
"""And in a notebook."""
WIDEST: Final = 60
"""Letters of a cell that are shown as text."""


class Row:
    """One row: its values by name, as attributes or items, or by number.

    Unpacks as a tuple does. Names that are no Python identifiers are items alone.
    """

    __slots__ = ("_columns", "_values")

    def __init__(self, columns: tuple[str, ...], values: tuple[Any, ...]) -> None:
        self._columns, self._values = columns, values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying and pickling look for methods before a row has its values
            raise AttributeError(name)
        try:
            return self._values[self._columns.index(name)]
        except ValueError:
            raise AttributeError(f"the row has no column {name!r}; it has {', '.join(self._columns)}") from None

    @overload
    def __getitem__(self, key: int | str) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Any, ...]: ...
    def __getitem__(self, key: int | str | slice) -> Any:
        if isinstance(key, str):
            try:
                return self._values[self._columns.index(key)]
            except ValueError:
                raise KeyError(f"the row has no column {key!r}; it has {', '.join(self._columns)}") from None
        return self._values[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Row):
            return (self._columns, self._values) == (other._columns, other._values)
        return isinstance(other, tuple) and self._values == other

    def __hash__(self) -> int:
        return hash(self._values)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self._columns if name.isidentifier())]

    def __reduce__(self) -> tuple[type[Row], tuple[tuple[str, ...], tuple[Any, ...]]]:
        return Row, (self._columns, self._values)

    def as_dict(self) -> dict[str, Any]:
        """The values by the names of their columns."""
        return dict(zip(self._columns, self._values, strict=True))

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"


class Result(Sequence[Row]):
    """Rows with named columns.

    A graph (CONSTRUCT, DESCRIBE) has a row for each triple; a boolean (ASK) has one row, and is true or false.
    """

    def __init__(self, columns: Iterable[str], rows: Iterable[Iterable[Any]], query: str = "") -> None:
        self.columns = tuple(columns)
        self.query = query
        """The text that was asked, values bound."""
        self._rows = [Row(self.columns, tuple(values)) for values in rows]

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, key: int) -> Row: ...
    @overload
    def __getitem__(self, key: slice) -> Result: ...
    @overload
    def __getitem__(self, key: str) -> list[Any]: ...
    def __getitem__(self, key: int | slice | str) -> Row | Result | list[Any]:
        """A row by its number, some rows as a result, or the values of a column by its name."""
        match key:
            case int():
                return self._rows[key]
            case slice():
                return Result(self.columns, self._rows[key], self.query)
        if key not in self.columns:
            raise KeyError(f"the result has no column {key!r}; it has {', '.join(self.columns)}")
        at = self.columns.index(key)
        return [row[at] for row in self._rows]

    def to_dicts(self) -> list[dict[str, Any]]:
        """A dictionary for each row."""
        return [row.as_dict() for row in self._rows]

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas frame, with types that know missing values. Needs: pip install 'hfm-kg[pandas]'."""
        frame: pandas.DataFrame = _package("pandas").DataFrame(self._plain_columns(), columns=list(self.columns))
        return frame.convert_dtypes()

    def to_polars(self) -> polars.DataFrame:
        """A Polars frame. Needs: pip install 'hfm-kg[polars]'."""
        frame: polars.DataFrame = _package("polars").DataFrame(self._plain_columns())
        return frame

    def to_arrow(self) -> pyarrow.Table:
        """An Arrow table. Needs: pip install 'hfm-kg[arrow]'."""
        return _package("pyarrow", "arrow").table(self._plain_columns())

    def _plain_columns(self) -> dict[str, list[Any]]:
        """The columns, each with values of one type: text where types are mixed."""
        return {name: _uniform([row[at] for row in self._rows]) for at, name in enumerate(self.columns)}

    def __repr__(self) -> str:
        head = self._rows[:SHOWN]
        cells = [[_cell(value) for value in row] for row in head]
        widths = [max(map(len, column)) for column in zip(self.columns, *cells, strict=True)]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
            for line in (self.columns, *cells)
        ]
        part = f"{len(head)} of " if len(head) < len(self) else ""
        return "\n".join([*lines, f"[{part}{self._counted()}]"])

    def _counted(self) -> str:
        return f"{len(self)} row{'' if len(self) == 1 else 's'}"

    def _repr_html_(self) -> str:
        table = html_table(self.columns, self._rows[:SHOWN_HTML])
        part = f"{SHOWN_HTML} of " if len(self) > SHOWN_HTML else ""
        return f"{table}<p>{part}{self._counted()}</p>"


class Boolean(Result):
    """The answer to an ASK query: true or false."""

    def __init__(self, value: bool, query: str = "") -> None:
        super().__init__(["boolean"], [[value]], query)
        self.value = value

    def __bool__(self) -> bool:
        return self.value

    def __repr__(self) -> str:
        return str(self.value)


class Triples(Result):
    """The graph that a CONSTRUCT or DESCRIBE query gives; its rows are subject, predicate and object."""

    def __init__(self, triples: Iterable[Triple], query: str = "", labels: Labels | None = None) -> None:
        self.triples = list(triples)
        rows = ([to_python(term, labels) for term in triple] for triple in self.triples)
        super().__init__(["subject", "predicate", "object"], rows, query)

    def serialize(self, format_name: str = "turtle") -> str:
        """The graph in turtle, ntriples, rdfxml, jsonld, trig or nquads. Raises NotAcceptableError for another name."""
        form = sparql.format_of(sparql.GRAPH_FORMATS, format_name)
        assert isinstance(form.engine, RdfFormat)
        content = serialize(self.triples, format=form.engine, prefixes=dict(sparql.PREFIXES))
        assert content is not None
        return content.decode()

    def to_rdflib(self) -> rdflib.Graph:
        """The graph for rdflib."""
        import rdflib

        graph = rdflib.Graph()
        for prefix, base in sparql.PREFIXES.items():
            graph.bind(prefix, base)
        return graph.parse(data=self.serialize("ntriples"), format="nt")

    def _counted(self) -> str:
        return f"{len(self)} triple{'' if len(self) == 1 else 's'}"


def from_engine(found: sparql.Result, query: str, labels: Labels | None = None) -> Result:
    """A result of the engine, read to its end."""
    match found:
        case QueryBoolean():
            return Boolean(bool(found), query)
        case QueryTriples():
            return Triples(found, query, labels)
    names = [variable.value for variable in found.variables]
    return Result(names, ([to_python(term, labels) for term in solution] for solution in found), query)


def _cell(value: object) -> str:
    text = " ".join(shown(value).split())
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _uniform(values: list[Any]) -> list[Any]:
    plain: list[Any] = [str(value) if isinstance(value, str) else value for value in values]  # frames know no IRIs
    kinds = {type(value) for value in plain if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in plain]
    if len(kinds) > 1 or (kinds == {int} and any(abs(value) >= 2**63 for value in plain if value is not None)):
        return [None if value is None else shown(value) for value in plain]
    return plain


def _package(name: str, extra: str = "") -> Any:
    """A package that only some results need. Raises NotInstalledError."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise NotInstalledError(
            f"{name} is not installed; install it with: pip install 'hfm-kg[{extra or name}]'"
        ) from None
