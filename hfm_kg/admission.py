"""What a query may ask for before the engine sees it.

The engine plans a query before anything can be measured, and some short queries keep it planning for minutes or exhaust
its stack. A scan of the tokens counts what such queries are made of. The limits are far above what people write, and
low enough that planning takes two seconds at most (``python -m tests.planning`` measures it); whatever passes is
still evaluated under deadline and memory limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hfm_kg.errors import QueryLimitError
from hfm_kg.sparql import tokens

OPENING, CLOSING = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True)
class Shape:
    """How much of each kind a query holds; as limits, how much it may hold."""

    length: int = 100_000
    """Characters."""
    tokens: int = 5_000
    """Words, names, literals and signs; in proportion to their square the engine plans filters, and 2,300 for 4 s."""
    nesting: int = 64
    """Brackets of any kind within each other; the engine plans 250 for a minute, and dies of 850."""
    triples: int = 112
    """Triple patterns, as which steps of paths and members of lists count too; the engine plans those that share a
    variable in proportion to their cube, and 160 for 7 s."""
    optionals: int = 48
    """OPTIONAL; the engine plans 300 for a minute."""
    unions: int = 96
    """UNION, MINUS and EXISTS; the engine plans 4,000 for 10 seconds."""
    steps: int = 96
    """Steps and alternatives of property paths; the engine plans 1,000 for 50 seconds."""
    services: int = 8
    """SERVICE, where that is allowed; each is a request to another endpoint, and all are made at once."""


NAMES = {
    "length": "characters",
    "tokens": "tokens",
    "nesting": "levels of nested brackets",
    "triples": "triple patterns",
    "optionals": "OPTIONAL",
    "unions": "UNION, MINUS and EXISTS",
    "steps": "steps of property paths",
    "services": "SERVICE",
}
"""What each number counts, in words."""


TERMS = frozenset({"", "TRUE", "FALSE", "_"})
"""Tokens that are a term, or begin one."""


def measure(query: str) -> Shape:
    """Count what a query is made of.

    >>> measure("SELECT * { ?s ?p ?o ; a ?c OPTIONAL { ?s a/a|a ?d } }").triples
    4
    """
    found = tokens(query)
    counts = Counter(found)
    return Shape(
        length=len(query),
        tokens=len(found),
        nesting=_nesting(found),
        triples=counts["{"] + counts["."] + counts[";"] + counts[","] + counts["["] + counts["/"] + _unmarked(found),
        optionals=counts["OPTIONAL"],
        unions=counts["UNION"] + counts["MINUS"] + counts["EXISTS"],
        steps=counts["/"] + counts["|"] + counts["^"],
        services=counts["SERVICE"],
    )


def _nesting(found: Sequence[str]) -> int:
    """How many brackets stand within each other."""
    depth = deepest = 0
    for token in found:
        if token in OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif token in CLOSING:
            depth -= 1
    return deepest


def _unmarked(found: Sequence[str]) -> int:
    """Triple patterns that no sign begins: after a filter or a group, in lists, in triples about triples.

    >>> _unmarked(tokens("ASK { ?s ?p (1 2 3) FILTER(?o > 1) ?s ?q ?o }"))
    7
    """
    number = 0
    before = ""
    within: list[str] = []
    values = 0
    for token in found:
        inside = within[-1] if within else ""
        if token == "VALUES":
            values = len(within) + 1
        elif token in CLOSING and within:
            within.pop()
            if token == "}" and len(within) < values:
                values = 0
        elif not values and inside:
            if token == "|" and before == "{":
                number += 3  # an annotation, whose statement stands beside it
            elif token == "<" and before == "<":
                number += 3
            elif inside == "(" and (token in TERMS or token in "([") and (before in TERMS or before in CLOSING):
                number += 2  # a member of a list
            elif inside == "{" and token in TERMS and before in (")", "}"):
                number += 1
            if token == "(" and before in ("", ",", ")", "]"):
                number += 2  # a list, or a part of a path or of an expression, which does no harm
        if token in OPENING:
            within.append(token)
        before = token
    return number


def _is_small(query: str, limits: Shape) -> bool:
    """Whether the letters of a query alone show that it cannot exceed a limit, however they make tokens.

    Most queries are small, and to count signs takes a tenth of the time of a scan.

    >>> _is_small("ASK { ?s a hfm:Dataset }", Shape()), _is_small("ASK { ?s ?p (1 2 3) }", Shape())
    (True, False)
    """
    if "(" in query:  # the members of a list need no signs
        return False
    text = query.upper()
    count = text.count
    opening = count("{") + count("[")
    closing = count("}") + count("]") + count(")")
    patterns = opening + closing + sum(map(count, ".;,/")) + 3 * (count("<") + count("|"))
    return (
        len(query) <= limits.tokens
        and opening <= limits.nesting
        and patterns <= limits.triples
        and count("OPTIONAL") <= limits.optionals
        and count("UNION") + count("MINUS") + count("EXISTS") <= limits.unions
        and count("/") + count("|") + count("^") <= limits.steps
        and count("SERVICE") <= limits.services
    )


def admit(query: str, limits: Shape) -> None:
    """Raise QueryLimitError, with the limit's name, if a query holds more of something than it may."""
    if len(query) > limits.length:  # before a scan that takes time in proportion
        raise QueryLimitError("length", NAMES["length"], len(query), limits.length)
    if _is_small(query, limits):
        return
    shape = measure(query)
    for name, counted in NAMES.items():
        found, allowed = getattr(shape, name), getattr(limits, name)
        if found > allowed:
            raise QueryLimitError(name, counted, found, allowed)
