"""RDF terms as Python values, and what a result shows of them."""

from __future__ import annotations

import copy
import pickle
from datetime import date, datetime
from decimal import Decimal

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, QuerySolutions, Store, Triple

from hfm_kg.errors import NotAcceptableError, UsageError
from hfm_kg.result import Boolean, Result, Row, Triples, from_engine
from hfm_kg.values import Iri, html, to_python, to_term

XSD = "http://www.w3.org/2001/XMLSchema#"


def typed(text: str, name: str) -> Literal:
    return Literal(text, datatype=NamedNode(XSD + name))


@pytest.mark.parametrize(
    ("term", "value"),
    [
        (typed("7", "integer"), 7),
        (typed("007", "nonNegativeInteger"), 7),
        (typed("2024", "gYear"), 2024),
        (typed("0.5", "decimal"), 0.5),
        (typed("1e3", "double"), 1000.0),
        (typed("INF", "double"), float("inf")),
        (typed("true", "boolean"), True),
        (typed("0", "boolean"), False),
        (typed("2024-02-29", "date"), date(2024, 2, 29)),
        (typed("2024-02-29T12:00:00Z", "dateTime"), datetime.fromisoformat("2024-02-29T12:00:00+00:00")),
        (Literal("text"), "text"),
        (Literal("Text", language="de"), "Text"),
        (typed("http://a/", "anyURI"), "http://a/"),
        (typed("seven", "integer"), "seven"),
        (typed("maybe", "boolean"), "maybe"),
        (typed("2023-02-29", "date"), "2023-02-29"),
        (NamedNode("http://a/b"), Iri("http://a/b")),
        (BlankNode("x"), "_:x"),
        (None, None),
    ],
)
def test_a_term_is_a_python_value(term: Literal | NamedNode | None, value: object) -> None:
    found = to_python(term)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("value", [7, -1, 0.5, True, False, "text", "", date(2024, 2, 29), datetime(2024, 2, 29, 12),
                                   Iri("http://a/b"), 10**30])  # fmt: skip
def test_a_value_is_the_same_after_a_journey(value: int | str) -> None:
    found = to_python(to_term(value))
    assert (found, type(found)) == (value, type(value))


def test_exact_numbers_and_ready_terms_go_in() -> None:
    assert to_term(Decimal("0.10")) == typed("0.10", "decimal")
    assert to_term(Literal("Text", language="de")) == Literal("Text", language="de")


@pytest.mark.parametrize("value", [None, object(), b"bytes", {"a": 1}, Iri("no iri"), Iri("http://a/> } #"), Iri("")])
def test_what_no_term_can_be_made_of_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match=r"no RDF term|is no IRI"):
        to_term(value)  # type: ignore[arg-type] # that is the point


def test_an_iri_is_a_text_with_a_label() -> None:
    known = Iri("https://w3id.org/hfm/CT", {"https://w3id.org/hfm/CT": "computed tomography"}.get)
    assert known == "https://w3id.org/hfm/CT"
    assert known.label == "computed tomography"
    assert known.short == "hfm:CT"
    assert Iri("https://w3id.org/hfm/model/UNI").label == "UNI"
    assert Iri("http://www.w3.org/2004/02/skos/core#broader").label == "skos:broader"
    assert Iri("http://a/b").label == "http://a/b"
    for again in (pickle.loads(pickle.dumps(known)), copy.deepcopy(known)):
        assert (again, type(again)) == (known, Iri)


# --- results --------------------------------------------------------------------------------------------------


@pytest.fixture
def result() -> Result:
    return Result(["name", "count", "class"], [["a", 1, Iri("http://a/")], ["b", None, Iri("http://b/")]], "SELECT")


def test_a_row_has_its_values_by_name_and_number(result: Result) -> None:
    row = result[0]
    assert (row.name, row["name"], row[0]) == ("a",) * 3
    assert row.count == 1  # no method of tuples is in the way
    assert row["class"] == row[-1] == "http://a/"
    name, *rest = row
    assert (name, rest, len(row)) == ("a", [1, "http://a/"], 3)
    assert row == ("a", 1, "http://a/")
    assert row != result[1]
    assert row.as_dict() == {"name": "a", "count": 1, "class": "http://a/"}
    assert {"name", "count"} <= set(dir(row))
    assert repr(result[1]) == "Row(name='b', count=None, class=Iri('http://b/'))"
    assert {pickle.loads(pickle.dumps(row)), copy.copy(row), row} == {row}
    with pytest.raises(AttributeError, match="no column 'nmae'; it has name, count, class"):
        row.nmae  # noqa: B018
    with pytest.raises(KeyError, match="no column 'nmae'"):
        row["nmae"]


def test_a_result_is_a_sequence_of_rows(result: Result) -> None:
    assert len(result) == 2
    assert bool(result)
    assert not Result(["a"], [])
    assert [row.name for row in result] == result["name"] == ["a", "b"]
    assert isinstance(result[1], Row)
    assert result[1:].to_dicts() == [{"name": "b", "count": None, "class": "http://b/"}]
    with pytest.raises(KeyError, match="no column 'x'; it has name, count, class"):
        result["x"]


def test_a_result_shows_itself(result: Result) -> None:
    assert repr(result) == "name  count  class\na     1      http://a/\nb            http://b/\n[2 rows]"
    many = Result(["n"], [[n] for n in range(100)])
    assert repr(many).splitlines()[-2:] == ["9", "[10 of 100 rows]"]
    assert many._repr_html_().endswith("<p>60 of 100 rows</p>")
    assert "x" * 61 not in repr(Result(["a"], [["x" * 100]]))
    assert repr(Result(["a"], [["one\ntwo"]])).splitlines()[1] == "one two"


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a & b", "'"])
def test_a_page_of_a_notebook_takes_no_markup_from_the_graph(text: str) -> None:
    labelled = Iri("http://a/", lambda iri: text)
    shown = Result([text], [[text], [labelled], [Iri("http://a/?" + text)]])._repr_html_()
    assert "<script" not in shown
    assert "<img" not in shown
    assert text not in shown.replace("&#x27;", "")


def test_only_addresses_of_the_web_are_links() -> None:
    assert html(Iri("javascript:alert(1)")) == "javascript:alert(1)"
    assert html(Iri("https://a/")).startswith('<a href="https://a/">')


def test_results_become_frames(result: Result) -> None:
    frame = result.to_pandas()
    assert list(frame.columns) == ["name", "count", "class"]
    assert [str(kind) for kind in frame.dtypes] == ["string", "Int64", "string"]
    assert frame["count"].isna().tolist() == [False, True]
    assert result.to_polars().rows() == result.to_arrow().to_pandas().convert_dtypes().pipe(_rows)
    assert result.to_arrow().column_names == ["name", "count", "class"]
    assert result.to_arrow().to_pylist() == result.to_dicts()


def _rows(frame: object) -> list[tuple[object, ...]]:
    rows = frame.itertuples(index=False, name=None)  # type: ignore[attr-defined] # of pandas, which has loose types
    return [tuple(None if value is not value or str(value) == "<NA>" else value for value in row) for row in rows]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, "a", None], ["1", "a", None]),
        ([1, 0.5, None], [1.0, 0.5, None]),
        ([True, False], [True, False]),
        ([True, 1], ["true", "1"]),
        ([10**30, 1], [str(10**30), "1"]),
        ([date(2024, 1, 1), None], [date(2024, 1, 1), None]),
        ([None, None], [None, None]),
        ([], []),
    ],
)
def test_a_column_has_one_type(values: list[object], expected: list[object]) -> None:
    result = Result(["x"], [[value] for value in values])
    assert result.to_polars()["x"].to_list() == expected
    assert result.to_arrow()["x"].to_pylist() == expected
    assert len(result.to_pandas()) == len(values)


@pytest.mark.parametrize("name", ["pandas", "polars", "arrow"])
def test_a_missing_package_is_named(name: str, result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    from hfm_kg.errors import NotInstalledError

    monkeypatch.setitem(__import__("sys").modules, {"arrow": "pyarrow"}.get(name, name), None)
    with pytest.raises(NotInstalledError, match=rf"pip install 'hfm-kg\[{name}\]'"):
        getattr(result, f"to_{name}")()


def test_the_engine_s_results_are_read() -> None:
    store = Store()
    solutions = store.query("SELECT ?a ?b { VALUES (?a ?b) { (1 UNDEF) } }")
    assert isinstance(solutions, QuerySolutions)
    assert from_engine(solutions, "q").to_dicts() == [{"a": 1, "b": None}]
    answer = from_engine(store.query("ASK {}"), "q")
    assert isinstance(answer, Boolean)
    assert (bool(answer), repr(answer), answer.to_dicts()) == (True, "True", [{"boolean": True}])
    assert not from_engine(store.query("ASK { ?a ?b ?c }"), "q")


def test_a_graph_is_a_table_of_triples_and_turns_into_other_forms() -> None:
    a = NamedNode("https://w3id.org/hfm/a")
    graph = Triples([Triple(a, a, Literal("x", language="en")), Triple(a, a, Literal(1))], "DESCRIBE")
    assert graph["object"] == ["x", 1]
    assert repr(graph).endswith("[2 triples]")
    assert len(graph.to_rdflib()) == 2
    assert graph.serialize("ntriples").count("\n") == 2
    assert graph.serialize().startswith("@prefix ")
    with pytest.raises(NotAcceptableError, match="take one of turtle, "):
        graph.serialize("csv")
