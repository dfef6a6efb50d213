"""What measures are made of: the views of a source, each made once, and a table as their result."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from hfm_kg.catalog import Catalog
from hfm_kg.network.views import to_networkx
from hfm_kg.rows import Select

if TYPE_CHECKING:
    import networkx as nx

    from hfm_kg.network.views import Graph


SAMPLES: Final = 100
"""Random networks behind a z or p; where a sample costs next to nothing, ten times as many."""

SHOWN: Final = 20
"""Rows of tables that rank things."""


Cells = dict[str, str]


@dataclass(frozen=True)
class Measure:
    """A table of a measure; ``definition`` says what its columns are, in the terms of the field."""

    name: str
    title: str
    definition: str
    rows: Sequence[Cells]

    def as_dict(self) -> dict[str, object]:
        """The fields by name."""
        return asdict(self)

    def tsv(self) -> bytes:
        """The table as tab-separated values."""
        lines = [list(self.rows[0]), *(list(row.values()) for row in self.rows)]
        return "".join("\t".join(line) + "\n" for line in lines).encode()


class Network:
    """Views of a source, each made once, and what several measures need of them."""

    def __init__(self, select: Select, catalog: Catalog, *, seed: int = 0, samples: int = SAMPLES) -> None:
        self.select, self.catalog, self.seed, self.samples = select, catalog, seed, samples
        self._views: dict[str, Graph] = {}

    def view(self, name: str) -> Graph:
        """A view in networkx."""
        if name not in self._views:
            self._views[name] = to_networkx(self.select, name, self.catalog)
        return self._views[name]

    def generator(self, purpose: str) -> random.Random:
        """Random numbers of one measure, the same whatever other measures are asked for."""
        return random.Random(f"{self.seed} {purpose}")

    @cached_property
    def subfield(self) -> dict[str, str]:
        """The sub-field of each model."""
        nodes = self.view("models-concepts").nodes(data=True)
        return {node: of["subfield"] for node, of in nodes if of["kind"] == "model" and "subfield" in of}

    @cached_property
    def lineage(self) -> nx.DiGraph[str]:
        """The lineage with one edge from a model to each thing that it is built on."""
        import networkx as nx

        return nx.DiGraph(self.view("lineage"))

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {str(row["node"]): str(row["label"]) for row in self.select(self.catalog["network-nodes"].text)}

    def label(self, node: str) -> str:
        """The label of a node; of what no view joins, the IRI."""
        return self._labels.get(node, node)

    def facets(self, view: str) -> dict[str, dict[str, frozenset[str]]]:
        """The two-mode network of a view, a facet at a time: things with their concepts."""
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        graph = self.view(view)
        for source, target, attributes in graph.edges(data=True):
            relation = attributes["relation"]
            thing, concept = (source, target) if graph.nodes[source]["bipartite"] == 0 else (target, source)
            found[relation][thing].add(concept)
        return {
            facet: {thing: frozenset(concepts) for thing, concepts in things.items()} for facet, things in found.items()
        }

    @cached_property
    def broader(self) -> dict[str, frozenset[str]]:
        """Each concept with itself and all that are broader."""
        above: dict[str, set[str]] = defaultdict(set)
        for row in self.select(self.catalog["concept-hierarchy"].text):
            above[str(row["concept"])].add(str(row["broader"]))
        closed = {}
        for concept in list(above):
            found, todo = {concept}, [concept]
            while todo:
                more = above.get(todo.pop(), set()) - found
                found |= more
                todo += more
            closed[concept] = frozenset(found)
        return closed

    def upward(self, concept: str) -> frozenset[str]:
        """A concept and all that are broader."""
        return self.broader.get(concept, frozenset({concept}))


def merged(facets: Mapping[str, Mapping[str, frozenset[str]]]) -> dict[str, frozenset[str]]:
    """All facets' concepts of each thing."""
    found: dict[str, set[str]] = defaultdict(set)
    for things in facets.values():
        for thing, concepts in things.items():
            found[thing] |= concepts
    return {thing: frozenset(concepts) for thing, concepts in found.items()}
