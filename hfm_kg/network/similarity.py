"""Similarity of things by what they share, weighted by how much that tells.

The information content of a concept is ``IC(c) = -ln(n(c) / n)``: *n* things in all, *n(c)* of them with the concept or
a narrower one (Resnik, 1995). A thing's concepts are closed upward first. Two numbers compare two things:

- ``lin``: ``2 * IC(shared) / (IC(one) + IC(other))`` with the IC of sets summed: Lin's (1998) ratio for sets, which is
  Dice's coefficient weighted by IC; 0 if nothing that tells anything is shared, 1 if all is;
- ``resnik``: the IC, in nats, of the most telling concept that both have.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

Closure = Callable[[str], frozenset[str]]


def closed(network: Mapping[str, frozenset[str]], upward: Closure) -> dict[str, frozenset[str]]:
    """Each thing with its concepts and all broader ones."""
    return {
        thing: frozenset(above for concept in concepts for above in upward(concept))
        for thing, concepts in network.items()
    }


def information_content(network: Mapping[str, frozenset[str]]) -> dict[str, float]:
    """The information content in nats of each concept of closed things.

    >>> information_content({"a": frozenset("xy"), "b": frozenset("x")})["x"]
    0.0
    """
    counted = Counter(concept for concepts in network.values() for concept in concepts)
    return {concept: -math.log(count / len(network)) + 0.0 for concept, count in counted.items()}


def lin(one: frozenset[str], other: frozenset[str], content: Mapping[str, float]) -> float:
    """Lin's ratio for two sets of concepts.

    >>> lin(frozenset("xy"), frozenset("x"), {"x": 1.0, "y": 2.0})
    0.5
    """
    total = sum(content[concept] for concept in one) + sum(content[concept] for concept in other)
    return 2 * sum(content[concept] for concept in one & other) / total if total else 0.0


def resnik(one: frozenset[str], other: frozenset[str], content: Mapping[str, float]) -> float:
    """The information content, in nats, of the most telling concept that both have; 0 if there is none.

    >>> resnik(frozenset("xy"), frozenset("xy"), {"x": 1.0, "y": 2.0})
    2.0
    """
    return max((content[concept] for concept in one & other), default=0.0)


def pairs(network: Mapping[str, frozenset[str]], content: Mapping[str, float]) -> Iterator[tuple[float, str, str]]:
    """Lin's ratio of all pairs of things."""
    total = {thing: sum(content[concept] for concept in concepts) for thing, concepts in network.items()}
    for one, other in combinations(sorted(network), 2):
        shared = 2 * sum(content[concept] for concept in network[one] & network[other])
        both = total[one] + total[other]
        yield (shared / both if both else 0.0), one, other
