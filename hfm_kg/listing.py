"""A kind's things with their facets in memory: which of them a selection holds, and how many it would hold.

One small query a facet and a column fills it, from any SPARQL source; after that no selection asks the source again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from hfm_kg import facets
from hfm_kg.facets import Selection, Value
from hfm_kg.kinds import Asks, Column, Facet, Kind
from hfm_kg.sparql import Select, Term


@dataclass(frozen=True)
class Cell:
    """A value in a list: a text, and where it leads if it is a thing or an address."""

    text: str
    iri: str = ""


@dataclass(frozen=True)
class Item:
    """A row of a list."""

    node: NamedNode
    name: str
    cells: Mapping[str, tuple[Cell, ...]]
    """By the names of columns; a column without a value is there too, empty."""


@dataclass(frozen=True)
class Count:
    """A value of a facet, and how many things a list would hold with it instead of the facet's other values."""

    value: Value
    label: str
    things: int
    chosen: bool


class Listing:
    """The things of a kind."""

    def __init__(self, kind: Kind, select: Select) -> None:
        self.kind = kind
        self.labels: dict[Value, str] = {}
        self.carriers: dict[str, dict[Value, set[object]]] = {}
        """By facet and value: the things that have it, or (thing, node) where the facet asks a node of theirs."""
        names = {row["item"]: row["name"].value for row in select(facets.items(kind))}
        columns = {column.name: self._cells(column, select) for column in kind.columns}
        self.items = {
            node: Item(node, name, {column: tuple(cells.get(node, ())) for column, cells in columns.items()})
            for node, name in sorted(names.items(), key=lambda entry: (entry[1].lower(), str(entry[0])))
            if isinstance(node, NamedNode)
        }
        for facet in kind.facets:
            self.carriers[facet.name] = self._values(facet, select)

    def _cells(self, column: Column, select: Select) -> dict[Term, list[Cell]]:
        found: dict[Term, list[Cell]] = {}
        for row in select(facets.cells(self.kind, column)):
            value = row["value"]
            shown = row.get("label", value).value
            found.setdefault(row["item"], []).append(Cell(shown, value.value if isinstance(value, NamedNode) else ""))
        for cells in found.values():
            if column.aggregate == "min":
                cells[:] = [min(cells, key=lambda cell: _key((cell,)))]
            cells.sort(key=lambda cell: cell.text)
        return found

    def _values(self, facet: Facet, select: Select) -> dict[Value, set[object]]:
        found: dict[Value, set[object]] = {}
        for row in select(facets.values(self.kind, facet)):
            if row["item"] not in self.items:
                continue
            value: Value
            if facet.asks is Asks.THERE:
                value = True
            elif facet.asks is Asks.ANY:
                assert isinstance(row["value"], NamedNode | Literal)
                value = row["value"]
                self.labels[value] = row.get("label", value).value
            else:
                try:
                    value = int(float(row["value"].value))
                except (ValueError, OverflowError):  # no number, so it compares with none in SPARQL either
                    continue
            found.setdefault(value, set()).add((row["item"], row["node"]) if facet.node else row["item"])
        return found

    def label(self, facet: Facet, value: Value) -> str:
        """What a value is called."""
        return self.labels.get(value) or facets.written(facet, value)

    def find(self, selection: Selection, order: str = "") -> list[Item]:
        """The things of a selection, ordered as :func:`hfm_kg.facets.query` orders them."""
        found = self._find(selection)
        items = [item for node, item in self.items.items() if node in found]
        column = order.removeprefix("-")
        if column not in ("", "name"):
            filled = [item for item in items if item.cells[column]]
            empty = [item for item in items if not item.cells[column]]
            filled.sort(key=lambda item: _key(item.cells[column]), reverse=order.startswith("-"))
            return filled + empty
        if order.startswith("-"):
            items.sort(key=lambda item: str(item.node))
            items.sort(key=lambda item: item.name.lower(), reverse=True)
        return items

    def _find(self, selection: Selection) -> set[NamedNode]:
        found = set(self.items)
        nodes: dict[str, set[object]] = {}
        for facet in self.kind.facets:
            if wanted := selection.get(facet.name):
                carriers = self._carriers(facet, wanted)
                if facet.node:
                    nodes[facet.node] = nodes.get(facet.node, carriers) & carriers
                else:
                    found &= carriers
        for carriers in nodes.values():
            found &= {pair[0] for pair in carriers if isinstance(pair, tuple)}
        return found

    def _carriers(self, facet: Facet, wanted: tuple[Value, ...]) -> set[object]:
        known = self.carriers[facet.name]
        if facet.asks is Asks.THERE:
            there = known.get(True, set())
            return there if wanted[0] else {item for item in self.items if item not in there}
        if facet.asks is Asks.ANY:
            return {carrier for value in wanted for carrier in known.get(value, ())}
        bound = wanted[0]
        assert isinstance(bound, int)
        return {
            carrier
            for value, carriers in known.items()
            if isinstance(value, int) and (value >= bound if facet.asks is Asks.AT_LEAST else value <= bound)
            for carrier in carriers
        }

    def counts(self, facet: Facet, selection: Selection) -> list[Count]:
        """The values of a facet that things have which fit the rest of a selection, the most frequent first."""
        chosen = selection.get(facet.name, ())
        candidates: list[Value] = [True, False] if facet.asks is Asks.THERE else list(self.carriers[facet.name])
        rest = {name: values for name, values in selection.items() if name != facet.name}
        without = self._find(rest)
        counted = []
        for value in {*candidates, *chosen}:
            if facet.node:
                things = len(self._find({**rest, facet.name: (value,)}))
            else:
                things = len(without & self._carriers(facet, (value,)))
            if things or value in chosen:
                counted.append(Count(value, self.label(facet, value), things, value in chosen))
        return sorted(counted, key=lambda count: (-count.things, count.label))


def _key(cells: tuple[Cell, ...]) -> tuple[float, str]:
    """By number where there is one, else by text."""
    text = "|".join(cell.text for cell in cells)
    try:
        return float(text), ""
    except ValueError:
        return float("inf"), text.lower()
