"""Things by what they are called: labels, synonyms, abbreviations, titles, authors, identifiers.

Case, accents, hyphens and spaces make no difference, and small typos are forgiven. The index is made once, of one
SELECT query that any SPARQL source answers; words and parts of words are looked up in SQLite's FTS5.
"""

from __future__ import annotations

import math
import re
import sqlite3
import threading
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyoxigraph import NamedNode
from rapidfuzz.distance import OSA

from hfm_kg.errors import LONGEST_MESSAGE, UnknownNameError
from hfm_kg.sparql import Select
from hfm_kg.terms import BASE, DCTERMS, HFM, OWL, RDF, RDFS, SKOS, iri

QUERY: Final = f"""SELECT ?thing ?property ?value WHERE {{
  ?thing rdfs:label ?label ; ?property ?value .
  FILTER(?property IN (rdfs:label, skos:altLabel, skos:notation, dcterms:title, hfm:authors, hfm:doi, hfm:arxivId,
    hfm:pubmedId, rdf:type, skos:inScheme))
  FILTER(STRSTARTS(STR(?thing), "{BASE}"))
}}"""
"""Everything under our namespace that has a label, with what it is called, its classes and its scheme."""

REASONS: Final = {
    RDFS.label: "label",
    DCTERMS.title: "title",
    SKOS.notation: "abbreviation",
    SKOS.altLabel: "synonym",
    HFM.doi: "identifier",
    HFM.arxivId: "identifier",
    HFM.pubmedId: "identifier",
    HFM.authors: "authors",
}
"""Why a thing is found; the first properties are the better reasons."""
WEIGHTS: Final = {"label": 1.0, "title": 1.0, "abbreviation": 0.97, "identifier": 0.96, "synonym": 0.95, "authors": 0.8}

KINDS: Final = {
    HFM.FoundationModel: "model",
    HFM.Dataset: "dataset",
    HFM.MentionedModel: "mentioned model",
    HFM.MentionedDataset: "mentioned dataset",
    HFM.MentionedWork: "mentioned work",
    HFM.Survey: "survey",
    HFM.Publication: "reference",
    HFM.Task: "task",
    HFM.Modality: "modality",
    HFM.Backbone: "backbone",
    HFM.PretrainedModel: "backbone",
    HFM.Architecture: "backbone",
    HFM.Subfield: "sub-field",
    HFM.Paradigm: "paradigm",
    HFM.Technique: "technique",
    HFM.Application: "application",
    HFM.Challenge: "challenge",
    HFM.ChallengeAspect: "challenge",
    HFM.ChallengePillar: "challenge",
    HFM.FutureDirection: "future direction",
    HFM.FutureDirectionTheme: "future direction",
    HFM.Topic: "topic",
    HFM.Unit: "unit",
    SKOS.Concept: "concept",
    OWL.Class: "class",
    OWL.ObjectProperty: "property",
    OWL.DatatypeProperty: "property",
    OWL.AnnotationProperty: "property",
    SKOS.ConceptScheme: "scheme",
    HFM.Source: "source",
    HFM.Place: "place",
    HFM.Row: "row",
}
"""What a thing is, by the first of its classes that stands here; of equal hits the earlier kind comes first."""

ALIKE: Final = 0.7
"""From which share of letters on that need no edit two names may be one with typos (optimal string alignment)."""
CANDIDATES: Final = 60
"""Names that share letters with a query and are compared with it."""
SHORT: Final = 6
"""Letters up to which a name has too few trigrams to be found by them after a typo."""
LONGEST: Final = 200
"""Letters of a query that are looked at: more than any title of the graph has before it is told apart."""


def fold(text: str) -> str:
    """A text without case, accents and punctuation.

    >>> fold("Bío-BERT: pré-trained")
    'bio bert pre trained'
    """
    plain = text
    if not text.isascii():
        plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[^\W_]+", plain.casefold()))


def squeeze(text: str) -> str:
    """A folded text without spaces.

    >>> squeeze("Bio BERT") == squeeze("bio-bert") == squeeze("BioBERT")
    True
    """
    return fold(text).replace(" ", "")


@dataclass(frozen=True)
class Thing:
    """Something that has a name."""

    node: NamedNode
    label: str
    kind: str
    types: frozenset[NamedNode]
    scheme: str
    """The last part of its concept scheme's IRI, empty for what is no concept."""

    @property
    def path(self) -> str:
        """Its IRI below our namespace."""
        return self.node.value.removeprefix(BASE)


@dataclass(frozen=True)
class Hit:
    """A thing that was found, and why."""

    thing: Thing
    score: float
    """Between 0 and 1; 1 for what is called exactly so."""
    how: str
    """``exact``, ``prefix``, ``words`` or ``typo``."""
    what: str
    """Which of its names was found: one of WEIGHTS."""
    text: str
    """That name."""

    @property
    def reason(self) -> str:
        """Why, in words."""
        return {
            "exact": f"{self.what}",
            "prefix": f"{self.what} begins with it",
            "words": f"words in the {self.what}",
            "typo": f"{self.what} with a similar spelling",
        }[self.how]


@dataclass(frozen=True)
class _Name:
    thing: Thing
    what: str
    text: str
    folded: str

    @property
    def squeezed(self) -> str:
        return self.folded.replace(" ", "")


class Search:
    """An index of names; safe to use from several threads."""

    def __init__(self, select: Select) -> None:
        self.things: dict[str, Thing] = {}
        self.names: list[_Name] = []
        self.exact: dict[str, list[int]] = {}
        self._read(select)
        self.sorted = sorted(self.exact)
        self.spoilt: dict[str, set[str]] = {}
        for squeezed in self.exact:
            if len(squeezed) <= SHORT:
                for part in _spoilt(squeezed):
                    self.spoilt.setdefault(part, set()).add(squeezed)
        self.lock = threading.Lock()
        self.database = sqlite3.connect(":memory:", check_same_thread=False)
        self._fill()

    def _read(self, select: Select) -> None:
        types: dict[NamedNode, set[NamedNode]] = {}
        texts: dict[NamedNode, dict[tuple[str, str], None]] = {}
        schemes: dict[NamedNode, str] = {}
        for row in select(QUERY):
            node, predicate, value = row["thing"], row["property"], row["value"]
            assert isinstance(node, NamedNode)
            if predicate == RDF.type and isinstance(value, NamedNode):
                types.setdefault(node, set()).add(value)
            elif predicate == SKOS.inScheme:
                schemes[node] = str(value.value).rpartition("/")[2]
            elif isinstance(predicate, NamedNode):
                texts.setdefault(node, {})[REASONS[predicate], str(value.value)] = None
        order = {what: number for number, what in enumerate(WEIGHTS)}
        for node in sorted(texts, key=str):
            known = types.get(node, set())
            kind = next((kind for each, kind in KINDS.items() if each in known), "thing")
            own = sorted(texts[node], key=lambda name: (order[name[0]], name[1]))
            thing = Thing(node, own[0][1], kind, frozenset(known), schemes.get(node, ""))
            self.things[thing.path] = thing
            if thing.scheme and (short := re.sub(r" \([^()]*\)$", "", thing.label)) != thing.label:
                own.append(("synonym", short))  # what only tells it from a namesake of another scheme
            for what, text in own:
                if folded := fold(text):
                    self.exact.setdefault(folded.replace(" ", ""), []).append(len(self.names))
                    self.names.append(_Name(thing, what, text, folded))

    def _fill(self) -> None:
        run = self.database.execute
        run("CREATE VIRTUAL TABLE words USING fts5(text, tokenize='unicode61')")
        run("CREATE VIRTUAL TABLE parts USING fts5(text, tokenize='trigram', detail='none')")
        run("CREATE VIRTUAL TABLE vocabulary USING fts5(text, tokenize='trigram', detail='none')")
        self.words = {word for name in self.names for word in name.folded.split()}
        insert = self.database.executemany
        insert("INSERT INTO words(rowid, text) VALUES (?, ?)", ((n, name.folded) for n, name in enumerate(self.names)))
        insert("INSERT INTO parts(text) VALUES (?)", ((text,) for text in self.sorted))
        insert("INSERT INTO vocabulary(text) VALUES (?)", ((word,) for word in sorted(self.words)))

    # --- finding --------------------------------------------------------------------------------------------------

    def search(self, text: str, limit: int = 20, kinds: Iterable[str] = ()) -> list[Hit]:
        """What is called so or nearly so, the best first; of some kinds alone, if any are named."""
        wanted = set(kinds)
        best: dict[NamedNode, Hit] = {}
        for hit in self._found(text[:LONGEST]) or self._some_words(text[:LONGEST]):
            known = best.get(hit.thing.node)
            if (known is None or hit.score > known.score) and (not wanted or hit.thing.kind in wanted):
                best[hit.thing.node] = hit
        rank = {kind: number for number, kind in enumerate(dict.fromkeys(KINDS.values()))}
        order = sorted(
            best.values(),
            key=lambda hit: (-hit.score, rank.get(hit.thing.kind, len(rank)), len(hit.text), hit.thing.path),
        )
        return order[:limit]

    def _found(self, text: str) -> list[Hit]:
        return list(self._ways(squeeze(text), fold(text).split()))

    def _some_words(self, text: str) -> list[Hit]:
        """Names that hold at least one of the words; of what they hold, rare words count more, and all else less."""
        held: dict[int, float] = {}
        sizes: dict[int, int] = {}
        total = 0.0
        for token in fold(text).split():
            numbers = self._with_words([self._spellings(token)], is_typed=False)
            tells = math.log(1 + len(self.names) / (len(numbers) + 1))
            total += tells
            for number in numbers:
                held[number] = held.get(number, 0) + tells
                sizes[number] = sizes.get(number, 0) + len(token)
        return [
            self._hit(number, "words", 0.3 * tells / total * (0.7 + 0.3 * self._share(sizes[number], number)))
            for number, tells in held.items()
        ]

    def _share(self, letters: int, number: int) -> float:
        """How much of a name so many letters are."""
        return min(1.0, letters / len(self.names[number].squeezed))

    def _ways(self, squeezed: str, tokens: list[str]) -> Iterator[Hit]:
        if not squeezed:
            return
        for number in self.exact.get(squeezed, ()):
            yield self._hit(number, "exact", 1)
        start = bisect_left(self.sorted, squeezed)
        for longer in self.sorted[start : start + CANDIDATES]:
            if not longer.startswith(squeezed):
                break
            for number in self.exact[longer]:
                yield self._hit(number, "prefix", 0.7 + 0.2 * len(squeezed) / len(longer))
        for number in self._with_words([[token] for token in tokens]):
            yield self._hit(number, "words", 0.5 + 0.25 * self._share(len(squeezed), number))
        for near, alike in self._near(squeezed):
            for number in self.exact[near]:
                yield self._hit(number, "typo", 0.85 * alike)
        if any(token not in self.words for token in tokens):
            for number in self._with_words([self._spellings(token) for token in tokens]):
                yield self._hit(number, "typo", 0.45)

    def _hit(self, number: int, how: str, score: float) -> Hit:
        name = self.names[number]
        return Hit(name.thing, round(score * WEIGHTS[name.what], 3), how, name.what, name.text)

    def _with_words(self, tokens: list[list[str]], is_typed: bool = True) -> list[int]:
        """Names that hold one spelling of each token; the last token may be the beginning of a word that is typed."""
        if not all(tokens):
            return []
        last = len(tokens) - 1
        terms = (
            " OR ".join(f'"{one}"' + ("*" if is_typed and number == last else "") for one in spellings)
            for number, spellings in enumerate(tokens)
        )
        return self._match("words", " AND ".join(f"({term})" for term in terms))

    def _near(self, squeezed: str) -> Iterator[tuple[str, float]]:
        """Names that differ from one by a typo or two, and how much they are alike."""
        candidates = {self.sorted[number - 1] for number in self._match("parts", _trigrams(squeezed), CANDIDATES)}
        if len(squeezed) <= SHORT:
            candidates |= {near for part in _spoilt(squeezed) for near in self.spoilt.get(part, ())}
        for near in candidates:
            if (alike := _alike(squeezed, near)) >= ALIKE:
                yield near, alike

    def _spellings(self, token: str) -> list[str]:
        """Known words that a token may stand for: itself, if it is known."""
        if token in self.words or len(token) < 3:
            return [token]
        with self.lock:
            rows = self.database.execute(
                "SELECT text FROM vocabulary WHERE vocabulary MATCH ? ORDER BY rank LIMIT ?",
                (_trigrams(token), CANDIDATES),
            ).fetchall()
        alike = sorted((-_alike(token, word), word) for (word,) in rows)
        return [word for likeness, word in alike if -likeness >= ALIKE][:3]

    def _match(self, table: str, expression: str, limit: int = 200) -> list[int]:
        """Row numbers of a table that match an expression of FTS5, the best first."""
        if not expression:
            return []
        statement = f"SELECT rowid FROM {table} WHERE {table} MATCH ? ORDER BY rank LIMIT ?"
        with self.lock:
            return [number for (number,) in self.database.execute(statement, (expression, limit))]

    # --- naming ---------------------------------------------------------------------------------------------------

    def resolve(self, text: str, scheme: str = "") -> NamedNode:
        """The thing of that IRI, path, label, abbreviation or synonym.

        If a scheme is named, its concepts alone are meant, and what is no concept by its path.

        Raises UnknownNameError with near names, or with those among which one must choose.
        """
        path = text.removeprefix(BASE).removeprefix("hfm:")
        if path in self.things and ("/" in path or scheme in ("", self.things[path].scheme)):
            return self.things[path].node
        if text.startswith(BASE) and not scheme:
            return iri(path)  # a row or a note, say, that has no name
        numbers = self.exact.get(squeeze(text), [])
        names = [self.names[number] for number in numbers]
        names = [name for name in names if scheme in ("", name.thing.scheme) and name.what != "authors"]
        for fits in (
            lambda name: name.text == text and name.what == "label",
            lambda name: name.text == text,
            lambda name: name.what in ("label", "title"),
            lambda name: True,
        ):
            found = {name.thing.path: name.thing.node for name in names if fits(name)}
            if len(found) == 1:
                return next(iter(found.values()))
            if found:
                raise UnknownNameError(f"{_shown(text)} is the name of {' and '.join(sorted(found))}; say which")
        near = [hit.thing for hit in self.search(text, 200) if scheme in ("", hit.thing.scheme)][:3]
        hint = f"; did you mean {' or '.join(f'{thing.label} ({thing.path})' for thing in near)}?" if near else ""
        among = f" among the {scheme}" if scheme else ""
        raise UnknownNameError(f"nothing is called {_shown(text)}{among}{hint}")


def _shown(text: str) -> str:
    return repr(text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + "…")


def _spoilt(text: str) -> set[str]:
    """A text, and what is left of it without one of its letters: equal for texts that differ by one typo."""
    return {text, *(text[:place] + text[place + 1 :] for place in range(len(text)))} - {""}


def _trigrams(text: str) -> str:
    """An expression of FTS5 for texts that share three letters with one."""
    return " OR ".join(sorted({f'"{text[place : place + 3]}"' for place in range(len(text) - 2)}))


def _alike(one: str, other: str) -> float:
    """How much two texts are alike, 0 if less than ALIKE."""
    return OSA.normalized_similarity(one, other, score_cutoff=ALIKE)
