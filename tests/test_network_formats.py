"""Views as files: each format is opened by another reader than its writer."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path
from typing import Any

import igraph
import networkit
import networkx as nx
import pydot
import pyparsing
import pytest

from hfm_kg.errors import UsageError
from hfm_kg.network import (
    formats,
)
from hfm_kg.network.measures import Network


def kinds(graph: Any) -> Counter[str]:
    """How many nodes there are of each kind."""
    return Counter(of["kind"] for _, of in graph.nodes(data=True))


@pytest.fixture(params=["lineage", "datasets-concepts", "modality-task"])
def graph(request: pytest.FixtureRequest, network: Network) -> Any:
    return network.view(request.param)


def summary(graph: Any) -> tuple[dict[str, tuple[object, ...]], Counter[tuple[object, ...]]]:
    """What every reader must find: nodes with label, kind and year, and edges with their relation."""
    nodes: dict[str, tuple[object, ...]] = {
        node: (of["label"], of["kind"], of.get("year")) for node, of in graph.nodes(data=True)
    }
    return nodes, edges(((one, other, of) for one, other, of in graph.edges(data=True)), graph.is_directed())


def edges(found: Any, directed: bool) -> Counter[tuple[object, ...]]:
    return Counter(
        ((one, other) if directed else tuple(sorted((one, other)))) + (of["relation"],) for one, other, of in found
    )


def test_igraph_opens_graphml(graph: Any, tmp_path: Path) -> None:
    path = tmp_path / "view.graphml"
    path.write_bytes(formats.write(graph, "graphml"))
    read = igraph.Graph.Read_GraphML(str(path))
    assert read.is_directed() == graph.is_directed()
    names = read.vs["id"]
    nodes = {
        of["id"]: (of["label"], of["kind"], None if math.isnan(of["year"] or math.nan) else int(of["year"]))
        if "year" in read.vs.attributes()
        else (of["label"], of["kind"], None)
        for of in read.vs
    }
    found = edges(((names[of.source], names[of.target], of.attributes()) for of in read.es), graph.is_directed())
    assert (nodes, found) == summary(graph)


def test_networkit_opens_gexf(graph: Any, tmp_path: Path) -> None:
    path = tmp_path / "view.gexf"
    path.write_bytes(formats.write(graph, "gexf"))
    read, _ = networkit.graphio.GEXFReader().read(str(path))
    names = list(graph)  # networkit numbers nodes as they come
    assert (read.numberOfNodes(), read.numberOfEdges()) == (len(names), graph.number_of_edges())
    assert read.isDirected() == graph.is_directed()
    found = Counter(tuple(sorted((names[one], names[other]))) for one, other in read.iterEdges())
    assert found == Counter(tuple(sorted(pair[:2])) for pair in graph.edges)
    document = ElementTree.fromstring(path.read_bytes())
    space = {"g": "http://www.gexf.net/1.2draft"}
    titles = {of.get("id"): of.get("title") for of in document.iterfind(".//g:attribute", space)}
    nodes = {}
    for node in document.iterfind(".//g:node", space):
        of = {titles[value.get("for")]: value.get("value") for value in node.iterfind(".//g:attvalue", space)}
        year = of.get("year")
        nodes[node.get("id")] = (node.get("label"), of["kind"], int(year) if year else None)
    assert nodes == summary(graph)[0]


def opened_dot(content: bytes) -> Any:
    if "pydot.dot_parser" not in sys.modules:  # its grammar begins with the blanks of the moment, which rdflib sets
        pyparsing.ParserElement.set_default_whitespace_chars(" \n\t\r")
    found = pydot.graph_from_dot_data(content.decode())
    assert found is not None
    (read,) = found
    return read


# pydot calls what pyparsing has given new names
@pytest.mark.filterwarnings("ignore::pyparsing.warnings.PyparsingDeprecationWarning")
@pytest.mark.parametrize("graph", ["challenges-directions", "modality-task"], indirect=True)  # it reads slowly
def test_pydot_opens_dot(graph: Any) -> None:
    read = opened_dot(formats.write(graph, "dot"))
    assert (read.get_type() == "digraph") == graph.is_directed()

    def text(value: Any) -> str:
        return str(value).removeprefix('"').removesuffix('"').replace('\\"', '"')

    of_name = {node.get_name(): node.get_attributes() for node in read.get_nodes() if node.get_name() != "node"}
    nodes = {
        text(of["iri"]): (text(of["label"]), text(of["kind"]), int(text(of["year"])) if "year" in of else None)
        for of in of_name.values()
    }
    found = edges(
        (
            (text(of_name[edge.get_source()]["iri"]), text(of_name[edge.get_destination()]["iri"]),
             {"relation": text(edge.get_attributes()["relation"])})
            for edge in read.get_edges()
        ),
        graph.is_directed(),
    )  # fmt: skip
    assert (nodes, found) == summary(graph)


def test_igraph_takes_the_dictionaries_of_both_jsons(graph: Any) -> None:
    links = json.loads(formats.write(graph, "json"))
    elements = json.loads(formats.write(graph, "cyjs"))["elements"]
    for vertices, joined in (
        (links["nodes"], links["links"]),
        ([of["data"] for of in elements["nodes"]], [of["data"] for of in elements["edges"]]),
    ):
        for of in joined:
            of.pop("id", None)
        read = igraph.Graph.DictList(
            vertices, joined, vertex_name_attr="id", edge_foreign_keys=("source", "target"),
            directed=graph.is_directed(),
        )  # fmt: skip
        names = read.vs["id"]
        nodes = {
            of["id"]: (of["label"], of["kind"], of["year"] if "year" in of.attributes() else None) for of in read.vs
        }
        found = edges(((names[of.source], names[of.target], of.attributes()) for of in read.es), graph.is_directed())
        assert (nodes, found) == summary(graph)


SCRIPT = """
const fs = require('fs'), cytoscape = require('cytoscape'), force = require('d3-force');
const Graph = require('graphology'), gexf = require('graphology-gexf');
const cy = cytoscape({headless: true, elements: JSON.parse(fs.readFileSync('view.cyjs')).elements});
const {nodes, links} = JSON.parse(fs.readFileSync('view.json'));
force.forceSimulation(nodes).force('link', force.forceLink(links).id(node => node.id)).stop();
const read = gexf.parse(Graph, fs.readFileSync('view.gexf', 'utf8'));
console.log(JSON.stringify({
  cytoscape: [cy.nodes().length, cy.edges().length, cy.nodes().filter(n => n.data('kind') === 'model').length],
  d3: [nodes.length, links.filter(link => link.source.label && link.target.label).length,
    nodes.filter(n => n.kind === 'model').length],
  graphology: [read.order, read.size, read.filterNodes((node, of) => of.kind === 'model').length],
}));
"""


def test_the_programs_of_the_web_open_them(graph: Any, tmp_path: Path) -> None:
    node = shutil.which("node")
    needed = ("cytoscape", "d3-force", "graphology", "graphology-gexf")
    asked = "".join(f"require('{name}');" for name in needed)
    if node is None or subprocess.run([node, "-e", asked], capture_output=True, env=os.environ, check=False).returncode:
        pytest.skip(f"needs node, and NODE_PATH to lead to {', '.join(needed)}")
    for name in ("cyjs", "json", "gexf"):
        (tmp_path / f"view.{name}").write_bytes(formats.write(graph, name))
    done = subprocess.run([node, "-e", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = [graph.number_of_nodes(), graph.number_of_edges(), kinds(graph)["model"]]
    assert json.loads(done.stdout) == {"cytoscape": expected, "d3": expected, "graphology": expected}


@pytest.mark.filterwarnings("ignore::pyparsing.warnings.PyparsingDeprecationWarning")  # as above
@pytest.mark.parametrize("name", sorted(formats.FORMATS))
def test_labels_with_the_marks_of_the_formats_come_through(name: str, tmp_path: Path) -> None:
    label = 'A "quoted" <b> & \\ {x} | \\n'
    graph: Any = nx.MultiDiGraph(name="marks")
    graph.add_node("https://w3id.org/hfm/a", label=label, kind="model", iri="https://w3id.org/hfm/a")
    graph.add_edge("https://w3id.org/hfm/a", "https://w3id.org/hfm/a", key="r", relation="r")
    content = formats.write(graph, name)
    assert content == formats.write(graph, name)
    path = tmp_path / f"view.{name}"
    path.write_bytes(content)
    if name == "graphml":
        assert igraph.Graph.Read_GraphML(str(path)).vs["label"] == [label]
    elif name == "gexf":
        assert [of.get("label") for of in ElementTree.fromstring(content).iter() if of.get("label")] == [label]
    elif name == "dot":
        (node,) = [node for node in opened_dot(content).get_nodes() if node.get_name() == "n0"]
        shown = node.get_attributes()["label"][1:-1].replace('\\"', '"')
        assert shown == label.replace("\\", "\\\\")  # Graphviz itself reads a doubled backslash as one
    elif name == "json":
        assert json.loads(content)["nodes"][0]["label"] == label
    else:
        assert json.loads(content)["elements"]["nodes"][0]["data"]["label"] == label


def test_an_unknown_format_is_told() -> None:
    with pytest.raises(UsageError, match="take one of graphml"):
        formats.write(nx.Graph(), "pdf")
