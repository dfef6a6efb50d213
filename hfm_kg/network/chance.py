"""What chance would give: null models with a seed, and an observed number beside them.

Two null models serve. *Curveball* trades (Strona et al., 2014) draw two-mode networks at random that keep how many
concepts each thing has and how many things each concept has. *Shuffled labels* keep the network and the sizes of the
groups, and deal the groups out anew.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Literal

Incidence = Mapping[str, frozenset[str]]
"""A two-mode network: each thing with its concepts."""

Tail = Literal["upper", "lower", "both"]


@dataclass(frozen=True)
class Chance:
    """An observed number, the mean and standard deviation of ``samples`` random ones, z, and the empirical p.

    ``p`` is (1 + those at least as extreme) / (1 + samples), so it is never below 1 / (1 + samples). ``z`` is None
    where all samples are equal.

    >>> Chance.of(5.0, [1.0, 2.0, 3.0])
    Chance(observed=5.0, expected=2.0, deviation=0.816496580927726, z=3.6742346141747673, p=0.25, samples=3)
    """

    observed: float
    expected: float
    deviation: float
    z: float | None
    p: float
    samples: int

    @classmethod
    def of(cls, observed: float, drawn: Sequence[float], tail: Tail = "upper") -> Chance:
        """An observed number beside drawn ones; ``tail`` tells which are as extreme: larger, smaller, farther off."""
        expected, deviation = fmean(drawn), pstdev(drawn)
        slack = 1e-12 * max(1.0, abs(observed))  # sums of the same numbers in another order are equal
        upper = sum(value >= observed - slack for value in drawn)
        lower = sum(value <= observed + slack for value in drawn)
        far = sum(abs(value - expected) >= abs(observed - expected) - slack for value in drawn)
        extreme = {"upper": upper, "lower": lower, "both": far}[tail]
        z = (observed - expected) / deviation if deviation > slack else None
        return cls(observed, expected, deviation, z, (1 + extreme) / (1 + len(drawn)), len(drawn))

    def cells(self) -> dict[str, str]:
        """What a table says of it beside the observed number."""
        return {
            "by_chance": f"{self.expected:.3g}",
            "z": "" if self.z is None else f"{self.z:.1f}",
            "p": f"{self.p:.3g}",
        }


def curveball(network: Incidence, generator: random.Random, trades: int | None = None) -> dict[str, frozenset[str]]:
    """A random two-mode network with the same degrees on both sides, after so many trades (default: five a thing).

    >>> network = {"a": frozenset("xy"), "b": frozenset("z"), "c": frozenset("xz")}
    >>> drawn = curveball(network, random.Random(1))
    >>> [len(drawn[thing]) for thing in "abc"], sorted("".join(map("".join, drawn.values())))
    ([2, 1, 2], ['x', 'x', 'y', 'z', 'z'])
    """
    things = sorted(network)
    drawn = {thing: set(network[thing]) for thing in things}
    if len(things) < 2:
        return {thing: frozenset(concepts) for thing, concepts in drawn.items()}
    for _ in range(5 * len(things) if trades is None else trades):
        one, other = generator.sample(things, 2)
        common = drawn[one] & drawn[other]
        tradable = sorted((drawn[one] | drawn[other]) - common)
        generator.shuffle(tradable)
        kept = len(drawn[one]) - len(common)
        drawn[one], drawn[other] = common | set(tradable[:kept]), common | set(tradable[kept:])
    return {thing: frozenset(concepts) for thing, concepts in drawn.items()}


def rewired(facets: Mapping[str, Incidence], generator: random.Random) -> dict[str, frozenset[str]]:
    """All facets' concepts of each thing, each facet drawn by itself: a task is traded for a task."""
    merged: dict[str, set[str]] = {}
    for facet in sorted(facets):
        for thing, concepts in curveball(facets[facet], generator).items():
            merged.setdefault(thing, set()).update(concepts)
    return {thing: frozenset(concepts) for thing, concepts in merged.items()}


def shuffled(groups: Mapping[str, str], generator: random.Random) -> dict[str, str]:
    """The same groups in the same sizes, dealt out anew."""
    things = sorted(groups)
    dealt = [groups[thing] for thing in things]
    generator.shuffle(dealt)
    return dict(zip(things, dealt, strict=True))


def false_discovery_rates(values: Iterable[float]) -> list[float]:
    """The q of each p (Benjamini and Hochberg, 1995): the share of false discoveries if it and all below are believed.

    >>> [round(q, 3) for q in false_discovery_rates([0.01, 0.04, 0.03, 0.5])]
    [0.04, 0.053, 0.053, 0.5]
    """
    given = list(values)
    order = sorted(range(len(given)), key=given.__getitem__)
    found = [1.0] * len(given)
    least = 1.0
    for place in range(len(given), 0, -1):
        number = order[place - 1]
        least = min(least, given[number] * len(given) / place)
        found[number] = least
    return found
