"""Statements: what one row says, written into the row's named graph, with the cell that each triple came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Triple, serialize

from hfm_kg.errors import Finding
from hfm_kg.tables import Row
from hfm_kg.terms import DCTERMS, HFM, PROJECT, PROV, PROVENANCE, RDF, RDFS, XSD, concept, iri


class Quads(Protocol):
    """What has quads: a store of the engine's, or another endpoint."""

    def quads_for_pattern(
        self,
        subject: NamedNode | BlankNode | Triple | None,
        predicate: NamedNode | None,
        value: NamedNode | BlankNode | Literal | Triple | None,
        graph_name: NamedNode | BlankNode | DefaultGraph | None = None,
        /,
    ) -> Iterator[Quad]:
        """The quads that match; None matches everything."""

    def contains_named_graph(self, graph_name: NamedNode | BlankNode | DefaultGraph, /) -> bool:
        """Whether there is a graph of that name."""


@dataclass(frozen=True)
class Origin:
    """The cell that a triple was made from."""

    row: Row
    column: str

    def finding(self, rule: str, message: str) -> Finding:
        """A finding at this cell."""
        return self.row.finding(self.column, rule, message)


@dataclass
class Graph:
    """Quads of the named graphs, and for those made from a row the cell each came from."""

    quads: set[Quad] = field(default_factory=set)
    origins: dict[Triple, Origin] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Quads) -> Graph:
        """The named graphs of a store."""
        quads = store.quads_for_pattern(None, None, None, None)
        return cls({quad for quad in quads if isinstance(quad.graph_name, NamedNode)})

    def add(self, graph: NamedNode, subject: NamedNode, predicate: NamedNode, value: NamedNode | Literal) -> None:
        """State a triple in a named graph."""
        self.quads.add(Quad(subject, predicate, value, graph))

    def with_default_graph(self) -> Iterator[Quad]:
        """All quads, and each triple once more in the default graph."""
        yield from self.quads
        yield from {Quad(quad.subject, quad.predicate, quad.object) for quad in self.quads}

    def nquads(self) -> bytes:
        """The same as sorted N-Quads; at the level of lines, which takes a quarter of the time."""
        lines = serialize(self.quads, format=RdfFormat.N_QUADS)
        assert lines is not None
        named = lines.splitlines(keepends=True)
        # the graph's name is the last IRI of a line
        plain = {line[: line.rindex(b" <")] + b" .\n" for line in named}
        return b"".join(sorted(plain.union(named)))

    def triples(self, without: Iterable[NamedNode] = ()) -> set[Triple]:
        """The triples of all named graphs but those left out."""
        left_out = set(without)
        return {quad.triple for quad in self.quads if quad.graph_name not in left_out}


PLACED = frozenset({HFM.sourceTable, HFM.sourceRow, HFM.column, HFM.reference})
"""What the provenance graph repeats of a row's own graph."""

Rows = Iterator[tuple[Row, NamedNode]]
"""Rows that were written, and the named graph of each."""


class Statement:
    """Writes what one row says into the row's named graph, and remembers the cells."""

    def __init__(self, graph: Graph, row: Row, name: NamedNode) -> None:
        self.graph, self.row, self.name = graph, row, name

    def say(self, column: str, subject: NamedNode, predicate: NamedNode, value: NamedNode | Literal) -> None:
        """State a triple that was made from one column of the row; its place is provenance too."""
        self.graph.add(self.name, subject, predicate, value)
        if predicate in PLACED and (subject == self.name or predicate == HFM.column):
            self.graph.add(PROVENANCE, subject, predicate, value)
        self.graph.origins.setdefault(Triple(subject, predicate, value), Origin(self.row, column))

    def text(self, column: str, subject: NamedNode, predicate: NamedNode) -> None:
        """State the column's value, if there is one, as a plain string."""
        if (value := self.row.optional(column)) is not None:
            self.say(column, subject, predicate, Literal(value))

    def number(self, column: str, subject: NamedNode, predicate: NamedNode) -> None:
        """State the column's value, if there is one, as a number."""
        if (value := self.row.values[column]) is not None:
            if isinstance(value, Decimal):
                literal = Literal(f"{value:f}", datatype=XSD.decimal)  # not 1E-7, which is no xsd:decimal
            else:
                literal = Literal(str(value), datatype=XSD.integer)
            self.say(column, subject, predicate, literal)

    def address(self, column: str, subject: NamedNode, predicate: NamedNode) -> None:
        """State the column's value, if there is one, as an IRI."""
        if (value := self.row.optional(column)) is not None:
            self.say(column, subject, predicate, NamedNode(value))

    def concepts(self, column: str, subject: NamedNode, predicate: NamedNode) -> None:
        """State the concepts that the column names."""
        value = self.row.values[column]
        for item in value if isinstance(value, tuple) else (() if value is None else (str(value),)):
            self.say(column, subject, predicate, concept(item))

    def describe(self, subject: NamedNode, key_column: str) -> None:
        """State of the row itself what it is about, where it stands, and which references it rests on."""
        row, names = self.row, self.row.values
        self.say(key_column, self.name, RDF.type, HFM.Row)
        self.say(key_column, self.name, HFM.describes, subject)
        self.say(key_column, self.name, HFM.dataFile, Literal(row.schema.file))
        if "table" in names:
            self.number("table", self.name, HFM.sourceTable)
            self.number("row", self.name, HFM.sourceRow)
        if "references" in names:
            for reference in row.items("references"):
                self.say("references", self.name, HFM.reference, iri("reference", reference))
        for origin in self._places():
            self.graph.add(PROVENANCE, self.name, PROV.wasDerivedFrom, origin)

    def _places(self) -> Iterator[NamedNode]:
        """Places of the source that the row transcribes, described in the provenance graph; else the source itself."""
        row, names = self.row, self.row.values
        source = row.text("source") if "source" in names else PROJECT
        whole = iri("source", source)
        paths: tuple[str, ...] = ()
        if "table" in names and names["table"] is not None:
            paths = (f"table/{names['table']}",)
        elif "place" in names:
            value = names["place"]
            paths = value if isinstance(value, tuple) else (str(value),)
        elif names.get("line") is not None:
            paths = (f"line/{names['line']}",)
        if not paths:
            yield whole
        for path in paths:
            yield describe_place(self.graph, source, path)

    def cells(self) -> None:
        """State what the source prints in each cell that the row transcribes."""
        if self.row.integer("table") is None:
            return
        for column, value in self.row.values.items():
            if not column.endswith("_printed") or (value is None and column not in ("code_printed", "link_printed")):
                continue
            cell = NamedNode(f"{self.name.value}#{column.removesuffix('_printed')}")
            self.say(column, self.name, HFM.cell, cell)
            self.say(column, cell, RDF.type, HFM.Cell)
            self.say(column, cell, HFM.column, Literal(column.removesuffix("_printed")))
            self.say(column, cell, HFM.reportedValue, Literal(str(value or "")))


def describe_place(graph: Graph, source: str, path: str) -> NamedNode:
    """The IRI of a place in a source; the provenance graph says what it is part of."""
    node = iri("source", source, path)
    label = path[0].upper() + path[1:].replace("/row/", ", row ").replace("/", " ")
    graph.add(PROVENANCE, node, RDF.type, HFM.Place)
    graph.add(PROVENANCE, node, RDFS.label, Literal(label))
    graph.add(PROVENANCE, node, DCTERMS.isPartOf, iri("source", source))
    return node
