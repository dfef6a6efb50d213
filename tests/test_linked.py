"""Linked data: every IRI answers at its path, as what the client asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote
from xml.etree import ElementTree

import html5lib
import httpx
import pytest
import rdflib
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse
from rdflib.compare import isomorphic

from hfm_kg import registry, sparql, statement
from hfm_kg.catalog import Catalog
from hfm_kg.export import graphs, ontology
from hfm_kg.server import Limits, create_app, resources
from hfm_kg.server.documents import ENDINGS, OFFERED, PAGE
from hfm_kg.server.pool import Pool
from hfm_kg.server.site.things.page import STATED
from hfm_kg.store import Snapshot
from hfm_kg.terms import BASE, DCTERMS, HFM, ONTOLOGY, RDF, RDFS, concept, iri
from tests.conftest import serving
from tests.test_reference import HOSTILE, XHTML
from tests.test_server import problem

TURTLE, NTRIPLES, RDFXML, JSONLD, TRIG, NQUADS = sparql.GRAPH_FORMATS
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PROTEGE = "application/rdf+xml, application/xml; q=0.7, text/xml; q=0.6, text/plain; q=0.1, */*; q=0.09"
RDFLIB = "application/rdf+xml,text/rdf+n3;q=0.9,application/xhtml+xml;q=0.5, */*;q=0.1"
ROW = "source/he2024/table/2/row/7"
PATHS = ["FoundationModel", "Pathology", "modality", "reference", "model/BioBERT", "dataset/CheXpert", "reference/42",
         ROW, "source/he2024", "source/he2024/section/II.A", "scheme/tasks", "mappings/edam",
         "model/BioBERT/backbone/1.1", "Row"]  # fmt: skip


@pytest.fixture(scope="module")
def web(endpoint: str) -> Iterator[httpx.Client]:
    """A client of the real server."""
    with httpx.Client(base_url=endpoint, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def version(stated: statement.Graph) -> str:
    return registry.version_of(stated)


def triples(answer: httpx.Response, form: sparql.Format) -> set[Triple]:
    """The triples of a body in the format that it must have."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == form.content_type
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert isinstance(form.engine, RdfFormat)
    return {quad.triple for quad in parse(answer.content, format=form.engine)}


def tree(answer: httpx.Response, status: int = 200) -> ElementTree.Element:
    """A page, after a look at its headers and validity."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    parsed: ElementTree.Element = html5lib.HTMLParser(strict=True).parse(answer.text)
    for script in parsed.iter(f"{XHTML}script"):
        assert script.get("src", "").startswith("/static/") or script.get("type") == "application/ld+json"
    return parsed


def links(page: ElementTree.Element) -> set[str]:
    """Where a page's links lead, those within it apart."""
    return {element.attrib["href"] for element in page.iter(f"{XHTML}a")} - {"#content"}


# --- things ---------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # by rdflib, whose own JSON-LD parser uses it
@pytest.mark.parametrize("path", PATHS)
def test_what_is_said_of_a_thing_comes_in_every_format(path: str, web: httpx.Client, store: Store) -> None:
    node = iri(path)
    said = {quad.triple for quad in store.quads_for_pattern(node, None, None, DefaultGraph())}
    stated = {quad.triple for quad in store.quads_for_pattern(None, None, None, node)}
    assert said | stated
    bodies = []
    for ending, form in ENDINGS.items():
        if form is PAGE:
            continue
        accepted = web.get(f"/{path}", headers={"Accept": form.media_types[0]})
        assert accepted.content == web.get(f"/{path}.{ending}", headers={"Accept": "text/html"}).content
        assert {one for one in said | stated if "_:" not in str(one)} <= triples(accepted, form)
        # triples alone are N-Triples in N-Quads, and Turtle in TriG, which rdflib reads into datasets
        plain = {TRIG: TURTLE, NQUADS: NTRIPLES}.get(form, form)
        bodies.append(rdflib.Graph().parse(data=accepted.content, format=plain.media_types[0]))
    assert all(isomorphic(bodies[0], body) for body in bodies[1:])
    page = tree(web.get(f"/{path}", headers={"Accept": BROWSER}))
    assert page.find(f".//{XHTML}h1") is not None
    assert links(page) >= {f"/{path}.{ending}" for ending in ENDINGS if ending != "html"}
    assert web.get(f"/{path}.html", headers={"Accept": "text/turtle"}).text == web.get(
        f"/{path}", headers={"Accept": "text/html"}
    ).text  # fmt: skip


def test_every_iri_of_the_graph_answers(store: Store) -> None:
    subjects = {
        quad.subject
        for quad in store.quads_for_pattern(None, None, None, None)
        if isinstance(quad.subject, NamedNode) and quad.subject.value.startswith(BASE)
    }
    assert len(subjects) > 9_000
    for subject in subjects:
        path = httpx.URL(subject.value).path.removeprefix("/hfm/")  # decoded, as the server has it
        fragment = httpx.URL(subject.value).fragment
        node = iri(path + ("#" + fragment if fragment else ""))
        assert node == subject
        assert resources.describe(store, node) is not None


def test_no_route_takes_the_path_of_an_iri(store: Store, queries: Catalog, snapshot: Snapshot) -> None:
    app = create_app(store, queries, Pool(snapshot, Limits()))
    paths = [getattr(route, "path", "") for route in app.routes]
    assert paths[-1] == "/{path:path}"
    assert len(paths) >= 4
    for path in (path for path in paths[:-1] if path != "/"):
        assert resources.describe(store, iri(path.removeprefix("/"))) is None, path


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, TURTLE),
        ("", TURTLE),
        ("*/*", TURTLE),
        (BROWSER, PAGE),
        (PROTEGE, RDFXML),
        (RDFLIB, RDFXML),
        ("text/turtle;q=0.5, text/html;q=0.4", TURTLE),
        ("application/json", JSONLD),
        ("text/*;q=0.3, application/ld+json", JSONLD),
        ("TEXT/HTML", PAGE),
    ],
)
def test_the_client_chooses(accept: str | None, form: sparql.Format, web: httpx.Client) -> None:
    request = web.build_request("GET", "/model/BioBERT")
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    answer = web.send(request)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == form.content_type


def test_head_gives_the_same_headers_and_no_body(web: httpx.Client) -> None:
    for path, accept in (("/model/BioBERT", "text/html"), ("/hfm.owl", "*/*"), ("/nothing", "*/*"), ("/terms", "*/*")):
        got, head = (web.request(method, path, headers={"Accept": accept}) for method in ("GET", "HEAD"))
        assert head.content == b""
        assert head.status_code == got.status_code
        for name in ("content-type", "content-length"):
            assert head.headers[name] == got.headers[name]


def test_what_points_at_a_thing_is_bounded_and_counted(store: Store) -> None:
    row = resources.describe(store, HFM.Row)
    assert row is not None
    members = len(list(store.quads_for_pattern(None, RDF.type, HFM.Row, DefaultGraph())))
    assert sum(triple.predicate == RDF.type for triple in row.incoming) == resources.INCOMING
    assert row.left_out[RDF.type] == members - resources.INCOMING > 0
    model = resources.describe(store, iri("model", "BioBERT"))
    assert model is not None
    assert not model.left_out
    everything = {quad.triple for quad in store.quads_for_pattern(None, None, model.node, DefaultGraph())}
    assert set(model.incoming) == {triple for triple in everything if triple not in model.about}


def test_a_row_shows_what_it_states_and_its_cells(web: httpx.Client) -> None:
    answer = web.get(f"/{ROW}", headers={"Accept": "text/html"})
    page = tree(answer)
    assert "/model/SegVol" in links(page)
    assert "ViT (SAM)" in answer.text
    assert page.find(f".//{XHTML}tr[@id='backbone']") is not None  # the fragment of the cell's IRI


def test_a_long_named_graph_is_cut_on_the_page_only(web: httpx.Client, store: Store) -> None:
    node = iri("source", "inferred")
    inferred = {quad.triple for quad in store.quads_for_pattern(None, None, None, node)}
    more = len(inferred) - STATED
    assert more > 0
    page = web.get("/source/inferred.html")
    tree(page)
    assert f"and {more:,} more statements" in page.text
    assert inferred <= triples(web.get("/source/inferred.nt"), NTRIPLES)


def test_a_term_tells_its_definition_axioms_and_place_in_the_reference(web: httpx.Client) -> None:
    answer = web.get("/AdaptedFoundationModel.html")
    page = tree(answer)
    assert "pre-trained nothing themselves" in answer.text
    assert "".join(page.itertext()).count("not (has pre-training paradigm some ") == 1
    assert "/terms/classes#AdaptedFoundationModel" in links(page)
    assert "/terms" in links(tree(web.get("/model/BioBERT.html")))


def test_a_hostile_thing_stays_text(queries: Catalog, snapshot: Snapshot) -> None:
    evil, store = concept("Evil"), Store()
    store.extend(
        [
            Quad(evil, RDFS.label, Literal(HOSTILE)),
            Quad(evil, RDFS.seeAlso, NamedNode("javascript:alert(1)")),
            Quad(evil, NamedNode("data:text/html,x"), Literal(HOSTILE)),
        ]
    )
    with serving(create_app(store, queries, Pool(snapshot, Limits(evaluators=1)))) as client:
        page = tree(client.get("/Evil", headers={"Accept": "text/html"}))
    assert all(link.startswith(("/", "https://", "http://")) for link in links(page))
    assert HOSTILE in "".join(page.itertext())


# --- what is not there ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("model/biobert", "model/BioBERT"),
        ("BioBERT", "model/BioBERT"),
        ("models/BioBERT/", "model/BioBERT"),
        ("Patology", "Pathology"),
        ("foundationmodel.ttl", ""),
        ("model/BioBERT.pdf", "model/BioBERT"),
        ("zzzzzzzzzzzz", ""),
    ],
)
def test_a_name_that_nothing_has_is_told_with_its_neighbours(path: str, near: str, web: httpx.Client) -> None:
    detail = problem(web.get(f"/{path}"), 404)
    assert BASE + path in detail
    page = tree(web.get(f"/{path}", headers={"Accept": BROWSER}), 404)
    if near:
        assert f"/{near}" in detail
        assert f"/{near}" in links(page)


@pytest.mark.parametrize(
    "path", ["<script>alert(1)</script>", "%22onload=x", "a" * 3_000, "%ff%fe", "%00", "..%2f..%2fx", "x%23y%23z"]
)
def test_a_hostile_path_is_not_found(path: str, web: httpx.Client) -> None:
    problem(web.get(f"/{path}"), 404)
    answer = web.get(f"/{path}", headers={"Accept": "text/html"})
    assert all(link.startswith(("/", "https://", "http://")) for link in links(tree(answer, 404)))
    assert len(answer.text) < 10_000


@pytest.mark.parametrize("accept", ["image/png", "text/csv"])
def test_a_format_that_a_thing_has_not_is_refused(accept: str, web: httpx.Client) -> None:
    assert accept in problem(web.get("/model/BioBERT", headers={"Accept": accept}), 406)
    problem(web.get("/nothing", headers={"Accept": accept}), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_things_can_only_be_read(method: str, web: httpx.Client) -> None:
    answer = web.request(method, "/model/BioBERT")
    problem(answer, 405)
    assert "GET" in answer.headers["allow"]


# --- the ontology ---------------------------------------------------------------------------------------------


def test_every_model_and_dataset_of_the_facts_names_where_it_stands(stated: statement.Graph) -> None:
    facts = ontology.with_facts(stated)
    kinds = (HFM.FoundationModel, HFM.Dataset)
    things = {one.subject for one in facts if one.predicate == RDF.type and one.object in kinds}
    assert len(things) > 300
    assert things <= {one.subject for one in facts if one.predicate == DCTERMS.source}


@pytest.mark.parametrize(("stem", "make"), [("hfm", ontology.merged), ("hfm-facts", ontology.with_facts)])
def test_the_ontology_is_the_file_that_a_release_has(
    stem: str, make: Callable[[statement.Graph], set[Triple]], web: httpx.Client, stated: statement.Graph, version: str
) -> None:
    for ending in ("owl", "ttl", "rdf", "nt", "jsonld"):
        answer = web.get(f"/{stem}.{ending}", headers={"Accept": "*/*"})
        assert answer.content == graphs.write(make(stated), ending)
        assert answer.content == web.get(f"/releases/{version}/{stem}.{ending}").content


@pytest.mark.parametrize(
    ("accept", "form"),
    [("*/*", RDFXML), (BROWSER, RDFXML), (PROTEGE, RDFXML), ("text/turtle", TURTLE), ("application/ld+json", JSONLD)],
)
def test_the_ontology_comes_as_the_client_asks(accept: str, form: sparql.Format, web: httpx.Client) -> None:
    answer = web.get("/hfm.owl", headers={"Accept": accept})
    assert Triple(ONTOLOGY, RDF.type, NamedNode("http://www.w3.org/2002/07/owl#Ontology")) in triples(answer, form)


def test_another_release_is_not_there(web: httpx.Client, version: str) -> None:
    assert f"/releases/{version}/hfm.owl" in problem(web.get("/releases/1999-01-01/hfm.owl"), 404)
    problem(web.get("/hfm.pdf"), 404)


def test_the_reference_of_terms_is_served_with_links_to_the_server(web: httpx.Client, version: str) -> None:
    answer = web.get("/terms")
    assert answer.status_code == 200
    assert version in answer.text
    page: ElementTree.Element = html5lib.HTMLParser(strict=True).parse(answer.text)
    local = sorted({link for link in links(page) if link.startswith("/")})
    assert len(local) > 700
    for link in local[:: len(local) // 25]:
        assert web.head(link).status_code == 200, link
    assert not any(link.startswith(BASE) for link in links(page))


def test_each_section_of_the_reference_is_a_small_page_and_holds_its_terms(web: httpx.Client) -> None:
    contents: ElementTree.Element = html5lib.HTMLParser(strict=True).parse(web.get("/terms").text)
    named = {tuple(link.split("#")) for link in links(contents) if link.startswith("/terms/") and "#" in link}
    sections = {section for section, _ in named}
    assert len(sections) > 10
    for section in sections:
        answer = web.get(section)
        page: ElementTree.Element = html5lib.HTMLParser(strict=True).parse(answer.text)
        ids = [article.get("id", "") for article in page.iter(f"{XHTML}article")]
        assert sorted(ids) == sorted(unquote(anchor) for where, anchor in named if where == section)
        assert len(answer.content) < 200_000
        assert {unquote(link[1:]) for link in links(page) if link.startswith("#") and link != "#content"} <= {*ids}
    for link in [link for link in links(page) if link.startswith("/")][::20]:
        assert web.head(link).status_code == 200, link
    assert web.get("/terms/taks").status_code == 404


def test_pages_link_to_pages_that_are_there(web: httpx.Client) -> None:
    seen = set()
    for path in ("/model/BioBERT", f"/{ROW}", "/Pathology"):
        seen |= {link for link in links(tree(web.get(path, headers={"Accept": "text/html"}))) if link.startswith("/")}
    assert len(seen) > 50
    for link in sorted(seen)[::3]:
        assert web.get(re.sub("#.*", "", link)).status_code == 200, link


def test_the_formats_offered_are_those_of_sparql_and_a_page() -> None:
    assert set(OFFERED) == set(ENDINGS.values()) == {*sparql.GRAPH_FORMATS, PAGE}
    assert {*ENDINGS.values()} == set(OFFERED)
