"""``context.jsonld``, the JSON-LD 1.1 context of our terms, and RDF written with it.

A name of a thing is a plain string and a label of a concept English, so ``rdfs:label`` has two terms, ``name`` and
``label``. Every other property has one, with the type or language of its values where they all share it. The context is
embedded in what is written with it: nothing has to be fetched to read it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from hfm_kg.export.graphs import Node, by_subject, items
from hfm_kg.export.prefixes import Prefixes
from hfm_kg.terms import BASE, IAO, OWL, RDF, RDFS, XSD

DEFINITION: Final = "definition"
"""The term of ``obo:IAO_0000115``, whose own name says nothing."""

NAME: Final = "name"
"""The term of ``rdfs:label`` for plain strings."""

THING: Final = "@id"
LIST: Final = "@list"
"""The kinds of values that are no literals."""

NATIVE: Final[Mapping[str, Callable[[str], int | bool]]] = {XSD.integer.value: int, XSD.boolean.value: "true".__eq__}
"""Datatypes whose values JSON has too; it has numbers for decimals, but not their digits."""


@dataclass(frozen=True)
class Context:
    """The terms for properties and classes, and the prefixes for all else."""

    prefixes: Prefixes
    kinds: Mapping[NamedNode, str | None]
    """What the values of each property are: things, lists, of one language (``@en``) or of one datatype; None if that
    differs."""
    functional: Collection[NamedNode]
    """The properties of which a thing has one value at most."""
    classes: Collection[NamedNode]
    """The classes of ours."""

    def shorten(self, iri: str) -> str:
        """A CURIE, or the IRI itself where no prefix fits."""
        return self.prefixes.contract(iri) or iri

    @cached_property
    def terms(self) -> dict[NamedNode, str]:
        """The key of each class and property: the last part of its IRI, or a CURIE if one of ours is called so."""
        terms: dict[NamedNode, str] = {}
        taken = {NAME, *self.prefixes.bases}
        for one in sorted({*self.classes, *self.kinds}, key=lambda one: (not one.value.startswith(BASE), one.value)):
            local = DEFINITION if one == IAO.IAO_0000115 else one.value.replace("#", "/").rpartition("/")[2]
            terms[one] = self.shorten(one.value) if local in taken else local
            taken.add(local)
        return terms

    @cached_property
    def definitions(self) -> dict[str, Any]:
        """The value of ``@context``."""
        prefixes = {prefix: _prefix(base) for prefix, base in self.prefixes.bases.items()}
        terms = {NAME: {"@id": self.shorten(RDFS.label.value)}}
        terms |= {self.terms[one]: {"@id": self.shorten(one.value)} for one in self.classes}
        terms |= {self.terms[predicate]: self._definition(predicate) for predicate in self.kinds}
        return {"@version": 1.1} | prefixes | dict(sorted(terms.items()))

    def _definition(self, predicate: NamedNode) -> dict[str, str]:
        kind = self.kinds[predicate]
        definition = {"@id": self.shorten(predicate.value)}
        if kind in (THING, LIST):
            definition["@type"] = THING
        elif kind is not None and kind.startswith("@"):
            definition["@language"] = kind[1:]
        elif kind is not None and kind != XSD.string.value:
            definition["@type"] = self.shorten(kind)
        if kind == THING and predicate not in self.functional:
            definition["@container"] = "@set"
        return definition


def _prefix(base: str) -> Any:
    # a term whose IRI ends in none of these characters is no prefix unless it says so (JSON-LD 1.1, 4.1.5)
    return base if base[-1] in ":/?#[]@" else {"@id": base, "@prefix": True}


def context(triples: Iterable[Triple], prefixes: Prefixes) -> Context:
    """The context that fits triples."""
    triples = list(triples)
    heads = {triple.subject for triple in triples if triple.predicate == RDF.first}
    typed = [
        (triple.subject, triple.object)
        for triple in triples
        if triple.predicate == RDF.type and isinstance(triple.subject, NamedNode)
    ]
    found: dict[NamedNode, set[str]] = {}
    for triple in triples:
        if triple.predicate not in (RDF.type, RDF.first, RDF.rest):
            kind = LIST if triple.object in heads else _kind(triple.object)
            found.setdefault(triple.predicate, set()).add(kind)
    found[RDFS.label] = {"@en"}
    return Context(
        prefixes,
        kinds={predicate: kinds.pop() if len(kinds) == 1 else None for predicate, kinds in found.items()},
        functional={one for one, type_ in typed if type_ == OWL.FunctionalProperty},
        classes={one for one, type_ in typed if type_ == OWL.Class and one.value.startswith(BASE)},
    )


def _kind(value: object) -> str:
    if not isinstance(value, Literal):
        return THING
    return f"@{value.language}" if value.language else value.datatype.value


def write(used: Context) -> bytes:
    """``context.jsonld``."""
    return _dump({"@context": used.definitions})


def compacted(triples: Iterable[Triple], used: Context) -> bytes:
    """Triples as JSON-LD for people, with a context that fits them; blank nodes and lists stand where they are used.

    Raises ValueError if a blank node is used twice.
    """
    return _dump({"@context": used.definitions, "@graph": list(_Compaction(triples, used).nodes())})


def _dump(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


class _Compaction:
    """Triples by subject, and how they are written as node objects."""

    def __init__(self, triples: Iterable[Triple], used: Context) -> None:
        self.used = used
        self.statements = by_subject(triples)
        uses = Counter(triple.object for group in self.statements.values() for triple in group)
        anonymous = {node for node in self.statements if isinstance(node, BlankNode)}
        if shared := sorted(str(node) for node in anonymous if uses[node] > 1):
            raise ValueError(f"blank nodes that are used twice cannot be nested: {', '.join(shared)}")
        self.top = [node for node in self.statements if node not in anonymous or uses[node] == 0]

    def nodes(self) -> Iterator[dict[str, Any]]:
        """The node objects that stand in no other, by IRI."""
        return map(self._node, self.top)

    def _node(self, node: Node) -> dict[str, Any]:
        written: dict[str, Any] = {} if isinstance(node, BlankNode) else {"@id": self.used.shorten(node.value)}
        for triple in self.statements[node]:
            if triple.predicate == RDF.type:
                assert isinstance(triple.object, NamedNode)
                written.setdefault("@type", []).append(self._type(triple.object))
            else:
                key, value = self._property(triple)
                written.setdefault(key, []).append(value)
        for key, values in written.items():
            if key not in ("@id", "@type") and len(values) == 1 and "@container" not in self.used.definitions[key]:
                (written[key],) = values
        return written

    def _type(self, one: NamedNode) -> str:
        return self.used.terms.get(one) or self.used.shorten(one.value)

    def _property(self, triple: Triple) -> tuple[str, Any]:
        """A property's key and one of its values."""
        value, expected = triple.object, self.used.kinds[triple.predicate]
        if not isinstance(value, Literal):
            assert isinstance(value, Node)
            return self.used.terms[triple.predicate], self._thing(value, expected in (THING, LIST))
        if triple.predicate == RDFS.label and not value.language:
            return NAME, value.value
        return self.used.terms[triple.predicate], self._literal(value, expected)

    def _literal(self, value: Literal, expected: str | None) -> Any:
        kind = _kind(value)
        if kind == expected:
            return NATIVE[kind](value.value) if kind in NATIVE else value.value
        if kind == XSD.string.value and expected is None:
            return value.value
        typed = {"@language": value.language} if value.language else {"@type": self.used.shorten(kind)}
        return {"@value": value.value} | typed

    def _thing(self, node: Node, expected: bool) -> Any:
        if isinstance(node, NamedNode):
            iri = self.used.shorten(node.value)
            return iri if expected else {"@id": iri}
        if any(triple.predicate == RDF.first for triple in self.statements[node]):
            return {"@list": [self._item(item) for item in items(self.statements, node)]}
        return self._node(node)

    def _item(self, item: Node | Literal) -> Any:
        assert not isinstance(item, Literal), "lists of OWL hold things"
        return self._thing(item, expected=True)
