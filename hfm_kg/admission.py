"""What a query may ask for before the engine sees it.

The engine plans a query before anything can be measured, and some short queries keep it planning for minutes or exhaust
its stack. A scan of the tokens counts what such queries are made of. The limits are far above what people write, and
low enough that planning ends within the deadline; whatever passes is still evaluated under deadline and memory limit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hfm_kg.errors import QueryLimitError
from hfm_kg.sparql import tokens

OPENING, CLOSING = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True)
class Shape:
    """How much of each kind a query holds; as limits, how much it may hold."""

    length: int = 100_000
    """Characters."""
    tokens: int = 20_000
    """Words, names, literals and signs."""
    nesting: int = 64
    """Brackets of any kind within each other; the engine plans 250 for a minute, and dies of 850."""
    triples: int = 256
    """Triple patterns; the engine plans 1,000 for 40 seconds."""
    optionals: int = 48
    """OPTIONAL; the engine plans 300 for a minute."""
    unions: int = 256
    """UNION, MINUS and EXISTS; the engine plans 4,000 for 10 seconds."""
    steps: int = 128
    """Steps and alternatives of property paths; the engine plans 1,000 for 50 seconds."""


NAMES = {
    "length": "characters",
    "tokens": "tokens",
    "nesting": "levels of nested brackets",
    "triples": "triple patterns",
    "optionals": "OPTIONAL",
    "unions": "UNION, MINUS and EXISTS",
    "steps": "steps of property paths",
}
"""What each number counts, in words."""


def measure(query: str) -> Shape:
    """Count what a query is made of.

    >>> measure("SELECT * { ?s ?p ?o ; a ?c OPTIONAL { ?s (a/a)|a ?d } }").triples
    3
    """
    found = tokens(query)
    counts = Counter(found)
    depth = deepest = 0
    for token in found:
        if token in OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif token in CLOSING:
            depth -= 1
    return Shape(
        length=len(query),
        tokens=len(found),
        nesting=deepest,
        triples=counts["{"] + counts["."] + counts[";"] + counts[","] + counts["["],
        optionals=counts["OPTIONAL"],
        unions=counts["UNION"] + counts["MINUS"] + counts["EXISTS"],
        steps=counts["/"] + counts["|"] + counts["^"],
    )


def admit(query: str, limits: Shape) -> None:
    """Raise QueryLimitError, with the limit's name, if a query holds more of something than it may."""
    if len(query) > limits.length:  # before a scan that takes time in proportion
        raise QueryLimitError("length", NAMES["length"], len(query), limits.length)
    if len(tokens(query)) <= min(getattr(limits, name) for name in NAMES):  # then it cannot hold more of anything
        return
    shape = measure(query)
    for name, counted in NAMES.items():
        found, allowed = getattr(shape, name), getattr(limits, name)
        if found > allowed:
            raise QueryLimitError(name, counted, found, allowed)
