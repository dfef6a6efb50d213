"""What programs read before they ask: service description, VoID, example queries, OpenAPI; and graphs as documents."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pyoxigraph import DefaultGraph, Literal, NamedNode, QuerySolutions, RdfFormat, Store, Triple, parse
from starlette.applications import Starlette
from starlette.routing import Route

from hfm_kg import mappings, registry, sparql, statement
from hfm_kg.catalog import Catalog
from hfm_kg.export import describe, examples
from hfm_kg.export.prefixes import prefixes
from hfm_kg.export.sssom import accepted
from hfm_kg.pipeline import Settings
from hfm_kg.server import Limits, create_app
from hfm_kg.server.files import MEDIA_TYPES, RECIPES
from hfm_kg.server.operations import PATHS
from hfm_kg.server.pool import Pool
from hfm_kg.server.site import static
from hfm_kg.server.site.lists import DATA
from hfm_kg.store import Snapshot
from hfm_kg.terms import INFERRED, OWL, RDF, RDFS, SD, SDO, SH, VOID
from tests.conftest import serving
from tests.test_server import problem

SERVICE, DATASET, EXAMPLES = "/sparql", "/.well-known/void", "/.well-known/sparql-examples"
DESCRIPTIONS = (SERVICE, DATASET, EXAMPLES)
STORE = "/rdf-graph-store"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.fixture(scope="module")
def web(endpoint: str) -> Iterator[httpx.Client]:
    """A client of the real server."""
    with httpx.Client(base_url=endpoint, timeout=60) as client:
        yield client


def triples(answer: httpx.Response) -> set[Triple]:
    """The triples of an answer, in whatever format it is; relative IRIs are an error."""
    assert answer.status_code == 200
    (form,) = (form for form in sparql.GRAPH_FORMATS if form.content_type == answer.headers["content-type"])
    assert isinstance(form.engine, RdfFormat)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["vary"].startswith("Accept")
    return {quad.triple for quad in parse(answer.content, format=form.engine)}


# --- descriptions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DESCRIPTIONS)
def test_a_description_comes_in_every_format(path: str, web: httpx.Client) -> None:
    plain = triples(web.get(path))
    assert web.get(path).headers["content-type"].startswith("text/turtle")
    for form in sparql.GRAPH_FORMATS:
        by_accept = web.get(path, headers={"Accept": f"{form.media_types[0]}, text/csv"})
        by_name = web.get(path, params={"format": form.name}, headers={"Accept": BROWSER})
        assert by_accept.headers["content-type"] == by_name.headers["content-type"] == form.content_type
        assert triples(by_accept) == triples(by_name) == plain


@pytest.mark.parametrize("path", DESCRIPTIONS)
def test_a_description_can_be_refused(path: str, web: httpx.Client) -> None:
    problem(web.get(path, headers={"Accept": "image/png"}), 406)
    assert "turtle" in problem(web.get(path, params={"format": "csv"}), 406)
    got, head = web.get(path), web.head(path)
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("path", [*DESCRIPTIONS[1:], "/openapi.json", STORE])
def test_nothing_can_be_written(path: str, web: httpx.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = web.request(method, path)
        problem(answer, 405)
        assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("path", DESCRIPTIONS)
def test_the_address_is_the_one_that_the_client_uses(path: str, web: httpx.Client) -> None:
    for host in (f"{web.base_url.host}:{web.base_url.port}", "kg.example.org"):
        told = {t.object for t in triples(web.get(path, headers={"Host": host})) if t.predicate in ADDRESSES}
        assert told == {NamedNode(f"http://{host}/sparql")}


ADDRESSES = {SD.endpoint, VOID.sparqlEndpoint, SDO.target}


@pytest.mark.parametrize("host", ["a b", "<x>", '"', "a\\b", "é"])
def test_a_host_that_is_none_does_no_harm(host: str, web: httpx.Client) -> None:
    for path in DESCRIPTIONS:
        answer = web.get(path, headers=[(b"Host", host.encode("latin-1"))])
        assert answer.status_code in (200, 400)
        if answer.status_code == 200:
            (address,) = {t.object for t in triples(answer) if t.predicate in ADDRESSES}
            assert str(address).endswith("/sparql>")


def test_a_browser_is_sent_to_the_form(web: httpx.Client) -> None:
    answer = web.get("/sparql", headers={"Accept": BROWSER})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/query"
    assert "Accept" in answer.headers["vary"]


def test_the_service_is_described_as_in_a_release(
    web: httpx.Client, reasoned: statement.Graph, release: describe.Release
) -> None:
    address = NamedNode(f"{web.base_url}/sparql".replace("//sparql", "/sparql"))
    beside = triples(web.get(DATASET)) | triples(web.get(EXAMPLES))
    assert triples(web.get("/sparql")) == describe.endpoint(release, reasoned, address) | beside


@pytest.mark.parametrize("form", sparql.GRAPH_FORMATS, ids=lambda form: form.name)
def test_an_address_is_written_as_each_format_wants_it(form: sparql.Format, web: httpx.Client) -> None:
    headers = {"Host": "a&amp;'b", "Accept": form.media_types[0]}
    told = {t.object for t in triples(web.get(EXAMPLES, headers=headers)) if t.predicate in ADDRESSES}
    assert told == {NamedNode("http://a&amp;'b/sparql")}


@pytest.fixture(scope="module")
def release(reasoned: statement.Graph) -> describe.Release:
    return describe.Release(registry.version_of(reasoned))


def test_the_dataset_is_described_as_in_a_release(
    web: httpx.Client, reasoned: statement.Graph, release: describe.Release, settings: Settings
) -> None:
    sets, _ = mappings.read(settings.ontology / "mappings")
    expected = describe.dataset(release, reasoned, accepted(sets), prefixes(sets), ())
    found = triples(web.get(DATASET))
    assert expected < found
    assert {triple.predicate for triple in found - expected} == {VOID.sparqlEndpoint}
    assert any(triple.object == VOID.Linkset for triple in found)


# --- examples -------------------------------------------------------------------------------------------------


def test_every_question_is_an_example_that_runs(web: httpx.Client, queries: Catalog, store: Store) -> None:
    graph = Store()
    graph.bulk_load(web.get(EXAMPLES).content, format=RdfFormat.TURTLE)

    def rows(query: str) -> list[list[str]]:
        text = sparql.write(sparql.evaluate(graph, f"PREFIX sh: <{SH.base}> {query}"), sparql.SOLUTION_FORMATS[2])
        return list(csv.reader(io.StringIO(text.decode())))[1:]

    declared = dict(rows("SELECT ?prefix ?base { ?all sh:declare [ sh:prefix ?prefix ; sh:namespace ?base ] }"))
    assert declared == sparql.PREFIXES
    # as tools that read the examples of an endpoint ask for them
    found = rows(
        """SELECT ?comment ?query {
          ?example a sh:SPARQLExecutable ; rdfs:comment ?comment ; sh:select|sh:ask ?query ;
                   sh:prefixes [ sh:declare ?any ] ; <https://schema.org/target> ?target
        } GROUP BY ?comment ?query"""
    )
    assert sorted(comment for comment, _ in found) == sorted(query.question for query in queries.of_kind("competency"))
    for comment, text in found:
        assert not text.startswith("#+")
        # by the engine itself, which knows no prefixes of ours
        answer = store.query(text, prefixes=declared)
        assert isinstance(answer, QuerySolutions)
        assert next(answer, None) is not None, comment


def test_each_form_of_query_has_its_term(queries: Catalog) -> None:
    plain = next(iter(queries.of_kind("competency")))
    texts = {
        "SELECT": "SELECT * {}",
        "ASK": "#+ title: x\nASK {}",
        "CONSTRUCT": "CONSTRUCT {} {}",
        "DESCRIBE": "DESCRIBE <a:b>",
    }
    given = [replace(plain, name=form.lower(), text=text) for form, text in texts.items()]
    made = examples.examples(given, NamedNode("http://x/sparql"))
    kinds = {t.object for t in made if t.predicate == RDF.type} - {OWL.Ontology, SH.SPARQLExecutable}
    assert kinds == {SH.SPARQLSelectExecutable, SH.SPARQLAskExecutable, SH.SPARQLConstructExecutable}
    told = {t.predicate: t.object for t in made if t.predicate in (SH.select, SH.ask, SH.construct)}
    assert told[SH.ask] == Literal("ASK {}\n")
    assert len(told) == len([t for t in made if t.predicate == RDFS.comment]) == 3


# --- OpenAPI --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def interface(web: httpx.Client) -> dict[str, Any]:
    answer = web.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


def test_the_interface_is_openapi_3_1(interface: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(interface).validate()
    spoilt = {**interface, "paths": {"/x": {"get": {"responses": {"200": {}}}}}}
    assert list(OpenAPIV31SpecValidator(spoilt).iter_errors())


def test_the_interface_tells_every_route(
    interface: dict[str, Any], store: Store, queries: Catalog, snapshot: Snapshot
) -> None:
    app: Starlette = create_app(store, queries, Pool(snapshot, Limits(evaluators=1)))
    routes = {route.path.replace(":path", "") for route in app.routes if isinstance(route, Route)}
    assert set(interface["paths"]) == routes | PATHS


RECONCILED = {
    "preview": {"id": "Pathology"},
    "entity": {"prefix": "path", "id": "Pathology"},
    "property": {"prefix": "mod", "id": "modality"},
    "type": {"prefix": "mod", "id": "FoundationModel"},
    "propose": {"type": "FoundationModel"},
}
"""What a part of the reconciliation service is asked, by the last part of its path."""


def test_what_the_interface_tells_is_answered(interface: dict[str, Any], web: httpx.Client) -> None:
    """Every operation with every format that it tells, and the content type that it tells."""
    graph = "CONSTRUCT { ?s a hfm:Survey } { ?s a hfm:Survey }"
    files = {media_type: name for name, media_type in MEDIA_TYPES.items() if not RECIPES[name].describes_others}
    formats = {form.media_types[0]: form.name for form in (*sparql.SOLUTION_FORMATS, *sparql.GRAPH_FORMATS)}
    read = {path: operations["get"] for path, operations in interface["paths"].items() if "get" in operations}
    for path, operation in read.items():
        for media_type in operation["responses"].get("200", {}).get("content", {}):
            given = {
                STORE: {"graph": INFERRED.value},
                "/sparql": {"query": "ASK {}"},
                "/pointing": {"to": "Pathology", "by": "modality"},
                "/query": {"query": "ASK {}", **({"format": formats[media_type]} if media_type in formats else {})},
            }.get(path, RECONCILED.get(path.rpartition("/")[2], {}) if path.startswith("/reconcile") else {})
            if "query" in given and any(media_type in form.media_types[:1] for form in sparql.GRAPH_FORMATS):
                given["query"] = graph
            endings = {content_type.partition(";")[0]: ending for ending, (content_type, _) in DATA.items()}
            address = path.replace("{path}", "model/BioBERT").replace("{ending}", endings.get(media_type, ""))
            address = address.replace("/static/{file}", static.address("site.css"))
            address = address.replace("{section}", "classes")
            address = address.replace("{name}", files.get(media_type, ""))
            answer = web.get(address, params=given, headers={"Accept": media_type}, follow_redirects=True)
            assert answer.status_code == 200, (path, media_type)
            assert answer.headers["content-type"].partition(";")[0] == media_type
        assert {"414"} < set(operation["responses"])


# --- graphs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", sparql.GRAPH_FORMATS, ids=lambda form: form.name)
def test_a_graph_is_a_document(form: sparql.Format, web: httpx.Client, store: Store) -> None:
    expected = {quad.triple for quad in store.quads_for_pattern(None, None, None, INFERRED)}
    assert expected
    for parameters, headers in (({}, {"Accept": form.media_types[0]}), ({"format": form.name}, {"Accept": BROWSER})):
        answer = web.get(STORE, params={"graph": INFERRED.value, **parameters}, headers=headers)
        assert answer.headers["content-type"] == form.content_type
        assert triples(answer) == expected


def test_the_default_graph_is_all_of_it(web: httpx.Client, store: Store) -> None:
    answer = web.get(f"{STORE}?default", headers={"Accept": "application/n-triples"})
    lines = answer.text.splitlines()
    assert len(lines) == sum(1 for _ in store.quads_for_pattern(None, None, None, DefaultGraph()))
    assert len(set(lines)) == len(lines)


def test_head_and_options_of_a_graph(web: httpx.Client) -> None:
    got = web.get(STORE, params={"graph": INFERRED.value})
    head = web.head(STORE, params={"graph": INFERRED.value})
    assert head.content == b""
    for name in ("content-type", "content-length", "etag", "vary"):
        assert head.headers[name] == got.headers[name]
    problem(web.get(STORE, params={"graph": INFERRED.value}, headers={"Accept": "text/csv"}), 406)
    answer = web.options(STORE)
    assert answer.status_code == 204
    assert answer.headers["allow"] == answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"


def test_a_graph_that_is_not_there_is_not_found(web: httpx.Client) -> None:
    assert "urn:none" in problem(web.get(STORE, params={"graph": "urn:none"}), 404)
    assert web.head(STORE, params={"graph": "urn:none"}).status_code == 404


@pytest.mark.parametrize(
    "target", ["", "?default&default", "?default&graph=urn:x", "?graph=urn:x&graph=urn:y", "?graph=", "?graph=no%20IRI"]
)
def test_exactly_one_graph_is_wanted(target: str, web: httpx.Client) -> None:
    assert "graph" in problem(web.get(STORE + target), 400)


def test_a_server_without_mapping_sets_describes_the_rest(store: Store, queries: Catalog, snapshot: Snapshot) -> None:
    with serving(create_app(store, queries, Pool(snapshot, Limits(evaluators=1)))) as client:
        found = triples(client.get(DATASET))
    assert any(triple.predicate == VOID.triples for triple in found)
    assert not any(triple.object == VOID.Linkset for triple in found)
