"""Engines of others: the graph is published there, and they answer, directly or through our server, as ours does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from pyoxigraph import QueryResultsFormat, QuerySolutions, parse_query_results

from hfm_kg import remote
from hfm_kg.catalog import Catalog
from hfm_kg.publish import publish
from hfm_kg.sparql import GRAPH_FORMATS
from hfm_kg.store import Snapshot

from . import stores
from .stores import Foreign
from .test_competency import ANSWERS, NAMES, plain
from .test_operations import Running, running

DEVIATIONS = {
    ("virtuoso", "disputed-statements"): "CONCAT of an unbound variable is a text to Virtuoso, and not an error",
    ("virtuoso", "why-is-it-said"): "Virtuoso has no default graph but a named one, which GRAPH ?g finds too",
}
"""What an engine answers otherwise, and why."""


@pytest.fixture(scope="module", params=["oxigraph", "virtuoso"])
def foreign(
    request: pytest.FixtureRequest, snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Foreign]:
    """A store of others that holds the whole graph."""
    if request.param == "oxigraph":
        yield request.getfixturevalue("oxigraph")
        return
    with stores.virtuoso(tmp_path_factory.mktemp("store")) as foreign:
        publish(snapshot.quads(), foreign.target, foreign.access)
        yield foreign


@pytest.fixture(scope="module")
def through(foreign: Foreign, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server over that store, with no snapshot at hand."""
    with running(tmp_path_factory.mktemp("none"), "--upstream", foreign.asked, "--timeout", "120") as server:
        yield server


@pytest.mark.parametrize("is_through", [False, True], ids=["directly", "through us"])
@pytest.mark.parametrize("name", NAMES)
def test_the_query_gives_the_frozen_answer(
    foreign: Foreign, through: Running, queries: Catalog, name: str, is_through: bool, request: pytest.FixtureRequest
) -> None:
    engine = request.node.callspec.params["foreign"]
    if (engine, name) in DEVIATIONS:
        request.applymarker(pytest.mark.xfail(reason=DEVIATIONS[engine, name], strict=True))
    text = queries[name].text
    content = through.ask(text).content if is_through else remote.ask(foreign.asked, text, remote.JSON)
    result = parse_query_results(content, format=QueryResultsFormat.JSON)
    assert isinstance(result, QuerySolutions)
    given = ["\t".join(variable.value for variable in result.variables)]
    given += ["\t".join(plain(term) for term in solution) for solution in result]
    frozen = (ANSWERS / f"{name}.tsv").read_text(encoding="utf-8")
    assert given == frozen.removesuffix("\n").split("\n")


@pytest.mark.parametrize("path", [
    "/", "/models", "/datasets?modality=Pathology", "/search?q=biobert", "/query", "/sitemap.xml", "/challenges",
    "/gaps", "/compare?thing=model/UNI&thing=model/CONCH", "/model/SegVol", "/dataset/MIMIC-CXR", "/CT",
    "/source/he2024", "/no/such/place",
])  # fmt: skip
def test_a_page_is_the_same_as_over_a_snapshot(through: Running, endpoint: str, path: str) -> None:
    theirs, ours = (
        httpx.get(f"{address}{path}", headers={"Accept": "text/html"}, timeout=60)
        for address in (through.address, endpoint)
    )
    assert theirs.status_code == ours.status_code
    assert theirs.text.replace(through.address, endpoint) == ours.text
    assert len(ours.text) > 1000


def test_the_whole_graph_is_read_as_from_a_snapshot(through: Running, endpoint: str) -> None:
    theirs, ours = (httpx.get(f"{address}/.well-known/void", timeout=60) for address in (through.address, endpoint))
    assert theirs.status_code == 200
    counts = [re.findall(r"void:(?:triples|entities|distinctSubjects) (\d+)", answer.text) for answer in (theirs, ours)]
    assert counts[0] == counts[1] != []


def test_a_model_is_described_as_by_us(foreign: Foreign, endpoint: str) -> None:
    query = "CONSTRUCT { <model/UNI> ?p ?o } { <model/UNI> ?p ?o }"
    theirs = remote.ask(foreign.asked, query, GRAPH_FORMATS[1])
    ours = remote.ask(f"{endpoint}/sparql", query, GRAPH_FORMATS[1])
    assert sorted(theirs.splitlines()) == sorted(ours.splitlines())
    assert len(theirs) > 1000
