"""The W3C's test suites: SPARQL 1.0 and 1.1 queries, results, protocol and service description.

``--w3c FOLDER`` names the folder that holds ``sparql10`` and ``sparql11``. A test of the suites that fails for a known
reason stands in FAILING; one that stands there and passes is an error.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import httpx
import pytest
from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    Triple,
    parse,
    parse_query_results,
)

from hfm_kg import sparql
from hfm_kg import store as snapshots
from hfm_kg.catalog import Catalog
from hfm_kg.errors import QuerySyntaxError, UsageError
from hfm_kg.export.graphs import Node, by_subject, items
from hfm_kg.server import Limits, create_app
from hfm_kg.server.pool import Pool
from hfm_kg.terms import RDF
from tests.conftest import serving, w3c_folder

MF: Final = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
QT: Final = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
RS: Final = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
UT: Final = "http://www.w3.org/2009/sparql/tests/test-update#"
HT: Final = "http://www.w3.org/2011/http#"
CNT: Final = "http://www.w3.org/2011/content#"
LABEL: Final = NamedNode("http://www.w3.org/2000/01/rdf-schema#label")

MANIFESTS: Final = (
    "sparql10/manifest-syntax.ttl",
    "sparql10/manifest-evaluation.ttl",
    "sparql11/manifest-sparql11-query.ttl",
    "sparql11/manifest-sparql11-results.ttl",
)
"""The suites of what the engine claims: queries and the formats of their results."""
PROTOCOL: Final = "sparql11/protocol/manifest.ttl"
SERVICE: Final = "sparql11/service-description/manifest.ttl"

BY_VALUE: Final = frozenset(
    {
        "sparql10/distinct/no-distinct-1",
        "sparql10/distinct/no-distinct-9",
        "sparql10/expr-builtin/dawg-datatype-1",
        "sparql10/expr-equals/eq-2-1",
        "sparql10/expr-equals/eq-2-2",
        "sparql10/open-world/date-3",
        "sparql10/open-world/open-eq-03",
        "sparql10/open-world/open-eq-04",
        "sparql10/sort/dawg-sort-7",
        "sparql11/aggregates/agg-avg-02",
        "sparql11/aggregates/agg-err-02",
        "sparql11/aggregates/agg-max-01",
        "sparql11/aggregates/agg-max-02",
        "sparql11/aggregates/agg-max-distinct",
        "sparql11/aggregates/agg-min-01",
        "sparql11/aggregates/agg-min-02",
        "sparql11/aggregates/agg-min-distinct",
        "sparql11/aggregates/agg-sum-02",
        "sparql11/cast/cast-bool",
        "sparql11/cast/cast-decimal",
        "sparql11/cast/cast-double",
        "sparql11/cast/cast-float",
        "sparql11/cast/cast-int",
        "sparql11/cast/cast-string",
        "sparql11/csv-tsv-res/tsv03",
        "sparql11/functions/coalesce01",
        "sparql11/functions/plus-1-corrected",
        "sparql11/functions/plus-2-corrected",
    }
)
"""Tests whose results differ in lexical forms alone: the engine writes a number as its value ("1" for "01")."""

LEXICAL: Final = "the engine keeps the value of a literal, not its lexical form"
GRAPH: Final = "the engine binds the variable of GRAPH within its group"
ZERO_LENGTH: Final = "the engine sees no path of length zero at a term that is nowhere in the graph"
LANGUAGE: Final = "the engine keeps a language that all values of GROUP_CONCAT share"
FAILING: Final[Mapping[str, str]] = {
    "sparql10/syntax-sparql3/syn-bad-26": "the engine reads < as an operator where an IRI would begin",
    "sparql10/open-world/open-eq-01": LEXICAL,
    "sparql10/open-world/date-2": "the engine finds a date with a time zone other than one without",
    "sparql10/graph/graph-variable-scope": GRAPH,
    "sparql10/graph/graph-optional": GRAPH,
    "sparql10/expr-builtin/dawg-str-1": LEXICAL,
    "sparql10/expr-builtin/dawg-str-2": LEXICAL,
    "sparql10/expr-builtin/sameTerm-simple": LEXICAL,
    "sparql10/expr-builtin/sameTerm-eq": LEXICAL,
    "sparql10/expr-builtin/sameTerm-not-eq": LEXICAL,
    "sparql10/expr-builtin/case-insensitive-booleans": "the engine knows true and false in lower case alone",
    "sparql10/expr-equals/eq-graph-1": LEXICAL,
    "sparql10/expr-equals/eq-graph-2": LEXICAL,
    "sparql10/distinct/distinct-1": LEXICAL,
    "sparql10/distinct/distinct-9": LEXICAL,
    "sparql11/aggregates/agg-groupconcat-04": LANGUAGE,
    "sparql11/aggregates/agg-groupconcat-06": LANGUAGE,
    "sparql11/aggregates/agg-empty-group-count-graph": GRAPH,
    "sparql11/bindings/graph": GRAPH,
    "sparql11/functions/bnode01": "the engine gives BNODE of equal strings the same node in all solutions",
    "sparql11/negation/graph-minus": GRAPH,
    "sparql11/property-path/zero_or_more_set_start": ZERO_LENGTH,
    "sparql11/property-path/zero_or_more_set_end": ZERO_LENGTH,
    "sparql11/property-path/zero_or_one_set_start": ZERO_LENGTH,
    "sparql11/property-path/zero_or_one_set_end": ZERO_LENGTH,
    "sparql11/csv-tsv-res/csv03": LEXICAL,
}
"""Tests that fail, and why."""

CALLS: Final = frozenset(
    {
        "sparql10/syntax-sparql1/syntax-expr-05",
        "sparql10/syntax-sparql1/syntax-order-05",
        "sparql10/syntax-sparql1/syntax-order-06",
        "sparql10/syntax-sparql2/syntax-function-01",
        "sparql10/syntax-sparql2/syntax-function-02",
        "sparql10/syntax-sparql2/syntax-function-03",
        "sparql10/syntax-sparql2/syntax-function-04",
        "sparql11/syntax-query/test_4",
    }
)
"""Tests of syntax whose queries call functions that nobody has."""

UPDATES: Final = frozenset(
    {
        "update_dataset_default_graph",
        "update_dataset_default_graphs",
        "update_dataset_named_graphs",
        "update_dataset_full",
        "update_post_form",
        "update_post_direct",
        "update_base_uri",
    }
)
"""Tests of the protocol that begin with an update, which is to be refused."""


@dataclass(frozen=True)
class Document:
    """An RDF file of the suites."""

    path: Path
    statements: Mapping[Node, list[Triple]]

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a file; IRIs that are relative in it are addresses of files."""
        triples = (quad.triple for quad in parse(path=path, base_iri=path.as_uri()))
        return cls(path, by_subject(triples))

    def values(self, node: Node, predicate: str) -> list[Node | Literal]:
        """The values of a node's property."""
        found = [triple.object for triple in self.statements.get(node, ()) if triple.predicate.value == predicate]
        return [value for value in found if not isinstance(value, Triple)]

    def node(self, node: Node, predicate: str) -> Node:
        """The one value of a property, which is no literal."""
        (value,) = self.values(node, predicate)
        assert not isinstance(value, Literal)
        return value

    def text(self, node: Node, predicate: str) -> str:
        """The one value of a property, as text."""
        (value,) = self.values(node, predicate)
        return value.value

    def file(self, node: Node, predicate: str) -> Path:
        """The file that a property names."""
        return file_of(self.text(node, predicate))

    def items(self, node: Node, predicate: str) -> list[Node]:
        """The items of a list of nodes, empty if there is no list."""
        heads = self.values(node, predicate)
        found = list(items(self.statements, self.node(node, predicate))) if heads else []
        return [item for item in found if not isinstance(item, Literal)]


@dataclass(frozen=True)
class Test:
    """An entry of a manifest."""

    manifest: Document
    node: NamedNode

    __test__ = False  # not a class of tests

    @property
    def name(self) -> str:
        """The suite, the folder and the name of the entry."""
        suite, folder = self.manifest.path.parts[-3:-1]
        return "/".join((suite, folder, self.node.value.rpartition("#")[2]))

    @property
    def kind(self) -> str:
        """The class of the test."""
        return self.manifest.text(self.node, RDF.type.value).removeprefix(MF)


def file_of(address: str) -> Path:
    return Path(unquote(address.removeprefix("file://")))


def entries(path: Path) -> Iterator[Test]:
    """The tests of a manifest, and of those that it includes."""
    manifest = Document.read(path)
    node = NamedNode(path.as_uri())
    for included in manifest.items(node, f"{MF}include"):
        yield from entries(file_of(included.value))
    for entry in manifest.items(node, f"{MF}entries"):
        assert isinstance(entry, NamedNode)
        yield Test(manifest, entry)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each entry of the manifests."""
    names = {"query_test": MANIFESTS, "protocol_test": (PROTOCOL,), "service_test": (SERVICE,)}
    for fixture, manifests in names.items():
        if fixture not in metafunc.fixturenames:
            continue
        folder = w3c_folder(metafunc.config)
        if folder is None:
            skipped = pytest.mark.skip(reason="the W3C's tests are not there; name their folder with --w3c")
            metafunc.parametrize(fixture, [pytest.param(None, marks=skipped)])
            continue
        tests = [test for manifest in manifests for test in entries(folder / manifest)]
        parameters = [
            pytest.param(test, id=test.name, marks=[pytest.mark.xfail(reason=FAILING[test.name], strict=True)])
            if test.name in FAILING
            else pytest.param(test, id=test.name)
            for test in tests
        ]
        metafunc.parametrize(fixture, parameters)


@pytest.fixture(scope="session")
def suites(pytestconfig: pytest.Config) -> Path:
    """The folder of the suites."""
    if (folder := w3c_folder(pytestconfig)) is None:
        pytest.skip("the W3C's tests are not there; name their folder with --w3c")
    return folder


# --- results --------------------------------------------------------------------------------------------------

Solution = Mapping[str, Node | Literal | Triple]


@dataclass(frozen=True)
class Table:
    """Solutions of a query, in the order in which they came."""

    variables: frozenset[str]
    rows: tuple[Solution, ...]

    def canonical(self, *, is_set: bool = False) -> Dataset:
        """The solutions as a multiset or set, blank nodes renamed: equal for tables that differ in labels alone."""
        dataset = Dataset()
        for row, number in Counter(frozenset(row.items()) for row in self.rows).items():
            node = BlankNode()
            dataset.add(Quad(node, NamedNode("urn:count"), Literal(1 if is_set else number)))
            for variable, value in row:
                dataset.add(Quad(node, NamedNode(f"urn:variable:{variable}"), value))
        dataset.canonicalize(CanonicalizationAlgorithm.UNSTABLE)
        return dataset

    def has_blank_nodes(self) -> bool:
        return any(isinstance(value, BlankNode) for row in self.rows for value in row.values())

    def by_value(self) -> Table:
        """The same with the lexical forms that the engine gives to values."""
        rows = tuple({name: normalised(value) for name, value in row.items()} for row in self.rows)
        return Table(self.variables, rows)


def normalised(value: Node | Literal | Triple) -> Node | Literal | Triple:
    if not isinstance(value, Literal):
        return value
    store = Store()
    store.add(Quad(BlankNode(), RDF.type, value))
    ((_, _, kept, _),) = store
    assert isinstance(kept, Literal)
    return kept


def table(solutions: QuerySolutions) -> Table:
    variables = [variable.value for variable in solutions.variables]
    rows = tuple({name: solution[name] for name in variables if solution[name] is not None} for solution in solutions)
    return Table(frozenset(variables), rows)


def canonical(triples: Iterable[Triple]) -> Dataset:
    dataset = Dataset(Quad(triple.subject, triple.predicate, triple.object) for triple in triples)
    dataset.canonicalize(CanonicalizationAlgorithm.UNSTABLE)
    return dataset


def described(document: Document) -> Table | bool | None:
    """The result that a file describes in the vocabulary for result sets, None if it is a graph."""
    for node in document.statements:
        if NamedNode(f"{RS}ResultSet") not in document.values(node, RDF.type.value):
            continue
        if document.values(node, f"{RS}boolean"):
            return document.text(node, f"{RS}boolean") == "true"
        rows = []
        for solution in document.values(node, f"{RS}solution"):
            assert not isinstance(solution, Literal)
            index = document.values(solution, f"{RS}index")
            row = {
                document.text(binding, f"{RS}variable"): document.values(binding, f"{RS}value")[0]
                for binding in document.values(solution, f"{RS}binding")
                if not isinstance(binding, Literal)
            }
            rows.append((int(index[0].value) if index else 0, row))
        rows.sort(key=lambda pair: pair[0])
        variables = frozenset(value.value for value in document.values(node, f"{RS}resultVariable"))
        return Table(variables, tuple(row for _, row in rows))
    return None


RESULT_FILES: Final = {
    ".srx": QueryResultsFormat.XML,
    ".srj": QueryResultsFormat.JSON,
    ".tsv": QueryResultsFormat.TSV,
}


def read(content: bytes, form: QueryResultsFormat) -> Table | bool:
    result = parse_query_results(content, form)
    return bool(result) if isinstance(result, QueryBoolean) else table(result)


def check(found: Table, wanted: Table, *, is_set: bool, is_ordered: bool) -> None:
    """Whether two tables say the same."""
    assert found.variables == wanted.variables
    assert found.canonical(is_set=is_set) == wanted.canonical(is_set=is_set)
    if is_ordered and not wanted.has_blank_nodes():
        assert found.rows == wanted.rows


def expectation(file: Path) -> Table | bool | Dataset:
    """What a file of the suites says that a query gives."""
    if form := RESULT_FILES.get(file.suffix):
        return read(file.read_bytes(), form)
    document = Document.read(file)
    told = described(document)
    return canonical(triple for some in document.statements.values() for triple in some) if told is None else told


def test_tables_differ_in_number_value_and_shared_blank_nodes() -> None:
    """The comparison that the tests rest on tells apart what it must."""

    def of(*rows: Solution) -> Dataset:
        return Table(frozenset("ab"), rows).canonical()

    one, other = BlankNode(), BlankNode()
    assert of({"a": one, "b": other}) == of({"a": other, "b": one})
    assert of({"a": one, "b": one}) != of({"a": one, "b": other})
    assert of({"a": one}, {"a": one}) != of({"a": one}, {"a": other})
    assert of({"a": Literal(1)}) != of({"a": Literal(1)}, {"a": Literal(1)})
    assert of({"a": Literal(1)}) != of({"b": Literal(1)})
    assert of({"a": Literal(1)}) != of({"a": Literal("1")})


# --- queries --------------------------------------------------------------------------------------------------


def load(store: Store, file: Path, graph: NamedNode | DefaultGraph) -> None:
    quads = parse(path=file, base_iri=file.as_uri(), rename_blank_nodes=True)  # those of two files are not the same
    store.extend(Quad(quad.subject, quad.predicate, quad.object, graph) for quad in quads)


def store_of(test: Test, action: Node, query: str) -> Store:
    """A store with the test's data, and with the graphs that the query itself names."""
    store = Store()
    for data in test.manifest.values(action, f"{QT}data"):
        load(store, file_of(data.value), DefaultGraph())
    graphs = {value.value for value in test.manifest.values(action, f"{QT}graphData")}
    folder = test.manifest.path.parent
    graphs |= {(folder / name).as_uri() for name in re.findall(r"\bFROM\s+(?:NAMED\s+)?<([\w.-]+)>", query)}
    for graph in graphs:
        load(store, file_of(graph), NamedNode(graph))
    return store


def written(result: sparql.Result, form: QueryResultsFormat) -> bytes:
    return sparql.write(result, next(one for one in sparql.SOLUTION_FORMATS if one.engine == form))


def cells(content: bytes) -> list[list[tuple[str, str]]]:
    """The rows of a CSV file in order, whatever the order of their columns; all blank nodes are alike."""
    rows = csv.DictReader(io.StringIO(re.sub(r"_:\w+", "_:", content.decode())))
    return sorted(sorted(row.items()) for row in rows)


def test_query(query_test: Test) -> None:
    manifest = query_test.manifest
    action = manifest.node(query_test.node, f"{MF}action")
    if "Syntax" in query_test.kind:
        file = file_of(action.value)
        text = f"BASE <{file.as_uri()}> {file.read_text(encoding='utf-8')}"
        if query_test.kind.startswith("Negative"):
            with pytest.raises(QuerySyntaxError):
                sparql.evaluate(Store(), text)
            return
        # a call of a function that is an example cannot be evaluated, but is parsed
        with pytest.raises(UsageError, match="custom function") if query_test.name in CALLS else nullcontext():
            sparql.evaluate(Store(), text)
        return
    file = manifest.file(action, f"{QT}query")
    query = file.read_text(encoding="utf-8")
    result = sparql.evaluate(store_of(query_test, action, query), f"BASE <{file.as_uri()}> {query}")
    expected = manifest.file(query_test.node, f"{MF}result")
    if query_test.kind == "CSVResultFormatTest":
        assert cells(written(result, QueryResultsFormat.CSV)) == cells(expected.read_bytes())
        return
    wanted = expectation(expected)
    if isinstance(result, QueryTriples):
        assert canonical(result) == wanted
        return
    form = RESULT_FILES.get(expected.suffix, QueryResultsFormat.JSON)
    found = read(written(result, form), form)  # so that the format is put to the test too
    if isinstance(wanted, bool):
        assert found is wanted
        return
    assert isinstance(found, Table)
    assert isinstance(wanted, Table)
    lax = NamedNode(f"{MF}LaxCardinality")
    is_set = lax in manifest.values(query_test.node, f"{MF}resultCardinality")
    is_ordered = "ORDER" in sparql.keywords(query)
    if query_test.name in BY_VALUE:
        with pytest.raises(AssertionError):
            check(found, wanted, is_set=is_set, is_ordered=is_ordered)
        wanted = wanted.by_value()
    check(found, wanted, is_set=is_set, is_ordered=is_ordered)


def test_what_is_listed_as_failing_is_in_the_suites(suites: Path) -> None:
    names = {test.name for manifest in (*MANIFESTS, PROTOCOL) for test in entries(suites / manifest)}
    assert set(FAILING) | BY_VALUE | CALLS <= names
    assert not set(FAILING) & BY_VALUE


# --- the protocol ---------------------------------------------------------------------------------------------

FORMATS: Final[Mapping[str, tuple[sparql.Format, ...]]] = {
    "boolean": sparql.SOLUTION_FORMATS,
    "tabular": sparql.SOLUTION_FORMATS,
    "RDF": sparql.GRAPH_FORMATS,
}
"""What the manifest calls the formats of results."""


@pytest.fixture(scope="module")
def client(suites: Path, queries: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server over the graphs that the tests of the protocol ask for."""
    manifest = Document.read(suites / PROTOCOL)
    quads = set()
    for data in {
        value for test in entries(suites / PROTOCOL) for value in manifest.values(test.node, f"{UT}graphData")
    }:
        assert not isinstance(data, Literal)
        graph = NamedNode(manifest.text(data, LABEL.value))
        for quad in parse(path=manifest.file(data, f"{UT}graph")):
            quads |= {quad, Quad(quad.subject, quad.predicate, quad.object, graph)}
    snapshot = snapshots.write(tmp_path_factory.mktemp("w3c"), "w3c", quads, {})
    with serving(create_app(snapshot.open(), queries, Pool(snapshot, Limits(evaluators=1)))) as client:
        yield client


def send(client: httpx.Client, manifest: Document, request: Node) -> httpx.Response:
    """Send a request as the manifest describes it; our endpoint is at /sparql."""
    headers = {
        manifest.text(header, f"{HT}fieldName"): manifest.text(header, f"{HT}fieldValue")
        for header in manifest.items(request, f"{HT}headers")
    }
    content = None
    if manifest.values(request, f"{HT}body"):
        body = manifest.node(request, f"{HT}body")
        content = manifest.text(body, f"{CNT}chars").encode(manifest.text(body, f"{CNT}characterEncoding"))
    path = "/sparql" + manifest.text(request, f"{HT}absolutePath").removeprefix("/sparql/")
    return client.request(manifest.text(request, f"{HT}methodName"), path, headers=headers, content=content)


def test_protocol(protocol_test: Test, client: httpx.Client) -> None:
    manifest = protocol_test.manifest
    requests = manifest.items(manifest.node(protocol_test.node, f"{MF}action"), f"{HT}requests")
    assert requests
    for request in requests:
        answer = send(client, manifest, request)
        if protocol_test.name.rpartition("/")[2] in UPDATES:
            assert answer.status_code == 403
            assert answer.headers["content-type"] == "application/problem+json"
            assert "read-only" in answer.json()["detail"]
            return  # what would follow asks whether the update was made
        response = manifest.node(request, f"{HT}resp")
        expected = {
            value.value.rpartition("#StatusCode")[2] for value in manifest.values(response, f"{MF}expectedStatus")
        }
        assert f"{answer.status_code // 100}xx" in expected
        for name in manifest.values(response, f"{MF}expectedFormat"):
            assert answer.headers["content-type"] in {form.content_type for form in FORMATS[name.value]}
        for boolean in manifest.values(response, f"{MF}expectedBoolean"):
            assert answer.json()["boolean"] is (boolean.value == "true")


def test_the_protocol_has_34_tests_of_which_7_need_updates(suites: Path) -> None:
    names = [test.name.rpartition("/")[2] for test in entries(suites / PROTOCOL)]
    assert len(names) == len(set(names)) == 34
    assert len(UPDATES & set(names)) == 7


# --- the service description ----------------------------------------------------------------------------------

SD: Final = "http://www.w3.org/ns/sparql-service-description#"
VALUES: Final[Mapping[str, str]] = {
    "availableGraphs": "GraphCollection",
    "defaultDataset": "Dataset",
    "defaultGraph": "Graph",
    "graph": "Graph",
    "namedGraph": "NamedGraph",
}
"""The range of each property whose values a description describes in turn: Service Description, section 3.4."""
SUBJECTS: Final[Mapping[str, str]] = {
    "endpoint": "Service",
    "feature": "Service",
    "defaultEntailmentRegime": "Service",
    "supportedLanguage": "Service",
    "resultFormat": "Service",
    "availableGraphs": "Service",
    "defaultDataset": "Service",
    "defaultGraph": "Dataset",
    "namedGraph": "Dataset",
    "name": "NamedGraph",
    "graph": "NamedGraph",
}
"""The domain of each property."""


def test_service_description(service_test: Test, client: httpx.Client) -> None:
    """The manifest has names alone for these tests; what they ask for are sections 2 and 3 of the specification."""
    answer = client.get("/sparql")
    assert answer.headers["content-type"] == "text/turtle; charset=utf-8"  # returns-rdf
    address = f"{client.base_url}sparql" if str(client.base_url).endswith("/") else f"{client.base_url}/sparql"
    triples = {quad.triple for quad in parse(answer.content, format=RdfFormat.TURTLE, base_iri=address)}
    assert triples
    if service_test.name.endswith("has-endpoint-triple"):
        endpoints = [triple.object for triple in triples if triple.predicate.value == f"{SD}endpoint"]
        assert endpoints == [NamedNode(address)]
    elif service_test.name.endswith("conforms-to-schema"):
        types = {(triple.subject, triple.object.value) for triple in triples if triple.predicate == RDF.type}
        assert [kind for _, kind in types].count(f"{SD}Service") == 1
        seen = 0
        for triple in triples:
            if not triple.predicate.value.startswith(SD):
                continue
            seen += 1
            name = triple.predicate.value.removeprefix(SD)
            assert (triple.subject, SD + SUBJECTS[name]) in types
            assert isinstance(triple.object, NamedNode)
            if name in VALUES:
                assert (triple.object, SD + VALUES[name]) in types
        assert seen > len(sparql.SOLUTION_FORMATS)
    else:
        assert service_test.name.endswith("returns-rdf")
