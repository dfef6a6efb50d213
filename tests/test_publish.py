"""The graph in stores of others: what arrives, what is replaced, what is told when it fails, and what they answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest
from click.testing import CliRunner
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store

from hfm_kg.cli import main
from hfm_kg.errors import EndpointError, PublicationError, UsageError
from hfm_kg.pipeline import Settings
from hfm_kg.publish import Access, Target, batches, publish
from hfm_kg.remote import ask
from hfm_kg.sparql import GRAPH_FORMATS, SOLUTION_FORMATS
from hfm_kg.store import Snapshot

from . import stores
from .stores import DEFAULT_GRAPH, Foreign

A, B, P = (NamedNode(f"https://w3id.org/hfm/{name}") for name in "abp")
OTHERS = NamedNode("urn:others")
X, Y = BlankNode("x"), BlankNode("y")
SMALL = [
    Quad(A, P, Literal("a\n\"b\" 'é'", language="en"), A),
    Quad(A, P, Literal("a\n\"b\" 'é'", language="en")),
    Quad(A, P, X, A),
    Quad(X, P, Y, A),
    Quad(A, P, X),
    Quad(X, P, Y),
    Quad(X, P, Literal(1), B),
]
JOINED = """
SELECT ?s ?n {
  ?s hfm:p ?x . ?x hfm:p ?y
  GRAPH ?a { ?s hfm:p ?x } GRAPH ?b { ?x hfm:p ?n }
  FILTER(?a = hfm:a && ?b = hfm:b)
}
"""
"""By blank nodes across graphs; Virtuoso, told a default graph, finds no graph that GRAPH names by its IRI."""


@pytest.fixture(scope="module", params=["oxigraph", "virtuoso"])
def foreign(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    """A store of others, which each test empties first."""
    if request.param == "oxigraph":
        with stores.oxigraph() as foreign:
            yield foreign
    else:
        with stores.virtuoso(tmp_path_factory.mktemp("virtuoso")) as foreign:
            yield foreign


@pytest.fixture
def oxigraph() -> Iterator[Foreign]:
    with stores.oxigraph() as foreign:
        yield foreign


def by_graph_store(foreign: Foreign) -> Target:
    return replace(foreign.target, graph_store=foreign.target.endpoint.replace("/query", "/store"))


def update(foreign: Foreign, text: str) -> None:
    assert httpx.post(foreign.target.endpoint.replace("/query", "/update"), data={"update": text}).is_success


def table(foreign: Foreign, query: str) -> list[str]:
    content = ask(foreign.asked, query, SOLUTION_FORMATS[2])
    return content.decode().split("\r\n")[1:-1]


def test_blank_nodes_and_texts_arrive_as_they_are(foreign: Foreign) -> None:
    steps: list[str] = []
    plan = publish(SMALL, foreign.target, foreign.access, replace=True, progress=steps.append)
    assert sum(plan.wanted.values()) == len(SMALL)
    assert steps[-1] == "counting"
    assert table(foreign, JOINED) == [f"{A.value},1"]
    content = ask(foreign.asked, "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o FILTER(isLiteral(?o)) }", GRAPH_FORMATS[1])
    assert content.decode() == f"{SMALL[1].triple} .\n"


def test_what_is_there_of_ours_is_replaced(foreign: Foreign) -> None:
    publish(SMALL, foreign.target, foreign.access, replace=True)
    left = [Quad(A, P, A, A), Quad(A, P, A)]
    plan = publish(left, foreign.target, foreign.access, replace=True)
    assert {A.value, B.value} <= set(plan.removed)
    assert plan.replaced == 3
    assert table(foreign, "SELECT ?s ?o { ?s ?p ?o }") == [f"{A.value},{A.value}"]
    graphs = table(foreign, "SELECT DISTINCT ?g { GRAPH ?g { ?s hfm:p ?o } }")
    assert set(graphs) - {DEFAULT_GRAPH} == {A.value}


def test_a_default_graph_that_holds_something_is_replaced_only_if_that_is_said(foreign: Foreign) -> None:
    publish([Quad(A, P, A)], foreign.target, foreign.access, replace=True)
    with pytest.raises(UsageError, match=r"the default graph of \S+ holds 1 triples; to replace them say --replace"):
        publish(SMALL, foreign.target, foreign.access)
    plan = publish(SMALL, foreign.target, foreign.access, dry_run=True)
    assert plan.replaced == 1
    assert table(foreign, "SELECT ?s ?o { ?s ?p ?o }") == [f"{A.value},{A.value}"]


def test_graphs_of_others_stay(oxigraph: Foreign) -> None:
    update(oxigraph, "INSERT DATA { GRAPH <urn:others> { <urn:a> <urn:b> 1 } }")
    publish(SMALL, oxigraph.target, oxigraph.access)
    publish(SMALL, by_graph_store(oxigraph), oxigraph.access, replace=True)
    assert table(oxigraph, "SELECT ?o { GRAPH <urn:others> { ?s ?p ?o } }") == ["1"]


def test_the_graph_store_protocol_writes_the_same_triples(oxigraph: Foreign) -> None:
    publish([*SMALL, Quad(A, P, A, NamedNode(DEFAULT_GRAPH + "gone"))], oxigraph.target, oxigraph.access)
    plan = publish(SMALL, by_graph_store(oxigraph), oxigraph.access, replace=True)
    assert DEFAULT_GRAPH + "gone" in plan.removed
    assert sorted(table(oxigraph, "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g")) == [
        f"{A.value},3",
        f"{B.value},1",
    ]
    assert table(oxigraph, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }") == ["3"]


def test_the_whole_graph_arrives(oxigraph: Foreign, snapshot: Snapshot, store: Store) -> None:
    plan = publish(snapshot.quads(), oxigraph.target, oxigraph.access)
    assert sum(plan.wanted.values()) == len(store)
    blank = "SELECT (COUNT(*) AS ?n) { ?s ?p ?b . GRAPH ?g { ?s ?p ?b } FILTER(isBlank(?b)) }"
    shared = sum(isinstance(quad.object, BlankNode) for quad in store if quad.graph_name != DefaultGraph())
    assert shared > 100
    assert table(oxigraph, blank) == [str(shared)]


def test_quads_that_hang_together_by_blank_nodes_are_inserted_at_once() -> None:
    chain = [Quad(BlankNode(f"n{number}"), P, BlankNode(f"n{number + 1}"), A) for number in range(50)]
    pairs = [Quad(BlankNode(f"a{number}"), P, BlankNode(f"b{number}"), B) for number in range(50)]
    ground = [Quad(A, P, Literal(number)) for number in range(25)]
    made = list(batches([*ground, *pairs, *chain], 10))
    assert Counter(quad for batch in made for quad in batch.quads) == Counter([*ground, *pairs, *chain])
    assert [len(batch.quads) for batch in made[:3]] == [10, 10, 5]
    (whole,) = [batch for batch in made if chain[0] in batch.quads]
    assert set(chain) <= set(whole.quads)
    assert max(len(batch.quads) for batch in made if batch is not whole) == 10


@pytest.mark.parametrize(
    ("endpoint", "server", "address"),
    [
        ("http://h/query", "", "http://h/update"),
        ("http://h/ds/query", "", "http://h/ds/update"),
        ("http://h/repositories/hfm", "", "http://h/repositories/hfm/statements"),
        ("http://h/sparql", "Virtuoso/07.20", "http://h/sparql-auth"),
        ("http://h/sparql", "", "http://h/sparql"),
    ],
)
def test_the_address_of_updates_is_told_by_that_of_queries(endpoint: str, server: str, address: str) -> None:
    assert Target(endpoint).address(server) == address
    assert Target(endpoint, update="http://h/u").address(server) == "http://h/u"


def test_a_failure_half_way_tells_what_was_sent() -> None:
    many = [Quad(A, P, Literal(number)) for number in range(1500)]
    with ExitStack() as stack:
        foreign = stack.enter_context(stores.oxigraph())

        def progress(step: str) -> None:
            if "1000 of 1500" in step:
                stack.close()  # which ends the store

        with pytest.raises(PublicationError, match=r"refused; 1000 of 1500 triples had been sent\. Publish again"):
            publish(many, foreign.target, foreign.access, progress=progress)


def test_a_store_that_holds_other_counts_is_told(oxigraph: Foreign) -> None:
    # one quad is given twice, and a set holds it once
    with pytest.raises(PublicationError, match=rf"{A.value} has 1 triples instead of 2$"):
        publish([Quad(A, P, A, A)] * 2, oxigraph.target, oxigraph.access)


def test_a_store_that_wants_credentials_says_so(foreign: Foreign) -> None:
    if not foreign.access.user:
        pytest.skip("this store asks nobody who they are")
    for access in (Access(), Access("dba", "wrong")):
        with pytest.raises(PublicationError, match="wants other credentials") as raised:
            publish(SMALL, foreign.target, access, replace=True)
        assert "wrong" not in str(raised.value)


def test_a_store_that_is_not_there_is_an_error() -> None:
    with pytest.raises(EndpointError, match="refused"):
        publish(SMALL, Target(f"http://127.0.0.1:{stores.free_port()}/query"), Access())


def test_credentials_are_not_shown() -> None:
    assert "secret" not in repr(Access("me", "secret", "secret"))


def test_the_command_publishes_the_snapshot(oxigraph: Foreign, settings: Settings, snapshot: Snapshot) -> None:
    command = ["publish", "--endpoint", oxigraph.target.endpoint, "--output", str(settings.output)]
    tried = CliRunner(mix_stderr=False).invoke(main, [*command, "--dry-run"])
    assert (tried.exit_code, tried.stderr) == (0, "nothing was done\n")
    done = CliRunner(mix_stderr=False).invoke(main, command)
    assert done.exit_code == 0
    assert done.stdout == tried.stdout
    assert (
        f"writes {snapshot.manifest['quads']} triples, {snapshot.manifest['named graphs']} named graphs" in done.stdout
    )
    again = CliRunner(mix_stderr=False).invoke(main, command)
    assert (again.exit_code, again.stdout) == (2, "")
    assert "to replace them say --replace" in again.stderr
    both = CliRunner(mix_stderr=False).invoke(main, [*command, "--update", "http://a/", "--graph-store", "http://a/"])
    assert both.exit_code == 2
