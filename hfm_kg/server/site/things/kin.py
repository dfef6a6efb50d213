"""Things that belong together: similar ones, and what is built on what. Worked out once for all things."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from hfm_kg.catalog import Catalog
from hfm_kg.export.manchester import Link
from hfm_kg.network import similarity
from hfm_kg.network.source import Network
from hfm_kg.rows import Select

Steps = defaultdict[str, defaultdict[str, set[str]]]

SIMILAR: Final = 6
SHARED: Final = 4
"""Shared concepts that are named, the most telling first."""
LEAST: Final = 0.2
"""Lin's ratio below which things are not called similar."""
DEPTH: Final = 4
"""Steps that a lineage is followed."""
HEIRS: Final = 40
"""Things that are shown of those built directly on one."""
COMPARED: Final = ("network-models-concepts", "network-datasets-concepts")
NODES: Final = "network-nodes"
LINEAGE: Final = "network-lineage"
"""Queries of the catalogue: concepts of things that are compared, what things are called, what is built on what."""
RELATIONS: Final = {"backbone": "backbone", "initializedFrom": "initial weights", "builtOn": "built on"}


@dataclass(frozen=True)
class Similar:
    """A similar thing."""

    thing: Link
    lin: float
    """Lin's ratio: 0 for nothing in common, 1 for the same concepts."""
    shared: tuple[Link, ...]


@dataclass(frozen=True)
class Kin:
    """A thing of a lineage, how it is related to the one before, and those beyond it."""

    thing: Link
    relation: str
    beyond: tuple[Kin, ...] = ()


@dataclass(frozen=True)
class Lineage:
    """What a thing is built on, and what is built on it."""

    bases: tuple[Kin, ...]
    heirs: tuple[Kin, ...]
    more_heirs: int
    """Things built directly on it that are left out."""


class Family:
    """Similarity and lineage over a source that answers SPARQL."""

    def __init__(self, select: Select, catalog: Catalog) -> None:
        upward = Network(select, catalog).upward
        self.labels = {str(row["node"]): str(row["label"]) for row in select(catalog[NODES].text)}
        self.compared = []
        """Closed concepts of the things of each view, and how much each concept tells among them."""
        for name in COMPARED:
            concepts: defaultdict[str, set[str]] = defaultdict(set)
            for row in select(catalog[name].text):
                concepts[str(row["source"])].add(str(row["target"]))
            stated = {thing: frozenset(some) for thing, some in concepts.items()}
            things = similarity.closed(stated, upward)
            self.compared.append((things, similarity.information_content(things)))
        self.bases: Steps = defaultdict(lambda: defaultdict(set))
        """What each thing is built on, and by which relations."""
        self.heirs: Steps = defaultdict(lambda: defaultdict(set))
        """The other way round."""
        for row in select(catalog[LINEAGE].text):
            source, relation, target = (str(row[column]) for column in ("source", "relation", "target"))
            self.bases[source][target].add(relation)
            self.heirs[target][source].add(relation)

    def link(self, thing: str) -> Link:
        """A thing with its label."""
        return Link(self.labels.get(thing, thing), thing)

    def similar(self, thing: str) -> list[Similar]:
        """The things of the same kind that share most, weighted by how much that tells."""
        for things, content in self.compared:
            if thing in things:
                mine = things[thing]
                ratios = {one: similarity.lin(mine, concepts, content) for one, concepts in things.items()}
                near = sorted((one for one in ratios if one != thing), key=lambda one: (-ratios[one], one))
                return [
                    Similar(self.link(one), ratios[one], self._shared(mine & things[one], content))
                    for one in near[:SIMILAR]
                    if ratios[one] >= LEAST
                ]
        return []

    def _shared(self, concepts: frozenset[str], content: dict[str, float]) -> tuple[Link, ...]:
        telling = sorted(concepts, key=lambda concept: (-content[concept], concept))
        return tuple(self.link(concept) for concept in telling[:SHARED] if content[concept])

    def lineage(self, thing: str) -> Lineage | None:
        """What a thing is built on, and what is built on it, step by step; None if nothing is known of that."""
        bases, heirs = (self._kin(thing, steps, DEPTH, frozenset({thing})) for steps in (self.bases, self.heirs))
        if not bases and not heirs:
            return None
        return Lineage(bases, heirs[:HEIRS], max(0, len(heirs) - HEIRS))

    def _kin(self, thing: str, steps: Steps, depth: int, seen: frozenset[str]) -> tuple[Kin, ...]:
        found = []
        for other, relations in steps.get(thing, {}).items():
            if other not in seen:
                told = " and ".join(RELATIONS[one] for one in RELATIONS if one in relations)
                beyond = self._kin(other, steps, depth - 1, seen | {other}) if depth > 1 else ()
                found.append(Kin(self.link(other), told, beyond))
        return tuple(sorted(found, key=lambda kin: kin.thing.label.casefold()))
