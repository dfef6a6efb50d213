"""The graph as a network: views, measures against closed forms, files in other readers, pictures."""

from __future__ import annotations

import csv
import json
import math
import os
import random
import shlex
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import igraph
import networkit
import networkx as nx
import pydot
import pytest
from click.testing import CliRunner
from pyoxigraph import QuerySolutions, Store

from hfm_kg import rows, sparql
from hfm_kg.catalog import Catalog
from hfm_kg.cli import main
from hfm_kg.errors import HfmError, UsageError
from hfm_kg.network import (
    VIEWS,
    centrality,
    chance,
    formats,
    growth,
    measures,
    plots,
    similarity,
    structure,
    to_networkx,
)
from hfm_kg.network.chance import Chance
from hfm_kg.network.measures import MEASURES, Network, measure
from hfm_kg.pipeline import Settings
from hfm_kg.rows import Select
from hfm_kg.store import Snapshot
from hfm_kg.terms import BASE
from tests.conftest import ROOT
from tests.fields import of_models

SAMPLES = 10


@pytest.fixture(scope="module")
def select(store: Store) -> Select:
    return rows.of_store(store)


@pytest.fixture(scope="module")
def network(select: Select, queries: Catalog) -> Network:
    """The real graph; views are made once."""
    return Network(select, queries, samples=SAMPLES)


def table(name: str) -> list[dict[str, str]]:
    with (ROOT / "data" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def kinds(graph: Any) -> Counter[str]:
    """How many nodes there are of each kind."""
    return Counter(of["kind"] for _, of in graph.nodes(data=True))


# --- rows and queries -----------------------------------------------------------------------------------------


def test_the_queries_of_analyses_give_the_columns_that_they_name(store: Store, queries: Catalog) -> None:
    of_kind = queries.of_kind("analysis")
    assert {view.query for view in VIEWS.values()} < {query.name for query in of_kind}
    for query in of_kind:
        result = sparql.evaluate(store, query.text)
        assert isinstance(result, QuerySolutions)
        assert tuple(variable.value for variable in result.variables) == query.columns, query.name
        assert next(iter(result), None) is not None, query.name


def test_a_store_and_an_endpoint_give_the_same_rows(endpoint: str, select: Select) -> None:
    asked = """SELECT ?m ?y ?n ?nothing { ?m hfm:publicationYear ?y ; rdfs:label ?n } ORDER BY ?m LIMIT 5"""
    here, there = select(asked), rows.of_endpoint(f"{endpoint}/sparql")(asked)
    assert here == there
    assert {type(value) for row in here for value in row.values()} == {str, int, type(None)}
    numbers = "SELECT ?a ?b ?c { BIND(1.5 AS ?a) BIND(2e0 AS ?b) BIND(true AS ?c) }"
    assert list(select(numbers)) == [{"a": 1.5, "b": 2.0, "c": "true"}]
    with pytest.raises(UsageError, match="SELECT"):
        select("ASK { ?s ?p ?o }")


# --- views ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_every_node_of_a_view_tells_what_it_is(name: str, network: Network) -> None:
    graph, view = network.view(name), VIEWS[name]
    assert (graph.is_directed(), graph.is_multigraph()) == (view.directed, view.several)
    for node, of in graph.nodes(data=True):
        assert node == of["iri"]
        assert node.startswith(BASE)
        assert of["label"]
        assert of["kind"]
        assert isinstance(of.get("year", 0), int)
    assert all(of["relation"] for _, _, of in graph.edges(data=True))
    assert not list(nx.isolates(graph))
    if view.bipartite:
        side = {node: of["bipartite"] for node, of in graph.nodes(data=True)}
        assert all(side[one] != side[other] for one, other in graph.edges())


def test_the_lineage_is_that_of_the_tables(network: Network) -> None:
    surveyed = {row["label"] for row in table("backbones")} & {row["label"] for row in table("models")}
    stated = set()
    for row in table("model_backbones"):
        stated |= {(row["model"], row["backbone"]), (row["model"], row["initial_weights"])}
    stated = {(model, base) for model, base in stated if base}
    found = {
        (one.rpartition("/")[2], other.rpartition("/")[2])
        for one, other, of in network.view("lineage").edges(data=True)
        if of["relation"] != "builtOn"
    }
    assert {pair for pair in stated if pair[0] != pair[1]} == found
    models = {other for _, other in network.view("lineage").edges() if "/model/" in other}
    assert {network.label(model) for model in models} <= surveyed


def test_models_and_concepts_hold_all_models(network: Network) -> None:
    graph = network.view("models-concepts")
    assert kinds(graph)["model"] == len(table("models"))
    tasks = sum(of["relation"] == "task" for _, _, of in graph.edges(data=True))
    stated = {(row["id"], task) for row in table("models") for task in row["tasks"].split("|") if task}
    said = {
        (row["subject"].removeprefix("model/"), row["object"])
        for row in table("statements")
        if row["property"] == "task" and row["subject"].removeprefix("model/") in {of["id"] for of in table("models")}
    }
    assert tasks == len(stated | said)


def test_directions_address_challenges(network: Network) -> None:
    graph = network.view("challenges-directions")
    found = {
        (one.removeprefix(BASE), other.removeprefix(BASE))
        for one, other, of in graph.edges(data=True)
        if of["relation"] == "addresses"
    }
    assert found == {(row["direction"], row["challenge"]) for row in table("direction_challenges")}


def test_a_modality_and_a_task_weigh_what_they_have_in_common(network: Network, select: Select) -> None:
    edge = network.view("modality-task").edges[BASE + "Pathology", BASE + "ImageClassification"]
    asked = """SELECT (COUNT(DISTINCT ?m) AS ?n) { ?m a ?kind ; hfm:modality|hfm:mentionedModality hfm:Pathology ;
        hfm:task|hfm:mentionedTask hfm:ImageClassification VALUES ?kind { %s } }"""
    counts = [select(asked % kind)[0]["n"] for kind in ("hfm:FoundationModel", "hfm:Dataset")]
    assert [edge["models"], edge["datasets"]] == counts
    assert edge["weight"] == edge["models"] + edge["datasets"]


def test_co_citation_is_counted_in_places(queries: Catalog, select: Select, network: Network) -> None:
    graph = network.view("co-citation")
    places: dict[str, set[str]] = {}
    for row in select(
        """SELECT ?work ?place { ?row hfm:sentence ?said ; hfm:reference ?work ; prov:wasDerivedFrom ?place }"""
    ):
        places.setdefault(str(row["work"]), set()).add(str(row["place"]))
    expected = {
        (one, other): len(shared)
        for one, other in combinations(sorted(places), 2)
        if (shared := places[one] & places[other])
    }
    assert {tuple(sorted(pair[:2])): pair[2]["weight"] for pair in graph.edges(data=True)} == expected


def test_an_endpoint_gives_the_same_view(endpoint: str, network: Network, queries: Catalog) -> None:
    asked = to_networkx(rows.of_endpoint(f"{endpoint}/sparql"), "lineage", queries)
    assert nx.utils.graphs_equal(asked, network.view("lineage"))


def test_an_unknown_view_is_told_with_a_near_name(select: Select, queries: Catalog) -> None:
    with pytest.raises(UsageError, match="did you mean lineage"):
        to_networkx(select, "linage", queries)


def test_a_node_that_no_query_knows_is_told(queries: Catalog) -> None:
    field = of_models({"A": {"modality": "CT"}})

    def select(query: str) -> list[Mapping[str, Any]]:
        rows_found = rows.of_store(field.store)(query)
        return [] if query == queries["network-nodes"].text else list(rows_found)

    with pytest.raises(HfmError, match="does not know"):
        to_networkx(select, "models-concepts", queries)


# --- files ----------------------------------------------------------------------------------------------------


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


# --- chance ---------------------------------------------------------------------------------------------------


def test_curveball_keeps_all_degrees_and_mixes() -> None:
    generator = random.Random(5)
    network = {f"t{number}": frozenset(generator.sample("abcdefghij", 4)) for number in range(30)}
    drawn = chance.curveball(network, generator)
    assert {thing: len(concepts) for thing, concepts in drawn.items()} == dict.fromkeys(network, 4)

    def columns(of: Mapping[str, frozenset[str]]) -> Counter[str]:
        return Counter(concept for concepts in of.values() for concept in concepts)

    assert columns(drawn) == columns(network)
    assert drawn != network
    assert chance.curveball(network, random.Random(1)) == chance.curveball(network, random.Random(1))


def test_curveball_draws_all_networks_alike() -> None:
    # two things with two and one of three concepts that occur once each: three networks
    network = {"one": frozenset("ab"), "other": frozenset("c")}
    generator = random.Random(2)
    seen = Counter(min(chance.curveball(network, generator)["other"]) for _ in range(3000))
    assert set(seen) == set("abc")
    assert max(seen.values()) - min(seen.values()) < 200


def test_chance_tells_how_extreme_a_number_is() -> None:
    drawn = [1.0, 2.0, 3.0, 4.0]
    assert Chance.of(4.0, drawn).p == 2 / 5
    assert Chance.of(1.0, drawn, "lower").p == 2 / 5
    assert Chance.of(1.0, drawn, "both").p == 3 / 5
    assert Chance.of(9.0, drawn).p == 1 / 5
    assert Chance.of(2.5, drawn).z == 0
    assert Chance.of(3.0, [2.0, 2.0]).z is None


# --- measures with known answers ------------------------------------------------------------------------------


def measured(
    models: Mapping[str, Mapping[str, Any]], queries: Catalog, name: str, samples: int = 20
) -> list[dict[str, str]]:
    return list(measure(Network(rows.of_store(of_models(models).store), queries, samples=samples), name).rows)


def test_a_backbone_of_all_sub_fields_and_one_of_a_single_one(queries: Catalog) -> None:
    models = {
        f"{subfield}{number}": {
            "subfield": subfield,
            "backbone": ["Everywhere", *(["Here"] if subfield == "A" else [])],
        }
        for subfield in "ABCD"
        for number in range(5)
    }
    everywhere, here = measured(models, queries, "backbones")
    assert (everywhere["backbone"], everywhere["models"], everywhere["effective_subfields"]) == (
        "everywhere",
        "20",
        "4.00",
    )
    assert (everywhere["z"], everywhere["p"]) == ("", "1")  # dealing sub-fields out anew changes nothing
    assert (here["backbone"], here["models"], here["effective_subfields"]) == ("here", "5", "1.00")
    assert float(here["z"]) < -3
    assert float(here["p"]) < 0.01


def test_betweenness_and_participation_of_a_concept_that_joins_two_sub_fields(queries: Catalog) -> None:
    models = {
        f"{subfield}{number}": {
            "subfield": subfield,
            "task": f"Task{subfield}",
            "technique": ["Bridge"] if not number else [],
        }
        for subfield in "AB"
        for number in range(3)
    }
    found = {row["concept"]: row for row in measured(models, queries, "bridges")}
    assert found["bridge"]["participation"] == "0.500"
    assert found["taska"]["participation"] == "0.000"
    # nine nodes; all 4 * 4 paths between the halves go through the bridge, of 8 * 7 / 2 pairs of others
    assert float(found["bridge"]["betweenness"]) == pytest.approx(16 / 28, abs=1e-4)


def test_communities_that_are_the_sub_fields(queries: Catalog) -> None:
    models = {
        f"{subfield}{number}": {
            "subfield": subfield, "modality": [f"M{subfield}"], "task": [f"T{subfield}", f"U{subfield}"],
            "pretraining": f"P{number % 2}", "technique": [f"X{subfield}"], "backbone": f"B{subfield}",
        }
        for subfield in "ABC"
        for number in range(6)
    }  # fmt: skip
    for row in measured(models, queries, "communities"):
        if row["taxonomy"] == "sub-field":
            assert (row["communities"], row["AMI"], row["ARI"]) == ("3", "1.000", "1.000")
            assert float(row["AMI_by_chance"]) < 0.5
            assert float(row["AMI_p"]) < 0.1
        else:
            assert abs(float(row["AMI"])) < 0.2


def test_the_depth_of_a_chain() -> None:
    chain = nx.DiGraph([("c", "b"), ("b", "a"), ("c", "a"), ("d", "a")])
    assert structure._depths(chain) == {"a": 0, "b": 1, "c": 2, "d": 1}
    assert structure._depths(nx.DiGraph([("a", "b"), ("b", "a")])) is None


def test_diversity_and_participation_in_closed_form() -> None:
    assert centrality.effective_number([3, 3, 3]) == pytest.approx(3)
    assert centrality.effective_number([4, 4, 0]) == pytest.approx(2)
    assert centrality.participation([1, 1, 1, 1]) == 0.75


def test_similarity_in_closed_form() -> None:
    things = {"a": frozenset("xy"), "b": frozenset("xz"), "c": frozenset("w"), "d": frozenset("w")}
    content = similarity.information_content(things)
    assert content == pytest.approx({"x": math.log(2), "w": math.log(2), "y": math.log(4), "z": math.log(4)})
    found = {(one, other): value for value, one, other in similarity.pairs(things, content)}
    assert found["a", "b"] == pytest.approx(2 * math.log(2) / (2 * (math.log(2) + math.log(4))))
    assert (found["c", "d"], found["a", "c"]) == (1, 0)
    assert similarity.resnik(things["a"], things["b"], content) == math.log(2)
    assert all(similarity.lin(things[one], things[other], content) == value for (one, other), value in found.items())


def test_a_broader_concept_tells_less(queries: Catalog) -> None:
    field = of_models({name: {"task": "T", "subfield": "A"} for name in "AB"})
    field.concept("Image", "modality")
    for name, modality in (("C", "CT"), ("D", "MRI"), ("E", "CT")):
        field.thing(f"model/{name}", 2020, modality=modality)
        field.concept(modality, "modality", "Image")
    found = {
        (row["one"], row["other"]): row
        for row in measure(Network(rows.of_store(field.store), queries, samples=1), "similar-models").rows
    }
    assert float(found["C", "E"]["lin"]) == 1
    assert 0 < float(found["C", "D"]["lin"]) < 1
    assert float(found["C", "D"]["resnik"]) == pytest.approx(math.log(5 / 3), abs=0.01)
    assert float(found["A", "C"]["lin"]) == 0


def test_growth_that_doubles_each_year(queries: Catalog) -> None:
    field = of_models({"Later": {"subfield": "A", "task": "T"}}, year=2024)
    for year, count in ((2020, 4), (2021, 8), (2022, 16), (2023, 32)):
        for number in range(count):
            field.thing(f"model/M{year}-{number}", year, subfield="A", task="T")
    network = Network(rows.of_store(field.store), queries, samples=50)
    yearly = measure(network, "growth").rows
    assert [row["models"] for row in yearly] == ["4", "8", "16", "32", "1"]
    assert [row["ratio"] for row in yearly[:4]] == ["", "2.00", "2.00", "2.00"]
    everything = measure(network, "growth-rate").rows[0]
    assert (everything["models"], everything["doubling_years"]) == ("60", "1.00")
    assert float(everything["rate_low"]) < math.log(2) < float(everything["rate_high"])
    assert float(everything["p"]) < 0.05
    assert growth.exponential_rate([1, 2, 3], [1, 2, 3]) == pytest.approx(0, abs=1e-9)


def test_co_occurrence_that_is_perfect(queries: Catalog) -> None:
    models = {
        f"{name}{number}": {"modality": f"M{name}", "task": f"T{name}", "subfield": name}
        for name in "AB"
        for number in range(8)
    }
    found = {(row["modality"], row["task"]): row for row in measured(models, queries, "co-occurrence", samples=10)}
    assert found["ma", "ta"]["models"] == "8"
    assert float(found["ma", "ta"]["z"]) > 2
    assert found["ma", "tb"]["models"] == "0"
    assert float(found["ma", "tb"]["z"]) < -2


def test_the_core_of_a_clique_of_models_and_concepts(queries: Catalog) -> None:
    tasks = [f"T{number}" for number in range(4)]
    models = {f"M{number}": {"task": tasks if number < 4 else tasks[:1], "subfield": "A"} for number in range(9)}
    rows_found = {
        row["view"]: row for row in measured({**models, "X": {"modality": "CT", "task": "T0"}}, queries, "cores")
    }
    assert (rows_found["models-concepts"]["k"], rows_found["models-concepts"]["in_core"]) == ("4", "8")
    assert "co-citation" not in rows_found  # a field without references has none


# --- measures of the real graph -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(network: Network) -> dict[str, measures.Measure]:
    return {name: measure(network, name) for name in MEASURES}


def test_every_measure_has_rows_of_the_same_columns_and_what_chance_gives(real: dict[str, measures.Measure]) -> None:
    for name, found in real.items():
        assert found.name == name
        assert found.definition.endswith(".")
        assert found.rows
        assert {tuple(row) for row in found.rows} == {tuple(found.rows[0])}
        ps = [value for row in found.rows for column, value in row.items() if column.rpartition("_")[2] in ("p", "q")]
        assert ps or name == "growth"
        assert all(0 < float(value) <= 1 for value in ps)


def test_measures_are_the_same_whenever_they_are_taken(real: dict[str, measures.Measure], network: Network) -> None:
    again = Network(network.select, network.catalog, samples=SAMPLES)
    for name in ("cores", "lineage", "similar-datasets"):
        assert measure(again, name) == real[name]


def test_the_measures_agree_with_the_tables(real: dict[str, measures.Measure]) -> None:
    years = Counter(row["year"] for row in table("models"))
    assert {row["year"]: int(row["models"]) for row in real["growth"].rows} == years
    depth = {row["depth"]: int(row["models"]) for row in real["lineage"].rows}
    assert sum(depth.values()) == len({row["model"] for row in table("model_backbones")})
    backbones = {row["iri"].rpartition("/")[2]: row for row in real["backbones"].rows}
    built_on_sam = {
        row["model"] for row in table("model_backbones") if "SAM" in (row["backbone"], row["initial_weights"])
    }
    said = {
        row["subject"].removeprefix("model/")
        for row in table("statements")
        if row["property"] in ("builtOn", "initializedFrom") and row["object"] == "SAM"
    }
    assert int(backbones["SAM"]["models"]) == len(built_on_sam | said)


def test_communities_find_the_sub_fields_again(real: dict[str, measures.Measure]) -> None:
    agreement = {row["concepts"]: row for row in real["communities"].rows if row["taxonomy"] == "sub-field"}
    for row in agreement.values():
        assert float(row["AMI"]) > float(row["AMI_by_chance"]) + 0.2


def test_every_measure_is_drawn(real: dict[str, measures.Measure]) -> None:
    assert set(plots.DRAWN) == set(MEASURES)
    for found in real.values():
        assert ElementTree.fromstring(plots.write(found, "svg")).tag == "{http://www.w3.org/2000/svg}svg"
    for format_name in plots.FORMATS:
        assert plots.write(real["growth"], format_name) == plots.write(real["growth"], format_name)
    assert plots.write(real["growth"], "png").startswith(b"\x89PNG")
    with pytest.raises(UsageError):
        plots.write(real["growth"], "bmp")


# --- commands -------------------------------------------------------------------------------------------------


@pytest.fixture
def output(settings: Settings, snapshot: Snapshot) -> dict[str, str]:
    return {"HFM_KG_OUTPUT": str(settings.output)}


def test_measures_are_printed_and_written(output: dict[str, str], tmp_path: Path) -> None:
    arguments = ["network", "measures", "growth", "lineage", "--samples", "2"]
    plain = CliRunner(mix_stderr=False).invoke(main, [*arguments, "--folder", str(tmp_path / "m")], env=output)
    assert plain.exit_code == 0
    assert "131" in plain.stdout
    assert plain.stderr.startswith("Growth by year. models by the year")
    found = CliRunner(mix_stderr=False).invoke(main, [*arguments, "--json"], env=output)
    documents = json.loads(found.stdout)
    assert [document["name"] for document in documents] == ["growth", "lineage"]
    for document in documents:
        with (tmp_path / "m" / f"{document['name']}.tsv").open(encoding="utf-8", newline="") as file:
            assert list(csv.DictReader(file, delimiter="\t")) == document["rows"]


def test_views_are_listed_and_written(output: dict[str, str], tmp_path: Path, network: Network) -> None:
    listed = CliRunner(mix_stderr=False).invoke(main, ["network", "export"], env=output)
    assert [line.split("\t")[0] for line in listed.stdout.splitlines()[1:]] == list(VIEWS)
    arguments = ["network", "export", "lineage", "--format", "dot"]
    printed = CliRunner(mix_stderr=False).invoke(main, arguments, env=output)
    CliRunner(mix_stderr=False).invoke(main, [*arguments, "--file", str(tmp_path / "l.dot")], env=output)
    assert printed.stdout_bytes == (tmp_path / "l.dot").read_bytes() == formats.write(network.view("lineage"), "dot")


def test_pictures_are_written(output: dict[str, str], tmp_path: Path) -> None:
    arguments = ["network", "plots", "growth", "--folder", str(tmp_path), "--samples", "2"]
    done = CliRunner(mix_stderr=False).invoke(main, arguments, env=output)
    assert done.exit_code == 0
    assert [Path(line).name for line in done.stdout.splitlines()] == ["growth.png", "growth.svg"]
    assert all(Path(line).stat().st_size > 1000 for line in done.stdout.splitlines())


EXAMPLES = [
    line.strip().partition(" >")[0]
    for command in (main.commands["gaps"], *main.commands["network"].commands.values())  # type: ignore[attr-defined] # it is a group
    for line in (command.help or "").partition("Examples:")[2].strip().splitlines()
    if "--samples" not in line and "plots" not in line
]
"""What help shows, without what takes minutes."""


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_help_shows_can_be_done(
    example: str, output: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner(mix_stderr=False).invoke(main, shlex.split(example)[1:], env=output)
    assert result.exit_code == 0, result.stderr
    assert result.stdout or list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [["measures", "backbone"], ["export", "linage"], ["plots", "growht"]], ids=lambda given: given[0]
)
def test_unknown_names_are_told_with_a_near_one(arguments: list[str], output: dict[str, str]) -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ["network", *arguments], env=output)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean" in result.stderr
