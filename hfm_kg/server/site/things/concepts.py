"""A concept's place: what is broader and narrower, and the models and datasets under it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyoxigraph import DefaultGraph, NamedNode

from hfm_kg.export.manchester import Link
from hfm_kg.kinds import Facet
from hfm_kg.server.site.lists import State
from hfm_kg.server.site.things.labels import Labels
from hfm_kg.terms import SKOS

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

LISTED: Final = ("models", "datasets")
SHOWN: Final = 24
"""Things under a concept that are shown; the list has all."""


@dataclass(frozen=True)
class Branch:
    """A narrower concept, with those below it."""

    concept: Link
    below: tuple[Branch, ...]


@dataclass(frozen=True)
class Under:
    """The models or datasets that have a concept or a narrower one."""

    kind: str
    by: str
    """The facet."""
    number: int
    items: tuple[Link, ...]
    address: str
    """The list of all."""


@dataclass(frozen=True)
class Place:
    """Where a concept stands."""

    paths: tuple[tuple[Link, ...], ...]
    """From the broadest concept down to one that is directly broader."""
    narrower: tuple[Branch, ...]
    under: tuple[Under, ...]


def place(concept: NamedNode, labels: Labels, site: Site) -> Place:
    """The place of a concept in its hierarchy, and what is under it."""
    schemes = [scheme.value.rpartition("/")[2] for scheme in labels.nodes(concept, SKOS.inScheme)]
    return Place(
        tuple(path for path in _paths(concept, labels, frozenset({concept})) if path),
        _narrower(concept, labels, frozenset({concept})),
        tuple(_under(concept, set(schemes), site)),
    )


def members(scheme: NamedNode, labels: Labels) -> tuple[Branch, ...]:
    """The top concepts of a scheme, with all below them."""
    quads = labels.store.quads_for_pattern(None, SKOS.topConceptOf, scheme, DefaultGraph())
    tops = {quad.subject for quad in quads if isinstance(quad.subject, NamedNode)}
    return _sorted(Branch(labels.link(top), _narrower(top, labels, frozenset({top}))) for top in tops)


def _paths(concept: NamedNode, labels: Labels, seen: frozenset[NamedNode]) -> Iterator[tuple[Link, ...]]:
    above = [one for one in labels.nodes(concept, SKOS.broader) if one not in seen]
    if not above:
        yield ()
    for one in above:
        for path in _paths(one, labels, seen | {one}):
            yield (*path, labels.link(one))


def _narrower(concept: NamedNode, labels: Labels, seen: frozenset[NamedNode]) -> tuple[Branch, ...]:
    quads = labels.store.quads_for_pattern(None, SKOS.broader, concept, DefaultGraph())
    below = {quad.subject for quad in quads if isinstance(quad.subject, NamedNode)} - seen
    return _sorted(Branch(labels.link(one), _narrower(one, labels, seen | below)) for one in below)


def _sorted(branches: Iterator[Branch]) -> tuple[Branch, ...]:
    return tuple(sorted(branches, key=lambda branch: branch.concept.label.casefold()))


def _under(concept: NamedNode, schemes: set[str], site: Site) -> Iterator[Under]:
    for name in LISTED:
        listing = site.listing(name)
        for facet in listing.kind.facets:
            if _fits(facet, schemes) and (items := listing.find(selection := {facet.name: (concept,)})):
                links = tuple(Link(item.name, item.node.value) for item in items[:SHOWN])
                address = State(listing.kind, selection).address()
                yield Under(name, facet.label, len(items), links, address)


def _fits(facet: Facet, schemes: set[str]) -> bool:
    return facet.scheme in schemes and not facet.node
