"""What people ask with: each reads the results of all forms over a real socket, and is told where a query is wrong."""

from __future__ import annotations

import gc
import io
import json
import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError
from urllib.parse import urlencode

import httpx
import pandas
import polars
import pytest
import rdflib
from pyoxigraph import QuerySolutions, Store
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import CSV, GET, JSON, JSONLD, POST, POSTDIRECTLY, RDFXML, TURTLE, XML, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed

from hfm_kg import sparql

HFM = rdflib.Namespace("https://w3id.org/hfm/")
PREFIX = f"PREFIX hfm: <{HFM}> "
"""Clients that parse a query themselves do not know which prefixes the endpoint does."""
SELECT = PREFIX + "SELECT ?m ?year { ?m a hfm:FoundationModel ; hfm:publicationYear ?year } ORDER BY ?m LIMIT 5"
ASK = PREFIX + "ASK { ?m a hfm:FoundationModel }"
CONSTRUCT = PREFIX + "CONSTRUCT { ?s a hfm:Survey } WHERE { ?s a hfm:Survey }"
DESCRIBE = f"DESCRIBE <{HFM}model/UNI>"
WRONG = "SELECT * {\n ?s ?p }"


@pytest.fixture(scope="module")
def expected(store: Store) -> list[tuple[str, int]]:
    """The solutions of SELECT, without any HTTP."""
    solutions = sparql.evaluate(store, SELECT)
    assert isinstance(solutions, QuerySolutions)
    return [(model.value, int(year.value)) for model, year in solutions]


# --- SPARQLWrapper --------------------------------------------------------------------------------------------


def wrapper(endpoint: str, query: str, form: str, method: str = GET, request: str = "urlencoded") -> SPARQLWrapper:
    client = SPARQLWrapper(f"{endpoint}/sparql")
    client.setQuery(query)
    client.setReturnFormat(form)
    client.setMethod(method)
    client.setRequestMethod(request)
    return client


@pytest.mark.filterwarnings(
    "ignore:ConjunctiveGraph is deprecated:DeprecationWarning"
)  # of which SPARQLWrapper makes one
@pytest.mark.parametrize(("method", "request_"), [(GET, "urlencoded"), (POST, "urlencoded"), (POST, POSTDIRECTLY)])
def test_sparqlwrapper(endpoint: str, expected: list[tuple[str, int]], method: str, request_: str) -> None:
    def ask(query: str, form: str) -> Any:
        return wrapper(endpoint, query, form, method, request_).query().convert()

    rows = ask(SELECT, JSON)["results"]["bindings"]
    assert [(row["m"]["value"], int(row["year"]["value"])) for row in rows] == expected
    assert len(ask(SELECT, XML).getElementsByTagName("result")) == len(expected)
    assert ask(SELECT, CSV).decode().splitlines()[1].startswith(expected[0][0])
    assert ask(ASK, JSON)["boolean"] is True
    for form in (TURTLE, RDFXML, JSONLD):
        graph = ask(CONSTRUCT, form)
        graph = graph if isinstance(graph, rdflib.Graph) else rdflib.Graph().parse(data=graph, format="turtle")
        assert len(graph) == 17
    assert (HFM["model/UNI"], rdflib.RDF.type, HFM.FoundationModel) in ask(DESCRIBE, RDFXML)
    with pytest.raises(QueryBadFormed, match="line 2, column"):
        ask(WRONG, JSON)


# --- rdflib ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
@pytest.mark.parametrize("form", ["xml", "json", "csv", "tsv"])
def test_rdflib(endpoint: str, expected: list[tuple[str, int]], method: Any, form: str) -> None:
    graph = rdflib.Graph(SPARQLStore(f"{endpoint}/sparql", method=method, returnFormat=form))
    rows: Any = graph.query(SELECT)
    assert [(str(row.m), int(row.year)) for row in rows] == expected
    if form in ("xml", "json"):  # in the other formats SPARQL has no booleans
        assert bool(graph.query(ASK)) is True
    if form == "xml":  # with the other ones rdflib accepts no graph
        assert len(graph.query(CONSTRUCT)) == 17
        assert (HFM["model/UNI"], rdflib.RDF.type, HFM.FoundationModel) in list(graph.query(DESCRIBE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # rdflib leaves the connection of an error open
        if method == "GET":
            with pytest.raises(ValueError, match="something wrong") as raised:
                graph.query(WRONG)
            assert "400" in str(raised.value.__context__)
            del raised
        else:
            assert cast(tuple[int, str, None], graph.query(WRONG))[0] == 400
        gc.collect()


def test_rdflib_reads_what_the_endpoint_says_of_itself(endpoint: str) -> None:
    described = rdflib.Graph().parse(f"{endpoint}/sparql")
    assert rdflib.URIRef(f"{endpoint}/sparql") in set(described.objects(predicate=rdflib.SDO.target))
    assert len(rdflib.Graph().parse(f"{endpoint}/model/UNI")) > 20


# --- tables ---------------------------------------------------------------------------------------------------


def test_pandas(endpoint: str, expected: list[tuple[str, int]]) -> None:
    address = f"{endpoint}/sparql?" + urlencode({"query": SELECT})
    for frame in (
        pandas.read_csv(f"{address}&format=csv"),
        pandas.read_csv(address, storage_options={"Accept": "text/csv", "Accept-Encoding": "gzip"}),
    ):
        assert list(frame.itertuples(index=False, name=None)) == expected
    assert pandas.read_csv(f"{endpoint}/sparql?" + urlencode({"query": ASK, "format": "csv"})).boolean.all()
    with pytest.raises(HTTPError, match="400"):
        pandas.read_csv(f"{endpoint}/sparql?" + urlencode({"query": WRONG, "format": "csv"}))


def test_polars(endpoint: str, expected: list[tuple[str, int]]) -> None:
    answer = httpx.get(f"{endpoint}/sparql", params={"query": SELECT}, headers={"Accept": "text/csv"})
    assert polars.read_csv(io.BytesIO(answer.content)).rows() == expected


# --- curl -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def curl() -> Callable[..., str]:
    """Runs curl, which fails when the server answers with an error, and returns what it prints."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")

    def run(*given: str) -> str:
        return subprocess.run(["curl", "-sS", *given], capture_output=True, text=True, check=True, timeout=60).stdout

    return run


def test_curl(endpoint: str, expected: list[tuple[str, int]], curl: Callable[..., str], tmp_path: Path) -> None:
    address = f"{endpoint}/sparql"
    file = tmp_path / "query.rq"
    file.write_text(SELECT, encoding="utf-8")
    ways = (
        ("-G", address, "--data-urlencode", f"query={SELECT}"),
        (address, "--data-urlencode", f"query={SELECT}"),
        (address, "--data-binary", f"@{file}", "-H", "Content-Type: application/sparql-query"),
        (address, "--data-urlencode", f"query@{file}", "--compressed"),
    )
    for way in ways:
        rows = json.loads(curl(*way))["results"]["bindings"]
        assert [(row["m"]["value"], int(row["year"]["value"])) for row in rows] == expected
    for name, text in (("csv", "true"), ("xml", "<boolean>true</boolean>"), ("tsv", "true"), ("json", "true")):
        assert text in curl("-G", address, "--data-urlencode", f"query={ASK}", "-d", f"format={name}")
    for query in (CONSTRUCT, DESCRIBE):
        for form in sparql.GRAPH_FORMATS:
            accept = f"Accept: {form.media_types[0]}"
            assert "w3id.org/hfm" in curl("-G", address, "--data-urlencode", f"query={query}", "-H", accept)
    head = curl("-I", "-G", address, "--data-urlencode", f"query={SELECT}")
    assert head.startswith("HTTP/1.1 200")
    assert "application/sparql-results+json" in head
    problem = json.loads(curl("-G", address, "--data-urlencode", f"query={WRONG}"))
    assert (problem["status"], problem["line"]) == (400, 2)
    large = curl("--compressed", "-G", address, "--data-urlencode", "query=SELECT * { ?s a ?c }", "-d", "format=csv")
    assert large.count("\n") > 5_000
    assert "sd:Service" in curl(address)
    assert curl("-L", "-H", "Accept: text/html", address).lower().startswith("<!doctype html>")


# --- Comunica -------------------------------------------------------------------------------------------------

COMUNICA = "@comunica/query-sparql@4"
"""The last that runs with Node 20, which Debian has."""


@pytest.fixture(scope="module")
def comunica(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Asks a query of a source with Comunica, as it comes from npm."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("Node.js and npm are not installed")
    folder = tmp_path_factory.mktemp("comunica")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--omit=optional", COMUNICA]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm cannot install {COMUNICA}: {error}")

    def ask(source: str, query: str, *options: str) -> str:
        program = folder / "node_modules/.bin/comunica-sparql"
        done = subprocess.run([program, source, query, *options], capture_output=True, text=True, timeout=120)
        return done.stdout + done.stderr

    return ask


def test_comunica(endpoint: str, expected: list[tuple[str, int]], comunica: Callable[..., str]) -> None:
    address = f"{endpoint}/sparql"  # of what kind it is, Comunica finds out by the service description
    rows = json.loads(comunica(address, SELECT, "-t", "application/sparql-results+json"))["results"]["bindings"]
    assert [(row["m"]["value"], int(row["year"]["value"])) for row in rows] == expected
    assert comunica(address, ASK, "-t", "simple").strip() == "true"
    assert comunica(address, CONSTRUCT, "-t", "application/n-triples").count("Survey") == 17
    assert f"<{HFM}model/UNI>" in comunica(address, DESCRIBE, "-t", "application/n-triples")
    assert "no-such-function" in comunica(f"sparql@{address}", "SELECT (<urn:no-such-function>(1) AS ?x) {}")


def test_tools_find_the_examples_of_the_endpoint(endpoint: str, comunica: Callable[..., str]) -> None:
    query = """PREFIX sh: <http://www.w3.org/ns/shacl#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
    SELECT ?comment { ?example a sh:SPARQLExecutable ; rdfs:comment ?comment ; sh:select|sh:ask|sh:construct ?query }"""
    rows = json.loads(comunica(f"file@{endpoint}/sparql", query, "-t", "application/sparql-results+json"))
    told = {row["comment"]["value"] for row in rows["results"]["bindings"]}
    examples = rdflib.Graph().parse(f"{endpoint}/.well-known/sparql-examples")
    assert told == {str(comment) for comment in examples.objects(predicate=rdflib.RDFS.comment)}
    assert len(told) > 30
