"""The graph as a network: rows, views, and the commands."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from click.testing import CliRunner
from pyoxigraph import QuerySolutions, Store

from hfm_kg import rows, sparql
from hfm_kg.catalog import Catalog
from hfm_kg.cli import main
from hfm_kg.errors import HfmError, UsageError
from hfm_kg.network import (
    VIEWS,
    formats,
    to_networkx,
)
from hfm_kg.network.measures import Network
from hfm_kg.pipeline import Settings
from hfm_kg.rows import Select
from hfm_kg.source import Endpoint, Local
from hfm_kg.store import Snapshot
from hfm_kg.terms import BASE
from tests.conftest import ROOT
from tests.fields import of_models


def table(name: str) -> list[dict[str, str]]:
    with (ROOT / "data" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def kinds(graph: Any) -> Counter[str]:
    """How many nodes there are of each kind."""
    return Counter(of["kind"] for _, of in graph.nodes(data=True))


# --- rows and queries ------------------------------------------------------------------------------------------


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
    here, there = select(asked), rows.of(Endpoint(f"{endpoint}/sparql"))(asked)
    assert here == there
    assert {type(value) for row in here for value in row.values()} == {str, int, type(None)}
    numbers = "SELECT ?a ?b ?c { BIND(1.5 AS ?a) BIND(2e0 AS ?b) BIND(true AS ?c) }"
    assert list(select(numbers)) == [{"a": 1.5, "b": 2.0, "c": True}]
    with pytest.raises(UsageError, match="SELECT"):
        select("ASK { ?s ?p ?o }")


# --- views -----------------------------------------------------------------------------------------------------


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
    asked = to_networkx(rows.of(Endpoint(f"{endpoint}/sparql")), "lineage", queries)
    assert nx.utils.graphs_equal(asked, network.view("lineage"))


def test_an_unknown_view_is_told_with_a_near_name(select: Select, queries: Catalog) -> None:
    with pytest.raises(UsageError, match="did you mean lineage"):
        to_networkx(select, "linage", queries)


def test_a_node_that_no_query_knows_is_told(queries: Catalog) -> None:
    field = of_models({"A": {"modality": "CT"}})

    def select(query: str) -> list[Mapping[str, Any]]:
        rows_found = rows.of(Local("graph", field.store))(query)
        return [] if query == queries["network-nodes"].text else list(rows_found)

    with pytest.raises(HfmError, match="does not know"):
        to_networkx(select, "models-concepts", queries)


# --- commands --------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    "arguments", [["measures", "backbone"], ["export", "linage"], ["plots", "growht"]], ids=lambda given: given[0]
)
def test_unknown_names_are_told_with_a_near_one(arguments: list[str], output: dict[str, str]) -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ["network", *arguments], env=output)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean" in result.stderr
