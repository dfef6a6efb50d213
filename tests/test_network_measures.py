"""Measures of the network: against closed forms, against the tables, beside chance."""

from __future__ import annotations

import csv
import math
import random
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping
from typing import Any

import networkx as nx
import pytest

from hfm_kg import pictures, rows
from hfm_kg.catalog import Catalog
from hfm_kg.errors import UsageError
from hfm_kg.network import (
    centrality,
    chance,
    growth,
    measures,
    plots,
    similarity,
    structure,
)
from hfm_kg.network.chance import Chance
from hfm_kg.network.measures import MEASURES, Network, measure
from hfm_kg.source import Local
from tests.conftest import ROOT
from tests.fields import of_models


def table(name: str) -> list[dict[str, str]]:
    with (ROOT / "data" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


# --- chance ----------------------------------------------------------------------------------------------------


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


# --- measures with known answers -------------------------------------------------------------------------------


def measured(
    models: Mapping[str, Mapping[str, Any]], queries: Catalog, name: str, samples: int = 20
) -> list[dict[str, str]]:
    return list(measure(Network(rows.of(Local("graph", of_models(models).store)), queries, samples=samples), name).rows)


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
        for row in measure(Network(rows.of(Local("graph", field.store)), queries, samples=1), "similar-models").rows
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
    network = Network(rows.of(Local("graph", field.store)), queries, samples=50)
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


# --- measures of the real graph --------------------------------------------------------------------------------


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
    again = Network(network.select, network.catalog, samples=network.samples)
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
    for format_name in pictures.FORMATS:
        assert plots.write(real["growth"], format_name) == plots.write(real["growth"], format_name)
    assert plots.write(real["growth"], "png").startswith(b"\x89PNG")
    with pytest.raises(UsageError):
        plots.write(real["growth"], "bmp")
