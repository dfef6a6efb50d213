"""The graph in Python: one interface, whatever answers."""

from __future__ import annotations

import gzip
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest
from pyoxigraph import Literal, NamedNode, Store

from hfm_kg import Iri, KnowledgeGraph, Result, evaluation, kinds, open_graph, pipeline, remote, sparql, tables
from hfm_kg.catalog import Catalog
from hfm_kg.errors import (
    DeadlineError,
    EndpointError,
    EvaluationError,
    ForbiddenError,
    HfmError,
    QuerySyntaxError,
    UnknownNameError,
    UnknownQueryError,
    UsageError,
)
from hfm_kg.pipeline import Settings
from hfm_kg.result import Triples
from hfm_kg.store import Snapshot

BASE = sparql.PREFIXES["hfm"]


@pytest.fixture(scope="module")
def near(settings: Settings, snapshot: Snapshot) -> KnowledgeGraph:
    return open_graph(settings.output)


@pytest.fixture(scope="module")
def far(endpoint: str) -> KnowledgeGraph:
    return open_graph(f"{endpoint}/sparql")


@pytest.fixture(scope="module")
def loaded(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> KnowledgeGraph:
    path = tmp_path_factory.mktemp("dump") / "graph.nq.gz"
    with snapshot.dump.open("rb") as dump, gzip.open(path, "wb", compresslevel=1) as compressed:
        shutil.copyfileobj(dump, compressed)
    return open_graph(path)


@pytest.fixture(params=["near", "far", "loaded"])
def graph(request: pytest.FixtureRequest) -> KnowledgeGraph:
    found: KnowledgeGraph = request.getfixturevalue(request.param)
    return found


# --- one interface over three sources -------------------------------------------------------------------------


def test_a_query_of_the_catalogue_gives_the_same_rows(graph: KnowledgeGraph, near: KnowledgeGraph) -> None:
    for name in ("counts", "models-by-subfield", "techniques-in-use", "code-by-subfield"):
        assert graph.query(name).to_dicts() == near.query(name).to_dicts()


def test_rows_hold_python_values(graph: KnowledgeGraph) -> None:
    query = """SELECT ?model ?name ?year ?ticked ?label WHERE {
      ?model rdfs:label ?name ; hfm:publicationYear ?year ; hfm:codeTicked ?ticked ; hfm:modality/rdfs:label ?label }"""
    (row,) = graph.query(query, model=graph.iri("UNI"))
    assert tuple(row) == (f"{BASE}model/UNI", "UNI", 2024, True, "pathology")
    assert [type(value) for value in row] == [Iri, str, int, bool, str]
    assert row.model.label == "UNI"


def test_graphs_and_booleans(graph: KnowledgeGraph, store: Store) -> None:
    described = graph.query("DESCRIBE ?model", model=graph.iri("UNI"))
    assert isinstance(described, Triples)
    assert set(described.triples) == set(store.query(f"DESCRIBE <{BASE}model/UNI>"))  # type: ignore[arg-type] # triples
    assert len(described.to_rdflib()) == len(described)
    ask = "ASK { ?model hfm:modality ?modality }"
    assert graph.query(ask, model=graph.iri("UNI"), modality=graph.iri("Pathology"))
    assert not graph.query(ask, model=graph.iri("UNI"), modality=graph.iri("CT"))


def test_everyday_ways(graph: KnowledgeGraph, near: KnowledgeGraph) -> None:
    assert (
        graph.models(modality="pathology", code=True).to_dicts()
        == near.models(modality="pathology", code=True).to_dicts()
    )
    assert graph.describe("BioBERT").statements.to_dicts() == near.describe("BioBERT").statements.to_dicts()
    assert graph.search("biobret")[0].thing == f"{BASE}model/BioBERT"
    assert repr(graph.provenance("DeepLesion")) == repr(near.provenance("DeepLesion"))


def test_relative_iris_are_ours(graph: KnowledgeGraph) -> None:
    assert graph.query("ASK { <model/UNI> a hfm:FoundationModel }")


def test_functions_that_only_another_engine_has_are_left_to_it(far: KnowledgeGraph) -> None:
    for bindings in ({}, {"x": 1}):
        with pytest.raises(UsageError, match="answers 400 Bad Request"):
            far.query("ASK { ?x ?y ?z . FILTER(<http://example.org/f>(?x)) }", **bindings)


def test_mistakes_are_told_alike(graph: KnowledgeGraph) -> None:
    with pytest.raises(QuerySyntaxError, match=r"^line 1, column 12: "):
        graph.query("SELECT ?s ?p ?o")
    with pytest.raises(QuerySyntaxError, match="the prefix fair: is neither declared nor known"):
        graph.query("ASK { ?m a fair:Model }")
    with pytest.raises(ForbiddenError, match="SERVICE is not allowed"):
        graph.query("ASK { SERVICE <http://127.0.0.1:1/> {} }")
    with pytest.raises(ForbiddenError, match="read-only"):
        graph.query("DROP ALL ?", x=1)
    with pytest.raises(UsageError, match=r"no variable \?modle; did you mean model"):
        graph.query("ASK { ?model a hfm:FoundationModel }", modle=1)
    with pytest.raises(QuerySyntaxError):
        graph.query("ASK { BIND(1 AS ?x) }", x=1)
    with pytest.raises(UnknownQueryError, match="did you mean counts"):
        graph.query("count")
    with pytest.raises(UsageError, match="the query is empty"):
        graph.query(" ")


@pytest.mark.parametrize(
    "text", ['" } UNION { ?m a hfm:Survey } #', "\\u0022 } UNION { ?m a hfm:Survey } #", "'", "\n"]
)
def test_a_bound_text_stays_a_text(text: str, graph: KnowledgeGraph) -> None:
    assert graph.query("SELECT ?m ?name { ?m rdfs:label ?name }", name=text).to_dicts() == []
    (row,) = graph.query("SELECT (STR(?x) AS ?same) { VALUES ?x { 1 } }", x=text)
    assert row.same == text


# --- queries --------------------------------------------------------------------------------------------------


def test_a_parameter_of_the_catalogue_takes_names(near: KnowledgeGraph) -> None:
    by_name = near.query("why-is-it-said", subject="SegVol", property="modality", object="CT")
    by_iri = near.query(
        "why-is-it-said", subject=Iri(f"{BASE}model/SegVol"), property=f"{BASE}modality", object="hfm:CT"
    )
    assert by_name.to_dicts() == by_iri.to_dicts() == near.query("why-is-it-said").to_dicts()
    both = near.query("where-is-it-said", thing=["UNI", "BioBERT"])
    assert len(both) == len(near.query("where-is-it-said", thing="UNI")) + len(near.query("where-is-it-said"))
    with pytest.raises(UnknownNameError, match="did you mean BioBERT"):
        near.query("where-is-it-said", thing="BioBret")
    with pytest.raises(UsageError, match=r"\?thing is given no value"):
        near.query("where-is-it-said", thing=[])


def test_values_of_every_kind_are_bound(near: KnowledgeGraph) -> None:
    years = "SELECT ?m { ?m a hfm:FoundationModel ; hfm:publicationYear ?year }"
    assert len(near.query(years, year=2018)) + len(near.query(years, year=2019)) == len(
        near.query(years, year=(2018, 2019))
    )
    labelled = "SELECT ?c { ?c rdfs:label ?label ; a hfm:Modality }"
    assert near.query(labelled, label="pathology").to_dicts() == []  # a plain string is another term
    assert near.query(labelled, label=Literal("pathology", language="en"))["c"] == [f"{BASE}Pathology"]
    assert near.query(
        "ASK { ?m hfm:codeTicked ?ticked ; hfm:modality ?x }", ticked=True, x=NamedNode(f"{BASE}Pathology")
    )
    assert near.query("SELECT ?m { ?m rdfs:label 'UNI' }", m=near.models(modality="pathology")["model"])


def test_a_result_tells_the_query_that_anyone_can_repeat(near: KnowledgeGraph, store: Store) -> None:
    result = near.models(modality="pathology", since=2023)
    assert len(sparql.select(store, result.query)) == len(result)
    assert f"<{BASE}model/UNI>" in near.query("SELECT ?p { ?s ?p ?o }", s=near.iri("UNI")).query


def test_the_catalogue_is_listed(near: KnowledgeGraph, queries: Catalog) -> None:
    assert near.questions["name"] == [query.name for query in queries.of_kind("competency")]


ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


def test_a_deadline_stops_a_query(settings: Settings, loaded: KnowledgeGraph, endpoint: str) -> None:
    for place in (settings.output, f"{endpoint}/sparql"):
        hasty = open_graph(place, timeout=0.5)
        with pytest.raises(DeadlineError, match="seconds"):
            hasty.query(ENDLESS)
        assert len(hasty.query("counts", timeout=60)) == 7
    with pytest.raises(DeadlineError, match=r"longer than 0\.5 seconds and was stopped"):
        loaded.query(ENDLESS, timeout=0.5)
    described = loaded.query(f"DESCRIBE <{BASE}model/UNI>", timeout=60)
    assert len(described) == len(loaded.query(f"DESCRIBE <{BASE}model/UNI>"))


def test_a_deadline_does_not_hide_a_mistake(near: KnowledgeGraph) -> None:
    with pytest.raises(QuerySyntaxError, match=r"^line 1"):
        near.query("ASK {", timeout=60)


def test_a_process_that_cannot_answer_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="has ended: "):
        evaluation.evaluate(tmp_path / "none", "ASK {}", "json", 60)


def test_an_endpoint_that_is_silent_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/sparql"
        with pytest.raises(DeadlineError, match=r"has not answered within 0\.2 seconds"):
            remote.ask(url, "ASK {}", sparql.SOLUTION_FORMATS[0], 0.2)


# --- lists and things -----------------------------------------------------------------------------------------


def test_lists_are_those_of_the_tables(near: KnowledgeGraph, settings: Settings) -> None:
    models = tables.read(settings.data)["models"]
    expected = {
        row.text("id") for row in models if row.text("subfield") == "Vision" and (row.integer("year") or 0) >= 2023
    }
    assert {iri.rpartition("/")[2] for iri in near.models(subfield="vision", since=2023)["model"]} == expected
    assert expected
    assert len(near.models()) == 200
    assert len(near.datasets()) == 114
    assert len(near.references()) == 443


def test_lists_take_every_facet_that_there_is() -> None:
    import inspect

    for name in kinds.KINDS:
        parameters = set(inspect.signature(getattr(KnowledgeGraph, name)).parameters)
        assert {facet.name for facet in kinds.kind(name).facets} == {
            parameter.rstrip("_") for parameter in parameters - {"self", "order", "limit"}
        }


def test_names_notations_and_iris_are_the_same(near: KnowledgeGraph) -> None:
    lists = [
        near.models(task=task).to_dicts()
        for task in ("NER", "named entity recognition", "NamedEntityRecognition", f"{BASE}NamedEntityRecognition",
                     near.iri("NER"), ["NER"])
    ]  # fmt: skip
    assert all(found == lists[0] for found in lists)
    assert lists[0]
    with pytest.raises(UnknownNameError, match="did you mean pathology"):
        near.models(modality="patology")
    with pytest.raises(UsageError, match="models have no column 'yaer'; did you mean year"):
        near.models(order="yaer")


def test_lists_are_ordered_and_cut(near: KnowledgeGraph) -> None:
    years = near.models(order="-year")["year"]
    assert years == sorted(years, reverse=True)
    assert len(near.concepts(scheme="tasks", limit=3)) == 3
    modalities = near.concepts(class_="Modality")["concept"]
    assert near.iri("CTSlice") in near.concepts(class_="Modality", below="CT")["concept"] != modalities


def test_a_thing_is_described(near: KnowledgeGraph) -> None:
    thing = near.describe("UNI")
    assert (thing.iri, thing.label, thing.kind) == (f"{BASE}model/UNI", "UNI", "model")
    assert thing["hfm:publicationYear"] == thing["publicationYear"] == thing[f"{BASE}publicationYear"] == [2024]
    assert {row.property for row in near.describe("pathology").mentions} >= {f"{BASE}modality"}
    assert repr(thing).startswith(f"UNI (model) <{BASE}model/UNI>\nproperty ")
    assert "vision foundation model" in thing._repr_html_()
    with pytest.raises(KeyError, match="did you mean publicationYear"):
        thing["publicatoinYear"]
    for name in ("nothing of the kind", f"{BASE}model/Nothing", "http://example.org/nothing"):
        with pytest.raises(UnknownNameError):
            near.describe(name)


def test_a_label_that_is_markup_is_shown_as_text(tmp_path: Path) -> None:
    (tmp_path / "x.ttl").write_text(
        f'<{BASE}model/X> <http://www.w3.org/2000/01/rdf-schema#label> "<script>alert(1)</script>" .', encoding="utf-8"
    )
    shown = open_graph(tmp_path / "x.ttl").describe(f"{BASE}model/X")._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_provenance_leads_to_row_and_reference(near: KnowledgeGraph) -> None:
    said = near.provenance("SegVol", "modality", "CT")
    assert {(row.place, row.table, row.row, row.reference) for row in said.statements} == {("Table 2", 2, 7, 123)}
    assert near.provenance("UNI", "publicationYear", 2024).statements
    assert "conflict" in near.provenance("DeepLesion").notes["kind"]
    assert near.provenance("UNI", "modality", "no such text").statements.to_dicts() == []
    assert "<table>" in said._repr_html_()


def test_views_are_given_to_networkx(near: KnowledgeGraph, tmp_path: Path) -> None:
    lineage = near.to_networkx("lineage")
    assert all(type(node) is str for node in lineage)
    nx.write_graphml(lineage, tmp_path / "lineage.graphml")  # which takes no kinds of texts of ours
    with pytest.raises(UsageError, match="did you mean lineage"):
        near.to_networkx("linage")


def test_a_graph_shows_itself(near: KnowledgeGraph, snapshot: Snapshot) -> None:
    assert repr(near).endswith(f"{snapshot.name}>")
    assert "<td>models</td><td>200</td>" in near._repr_html_()


# --- opening --------------------------------------------------------------------------------------------------


def test_a_snapshot_is_opened_by_its_own_path(snapshot: Snapshot) -> None:
    assert open_graph(str(snapshot.path)).query("ASK { ?s ?p ?o }")


def test_without_a_place_the_snapshot_is_built_if_there_is_none(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def build(settings: Settings, progress: object) -> Snapshot:
        asked.append(settings.output)
        return snapshot

    monkeypatch.setattr(pipeline, "build", build)
    monkeypatch.setenv("HFM_KG_OUTPUT", str(tmp_path / "new"))
    assert len(open_graph().query("counts")) == 7
    assert asked == [tmp_path / "new"]
    assert capsys.readouterr() == ("", "hfm-kg: no snapshot yet, building one\n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none", None, "neither a folder of snapshots, nor an RDF file, nor an address"),
        ("folder/", None, "holds no snapshot; make one with: hfm-kg build --output"),
        ("graph.xyz", b"", "cannot tell from the name"),
        ("graph.ttl", b"<a> <b>", "cannot read"),
        ("graph.nq", b"\xff", "cannot read"),
        ("graph.nt.gz", gzip.compress(b"<http://a/> <http://b/> <http://c/> .\n", mtime=0)[:-9], "cannot read"),
    ],
)
def test_what_cannot_be_opened_is_told(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    if name.endswith("/"):
        (tmp_path / name).mkdir()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        open_graph(tmp_path / name)


@pytest.mark.parametrize("suffix", ["ttl", "nt", "nq", "trig", "rdf", "owl", "jsonld", "nt.gz"])
def test_files_of_every_serialisation_are_opened(suffix: str, near: KnowledgeGraph, tmp_path: Path) -> None:
    graph = near.query(f"DESCRIBE <{BASE}model/UNI>")
    assert isinstance(graph, Triples)
    form = {"ttl": "turtle", "nt": "ntriples", "nq": "nquads", "trig": "trig", "jsonld": "jsonld", "nt.gz": "ntriples"}
    content = graph.serialize(form.get(suffix, "rdfxml")).encode()
    (tmp_path / f"g.{suffix}").write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    assert open_graph(tmp_path / f"g.{suffix}").query("SELECT ?p { ?s ?p ?o }").to_dicts()


def test_an_endpoint_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/sparql"
    with pytest.raises(EndpointError, match="refused"):
        open_graph(url).query("ASK {}")


def test_the_package_is_imported_at_once() -> None:
    code = (
        "import sys, hfm_kg; print([name for name in ('pyoxigraph', 'httpx', 'rdflib', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_queries_need_no_frames() -> None:
    code = (
        "import sys; from hfm_kg import open_graph; print({'pandas', 'polars', 'pyarrow', 'rdflib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_other_names_are_not_in_the_package() -> None:
    import hfm_kg

    with pytest.raises(AttributeError, match="no attribute 'opengraph'"):
        hfm_kg.opengraph  # noqa: B018
    assert issubclass(UnknownNameError, HfmError)
    assert Result is hfm_kg.Result
