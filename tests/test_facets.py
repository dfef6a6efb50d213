"""Lists, the facets that narrow them, and the one query that a selection becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

import pytest
from pyoxigraph import Literal, NamedNode, QueryTriples, Store
from rdflib.plugins.sparql import prepareQuery

from hfm_kg import facets, remote, sparql
from hfm_kg.errors import HfmError
from hfm_kg.kinds import KINDS, Asks
from hfm_kg.kinds import kind as kind_of
from hfm_kg.listing import Listing
from hfm_kg.pipeline import Settings
from hfm_kg.search import Search
from hfm_kg.terms import HFM, iri

SELECTIONS: list[tuple[str, Mapping[str, object]]] = [
    ("models", {}),
    ("models", {"modality": "pathology", "code": True}),
    ("models", {"task": ["NER", "QA"], "since": 2022, "subfield": "Language"}),
    ("models", {"modality": ["CT", "MRI", "X-ray"], "until": "2022", "paradigm": "SelfSupervisedLearning"}),
    ("models", {"backbone": "SAM", "adaptation": "AT", "code": "yes"}),
    ("models", {"unit": "task", "size": 5}),
    ("datasets", {}),
    ("datasets", {"unit": "images", "size": "10,000"}),
    ("datasets", {"unit": ["images", "volumes"], "size": 1000, "link": "no"}),
    ("datasets", {"since": 2020, "subfield": ["vision", "multimodal"]}),
    ("references", {}),
    ("references", {"cited_by": "model/BioBERT"}),
    ("references", {"citing": "FoundationModel", "identifier": "no"}),
    ("references", {"survey": "no", "kind": ["article", "preprint"], "until": 2020}),
    ("references", {"subfield": "hfm:Bioinformatics", "survey": "no"}),
    ("concepts", {}),
    ("concepts", {"mapped": "edam", "scheme": "tasks"}),
    ("concepts", {"below": "medical image", "class": HFM.Modality}),
]


@pytest.fixture(scope="module")
def names(store: Store) -> Search:
    return Search(partial(sparql.select, store))


@pytest.fixture(scope="module")
def listings(store: Store) -> dict[str, Listing]:
    return {name: Listing(kind, partial(sparql.select, store)) for name, kind in KINDS.items()}


@pytest.mark.parametrize("order", ["", "-name", "column"])
@pytest.mark.parametrize(("name", "given"), SELECTIONS, ids=str)
def test_the_query_and_the_list_agree(
    name: str, given: Mapping[str, object], order: str, store: Store, names: Search, listings: dict[str, Listing]
) -> None:
    kind = KINDS[name]
    selection = facets.choose(kind, given, names)
    column = {"models": "-year", "datasets": "year", "references": "number", "concepts": "scheme"}[name]
    if order == "column":
        order = column
    rows = sparql.select(store, facets.query(kind, selection, order))
    found = listings[name].find(selection, order)
    assert {row[kind.one] for row in rows} == {item.node for item in found}
    assert len(rows) == len(found)
    if found and name != "concepts":  # labels of concepts have a language, which the engine orders by too
        if order in ("", "-name"):
            assert [row[kind.one] for row in rows] == [item.node for item in found]
        else:
            key = order.removeprefix("-")
            assert [row[key].value for row in rows if key in row] == [
                "|".join(cell.text for cell in item.cells[key]) for item in found if item.cells[key]
            ]
    for row, item in zip(
        sorted(rows, key=lambda row: str(row[kind.one])), sorted(found, key=lambda i: str(i.node)), strict=True
    ):
        assert row["name"].value == item.name
        for each in kind.columns:
            shown = row[each.name].value.split("|") if each.name in row else []
            assert shown == sorted({cell.text for cell in item.cells[each.name]})


def test_texts_of_a_facet_are_those_that_the_tables_allow(settings: Settings, listings: dict[str, Listing]) -> None:
    schema = json.loads((settings.data / "csv-metadata.json").read_text(encoding="utf-8"))
    (references,) = [table for table in schema["tables"] if table["url"] == "references.tsv"]
    (column,) = [column for column in references["tableSchema"]["columns"] if column["name"] == "kind"]
    facet = KINDS["references"].facet("kind")
    assert facet.texts == tuple(column["datatype"]["format"].split("|"))
    assert set(listings["references"].carriers["kind"]) == set(map(Literal, facet.texts))


def test_selections_narrow(names: Search, listings: dict[str, Listing]) -> None:
    sizes = [len(listings[name].find(facets.choose(KINDS[name], given, names))) for name, given in SELECTIONS]
    assert 0 not in sizes
    everything = {"models": 200, "datasets": 114, "references": 443, "concepts": 616}
    for (name, given), size in zip(SELECTIONS, sizes, strict=True):
        assert size == everything[name] if not given else size < everything[name]


def test_broader_concepts_find_their_kinds(names: Search, listings: dict[str, Listing]) -> None:
    image = facets.choose(KINDS["models"], {"modality": "medical image"}, names)
    found = {item.node for item in listings["models"].find(image)}
    assert iri("model", "UNI") in found  # its modality is pathology
    assert iri("model", "BioBERT") not in found


@pytest.mark.parametrize("name", list(KINDS))
def test_a_count_is_what_the_list_holds_with_that_value(name: str, names: Search, listings: dict[str, Listing]) -> None:
    listing = listings[name]
    for given in (given for each, given in SELECTIONS if each == name):
        selection = facets.choose(listing.kind, given, names)
        for facet in listing.kind.facets:
            if facet.listed and facet.asks in (Asks.ANY, Asks.THERE):
                counts = listing.counts(facet, selection)
                assert [count.things for count in counts] == sorted((c.things for c in counts), reverse=True)
                for count in counts[:6]:
                    assert count.label
                    assert len(listing.find({**selection, facet.name: (count.value,)})) == count.things
                    again = facets.choose(listing.kind, {facet.name: facets.written(facet, count.value)}, names)
                    assert again == {facet.name: (count.value,)}


def test_the_query_of_a_selection_is_the_same_text_whatever_the_order_and_spelling(names: Search) -> None:
    one = facets.choose(KINDS["models"], {"task": ["QA", "NER"], "code": True}, names)
    other = facets.choose(
        KINDS["models"], {"code": "yes", "task": ["hfm:NamedEntityRecognition", "question answering", "QA"]}, names
    )
    assert facets.query(KINDS["models"], one) == facets.query(KINDS["models"], other)


def test_paging_cuts_the_list(store: Store, listings: dict[str, Listing]) -> None:
    rows = sparql.select(store, facets.query(KINDS["models"], {}, "", limit=10, offset=20))
    assert [row["model"] for row in rows] == [item.node for item in listings["models"].find({})[20:30]]


@pytest.mark.parametrize(("name", "given"), SELECTIONS[1:3] + SELECTIONS[7:9], ids=str)
def test_another_endpoint_answers_the_same(
    name: str, given: Mapping[str, object], endpoint: str, store: Store, names: Search
) -> None:
    query = facets.query(KINDS[name], facets.choose(KINDS[name], given, names))
    assert remote.select(f"{endpoint}/sparql", query) == sparql.select(store, query)


@pytest.mark.parametrize(("name", "given"), SELECTIONS, ids=str)
def test_queries_are_standard_sparql(name: str, given: Mapping[str, object], names: Search) -> None:
    kind = KINDS[name]
    selection = facets.choose(kind, given, names)
    for text in (
        facets.query(kind, selection, "-name", 5, 5),
        facets.description(kind, selection),
        facets.works(kind, selection),
    ):
        assert prepareQuery(text).algebra.name  # rdflib's parser knows no prefix that the text does not declare


def test_the_description_holds_every_statement_about_the_list(store: Store, names: Search) -> None:
    kind = KINDS["models"]
    selection = facets.choose(kind, SELECTIONS[1][1], names)
    result = sparql.evaluate(store, facets.description(kind, selection))
    assert isinstance(result, QueryTriples)
    subjects = {triple.subject for triple in result}
    assert subjects == {row["model"] for row in sparql.select(store, facets.query(kind, selection))}


def test_the_works_are_those_that_report_the_list(store: Store, names: Search) -> None:
    def works(name: str, given: Mapping[str, object]) -> set[str]:
        rows = sparql.select(store, facets.works(KINDS[name], facets.choose(KINDS[name], given, names)))
        return {row["work"].value for row in rows}

    assert works("models", {"modality": "pathology", "since": 2024}) >= {iri("reference", "140").value}
    listed = works("references", {"survey": True})
    assert len(listed) == 17


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("models", {"modalit": "CT"}, "models have no facet 'modalit'; did you mean modality?"),
        ("models", {"modality": "Patology"}, "did you mean pathology"),
        ("models", {"since": "last year"}, "since is a whole number, not 'last year'"),
        ("models", {"since": [2020, 2021]}, "since is given 2 times"),
        ("models", {"code": "perhaps"}, "code is yes or no"),
        ("concepts", {"mapped": "edem"}, "mapped has no value 'edem'; did you mean edam?"),
        ("concepts", {"mapped": "../x> } #"}, "mapped has no value"),
    ],
)
def test_what_there_is_not_is_told(name: str, given: Mapping[str, object], message: str, names: Search) -> None:
    with pytest.raises(HfmError) as caught:
        facets.choose(KINDS[name], given, names)
    assert message in str(caught.value)
    assert caught.value.status == 400


def test_what_is_no_kind_or_column_is_told() -> None:
    with pytest.raises(HfmError, match="did you mean models"):
        kind_of("model")
    with pytest.raises(HfmError, match="did you mean year"):
        facets.query(KINDS["models"], {}, "-yeer")


def test_hostile_values_stay_values(store: Store) -> None:
    evil = 'x" } DROP ALL #\n\\'
    query = facets.query(KINDS["references"], {"kind": (Literal(evil),)})
    assert sparql.select(store, query) == []
    hard = NamedNode("https://w3id.org/hfm/a(b)'c")
    assert sparql.select(store, facets.query(KINDS["models"], {"task": (hard,)})) == []


def test_nothing_given_asks_for_nothing(names: Search) -> None:
    assert facets.choose(KINDS["models"], {"modality": [], "since": "", "code": None, "task": ""}, names) == {}
