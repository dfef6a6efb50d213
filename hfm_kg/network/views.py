"""Views of the graph as networkx graphs, each made by a query of the catalogue that a visitor can repeat.

A node is named by its IRI and has ``label``, ``kind`` (model, dataset, reference, task, …), ``iri`` and, where known,
``year`` and ``subfield``. An edge has its ``relation`` and, where things are counted, a ``weight``. What no relation of
a view touches is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hfm_kg.catalog import Catalog
from hfm_kg.errors import HfmError, UsageError
from hfm_kg.rows import Row, Select
from hfm_kg.tables import nearest

if TYPE_CHECKING:
    import networkx as nx

    Graph = nx.Graph[str]


@dataclass(frozen=True)
class View:
    """A view; ``directed``: edges lead from source to target; ``several``: two nodes may be joined more than once."""

    name: str
    holds: str
    directed: bool
    several: bool = False
    bipartite: bool = False

    @property
    def query(self) -> str:
        """The name of its query in the catalogue."""
        return f"network-{self.name}"


VIEWS: Final[Mapping[str, View]] = {
    view.name: view
    for view in (
        View("everything", "all stated relations among models, datasets, references and concepts", True, several=True),
        View("models-concepts", "models and their concepts (bipartite)", False, several=True, bipartite=True),
        View("datasets-concepts", "datasets and their concepts (bipartite)", False, several=True, bipartite=True),
        View("lineage", "models, and the backbones, weights and models they are built on", True, several=True),
        View("citation", "things, and the references that the sources cite for them", True),
        View("co-citation", "references that are cited in the same place of the text", False),
        View(
            "modality-task", "modalities and tasks of the same models and datasets (bipartite)", False, bipartite=True
        ),
        View(
            "challenges-directions", "challenges, the directions that address them, and their parts", True, several=True
        ),
    )
}
"""The views by name."""

TAKEN: Final = frozenset({"source", "target"})


def view(name: str) -> View:
    """The view of that name. Raises UsageError, with the nearest name."""
    try:
        return VIEWS[name]
    except KeyError:
        raise UsageError(f"no view {name!r}; there are {', '.join(VIEWS)}{nearest(name, list(VIEWS))}") from None


def to_networkx(select: Select, name: str, catalog: Catalog) -> Graph:
    """A view of any source that answers SPARQL, as a networkx graph of the view's kind (Graph, DiGraph or Multi…).

    Where two nodes may be joined more than once, the edge's key is its relation. Nodes of bipartite views have the
    attribute ``bipartite``: 0 for sources, 1 for targets. Raises UsageError for an unknown view.
    """
    import networkx as nx

    chosen = view(name)
    known = {str(row["node"]): row for row in select(catalog["network-nodes"].text)}
    kinds: Mapping[tuple[bool, bool], type[Any]] = {
        (False, False): nx.Graph,
        (False, True): nx.MultiGraph,
        (True, False): nx.DiGraph,
        (True, True): nx.MultiDiGraph,
    }
    graph: Graph = kinds[chosen.directed, chosen.several](name=chosen.name)
    for row in select(catalog[chosen.query].text):
        ends = [str(row["source"]), str(row["target"])]
        for side, end in enumerate(ends):
            if end not in graph:
                if end not in known:
                    raise HfmError(f"{chosen.query} gives {end}, which network-nodes does not know")
                graph.add_node(end, **_attributes(known[end]), **({"bipartite": side} if chosen.bipartite else {}))
        attributes: dict[str, Any] = {
            column: value for column, value in row.items() if column not in TAKEN and value is not None
        }
        if chosen.several:
            graph.add_edge(*ends, key=row["relation"], **attributes)
        else:
            graph.add_edge(*ends, **attributes)
    return graph


def _attributes(row: Row) -> dict[str, Any]:
    """The attributes of a node; an unknown year or sub-field is left out, for GraphML has no null."""
    found = {"label": row["label"], "kind": row["kind"], "iri": row["node"], "year": row["year"]}
    found["subfield"] = row["subfield"]
    return {name: value for name, value in found.items() if value is not None}
