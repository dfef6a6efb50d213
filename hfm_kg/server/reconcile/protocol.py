"""What clients send: reconciliation and data extension queries of the API's versions, read into one form."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from starlette.exceptions import HTTPException

from hfm_kg.errors import UsageError

BATCH: Final = 100
"""Queries in a batch; OpenRefine sends 10, and takes more if the manifest says so."""
ENTITIES: Final = 1_000
"""Entities of a data extension query."""
PROPERTIES: Final = 50
"""Properties of a data extension query, and conditions of a reconciliation query."""
VALUES: Final = 50
"""Values of a condition."""
CANDIDATES: Final = 10
"""Candidates and suggestions unless a query names a limit."""
MOST_CANDIDATES: Final = 100

Quantifier = Literal["any", "all", "none"]
QUANTIFIERS: Final[dict[str, Quantifier]] = {"any": "any", "all": "all", "none": "none"}


@dataclass(frozen=True)
class Condition:
    """What is asked of the values of a property."""

    property: str
    values: tuple[str, ...]
    required: bool = False
    quantifier: Quantifier = "any"


@dataclass(frozen=True)
class Query:
    """A reconciliation query."""

    text: str
    """The name that is looked for, empty if conditions alone are given."""
    types: tuple[str, ...]
    all_types: bool
    """Whether candidates must have all types, rather than one."""
    conditions: tuple[Condition, ...]
    limit: int


@dataclass(frozen=True)
class Extension:
    """A data extension query."""

    entities: tuple[str, ...]
    properties: tuple[str, ...]


def parsed(text: str, what: str) -> Any:
    """A JSON value. Raises UsageError."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{what} is no JSON: {error}") from None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


# --- 0.1 and 0.2 --------------------------------------------------------------------------------------------------


def batch(document: Any) -> dict[str, Query]:
    """A query batch of 0.2, section 4.1. Raises UsageError, or HTTPException 413 for too large a batch."""
    queries = _object(document, "queries")
    _within(len(queries))
    return {
        key: _query(_object(value, f"query {_shown(key)}"), f"query {_shown(key)}") for key, value in queries.items()
    }


def single(text: str) -> Query:
    """A query of 0.1, section 4.3: a JSON object, or the name alone."""
    if text.lstrip().startswith("{"):
        return _query(_object(parsed(text, "query"), "query"), "query")
    return _query({"query": text}, "query")


def _query(given: dict[str, Any], what: str) -> Query:
    _only(given, {"query", "type", "limit", "properties", "type_strict"}, what)
    text = _text(given.get("query", ""), f"{what}: query")
    conditions = [
        _object(each, f"{what}: property") for each in _list(given.get("properties", []), f"{what}: properties")
    ]
    for each in conditions:
        if "pid" not in each and "p" in each:
            each["pid"] = each["p"]  # as 0.1 had it
    types = given.get("type") or []
    strict = given.get("type_strict", "any")
    if strict not in ("any", "should", "all"):
        raise UsageError(f"{what}: type_strict is any, should or all")
    return _complete(
        text,
        [_text(each, f"{what}: type") for each in (types if isinstance(types, list) else [types])],
        [
            Condition(_text(each.get("pid"), f"{what}: pid"), _values(each.get("v"), f"{what}: v"))
            for each in conditions
        ],
        given.get("limit"),
        what,
        all_types=strict == "all",
    )


def extension(document: Any) -> Extension:
    """A data extension query, 0.2 section 7.3 and 1.0-draft. Raises UsageError, or HTTPException 413."""
    given = _object(document, "the data extension query")
    entities = [_text(each, "ids") for each in _list(given.get("ids"), "ids")]
    properties = [
        _text(_object(each, "property").get("id"), "property: id")
        for each in _list(given.get("properties"), "properties")
    ]
    if len(entities) > ENTITIES or len(properties) > PROPERTIES:
        raise HTTPException(413, f"at most {ENTITIES} ids and {PROPERTIES} properties")
    return Extension(tuple(entities), tuple(properties))


# --- 1.0-draft ----------------------------------------------------------------------------------------------------


def batch_of_draft(document: Any) -> list[Query]:
    """A query batch of 1.0-draft, section 4.1. Raises UsageError, or HTTPException 413."""
    queries = _list(_object(document, "the query batch").get("queries"), "queries")
    _within(len(queries))
    return [_query_of_draft(_object(each, f"query {n}"), f"query {n}") for n, each in enumerate(queries)]


def _query_of_draft(given: dict[str, Any], what: str) -> Query:
    _only(given, {"type", "limit", "lang", "dir", "conditions"}, what)
    conditions = [_object(each, f"{what}: condition") for each in _list(given.get("conditions"), f"{what}: conditions")]
    texts, asked = [], []
    for each in conditions:
        kind = each.get("matchType")
        values = _values(each.get("propertyValue"), f"{what}: propertyValue")
        quantifier = QUANTIFIERS.get(str(each.get("matchQuantifier", "any")))
        if quantifier is None:
            raise UsageError(f"{what}: matchQuantifier is any, all or none")
        if kind in ("name", "id"):
            texts.append(values[0])
        elif kind == "property":
            property_id = _text(each.get("propertyId"), f"{what}: propertyId")
            asked.append(Condition(property_id, values, each.get("required") is True, quantifier))
        else:
            raise UsageError(f"{what}: matchType is name, id or property")
    if len(texts) > 1:
        raise UsageError(f"{what}: at most one condition on name or id")
    types = [_text(given["type"], f"{what}: type")] if "type" in given else []
    return _complete("".join(texts), types, asked, given.get("limit"), what)


# --- both ---------------------------------------------------------------------------------------------------------


def _complete(
    text: str, types: list[str], conditions: list[Condition], limit: Any, what: str, *, all_types: bool = False
) -> Query:
    if not text.strip() and not conditions:
        raise UsageError(f"{what}: give a name or a property")
    if len(conditions) > PROPERTIES or len(types) > PROPERTIES:
        raise UsageError(f"{what}: at most {PROPERTIES} properties and as many types")
    if limit is None or (limit == 0 and limit is not False):
        limit = CANDIDATES  # OpenRefine sends 0 for no limit of its own
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise UsageError(f"{what}: limit is a positive integer")
    return Query(text.strip(), tuple(types), all_types, tuple(conditions), min(limit, MOST_CANDIDATES))


def _within(number: int) -> None:
    if number > BATCH:
        raise HTTPException(413, f"a batch may have {BATCH} queries")


def _values(given: Any, what: str) -> tuple[str, ...]:
    """Property values as texts: of an entity its identifier, of a boolean the lexical form of XSD."""
    values = given if isinstance(given, list) else [given]
    if not 0 < len(values) <= VALUES:
        raise UsageError(f"{what}: give one to {VALUES} values")
    return tuple(_value(value, what) for value in values)


def _value(value: Any, what: str) -> str:
    if isinstance(value, dict):
        return _text(value.get("id"), f"{what}: id")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return _text(value, what)


def _typed(kind: type, name: str) -> Callable[[Any, str], Any]:
    def check(value: Any, what: str) -> Any:
        if not isinstance(value, kind):
            raise UsageError(f"{what}: expected {name}")
        return value

    return check


_object = _typed(dict, "an object")
_list = _typed(list, "an array")


def _text(value: Any, what: str) -> str:
    """A string; halves of surrogate pairs, which JSON can escape, are no characters and become question marks."""
    if not isinstance(value, str):
        raise UsageError(f"{what}: expected a string")
    return value.encode("utf-8", "replace").decode()


def _only(given: dict[str, Any], known: set[str], what: str) -> None:
    if unknown := sorted(given.keys() - known):
        raise UsageError(f"{what}: unknown field {_shown(unknown[0])}")


def _shown(text: str) -> str:
    return repr(text[:40])
