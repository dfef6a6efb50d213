"""The tree of errors, as its docstring draws it, and how errors read."""

from __future__ import annotations

import inspect
import re

import pytest
from pyoxigraph import Store

from hfm_kg import errors, sparql
from hfm_kg.errors import Finding, FindingsError, HfmError, QuerySyntaxError

DRAWN = re.compile(
    r"^ {4}(?P<indent>[ │├└─]*)(?P<name>\w+Error) +exit (?P<exit>\d), HTTP (?P<status>\d{3})", re.MULTILINE
)
TREE = [match.groupdict() for match in DRAWN.finditer(errors.__doc__ or "")]


def defined() -> set[str]:
    return {name for name, thing in vars(errors).items() if inspect.isclass(thing) and issubclass(thing, HfmError)}


def test_the_drawing_shows_every_error_once() -> None:
    assert sorted(line["name"] for line in TREE) == sorted(defined())


@pytest.mark.parametrize("line", TREE, ids=lambda line: line["name"])
def test_exit_code_and_status_are_as_drawn(line: dict[str, str]) -> None:
    error = getattr(errors, line["name"])
    assert (error.exit_code, error.status) == (int(line["exit"]), int(line["status"]))


def test_parents_are_as_drawn() -> None:
    parents: dict[int, str] = {}
    for line in TREE:
        depth = len(line["indent"]) // 4
        parents[depth] = line["name"]
        expected = parents[depth - 1] if depth else "Exception"
        assert getattr(errors, line["name"]).__base__.__name__ == expected


def test_every_error_has_a_title_of_its_own() -> None:
    titles = [getattr(errors, name).title for name in defined()]
    assert len(set(titles)) == len(titles)


def test_a_finding_reads_like_a_compiler_message() -> None:
    assert str(Finding("data/models.tsv", 3, 17, "foreign-key", "no such task")) == (
        "data/models.tsv:3:17: foreign-key: no such task"
    )


def test_findings_sort_by_line_as_numbers() -> None:
    late, early = Finding("a", 10, 1, "r", "m"), Finding("a", 9, 1, "r", "m")
    assert sorted([late, early]) == [early, late]


def test_findings_are_told_one_a_line() -> None:
    findings = [Finding("a", 1, 1, "r", "one"), Finding("a", 2, 1, "r", "two")]
    assert str(FindingsError(findings)).splitlines() == list(map(str, findings))


def caret(error: QuerySyntaxError) -> str:
    """The character that the caret stands under."""
    _, text, mark = str(error).split("\n")
    return text[mark.index("^")]


@pytest.mark.parametrize(
    "query",
    ["ASK { ! }", "ASK {\n\t! }", "ASK { 'é€𝄞' ! }", "ASK {\r\n ! }\r\n", "#" * 5000 + "\nASK { !", "x" * 5000 + "!"],
    ids=["one line", "tab", "non-ASCII", "CRLF", "long line before", "long line"],
)
def test_the_caret_stands_under_the_place(query: str) -> None:
    before = query[: query.index("!")]
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    error = QuerySyntaxError("odd", query, line, column)
    assert str(error).startswith(f"line {line}, column {column}: odd\n")
    assert caret(error) == "!"
    assert "\r" not in str(error)


def test_a_huge_query_is_not_repeated_in_its_error() -> None:
    assert len(str(QuerySyntaxError("odd", "x" * 1_000_000, 1, 999_999))) < 500


@pytest.mark.parametrize(("line", "column"), [(1, 99), (99, 1)], ids=["behind the line", "behind the query"])
def test_a_place_outside_of_the_query_is_told_all_the_same(line: int, column: int) -> None:
    assert str(QuerySyntaxError("odd", "ASK {", line, column)).endswith("^")


def test_the_engine_s_message_is_taken_apart() -> None:
    error = QuerySyntaxError.from_engine(SyntaxError("error at 2:5: expected one of\n A,\n B"), "ASK\n  { x")
    assert (error.line, error.column, error.message) == (2, 5, "near 'x': expected one of A, B")


def test_a_long_list_of_expected_tokens_is_cut_at_a_token() -> None:
    tokens = ", ".join(f'"{number}"' for number in range(200))
    error = QuerySyntaxError.from_engine(SyntaxError(f"error at 1:1: expected one of {tokens}"), "x")
    assert len(error.message) < 200
    assert error.message.endswith('", …')


def test_an_engine_s_message_without_a_place_is_kept() -> None:
    error = QuerySyntaxError.from_engine(SyntaxError("no idea"), "x")
    assert (error.line, str(error)) == (0, "no idea")


@pytest.mark.parametrize("query", ["", " \n\t"])
def test_an_empty_query_is_called_empty(query: str) -> None:
    assert str(QuerySyntaxError.from_engine(SyntaxError("error at 1:1: expected [_]"), query)) == "the query is empty"


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("SELEC ?m {}", "SELEC"),
        ("hello world", "hello"),
        ("SELECT ?m WHER {}", "WHER"),
        ("SELECT ?m { ?m a ?x ?m a ?y }", "?m a ?y"),
        ("SELECT ?m { ?m a ?x FILTR(?m) }", "FILTR"),
        ("SELECT ?m { ?m a ?x }\nORDR BY ?m", "ORDR"),
    ],
)
def test_a_caret_stands_below_the_word_that_is_wrong(query: str, word: str) -> None:
    with pytest.raises(errors.QuerySyntaxError) as caught:
        sparql.evaluate(Store(), query)
    line = query.split("\n")[caught.value.line - 1]
    assert line[caught.value.column - 1 :].startswith(word)
