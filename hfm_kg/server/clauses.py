"""The SERVICE clauses of a query (SPARQL 1.1 Federated Query, section 2): found, and data put in their place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hfm_kg import remote
from hfm_kg.errors import ForbiddenError, QuerySyntaxError
from hfm_kg.sparql import FORMS, PREFIXES, TOKEN

NO_DATA: Final = "VALUES(){}"
"""What stands where SERVICE and a name stood while it is tried whether a query parses."""
SPOILT: Final = "VALUES)){}"
"""What parses in no such place."""


@dataclass(frozen=True)
class Block:
    """A SERVICE clause: where it begins in a query, where its group does, and where that ends."""

    start: int
    group: int
    end: int
    endpoint: str
    """The IRI that it names."""
    is_silent: bool
    variables: frozenset[str]
    """Those that its group writes."""
    query: str
    """What its endpoint is asked."""


def blocks(query: str) -> tuple[Block, ...]:
    """The SERVICE clauses of a query, as far as a scan of its tokens finds them.

    Raises ForbiddenError over one within another, and one that names its endpoint by a variable; QuerySyntaxError.

    >>> [block] = blocks("PREFIX x: <http://x.example/> ASK { SERVICE SILENT x:y { ?s ?p '}' } ?s a ?c }")
    >>> block.endpoint, block.is_silent
    ('http://x.example/y', True)
    >>> block.query
    "PREFIX x: <http://x.example/> SELECT * WHERE { ?s ?p '}' }"
    """
    if "SERVICE" not in query.upper():
        return ()
    found = [match for match in TOKEN.finditer(query) if match.lastgroup != "blank"]
    words = [match[0].upper() if match.lastgroup in ("word", "sign") else "" for match in found]
    form = next((index for index, word in enumerate(words) if word in FORMS), len(words))
    prologue = query[: found[form].start()] if form < len(found) else ""
    prefixes = {**PREFIXES, **dict(_declared(found[:form]))}
    clauses, index = [], 0
    while index < len(words):
        if words[index] != "SERVICE":
            index += 1
            continue
        start, index = found[index].start(), index + 1
        is_silent = words[index : index + 1] == ["SILENT"]
        index += is_silent
        endpoint = _endpoint(query, found[index] if index < len(found) else None, prefixes)
        opening, index = index + 1, _behind(words, index + 1)
        if index < 0:
            raise unparsed(query, start, "SERVICE has no group, or one that is not closed")
        if "SERVICE" in words[opening:index]:
            raise ForbiddenError("SERVICE within SERVICE is not allowed: an endpoint is not sent to another one")
        group, end = found[opening].start(), found[index - 1].end()
        variables = frozenset(match[0][1:] for match in found[opening:index] if match[0][0] in "?$")
        text = f"{prologue}SELECT * WHERE {query[group:end]}"
        clauses.append(Block(start, group, end, endpoint, is_silent, variables - {""}, remote.with_prefixes(text)))
    return tuple(clauses)


def _declared(prologue: Sequence[re.Match[str]]) -> Iterator[tuple[str, str]]:
    """The prefixes that a prologue declares."""
    for keyword, prefix, iri in zip(prologue, prologue[1:], prologue[2:], strict=False):
        if keyword[0].upper() == "PREFIX" and prefix.lastgroup == "prefixed" and iri.lastgroup == "iri":
            yield prefix[0][:-1], iri[0][1:-1]


def _endpoint(query: str, name: re.Match[str] | None, prefixes: Mapping[str, str]) -> str:
    """The IRI by which a SERVICE names its endpoint."""
    if name is None:
        raise unparsed(query, len(query), "SERVICE names no endpoint")
    if name.lastgroup == "iri":
        return name[0][1:-1]
    if name.lastgroup == "prefixed":
        prefix, _, local = name[0].partition(":")
        if prefix not in prefixes:
            raise unparsed(query, name.start(), f"the prefix {prefix}: is neither declared nor known")
        return prefixes[prefix] + re.sub(r"\\(.)", r"\1", local)
    if name[0][0] in "?$":
        raise ForbiddenError(f"SERVICE {name[0]} is not allowed: a query names its endpoints by their addresses")
    raise unparsed(query, name.start(), "SERVICE names no endpoint")


def _behind(words: Sequence[str], opening: int) -> int:
    """The index behind the group that begins there, -1 if none does or it has no end."""
    if words[opening : opening + 1] != ["{"]:
        return -1
    depth = 0
    for index in range(opening, len(words)):
        depth += (words[index] == "{") - (words[index] == "}")
        if not depth:
            return index + 1
    return -1


def unparsed(query: str, place: int, message: str) -> QuerySyntaxError:
    """What is wrong at a place of a query."""
    return QuerySyntaxError(message, query, query.count("\n", 0, place) + 1, place - query.rfind("\n", 0, place))


def trial(query: str, found: Sequence[Block], spoilt: Block | None = None) -> str:
    """A query that parses if this one does: without SERVICE, but with the groups, at the same lines and columns.

    With a clause to be spoilt it does not parse, unless the scan took for SERVICE what stands in a text.

    >>> query = "ASK { SERVICE <http://x.example/> { ?s ?p ?o } }"
    >>> trial(query, blocks(query))
    'ASK { VALUES(){}                  { ?s ?p ?o } }'
    """
    parts, end = [], 0
    for block in found:
        blank = re.sub(r"[^\n]", " ", query[block.start + len("SERVICE") : block.group])
        parts += [query[end : block.start], SPOILT if block is spoilt else NO_DATA, blank.replace("   ", "", 1)]
        end = block.group
    return "".join((*parts, query[end:]))


def joined(query: str, found: Sequence[Block], data: Sequence[str]) -> str:
    """A query with inline data in the place of its SERVICE clauses.

    >>> query = "ASK { SERVICE <http://x.example/> { ?s ?p ?o } }"
    >>> joined(query, blocks(query), ["VALUES (?s) {  }"])
    'ASK {  VALUES (?s) {  }  }'
    """
    parts, end = [], 0
    for block, values in zip(found, data, strict=True):
        parts += [query[end : block.start], f" {values} "]
        end = block.end
    return "".join((*parts, query[end:]))
