"""What entities are and have: types, properties and values, read from the graph when they are first needed."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pyoxigraph import BlankNode, Literal, NamedNode

from hfm_kg import sparql
from hfm_kg.errors import UnknownNameError
from hfm_kg.search import Search, Thing, fold, squeeze
from hfm_kg.server.reconcile.protocol import Condition
from hfm_kg.sparql import Select
from hfm_kg.tables import nearest
from hfm_kg.terms import BASE

TYPES: Final = f"""SELECT ?term ?label (COUNT(DISTINCT ?item) AS ?uses) WHERE {{
  ?item a ?term ; rdfs:label ?name . FILTER(STRSTARTS(STR(?item), "{BASE}"))
  ?term rdfs:label ?label .
}} GROUP BY ?term ?label ORDER BY DESC(?uses) ?term"""
BROADER: Final = f"""SELECT DISTINCT ?term ?broader WHERE {{
  ?term rdfs:subClassOf ?broader . ?broader rdfs:label ?label
  FILTER(STRSTARTS(STR(?term), "{BASE}") && isIRI(?broader) && ?term != ?broader)
}} ORDER BY ?term ?broader"""
PROPERTIES: Final = f"""SELECT ?term ?label (COUNT(DISTINCT ?item) AS ?uses) WHERE {{
  ?item rdfs:label ?name ; ?term ?value . FILTER(STRSTARTS(STR(?item), "{BASE}"))
  ?term rdfs:label ?label .
}} GROUP BY ?term ?label ORDER BY DESC(?uses) ?term"""
USES: Final = """SELECT ?term (COUNT(DISTINCT ?item) AS ?uses) WHERE {{
  ?item a {} ; ?term ?value . ?term rdfs:label ?label .
}} GROUP BY ?term ORDER BY DESC(?uses) ?term"""
VALUES: Final = f"""SELECT DISTINCT ?item ?value ?label WHERE {{{{
  ?item {{}} ?value . FILTER(STRSTARTS(STR(?item), "{BASE}"))
  OPTIONAL {{{{ ?value rdfs:label ?label }}}}
}}}} ORDER BY ?item ?value"""


@dataclass(frozen=True)
class Term:
    """A class or property of which entities make use."""

    iri: str
    label: str
    uses: int
    """How many entities have it."""

    @property
    def node(self) -> NamedNode:
        """Its IRI as a term."""
        return NamedNode(self.iri)

    @property
    def as_json(self) -> dict[str, str]:
        """Identifier and name."""
        return {"id": self.iri, "name": self.label}


@dataclass(frozen=True)
class Value:
    """A value of a property, with its label if it has one."""

    term: NamedNode | Literal
    label: str


class Vocabulary:
    """Types, properties and values of entities; safe to use from several threads."""

    def __init__(self, select: Select, names: Search) -> None:
        self.select, self.names = select, names
        self.lock = threading.Lock()
        self.known: dict[str, Mapping[str, tuple[Value, ...]]] = {}
        self.proposed: dict[str, tuple[Term, ...]] = {}

    def _terms(self, query: str) -> dict[str, Term]:
        rows = self.select(query)
        return {
            row["term"].value: Term(row["term"].value, str(row["label"].value), int(row["uses"].value)) for row in rows
        }

    @cached_property
    def types(self) -> dict[str, Term]:
        """Classes that have entities, those with the most first."""
        return self._terms(TYPES)

    @cached_property
    def properties(self) -> dict[str, Term]:
        """Properties that entities have, the most used first."""
        return self._terms(PROPERTIES)

    @cached_property
    def broader(self) -> dict[str, list[str]]:
        """The direct superclasses of classes of ours."""
        found: dict[str, list[str]] = {}
        for row in self.select(BROADER):
            found.setdefault(row["term"].value, []).append(row["broader"].value)
        return found

    def type(self, name: str) -> Term:
        """The class of that IRI, path or label. Raises UnknownNameError."""
        return _named(name, self.types, "type")

    def property(self, name: str) -> Term:
        """The property of that IRI, path or label. Raises UnknownNameError."""
        return _named(name, self.properties, "property")

    def types_of(self, thing: Thing) -> list[Term]:
        """The classes of a thing, the narrowest, which have the fewest entities, first."""
        found = [self.types[node.value] for node in thing.types if node.value in self.types]
        return sorted(found, key=lambda term: (term.uses, term.iri))

    def proposals(self, name: str) -> tuple[Term, ...]:
        """The properties that entities of a type have, the most used first; all properties without a type."""
        if not name:
            return tuple(self.properties.values())
        term = self.type(name)
        if term.iri not in self.proposed:
            rows = self.select(USES.format(sparql.name(term.iri)))
            self.proposed[term.iri] = tuple(self.properties[row["term"].value] for row in rows)
        return self.proposed[term.iri]

    # --- values ---------------------------------------------------------------------------------------------------

    def values(self, term: Term) -> Mapping[str, tuple[Value, ...]]:
        """What each entity, by IRI, has of a property."""
        with self.lock:
            if term.iri not in self.known:
                found: dict[str, dict[NamedNode | Literal, str]] = {}
                for row in self.select(VALUES.format(sparql.name(term.iri))):
                    item, value = row["item"], row["value"]
                    if isinstance(item, NamedNode) and not isinstance(value, BlankNode):
                        label = str(row["label"].value) if "label" in row else ""
                        found.setdefault(item.value, {}).setdefault(value, label)
                self.known[term.iri] = {
                    item: tuple(Value(value, label) for value, label in values.items())
                    for item, values in found.items()
                }
            return self.known[term.iri]

    def satisfies(self, thing: Thing, condition: Condition) -> bool:
        """Whether the values of a thing are as a condition has them."""
        values = self.values(self.property(condition.property)).get(thing.node.value, ())
        met = (any(self._is(value, wanted) for value in values) for wanted in condition.values)
        if condition.quantifier == "all":
            return all(met)
        return any(met) is (condition.quantifier == "any")

    def having(self, conditions: Iterable[Condition]) -> list[Thing]:
        """Things that satisfy at least one of some conditions that ask for a value."""
        found = {}
        for condition in conditions:
            if condition.quantifier != "none":
                for iri in self.values(self.property(condition.property)):
                    thing = self.names.things.get(iri.removeprefix(BASE))
                    if thing and self.satisfies(thing, condition):
                        found[thing.path] = thing
        return list(found.values())

    def _is(self, value: Value, wanted: str) -> bool:
        """Whether a value is the one of an identifier, a name or a number."""
        term = value.term
        if isinstance(term, Literal):
            return fold(term.value) == fold(wanted) if fold(wanted) else term.value == wanted
        if wanted == term.value or (wanted and fold(wanted) == fold(value.label)):
            return True
        path = term.value.removeprefix(BASE)
        if wanted in (path, f"hfm:{path}"):
            return True
        return any(self.names.names[n].thing.node == term for n in self.names.exact.get(squeeze(wanted), ()))


def _named(name: str, terms: Mapping[str, Term], what: str) -> Term:
    iri = BASE + name.removeprefix("hfm:")
    if found := terms.get(name) or terms.get(iri):
        return found
    same = [term for term in terms.values() if fold(term.label) == fold(name)]
    if len(same) == 1:
        return same[0]
    known = [*terms, *(term.label for term in terms.values())]
    raise UnknownNameError(f"there is no {what} {name[:80]!r}{nearest(name[:80], known)}")
