"""Files that other programs open: GraphML, GEXF, Cytoscape JSON, node-link JSON (d3) and DOT (Graphviz)."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from hfm_kg.errors import NotInstalledError, UsageError

if TYPE_CHECKING:
    from hfm_kg.network.views import Graph


def _graphml(graph: Graph) -> bytes:
    import networkx as nx

    return "\n".join(nx.generate_graphml(graph, named_key_ids=True)).encode() + b"\n"


def _gexf(graph: Graph) -> bytes:
    import networkx as nx

    buffer = io.BytesIO()
    nx.write_gexf(graph, buffer, version="1.2draft")
    # the day it was written is no part of the graph: the same graph gives the same bytes
    return re.sub(rb' lastmodifieddate="[^"]*"', b"", buffer.getvalue(), count=1)


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def _node_link(graph: Graph) -> bytes:
    import networkx as nx

    return _json(nx.node_link_data(graph, edges="links"))


def _cytoscape(graph: Graph) -> bytes:
    import networkx as nx

    document = nx.cytoscape_data(graph, name="label", ident="iri")
    # Cytoscape wants every identifier once, over nodes and edges
    for number, edge in enumerate(document["elements"]["edges"]):
        edge["data"]["id"] = f"edge{number}"
    return _json(document)


def _dot(graph: Graph) -> bytes:
    try:
        import graphviz
    except ImportError:
        raise NotInstalledError("writing DOT needs graphviz for Python: pip install 'hfm-kg[network]'") from None
    kind = graphviz.Digraph if graph.is_directed() else graphviz.Graph
    drawing = kind(name=str(graph.name), node_attr={"shape": "box"})
    names = {node: f"n{number}" for number, node in enumerate(graph)}
    for node, attributes in graph.nodes(data=True):
        drawing.node(names[node], **{"URL": node, **_texts(attributes)})
    for source, target, attributes in graph.edges(data=True):
        shown = {"tooltip": attributes["relation"], **_texts(attributes)}
        drawing.edge(names[source], names[target], **shown)
    return str(drawing.source).encode()


def _texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    import graphviz

    return {name: graphviz.escape(str(value)) for name, value in attributes.items()}


FORMATS: Final[Mapping[str, Callable[[Graph], bytes]]] = {
    "graphml": _graphml,
    "gexf": _gexf,
    "cyjs": _cytoscape,
    "json": _node_link,
    "dot": _dot,
}
"""The formats by the endings of their files."""


def write(graph: Graph, format_name: str) -> bytes:
    """A view as a file. Raises UsageError for an unknown format, NotInstalledError for DOT without graphviz."""
    if format_name not in FORMATS:
        raise UsageError(f"no format {format_name!r}; take one of {', '.join(FORMATS)}")
    return FORMATS[format_name](graph)
