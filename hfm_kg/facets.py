"""A list narrowed by facets, as one SPARQL query: the same text each time, which any endpoint over the graph answers.

Values of one facet widen a list, facets narrow it: pathology or CT, and with code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from pyoxigraph import Literal, NamedNode

from hfm_kg import sparql
from hfm_kg.errors import UnknownNameError, UsageError
from hfm_kg.kinds import Asks, Column, Facet, Kind
from hfm_kg.search import Search
from hfm_kg.tables import nearest
from hfm_kg.terms import BASE, iri

Value = NamedNode | Literal | int | bool
Selection = Mapping[str, tuple[Value, ...]]
"""What is asked of a list: values by the names of facets; nothing in it stands for everything."""

YES: Final = ("yes", "true", "1")
NO: Final = ("no", "false", "0")


def choose(kind: Kind, given: Mapping[str, object], names: Search) -> Selection:
    """A selection of what people name: IRIs, paths, labels, abbreviations, numbers, yes and no; one value or several.

    None and empty texts ask for nothing. Raises UsageError over a facet or value that there is not.
    """
    chosen: dict[str, tuple[Value, ...]] = {}
    for facet in kind.facets:
        value = given.get(facet.name)
        several = value if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
        if wanted := tuple(dict.fromkeys(_value(facet, one, names) for one in several if one not in (None, ""))):
            if facet.asks is not Asks.ANY and len(wanted) > 1:
                raise UsageError(f"{facet.name} is given {len(wanted)} times; once is enough")
            chosen[facet.name] = tuple(sorted(wanted, key=str)) if facet.asks is Asks.ANY else wanted
    for name in given:
        kind.facet(name)
    return chosen


def _value(facet: Facet, given: object, names: Search) -> Value:
    if facet.asks is Asks.THERE:
        word = str(given).casefold()
        if word not in (*YES, *NO):
            raise UsageError(f"{facet.name} is yes or no, not {given!r}")
        return word in YES
    if facet.asks is not Asks.ANY:
        try:
            return int(str(given).replace(",", ""))
        except ValueError:
            raise UsageError(f"{facet.name} is a whole number, not {str(given)[:60]!r}") from None
    if isinstance(given, NamedNode):
        return given
    if facet.texts:
        text = given.value if isinstance(given, Literal) else str(given)
        if text not in facet.texts:
            near = nearest(text, facet.texts) or "; take one of " + ", ".join(facet.texts)
            raise UnknownNameError(f"{facet.name} has no value {text[:60]!r}{near}")
        return Literal(text)
    if facet.folder:
        path = str(given).removeprefix(BASE).removeprefix(facet.folder)
        if re.fullmatch(r"[\w-]+", path, re.ASCII) and facet.folder + path in names.things:
            return iri(facet.folder + path)
        known = [thing.removeprefix(facet.folder) for thing in names.things if thing.startswith(facet.folder)]
        raise UnknownNameError(f"{facet.name} has no value {path[:60]!r}{nearest(path, known)}")
    return names.resolve(str(given), facet.scheme)


def written(facet: Facet, value: Value) -> str:
    """A value as an address has it: the shortest that :func:`choose` takes for it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, NamedNode):
        return value.value.removeprefix(BASE).removeprefix(facet.folder)
    return str(value) if isinstance(value, int) else str(value.value)


# --- the query of a selection -------------------------------------------------------------------------------------


def query(kind: Kind, selection: Selection, order: str = "", limit: int | None = None, offset: int = 0) -> str:
    """The SELECT query that gives the things of a selection, with the columns of their kind.

    ``order`` is a column, with a minus before it for the greatest first; the name if empty. Several values of a column
    are separated by ``|``. Raises UsageError over a column that there is not.
    """
    item = f"?{kind.one}"
    names = [column.name for column in kind.columns]
    by = order.removeprefix("-")
    if by not in ("", "name", *names):
        raise UsageError(
            f"{kind.name} have no column {by!r}{nearest(by, names) or '; take one of ' + ', '.join(names)}"
        )
    text = "\n".join(
        (
            f"SELECT {item} ?name {' '.join(f'?{name}' for name in names)} WHERE {{",
            *_members(kind, selection),
            "  ?item rdfs:label ?name .",
            *(_column(column) for column in kind.columns),
            "}",
            f"ORDER BY {_order(by, order.startswith('-'))}LCASE(STR(?name)) {item}",
            *([f"LIMIT {limit}"] if limit is not None else []),
            *([f"OFFSET {offset}"] if offset else []),
        )
    )
    return _with_prefixes(text.replace("?item", item))


def _order(column: str, descending: bool) -> str:
    if column in ("", "name"):
        return "DESC(LCASE(STR(?name))) " if descending else ""
    return f"{'DESC' if descending else 'ASC'}(?{column}) "


def description(kind: Kind, selection: Selection) -> str:
    """The CONSTRUCT query that gives every statement about the things of a selection."""
    text = "\n".join(
        (
            "CONSTRUCT { ?item ?property ?object } WHERE {",
            *_members(kind, selection),
            "  ?item ?property ?object .",
            "}",
        )
    )
    return _with_prefixes(text.replace("?item", f"?{kind.one}"))


def works(kind: Kind, selection: Selection) -> str:
    """The SELECT query that gives the references that report the things of a selection, or that these are."""
    place = "BIND(?item AS ?work)" if kind.name == "references" else "?item hfm:reference ?work ."
    text = "\n".join(("SELECT DISTINCT ?work WHERE {", *_members(kind, selection), f"  {place}", "}", "ORDER BY ?work"))
    return _with_prefixes(text.replace("?item", f"?{kind.one}"))


def values(kind: Kind, facet: Facet) -> str:
    """The SELECT query that gives the values of a facet: ``?item``, ``?value``, ``?node``, and ``?label`` of things."""
    node = f"  {facet.node}\n" if facet.node else ""
    label = "" if facet.texts or facet.asks is not Asks.ANY else "\n  OPTIONAL { ?value rdfs:label ?label }"
    head = "?item ?node ?value ?label" if facet.node else "?item ?value ?label"
    return _with_prefixes(f"SELECT DISTINCT {head} WHERE {{\n  {kind.pattern}\n{node}  {facet.pattern}{label}\n}}")


def cells(kind: Kind, column: Column) -> str:
    """The SELECT query that gives the cells of a column: ``?item``, ``?value``, and ``?label`` of things."""
    label = "" if column.literal else "\n  OPTIONAL { ?value rdfs:label ?label }"
    return _with_prefixes(
        f"SELECT DISTINCT ?item ?value ?label WHERE {{\n  {kind.pattern}\n  {column.pattern}{label}\n}}"
    )


def items(kind: Kind) -> str:
    """The SELECT query that gives all things of a kind with their names."""
    return _with_prefixes(f"SELECT DISTINCT ?item ?name WHERE {{\n  {kind.pattern}\n  ?item rdfs:label ?name .\n}}")


def _members(kind: Kind, selection: Selection) -> list[str]:
    """The patterns that things of a selection match."""
    lines = [f"  {kind.pattern}"]
    nodes: dict[str, list[str]] = {}
    for facet in kind.facets:
        wanted = selection.get(facet.name)
        if not wanted:
            continue
        if facet.node:
            nodes.setdefault(facet.node, []).append(_asked(facet, wanted))
        elif facet.asks is Asks.THERE:
            lines.append(f"  FILTER {'' if wanted[0] else 'NOT '}EXISTS {{ {facet.pattern} }}")
        elif len(wanted) == 1 and facet.asks is Asks.ANY and re.fullmatch(r"\?item \w+:\w+ \?value \.", facet.pattern):
            lines.append("  " + facet.pattern.replace("?value", _term(wanted[0])))
        else:
            lines.append(_each_once(_asked(facet, wanted)))
    return lines + [_each_once(" ".join((node, *asked))) for node, asked in nodes.items()]


def _each_once(pattern: str) -> str:
    """A pattern that many values match, but that must not multiply the things."""
    return f"  {{ SELECT DISTINCT ?item WHERE {{ {pattern} }} }}"


def _asked(facet: Facet, wanted: tuple[Value, ...]) -> str:
    """A facet's pattern, with what is asked of its value."""
    variable = f"?{facet.name}Wanted"  # since the facet's name may be a column's too
    pattern = facet.pattern.replace("?value", variable)
    if facet.asks is Asks.ANY:
        return f"VALUES {variable} {{ {' '.join(map(_term, wanted))} }} {pattern}"
    return f"{pattern} FILTER({variable} {'>=' if facet.asks is Asks.AT_LEAST else '<='} {_term(wanted[0])})"


def _term(value: Value) -> str:
    return sparql.name(value.value) if isinstance(value, NamedNode) else str(value)


def _column(column: Column) -> str:
    """The values of a column for each thing, grouped, so that those of one column do not multiply those of another."""
    if column.aggregate == "min":
        grouped = f"SELECT ?item (MIN(?value) AS ?{column.name}) WHERE {{ {column.pattern} }}"
    else:
        value = "?value" if column.literal else "?label"
        label = "" if column.literal else " ?value rdfs:label ?label ."
        # SPARQL promises no order within a group, but engines keep that of what they group
        each = (
            f"SELECT DISTINCT ?item (STR({value}) AS ?shown) WHERE {{ {column.pattern}{label} }} ORDER BY ?item ?shown"
        )
        grouped = f'SELECT ?item (GROUP_CONCAT(?shown; separator="|") AS ?{column.name}) WHERE {{\n      {each}\n    }}'
    return f"  OPTIONAL {{\n    {grouped}\n    GROUP BY ?item\n  }}"


def _with_prefixes(text: str) -> str:
    """A query with the prefixes declared that it uses, so that it runs anywhere."""
    used = {name.partition(":")[0] for name in sparql.names(text) if not name.startswith("<")}
    return "".join(f"PREFIX {name}: <{sparql.PREFIXES[name]}>\n" for name in sorted(used)) + "\n" + text + "\n"
