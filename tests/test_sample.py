"""A sample of the survey, taken from its text and not from ``data/``, against what the store says of it.

``sample/table-N.tsv`` holds rows of Tables I to IX. Columns with a capital are the survey's own, under the survey's
headings and with the cells as printed (superscripts as characters, ``M³AE``); of Table IX the column Description is
left out, since it holds sentences, which the graph does not repeat. The other columns are what should be served, each
under the name of its property; several values are parted by ``|``:

- ``describes`` is the end of the thing's IRI, ``type`` the classes that the row states of it;
- ``component`` is the backbone: ``+`` joins components, ``/`` parts alternatives of one component, ``<`` precedes the
  giver of initial weights and ``~`` a training technique (alphabetically), as in ``YOLOv8+ViT<SAM``, ``ViT~SimCLR``;
- ``size`` is ``number unit qualifier``, then ``of`` a modality and ``within`` a position of the list, if there are any.

``sample/references.tsv`` holds entries of the reference list as they should be served; ``reported`` says
``field=print`` of a corrected field.

Everything is read from one named graph a row: what the row says must stand in it and nowhere else need be looked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Store, Triple

from hfm_kg.terms import BASE, BIBO, DCTERMS, HFM, INFERRED, ONTOLOGY, PROV, PROVENANCE, RDF, RDFS, SCHEMA

SAMPLE = Path(__file__).parent / "sample"
DATA = Path(__file__).parent.parent / "data"

Record = Mapping[str, str]

COLUMNS = {
    "Methods": "name",
    "Models": "name",
    "Dataset": "name",
    "Database": "name",
    "Pre-training": "pretraining",
    "Adaptation": "adaptation",
    "Backbone": "backbone",
    "Modalities": "modalities",
    "Text Types": "modalities",
    "Downstream": "tasks",
    "Tasks": "tasks",
    "Scale": "scale",
    "Year": "year",
    "Code": "code",
    "Link": "link",
}
"""The survey's headings, and what the graph calls these columns."""

ROWS = {1: 44, 2: 67, 3: 31, 4: 58, 5: 34, 6: 42, 7: 17, 8: 17, 9: 4}
"""The survey's tables and how many rows each has, counted in the survey."""


def read(path: Path) -> list[Record]:
    header, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


SAMPLED = [(table, record) for table in ROWS for record in read(SAMPLE / f"table-{table}.tsv")]
REFERENCES = read(SAMPLE / "references.tsv")
TRANSCRIBED = [record for file in ("models.tsv", "datasets.tsv") for record in read(DATA / file) if record["table"]]

each_sampled_row = pytest.mark.parametrize(
    ("table", "record"), SAMPLED, ids=[f"table-{table}-row-{record['row']}" for table, record in SAMPLED]
)
each_sampled_reference = pytest.mark.parametrize("record", REFERENCES, ids=[record["number"] for record in REFERENCES])


def tail(node: NamedNode) -> str:
    """An IRI without our namespace."""
    return node.value.removeprefix(BASE)


def items(cell: str) -> set[str]:
    return set(cell.split("|")) if cell else set()


def _only(values: set[str]) -> str:
    assert len(values) < 2, f"several values: {values}"
    return values.pop() if values else ""


class NamedGraph:
    """One named graph of the store, and nothing else of it."""

    def __init__(self, store: Store, *path: str | int) -> None:
        self.name = NamedNode(f"{BASE}source/he2024/{'/'.join(map(str, path))}")
        self.triples = [quad.triple for quad in store.quads_for_pattern(None, None, None, self.name)]

    def _objects(self, subject: NamedNode, predicate: NamedNode) -> list[NamedNode | BlankNode | Literal | Triple]:
        return [t.object for t in self.triples if t.subject == subject and t.predicate == predicate]

    def objects(self, subject: NamedNode, predicate: NamedNode) -> list[NamedNode]:
        """The values of a property that must have IRIs as values."""
        nodes = self._objects(subject, predicate)
        named = [node for node in nodes if isinstance(node, NamedNode)]
        assert named == nodes, f"{subject} has a {predicate} that is no IRI"
        return named

    def names(self, subject: NamedNode, predicate: NamedNode) -> set[str]:
        """The IRIs that a property has as values, without our namespace."""
        return {tail(node) for node in self.objects(subject, predicate)}

    def values(self, subject: NamedNode, predicate: NamedNode) -> set[str]:
        """The values of a property that must have literals as values."""
        nodes = self._objects(subject, predicate)
        literals = [node for node in nodes if isinstance(node, Literal)]
        assert literals == nodes, f"{subject} has a {predicate} that is no literal"
        return {literal.value for literal in literals}

    def name_of(self, subject: NamedNode, predicate: NamedNode) -> str:
        """The only IRI; an empty text if there is none."""
        return _only(self.names(subject, predicate))

    def value(self, subject: NamedNode, predicate: NamedNode) -> str:
        """The only literal; an empty text if there is none."""
        return _only(self.values(subject, predicate))

    def thing(self) -> NamedNode:
        (thing,) = self.objects(self.name, HFM.describes)
        return thing

    def cells(self) -> dict[str, str]:
        """What the row's cells report, by column."""
        cells: dict[str, str] = {}
        for cell in self.objects(self.name, HFM.cell):
            column = self.value(cell, HFM.column)
            assert column not in cells, f"{self.name} has two cells {column}"
            (cells[column],) = self.values(cell, HFM.reportedValue)
        return cells

    def components(self) -> str:
        """The backbone in the sample's notation."""
        parts: dict[int, dict[int, str]] = {}
        for node in self.objects(self.thing(), HFM.component):
            weights = "".join(f"<{name}" for name in sorted(self.names(node, HFM.componentWeights)))
            techniques = "".join(f"~{name}" for name in sorted(self.names(node, HFM.componentTechnique)))
            alternatives = parts.setdefault(int(self.value(node, HFM.position)), {})
            alternative = int(self.value(node, HFM.alternative))
            assert alternative not in alternatives, f"{self.name} has an alternative twice"
            alternatives[alternative] = self.name_of(node, HFM.componentBackbone) + weights + techniques
        return "+".join("/".join(text for _, text in sorted(part.items())) for _, part in sorted(parts.items()))

    def sizes(self) -> list[str]:
        """The sizes in the sample's notation, in order."""
        sizes = {}
        for node in self.objects(self.thing(), HFM.size):
            text = f"{self.value(node, HFM.number)} {self.name_of(node, HFM.unit)} {self.value(node, HFM.qualifier)}"
            if modality := self.name_of(node, HFM.countedModality):
                text += f" of {modality}"
            if whole := self.name_of(node, HFM.within):
                text += f" within {whole.rpartition('/')[2]}"
            position = int(self.value(node, HFM.position))
            assert position not in sizes, f"{self.name} has a position twice"
            sizes[position] = text
        assert sorted(sizes) == list(range(1, len(sizes) + 1))
        return [text for _, text in sorted(sizes.items())]


def cited(printed: str) -> set[str]:
    """The reference numbers of a cell, ranges written out."""
    numbers = set()
    for first, last in re.findall(r"\[(\d+)\](?:–\[(\d+)\])?", printed):
        numbers |= set(map(str, range(int(first), int(last or first) + 1)))
    return numbers


def test_the_sample_has_ten_rows_of_each_table_and_all_of_the_last() -> None:
    rows = {table: {record["row"] for sampled, record in SAMPLED if sampled == table} for table in ROWS}
    assert {table: len(numbers) for table, numbers in rows.items() if len(numbers) < 10} == {9: 4}
    for table, last in ROWS.items():
        assert {"1", str(last)} <= rows[table], f"first and last row of table {table}"
    assert {"62", "63"} <= rows[2], "the rows before and after the page break"


@each_sampled_row
def test_the_printed_cells_are_reported(store: Store, table: int, record: Record) -> None:
    printed = {COLUMNS[heading]: cell for heading, cell in record.items() if heading[0].isupper()}
    assert NamedGraph(store, "table", table, "row", record["row"]).cells() == printed


@each_sampled_row
def test_the_row_gives_its_table_its_row_and_its_references(store: Store, table: int, record: Record) -> None:
    graph = NamedGraph(store, "table", table, "row", record["row"])
    assert graph.values(graph.name, HFM.sourceTable) == {str(table)}
    assert graph.values(graph.name, HFM.sourceRow) == {record["row"]}
    assert graph.names(graph.name, HFM.describes) == {record["describes"]}
    references = {f"reference/{number}" for number in items(record["reference"])}
    assert graph.names(graph.name, HFM.reference) == references


SERVED_OTHERWISE = {"row", "describes", "type", "label", "reference", "component", "size"}
"""Columns of the sample that are not the bare values of the property of their name."""

LITERALS = {"publicationYear", "codeTicked", "linkTicked"}


@each_sampled_row
def test_the_values_are_served(store: Store, table: int, record: Record) -> None:
    graph = NamedGraph(store, "table", table, "row", record["row"])
    thing = graph.thing()
    served = {name: cell for name, cell in record.items() if not name[0].isupper() and name not in SERVED_OTHERWISE}
    assert {
        name: (graph.values if name in LITERALS else graph.names)(thing, NamedNode(BASE + name)) for name in served
    } == {name: items(cell) for name, cell in served.items()}
    assert graph.names(thing, RDF.type) == items(record["type"])
    assert graph.values(thing, RDFS.label) == {record["label"]}
    assert graph.names(thing, HFM.reference) == {f"reference/{number}" for number in items(record["reference"])}


@pytest.mark.parametrize(
    ("table", "record"),
    [pytest.param(*row, id=f"table-{row[0]}-row-{row[1]['row']}") for row in SAMPLED if "component" in row[1]],
)
def test_the_backbone_is_served_in_parts_and_as_a_whole(store: Store, table: int, record: Record) -> None:
    graph = NamedGraph(store, "table", table, "row", record["row"])
    assert graph.components() == record["component"]
    names: dict[str, set[str]] = {"": set(), "<": set(), "~": set()}
    for sign, name in re.findall(r"(?:^|[+/]|([<~]))([^+/<~]+)", record["component"]):
        names[sign].add(name)
    thing = graph.thing()
    assert graph.names(thing, HFM.backbone) == names[""]
    assert graph.names(thing, HFM.initializedFrom) == names["<"]
    assert graph.names(thing, HFM.technique) == names["~"]
    for part in graph.objects(thing, HFM.component):
        assert graph.value(part, HFM.asReported) in record["Backbone"]


@pytest.mark.parametrize(
    ("table", "record"),
    [pytest.param(*row, id=f"table-{row[0]}-row-{row[1]['row']}") for row in SAMPLED if "size" in row[1]],
)
def test_the_sizes_are_served(store: Store, table: int, record: Record) -> None:
    graph = NamedGraph(store, "table", table, "row", record["row"])
    assert graph.sizes() == (record["size"].split("|") if record["size"] else [])
    for size in graph.objects(graph.thing(), HFM.size):
        reported = graph.value(size, HFM.asReported)
        assert reported
        # the sizes of Table IX stand in the sentences of its Description
        assert table == 9 or reported in record["Scale"]


FIELDS: Mapping[str, NamedNode] = {
    "kind": HFM.publicationKind,
    "authors": HFM.authors,
    "title": DCTERMS.title,
    "venue": HFM.venue,
    "volume": BIBO.volume,
    "issue": BIBO.issue,
    "pages": BIBO.pages,
    "year": HFM.publicationYear,
    "doi": HFM.doi,
    "arxiv": HFM.arxivId,
    "pubmed": HFM.pubmedId,
}


@each_sampled_reference
def test_the_reference_is_served(store: Store, record: Record) -> None:
    graph = NamedGraph(store, "reference", record["number"])
    reference = NamedNode(f"{BASE}reference/{record['number']}")
    assert graph.thing() == reference
    assert graph.names(reference, RDF.type) == {"Publication"}
    assert graph.values(reference, HFM.referenceNumber) == {record["number"]}
    assert {field: graph.value(reference, predicate) for field, predicate in FIELDS.items()} == {
        field: record[field] for field in FIELDS
    }
    assert graph.value(reference, RDFS.label) == record["title"]
    assert graph.name_of(reference, SCHEMA.url) == record["url"]
    address = {f"https://doi.org/{record['doi']}"} if record["doi"] else set()
    assert graph.names(reference, SCHEMA.sameAs) == address
    assert graph.cells() == dict(pair.split("=", 1) for pair in items(record["reported"]))


def test_every_row_of_the_survey_has_a_named_graph() -> None:
    assert Counter(int(record["table"]) for record in TRANSCRIBED) == ROWS
    assert sum(ROWS.values()) == 314


@pytest.fixture(scope="module")
def transcribed(store: Store) -> list[tuple[Record, NamedGraph]]:
    """All rows of the survey's tables, each with its named graph."""
    return [(record, NamedGraph(store, "table", record["table"], "row", record["row"])) for record in TRANSCRIBED]


def test_all_cells_read_back_as_printed(transcribed: list[tuple[Record, NamedGraph]]) -> None:
    for record, graph in transcribed:
        printed = {name.removesuffix("_printed"): cell for name, cell in record.items() if name.endswith("_printed")}
        # the survey prints these columns in every row, and no tick says something too
        kept = {name: cell for name, cell in printed.items() if cell or name in ("code", "link")}
        assert graph.cells() == kept, graph.name


def test_every_row_describes_exactly_one_thing(transcribed: list[tuple[Record, NamedGraph]]) -> None:
    for record, graph in transcribed:
        kind, type_ = ("model", HFM.FoundationModel) if "code_printed" in record else ("dataset", HFM.Dataset)
        assert graph.names(graph.name, HFM.describes) == {f"{kind}/{record['id']}"}, graph.name
        things = {t.subject for t in graph.triples if t.object in (HFM.FoundationModel, HFM.Dataset)}
        assert things == {graph.thing()}, graph.name
        assert tail(type_) in graph.names(graph.thing(), RDF.type), graph.name
    assert len({graph.thing() for _, graph in transcribed}) == 314


def test_every_row_gives_its_table_and_row(transcribed: list[tuple[Record, NamedGraph]]) -> None:
    for record, graph in transcribed:
        assert graph.names(graph.name, RDF.type) == {"Row"}, graph.name
        assert graph.values(graph.name, HFM.sourceTable) == {record["table"]}, graph.name
        assert graph.values(graph.name, HFM.sourceRow) == {record["row"]}, graph.name


def test_every_row_has_the_references_that_its_name_cell_prints(transcribed: list[tuple[Record, NamedGraph]]) -> None:
    for _, graph in transcribed:
        printed = {f"reference/{number}" for number in cited(graph.cells()["name"])}
        assert graph.names(graph.name, HFM.reference) == printed, graph.name
        assert graph.names(graph.thing(), HFM.reference) == printed, graph.name
    without = [graph.cells()["name"] for _, graph in transcribed if not cited(graph.cells()["name"])]
    assert without == ["PubMed", "CMD", "HealthcareMagic", "iCliniq", "ULS", "FLARE 2023", "10x Genomics", "ABC Atlas"]


def test_every_row_is_derived_from_its_table(store: Store, transcribed: list[tuple[Record, NamedGraph]]) -> None:
    for record, graph in transcribed:
        origins = store.quads_for_pattern(graph.name, PROV.wasDerivedFrom, None, PROVENANCE)
        assert [quad.object for quad in origins] == [NamedNode(f"{BASE}source/he2024/table/{record['table']}")], (
            graph.name
        )


def test_provenance_tells_what_every_row_graph_was_derived_from(store: Store) -> None:
    names = set(store.named_graphs())
    rows = {
        quad.subject for quad in store.quads_for_pattern(None, RDF.type, HFM.Row) if quad.graph_name == quad.subject
    }
    mappings = {name for name in names if str(name).startswith(f"<{BASE}mappings/")}
    assert names - rows - mappings == {ONTOLOGY, PROVENANCE, INFERRED}
    derived = {quad.subject for quad in store.quads_for_pattern(None, PROV.wasDerivedFrom, None, PROVENANCE)}
    assert derived == rows | mappings | {INFERRED}


@pytest.fixture(scope="module")
def triples(store: Store) -> dict[bool, set[Triple]]:
    """The triples of all named graphs (True) and of the default graph (False)."""
    triples: dict[bool, set[Triple]] = {True: set(), False: set()}
    for quad in store:
        triples[not isinstance(quad.graph_name, DefaultGraph)].add(quad.triple)
    return triples


def test_every_triple_of_a_named_graph_stands_in_the_default_graph(triples: dict[bool, set[Triple]]) -> None:
    assert triples[True]
    assert not triples[True] - triples[False]


def test_every_triple_of_the_default_graph_stands_in_a_named_graph(triples: dict[bool, set[Triple]]) -> None:
    assert triples[False]
    assert not triples[False] - triples[True]
