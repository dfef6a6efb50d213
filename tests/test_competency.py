"""The competency questions: each gives its frozen answer, on Oxigraph and on rdflib.

The answers in ``answers/`` were worked out from the survey, or where they are about our own curation from the tables
under ``data/``; not from the graph. A change of data that changes one of them is either an error or to be written down
there too.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, QuerySolutions, Store, Triple
from rdflib import BNode, Dataset, URIRef
from rdflib import Literal as RdflibLiteral

from hfm_kg import sparql
from hfm_kg.catalog import Catalog
from hfm_kg.sparql import PREFIXES
from hfm_kg.store import Snapshot

TESTS = Path(__file__).parent
ANSWERS = TESTS / "answers"
NAMES = sorted(path.stem for path in (TESTS.parent / "queries" / "competency").rglob("*.rq"))

XSD = PREFIXES["xsd"]
NUMERIC = {f"{XSD}{name}" for name in ("integer", "decimal", "double", "float")}

# rdflib, asked about a dataset, warns of names that it deprecates and uses itself
pytestmark = pytest.mark.filterwarnings(r"ignore:Dataset\.\w+ is deprecated:DeprecationWarning")

Value = tuple[str, object] | None


@pytest.fixture(scope="module")
def dataset(snapshot: Snapshot) -> Dataset:
    """The real graph in rdflib, read by rdflib; as in Oxigraph, the default graph is no union."""
    dataset = Dataset(default_union=False)
    with snapshot.dump.open("rb") as dump:
        dataset.parse(dump, format="nquads")
    return dataset


def solutions(store: Store, queries: Catalog, name: str) -> QuerySolutions:
    result = sparql.evaluate(store, queries[name].text)
    assert isinstance(result, QuerySolutions), f"{name} is no SELECT query; its answer cannot be frozen as a table"
    return result


def plain(term: object) -> str:
    """A term as frozen answers have it: IRIs of ours shortened, literals by their lexical form."""
    match term:
        case None:
            return ""
        case NamedNode(value=value) if value.startswith(PREFIXES["hfm"]):
            return f"hfm:{value.removeprefix(PREFIXES['hfm'])}"
        case NamedNode(value=value) | Literal(value=value):
            assert not set(value) & set("\t\r\n"), f"{value!r} does not fit into a cell"
            return value
    pytest.fail(f"{term} is a blank node or a triple: it has no lasting form")


def literal(value: str, language: str | None, datatype: str) -> Value:
    """A literal as a value: engines write the same number in several ways, and divide to different precisions."""
    if datatype in NUMERIC:
        return "number", round(Decimal(value), 9)
    return "literal", (value, language.lower()) if language else (value, datatype)


def oxigraph_value(term: NamedNode | BlankNode | Literal | Triple | None) -> Value:
    match term:
        case None:
            return None
        case NamedNode():
            return "iri", term.value
        case Literal():
            return literal(term.value, term.language, term.datatype.value)
    return "other", None


def rdflib_value(term: object) -> Value:
    match term:
        case None:
            return None
        case BNode():
            return "other", None
        case URIRef():
            return "iri", str(term)
        case RdflibLiteral():
            return literal(str(term), term.language, str(term.datatype or f"{XSD}string"))
    pytest.fail(f"{term!r} is no RDF term")


def test_there_are_at_least_25_competency_questions() -> None:
    assert len(NAMES) >= 25


def test_each_frozen_answer_belongs_to_a_question() -> None:
    assert {path.stem for path in ANSWERS.iterdir()} - set(NAMES) == set()


@pytest.mark.parametrize("name", NAMES)
def test_the_question_is_a_question(queries: Catalog, name: str) -> None:
    assert queries[name].question.endswith("?")
    assert not queries[name].title.endswith("?")


@pytest.mark.parametrize("name", NAMES)
def test_the_file_declares_every_prefix_it_uses(queries: Catalog, name: str) -> None:
    # a bare store knows no prefixes; one that is missing is a syntax error
    Store().query(queries[name].text)


@pytest.mark.parametrize("name", NAMES)
def test_the_header_names_the_columns_of_the_result(store: Store, queries: Catalog, name: str) -> None:
    variables = tuple(variable.value for variable in solutions(store, queries, name).variables)
    assert queries[name].columns == variables


@pytest.mark.parametrize("name", NAMES)
def test_the_query_gives_the_frozen_answer(store: Store, queries: Catalog, name: str) -> None:
    result = solutions(store, queries, name)
    given = ["\t".join(variable.value for variable in result.variables)]
    given += ["\t".join(plain(term) for term in solution) for solution in result]
    frozen = ANSWERS / f"{name}.tsv"
    assert frozen.is_file(), f"work out the answer to {queries[name].question!r} by hand and write it to {frozen}"
    assert given == frozen.read_text(encoding="utf-8").removesuffix("\n").split("\n")


@pytest.mark.parametrize("name", NAMES)
def test_rdflib_gives_the_same_answer_as_oxigraph(store: Store, dataset: Dataset, queries: Catalog, name: str) -> None:
    fast = Counter(tuple(oxigraph_value(term) for term in row) for row in solutions(store, queries, name))
    result = dataset.query(queries[name].text)
    slow = Counter(tuple(rdflib_value(term) for term in row) for row in result if isinstance(row, tuple))
    assert [str(variable) for variable in result.vars or ()] == list(queries[name].columns)
    assert slow == fast
