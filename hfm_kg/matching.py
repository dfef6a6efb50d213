"""Names of elsewhere matched to things of the graph: candidates with a score from 0 to 100 that is explained.

Upon the search by names this adds what names of other vocabularies differ by: plural, word order, British spelling,
words that tell little, an abbreviation in brackets, and initials.
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from rapidfuzz.distance import OSA

from hfm_kg.search import LONGEST, WEIGHTS, Search, Thing, fold, squeeze
from hfm_kg.terms import BASE

CERTAIN: Final = 90.0
"""The score from which a candidate may be taken without a person's judgement."""
LEAD: Final = 5.0
"""By how much it must be better than the next, as the title of a namesake would not be."""
LEAST: Final = 30.0
"""Candidates with less are not worth a look."""
LOOKED_AT: Final = 60
"""Names that share words with a text and are compared with it."""

SAME_WORDS: Final = 0.96
BRACKETED: Final = 0.97
INITIALS: Final = 0.75
ALIKE: Final = 0.88
"""Shares of a name's weight: for the same words in another order or number, for the text without what it has in
brackets, for initials alone, and at most for what is only alike. All but the first two stay below CERTAIN."""

STOP: Final = frozenset(["a", "an", "and", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])
SPELLINGS: Final = (
    (re.compile(r"['\u2019]s\b"), ""),
    (re.compile(r"(?<=\w{3})is(?=(ation|e|ed|ing|er)s?\b)"), "iz"),
    (re.compile(r"(?<=\w{2})our(?=s?\b)"), "or"),
)
"""A possessive, and what is spelt in two ways. Words that become wrong so become the same on both sides."""


def stem(word: str) -> str:
    """A folded word in the singular.

    >>> [stem(word) for word in ("images", "studies", "analysis", "classes", "radiographs", "virus")]
    ['image', 'study', 'analysis', 'class', 'radiograph', 'virus']
    """
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def words(text: str) -> tuple[str, ...]:
    """The words of a text that tell something, in the singular and in American spelling.

    >>> words("Summarisation of the Radiology-Reports")
    ('summarization', 'radiology', 'report')
    """
    text = text.casefold()
    for pattern, replacement in SPELLINGS:
        text = pattern.sub(replacement, text)
    return tuple(stem(word) for word in fold(text).split() if word not in STOP)


@dataclass(frozen=True)
class Candidate:
    """A thing that a text may be the name of."""

    thing: Thing
    score: float
    """From 0 to 100."""
    how: str
    """``exact``, ``words``, ``initials``, ``alike``, or ``identifier`` for an IRI."""
    what: str
    """Which of its names is meant: a key of ``search.WEIGHTS``."""
    text: str
    """That name."""
    letters: float
    """Share of letters that need no edit, from 0 to 1."""
    shared: float
    """Share of the words in common, from 0 to 1, in which rare words count more."""
    match: bool = False
    """Whether it may be taken without a person's judgement."""

    @property
    def why(self) -> str:
        """The reason, in words."""
        return {
            "exact": f"{self.what} is the same",
            "words": f"{self.what} has the same words",
            "initials": f"initials fit the {self.what}",
            "alike": f"{self.what} is alike",
            "identifier": "its identifier",
        }[self.how]


Accepts = Callable[[Thing], bool]


class Matcher:
    """Matches texts over an index of names; safe to use from several threads."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self.bags = [words(name.text) for name in search.names]
        self.holders: dict[str, list[int]] = {}
        self.same: dict[tuple[str, ...], list[int]] = {}
        self.initials: dict[str, list[int]] = {}
        for number, bag in enumerate(self.bags):
            for word in set(bag):
                self.holders.setdefault(word, []).append(number)
            self.same.setdefault(tuple(sorted(bag)), []).append(number)
            if len(bag) > 2:
                self.initials.setdefault("".join(word[0] for word in bag), []).append(number)
        total = len(self.bags) + 1
        self.rarity = {word: math.log(total / len(held)) for word, held in self.holders.items()}
        self.unknown = math.log(total)

    def match(self, text: str, limit: int = 5, accepts: Accepts = lambda thing: True) -> list[Candidate]:
        """The best candidates that are acceptable, the best first; ``match`` is true of one at most."""
        text = text[:LONGEST]
        best: dict[str, Candidate] = {}
        for candidate in self._candidates(text):
            known = best.get(candidate.thing.path)
            if (known is None or candidate.score > known.score) and accepts(candidate.thing):
                best[candidate.thing.path] = candidate
        order = sorted(
            (each for each in best.values() if each.score >= LEAST),
            key=lambda each: (-each.score, -each.letters, len(each.text), each.thing.path),
        )
        return decided(order)[:limit]

    def _candidates(self, text: str) -> list[Candidate]:
        path = text.strip().removeprefix(BASE).removeprefix("hfm:")
        if path != text and (thing := self.search.things.get(path)):
            return [Candidate(thing, 100, "identifier", "identifier", thing.node.value, 1, 1)]
        found = self._ways(text, 1.0)
        inner = re.search(r"\(([^()]+)\)|\[([^\[\]]+)\]", text)
        if inner and (outer := (text[: inner.start()] + text[inner.end() :]).strip()):
            found += self._ways(outer, BRACKETED)
        return found

    def _ways(self, text: str, share: float) -> list[Candidate]:
        bag, squeezed = words(text), squeeze(text)
        if not squeezed:
            return []
        ways = dict.fromkeys(self._alike(bag), ("alike", ALIKE))
        ways |= dict.fromkeys(self._initials(squeezed, bag), ("initials", INITIALS))
        if bag:
            ways |= dict.fromkeys(self.same.get(tuple(sorted(bag)), ()), ("words", SAME_WORDS))
        ways |= dict.fromkeys(self.search.exact.get(squeezed, ()), ("exact", 1.0))
        for hit in self.search.search(text, LOOKED_AT):
            if hit.how == "typo":  # whose letters are alike, though perhaps no word is the same
                ways |= {n: ("alike", ALIKE) for n in self.search.exact[squeeze(hit.text)] if n not in ways}
        return [self._candidate(number, how, most * share, bag, squeezed) for number, (how, most) in ways.items()]

    def _alike(self, bag: tuple[str, ...]) -> list[int]:
        """Names that share words with a text, those that share the rarest first."""
        weights: dict[int, float] = {}
        for word in sorted(set(bag)):
            for number in self.holders.get(word, ()):
                weights[number] = weights.get(number, 0) + self.rarity[word]
        return heapq.nsmallest(LOOKED_AT, weights, key=lambda number: (-weights[number], number))

    def _initials(self, squeezed: str, bag: tuple[str, ...]) -> list[int]:
        """Names whose initials a text is, and abbreviations that are the initials of a text."""
        long = self.initials.get(squeezed, []) if 2 < len(squeezed) <= 6 else []
        if len(bag) < 3:
            return long
        short = self.search.exact.get("".join(word[0] for word in bag), ())
        return [*long, *(number for number in short if self.search.names[number].what == "abbreviation")]

    def _candidate(self, number: int, how: str, most: float, bag: tuple[str, ...], squeezed: str) -> Candidate:
        name = self.search.names[number]
        letters = OSA.normalized_similarity(squeezed, name.squeezed)
        shared = self._shared(bag, self.bags[number])
        fits = max(letters, shared) if how == "alike" else 1.0
        score = round(100 * WEIGHTS[name.what] * most * fits, 1)
        return Candidate(name.thing, score, how, name.what, name.text, round(letters, 3), round(shared, 3))

    def _shared(self, one: tuple[str, ...], other: tuple[str, ...]) -> float:
        """Dice's coefficient of two bags of words, weighted by how rare each word is."""
        weights = [sum(self.rarity.get(word, self.unknown) for word in bag) for bag in (set(one), set(other))]
        common = sum(self.rarity.get(word, self.unknown) for word in set(one) & set(other))
        return 2 * common / sum(weights) if sum(weights) else 0.0


def decided(order: list[Candidate]) -> list[Candidate]:
    """Sorted candidates, of which the first is a match if it is certain and clearly better than the next."""
    if not order or order[0].score < CERTAIN:
        return order
    if len(order) > 1 and order[0].score - order[1].score < LEAD:
        return order
    return [replace(order[0], match=True), *order[1:]]
