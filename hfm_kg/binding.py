"""Parameters of a query, bound as terms: a query text and values give a query text.

A binding keeps the solutions in which a variable has one of the given values. It is written as a ``VALUES`` block
(SPARQL 1.1 Query Language, section 10.2) at the head of the query's outermost group, by the engine's own serialiser, so
that the same text asks any endpoint. Where a query of the catalogue has such a block itself, for an example, the values
take the example's place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pyoxigraph import Literal, NamedNode

from hfm_kg.errors import UsageError
from hfm_kg.sparql import TOKEN
from hfm_kg.tables import nearest

Term = NamedNode | Literal

AFTER_GROUP = ("GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES")
"""Words with which what follows the outermost group begins."""

SPOILT_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)+)([uU])")
"""A backslash, as a literal writes it, before a letter u."""


def written(term: Term) -> str:
    r"""A term as SPARQL writes it.

    SPARQL decodes ``\\uXXXX`` before it looks for strings (section 19.2), and some engines then take an escaped
    backslash with a u after it for such an escape: so that u is written as an escape itself.

    >>> written(Literal('5" nails')), written(NamedNode("https://w3id.org/hfm/CT"))
    ('"5\\" nails"', '<https://w3id.org/hfm/CT>')
    """
    text = str(term)
    return SPOILT_ESCAPE.sub(lambda found: f"{found[1]}\\U{ord(found[2]):08X}", text) if "\\" in text else text


@dataclass(frozen=True)
class Example:
    """A block ``VALUES ?name { … }`` in the outermost group of a query."""

    name: str
    values: str
    """What stands between the braces."""
    start: int
    end: int
    """Where that begins and ends in the query's text."""


def _is_variable(token: re.Match[str]) -> bool:
    return token.lastgroup is None and token[0][0] in "?$"


class Text:
    """A query's tokens, as far as its outermost group must be found."""

    def __init__(self, query: str) -> None:
        self.query = query
        self.tokens = [match for match in TOKEN.finditer(query) if match.lastgroup != "blank"]
        self.form = next((at for at, word in self._words() if word in ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")), 0)

    def _words(self, start: int = 0) -> Iterator[tuple[int, str]]:
        for at in range(start, len(self.tokens)):
            if self.tokens[at].lastgroup == "word":
                yield at, self.tokens[at][0].upper()

    def variables(self) -> set[str]:
        """The names of the query's variables."""
        return {match[0][1:] for match in self.tokens if _is_variable(match)}

    def computed(self) -> set[str]:
        """The names of variables that the query works out from its solutions: ``(… AS ?name)`` outside its group."""
        braces = self.where() or (len(self.tokens), len(self.tokens))
        outside = [*self.tokens[: braces[0]], *self.tokens[braces[1] :]]
        return {name[0][1:] for word, name in pairwise(outside) if word[0].upper() == "AS" and _is_variable(name)}

    def group(self, start: int) -> tuple[int, int] | None:
        """The next braces from a token on that stand in no parentheses, None if there are none."""
        depth = 0
        for at in range(start, len(self.tokens)):
            text = self.tokens[at][0]
            depth += (text == "(") - (text == ")")
            if text == "{" and depth <= 0:
                return at, self.closing(at)
        return None

    def closing(self, opening: int) -> int:
        """The brace that closes one. Raises UsageError if there is none."""
        depth = 0
        for at in range(opening, len(self.tokens)):
            depth += (self.tokens[at][0] == "{") - (self.tokens[at][0] == "}")
            if depth == 0:
                return at
        raise UsageError("the query has a brace that is not closed")

    def template(self) -> tuple[int, int] | None:
        """The braces of CONSTRUCT's template, None if the query has no template of its own."""
        follows = self.form + 1
        if self._is_construct() and follows < len(self.tokens) and self.tokens[follows][0] == "{":
            return self.group(follows)
        return None

    def _is_construct(self) -> bool:
        return bool(self.tokens) and self.tokens[self.form][0].upper() == "CONSTRUCT"

    def where(self) -> tuple[int, int] | None:
        """The braces of the outermost group, None if the query has none (a DESCRIBE)."""
        template = self.template()
        return self.group(template[1] + 1 if template else self.form)

    def is_short_construct(self) -> bool:
        """Whether the query is CONSTRUCT WHERE { … }, whose group is its template as well (section 16.2.4)."""
        return self._is_construct() and self.template() is None

    def examples(self) -> list[Example]:
        """The blocks of values of one variable in the outermost group."""
        braces = self.where()
        if braces is None:
            return []
        found, depth = [], 0
        for at in range(*braces):
            text = self.tokens[at][0]
            depth += (text == "{") - (text == "}")
            if depth == 1 and text.upper() == "VALUES" and _is_variable(self.tokens[at + 1]):
                opening = at + 2
                start, end = self.tokens[opening].end(), self.tokens[self.closing(opening)].start()
                found.append(Example(self.tokens[at + 1][0][1:], self.query[start:end].strip(), start, end))
        return found

    def end_of_head(self) -> int:
        """Where a DESCRIBE without a group ends, but for its modifiers: a place in the text."""
        return next(
            (self.tokens[at].start() for at, word in self._words(self.form) if word in AFTER_GROUP), len(self.query)
        )


def examples(query: str) -> dict[str, str]:
    """The parameters that a query gives examples for, and the examples as it writes them.

    >>> examples("SELECT ?model { VALUES ?place { hfm:CT } ?model hfm:modality ?place }")
    {'place': 'hfm:CT'}
    """
    return {example.name: example.values for example in Text(query).examples()}


def bind(query: str, values: Mapping[str, Sequence[Term]]) -> str:
    """A query that keeps the solutions in which each of these variables has one of its values.

    Raises UsageError if the query has no such variable, with the nearest name, or works it out itself.

    >>> bind("SELECT ?m { ?m hfm:modality ?x }", {"x": [NamedNode("https://w3id.org/hfm/CT")]})
    'SELECT ?m { VALUES ?x { <https://w3id.org/hfm/CT> } ?m hfm:modality ?x }'
    """
    text = Text(query)
    for name in values:
        if name not in text.variables():
            known = sorted(text.variables())
            raise UsageError(f"the query has no variable ?{name}{nearest(name, known)}")
        if name in text.computed():
            raise UsageError(f"the query works ?{name} out; it takes no value")
    changes: list[tuple[int, int, str]] = []
    left = {name: " ".join(map(written, some)) for name, some in values.items()}
    for example in text.examples():
        if example.name in left:
            changes.append((example.start, example.end, f" {left.pop(example.name)} "))
    if left:
        changes += _blocks(text, "".join(f" VALUES ?{name} {{ {some} }}" for name, some in left.items()))
    for start, end, new in sorted(changes, reverse=True):
        query = query[:start] + new + query[end:]
    return query


def _blocks(text: Text, blocks: str) -> Iterator[tuple[int, int, str]]:
    """The changes that put blocks of values at the head of the outermost group."""
    braces = text.where()
    if braces is None:
        place = text.end_of_head()
        # on a line of its own: the query may end with a comment
        yield place, place, f"\nWHERE {{{blocks} }}\n"
        return
    opening, closing = (text.tokens[at] for at in braces)
    if text.is_short_construct():
        template = text.query[opening.end() : closing.start()]
        head = text.tokens[text.form].end()
        yield head, head, f" {{{template}\n}}"
    if text.tokens[braces[0] + 1][0].upper() == "SELECT":  # a group that is a sub-query has room for nothing else
        blocks += " {"
        yield closing.start(), closing.start(), "}"
    yield opening.end(), opening.end(), blocks
