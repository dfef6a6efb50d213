"""The catalogue on engines of others: the graph is published there, and each question gives its frozen answer."""

from __future__ import annotations

from collections.abc import Iterator

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


@pytest.mark.parametrize("name", NAMES)
def test_the_query_gives_the_frozen_answer(
    foreign: Foreign, queries: Catalog, name: str, request: pytest.FixtureRequest
) -> None:
    engine = request.node.callspec.params["foreign"]
    if (engine, name) in DEVIATIONS:
        request.applymarker(pytest.mark.xfail(reason=DEVIATIONS[engine, name], strict=True))
    content = remote.ask(foreign.asked, queries[name].text, remote.JSON)
    result = parse_query_results(content, format=QueryResultsFormat.JSON)
    assert isinstance(result, QuerySolutions)
    given = ["\t".join(variable.value for variable in result.variables)]
    given += ["\t".join(plain(term) for term in solution) for solution in result]
    frozen = (ANSWERS / f"{name}.tsv").read_text(encoding="utf-8")
    assert given == frozen.removesuffix("\n").split("\n")


def test_a_model_is_described_as_by_us(foreign: Foreign, endpoint: str) -> None:
    query = "CONSTRUCT { <model/UNI> ?p ?o } { <model/UNI> ?p ?o }"
    theirs = remote.ask(foreign.asked, query, GRAPH_FORMATS[1])
    ours = remote.ask(f"{endpoint}/sparql", query, GRAPH_FORMATS[1])
    assert sorted(theirs.splitlines()) == sorted(ours.splitlines())
    assert len(theirs) > 1000
