"""What the service answers, whatever the version of the API: candidates, suggestions, values and previews."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pyoxigraph import NamedNode
from starlette.exceptions import HTTPException

from hfm_kg.errors import LONGEST_MESSAGE
from hfm_kg.matching import Candidate, Matcher, decided
from hfm_kg.search import Thing
from hfm_kg.server.reconcile import protocol
from hfm_kg.server.reconcile.protocol import MOST_CANDIDATES, Query
from hfm_kg.server.reconcile.vocabulary import Term, Value, Vocabulary
from hfm_kg.server.site import layout
from hfm_kg.terms import BASE, IAO, SKOS, XSD

if TYPE_CHECKING:
    from hfm_kg.server.site import Site

FEATURES: Final = {
    "letters": "share of letters that need no edit",
    "words": "share of words in common, rare ones counting more",
    "label": "found by a label, not by a synonym or abbreviation",
    "type": "has the type asked for",
    "properties": "share of the properties that are as asked",
}
"""The matching features that explain a score."""
KEPT: Final = 0.6
"""The share of a score that is left if no property is as asked."""
Json = dict[str, Any]


class Service:
    """What the endpoints have in common."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @cached_property
    def matcher(self) -> Matcher:
        """The matcher over the site's index of names."""
        return Matcher(self.site.names)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Types, properties and values."""
        return Vocabulary(self.site.select, self.site.names)

    # --- matching -------------------------------------------------------------------------------------------------

    def candidates(self, query: Query, *, named: bool) -> list[Json]:
        """The candidates of a query; ``named`` if features have names, as from 1.0 on.

        Raises UnknownNameError for a type or property that the graph does not have.
        """
        types = {self.vocabulary.type(name).node for name in query.types}
        for condition in query.conditions:
            self.vocabulary.property(condition.property)

        def accepts(thing: Thing) -> bool:
            if not (types <= thing.types if query.all_types else not types or types & thing.types):
                return False
            return all(self.vocabulary.satisfies(thing, each) for each in query.conditions if each.required)

        if query.text:
            most = query.limit if not query.conditions else MOST_CANDIDATES
            found = self.matcher.match(query.text, most, accepts)
        else:
            things = self.vocabulary.having(query.conditions)
            found = [Candidate(each, 100, "exact", "label", each.label, 1, 1) for each in things if accepts(each)]
        told = [(candidate, self._share(candidate.thing, query)) for candidate in found]
        if query.conditions:
            told = [
                (replace(each, match=False, score=round(each.score * (KEPT + (1 - KEPT) * share), 1)), share)
                for each, share in told
            ]
            told.sort(key=lambda pair: (-pair[0].score, pair[0].thing.path))
            best = decided([candidate for candidate, _ in told])
            told = [(each, share) for each, (_, share) in zip(best, told, strict=True)]
        return [self._candidate(each, share, query, named=named) for each, share in told[: query.limit]]

    def _share(self, thing: Thing, query: Query) -> float:
        met = [self.vocabulary.satisfies(thing, condition) for condition in query.conditions]
        return sum(met) / len(met) if met else 1.0

    def _candidate(self, candidate: Candidate, share: float, query: Query, *, named: bool) -> Json:
        values: dict[str, float | bool] = {}
        if query.text:
            values["letters"], values["words"] = candidate.letters, candidate.shared
            values["label"] = candidate.what in ("label", "title")
        if query.types:
            values["type"] = True
        if query.conditions:
            values["properties"] = round(share, 3)
        thing = candidate.thing
        return {
            "id": thing.node.value,
            "name": thing.label,
            "description": f"{thing.kind}; {candidate.why}: {candidate.text}" if query.text else thing.kind,
            "type": [term.as_json for term in self.vocabulary.types_of(thing)],
            "score": candidate.score,
            "match": candidate.match,
            "features": [
                {"id": name, **({"name": FEATURES[name]} if named else {}), "value": value}
                for name, value in values.items()
            ],
        }

    # --- suggesting -----------------------------------------------------------------------------------------------

    def entities(self, prefix: str, start: int, limit: int) -> list[Json]:
        """Entities that are called so or begin so."""
        path = prefix.strip().removeprefix(BASE)
        if path != prefix.strip() and (thing := self.site.names.things.get(path)):
            things = [thing][start:]
        else:
            things = [hit.thing for hit in self.site.names.search(prefix, start + limit)][start:]
        return [
            {
                "id": thing.node.value,
                "name": thing.label,
                "description": thing.kind,
                "notable": [term.as_json for term in self.vocabulary.types_of(thing)],
            }
            for thing in things
        ]

    def terms(self, known: dict[str, Term], prefix: str, start: int, limit: int) -> list[Json]:
        """Types or properties of which a word begins so; all for an empty prefix, the most used first."""
        wanted = prefix.strip().casefold()
        found = [
            term
            for term in known.values()
            if term.iri.casefold() == wanted
            or any(
                text.startswith(wanted) or f" {wanted}" in text
                for text in (term.label.casefold(), term.iri.removeprefix(BASE).casefold())
            )
        ]
        return [{**term.as_json, "description": f"{term.uses} entities"} for term in found[start : start + limit]]

    # --- extending ------------------------------------------------------------------------------------------------

    def extension(self, asked: protocol.Extension) -> tuple[list[Term], list[list[tuple[Value, ...]]]]:
        """The properties of a data extension query, and for each entity the values of each.

        Raises UnknownNameError for a property that the graph does not have; an unknown entity has no values.
        """
        terms = [self.vocabulary.property(name) for name in asked.properties]
        columns = [self.vocabulary.values(term) for term in terms]
        return terms, [[column.get(_iri(each), ()) for column in columns] for each in asked.entities]

    def preview(self, name: str) -> str:
        """An entity as a small page. Raises HTTPException 404."""
        thing = self.thing(name)
        properties = self.vocabulary.properties
        texts = {
            shown: [value.term.value for value in self.vocabulary.values(term).get(thing.node.value, ())]
            for shown, node in (("definition", IAO.IAO_0000115), ("synonyms", SKOS.altLabel))
            if (term := properties.get(node.value))
        }
        return layout.TEMPLATES.get_template("preview.html").render(thing=thing, texts=texts)

    def about(self, name: str) -> str:
        """An entity, type or property as HTML to show beside its suggestion. Raises HTTPException 404."""
        term = self.vocabulary.types.get(_iri(name)) or self.vocabulary.properties.get(_iri(name))
        if term is None:
            return self.preview(name)
        return layout.TEMPLATES.from_string("<p><b>{{ label }}</b>: {{ uses }} entities<br>{{ iri }}</p>").render(
            label=term.label, uses=term.uses, iri=term.iri
        )

    def thing(self, name: str) -> Thing:
        """The entity of an identifier. Raises HTTPException 404."""
        thing = self.site.names.things.get(_iri(name).removeprefix(BASE))
        if thing is None:
            raise HTTPException(404, f"there is no entity {name[:LONGEST_MESSAGE]}")
        return thing


def _iri(name: str) -> str:
    """The IRI of an identifier, which may be given in short."""
    return name if ":" in name.removeprefix("hfm:") else BASE + name.removeprefix("hfm:")


def written(value: Value) -> Json:
    """A value as a data extension response has it: an entity, or a text, number or truth value."""
    term = value.term
    if isinstance(term, NamedNode):
        if term.value.startswith(BASE) and value.label:
            return {"id": term.value, "name": value.label}
        return {"str": term.value}
    if term.datatype in (XSD.integer, XSD.nonNegativeInteger):
        return {"int": int(term.value)}
    if term.datatype == XSD.decimal:
        return {"float": float(term.value)}
    return {"str": term.value}
