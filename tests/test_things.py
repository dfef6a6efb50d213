"""The pages of things: one for every IRI, which shows all that the graph says of it, and where that stands."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from urllib.parse import unquote

import httpx
import pytest
from markupsafe import escape
from playwright.sync_api import Browser, Page, expect
from pyld import jsonld
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse
from rdflib.namespace import SDO
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from hfm_kg import rows, sparql
from hfm_kg.catalog import Catalog
from hfm_kg.server import Limits, create_app
from hfm_kg.server.linked import LinkedData
from hfm_kg.server.pool import Pool
from hfm_kg.server.resources import describe
from hfm_kg.server.site import Site, layout
from hfm_kg.server.site.things.evidence import Evidence
from hfm_kg.server.site.things.labels import Labels
from hfm_kg.server.site.things.view import View, Viewer
from hfm_kg.store import Snapshot
from hfm_kg.terms import BASE, HFM, IAO, RDF, RDFS, SKOS, concept, iri
from tests.conftest import serving
from tests.screenshots import PAGES
from tests.test_reference import HOSTILE
from tests.test_server import problem

Respond = Callable[[str, str], Response]


@pytest.fixture(scope="module")
def app(store: Store, queries: Catalog, snapshot: Snapshot) -> Starlette:
    return create_app(store, queries, Pool(snapshot, Limits()))


@pytest.fixture(scope="module")
def respond(app: Starlette) -> Respond:
    """What answers at the path of an IRI, without a socket between."""
    linked: LinkedData = app.routes[-1].endpoint.__self__  # type: ignore[attr-defined]  # routes have endpoints

    def answer(path: str, accept: str) -> Response:
        request = Request({"type": "http", "method": "GET", "path": f"/{path}", "headers": [], "query_string": b""})
        return linked.respond(request, path, accept)

    return answer


@pytest.fixture(scope="module")
def web(endpoint: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=endpoint, timeout=60, headers={"Accept": "text/html"}) as client:
        yield client


def view(store: Store, *path: str) -> View:
    description = describe(store, iri(*path))
    assert description is not None
    return Viewer(Evidence(store, Labels(store), description.node), description).view()


# --- every IRI ----------------------------------------------------------------------------------------------------


def documents(store: Store) -> dict[str, set[Triple]]:
    """What the graph says of each thing of ours and in its named graph, by the IRI without its fragment."""
    found: dict[str, set[Triple]] = defaultdict(set)
    for quad in store.quads_for_pattern(None, None, None, None):
        for node in (quad.subject, quad.graph_name):
            if isinstance(node, NamedNode) and node.value.startswith(BASE):
                found[node.value.partition("#")[0]].add(quad.triple)
    return found


def shown(triple: Triple) -> str:
    """What of a statement's object must stand in the source of a page."""
    if isinstance(triple.object, Literal):
        return str(escape(triple.object.value))
    assert isinstance(triple.object, NamedNode)
    return f'href="{escape(layout.href(triple.object.value))}"'


def test_every_iri_answers_as_a_page_and_as_turtle_with_what_the_graph_holds(store: Store, respond: Respond) -> None:
    walked = documents(store)
    assert len(walked) > 7_500
    for name, said in walked.items():
        path = unquote(name.removeprefix(BASE))
        page = respond(path, "text/html")
        assert page.status_code == 200, name
        assert page.media_type is None or page.headers["content-type"].startswith("text/html")
        text = bytes(page.body).decode()
        assert len(page.body) < 200_000, name
        ids = re.findall(r' id="([^"]*)"', text)
        assert len(ids) == len(set(ids)), name
        own = [one for one in said if one.subject == NamedNode(name) and isinstance(one.object, Literal | NamedNode)]
        assert not [str(one) for one in own if shown(one) not in text], name
        turtle = respond(path, "text/turtle")
        assert turtle.status_code == 200, name
        if path == "hfm.owl":
            continue  # the ontology file, whose content another test compares
        told = {quad.triple for quad in parse(bytes(turtle.body), format=RdfFormat.TURTLE)}
        assert {one for one in said if "_:" not in str(one)} <= told, name


def test_iris_answer_over_the_socket(store: Store, web: httpx.Client) -> None:
    names = sorted(documents(store))
    for name in names[:: len(names) // 40]:
        path = name.removeprefix(BASE.removesuffix("/"))
        page = web.get(path)
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert web.get(path, headers={"If-None-Match": page.headers["etag"]}).status_code == 304
        assert web.get(f"{path}.ttl").content == web.get(path, headers={"Accept": "text/turtle"}).content


# --- what a page tells --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [("model", "SegVol"), ("dataset", "CheXpert"), ("dataset", "DeepLesion"), ("Pathology",)]
)
def test_each_statement_has_the_places_that_the_query_gives(
    path: tuple[str, ...], store: Store, queries: Catalog
) -> None:
    page = view(store, *path)
    text = queries["where-is-it-said"].text.replace(iri("model", "BioBERT").value, iri(*path).value)
    expected = defaultdict(set)
    for row in sparql.select(store, text):
        expected[row["property"].value].add(row["place"].value)
    assert len(expected) > 5
    shown = {row.predicate.iri: row for row in (*page.facts, *page.outward, *page.aside)}
    for predicate, places in expected.items():
        values = shown[predicate].values if predicate in shown else ()
        said = [page.defined] if predicate == IAO.IAO_0000115.value else [value.said for value in values]
        assert {place.label for one in said for source in one.sources for place in source.places} == places, predicate


def words(page: View, predicate: NamedNode) -> dict[str, set[str]]:
    """What is remarked on each value of a property."""
    return {
        "".join(part if isinstance(part, str) else part.label for part in value.parts): {
            note.word for note in value.said.notes
        }
        for row in page.facts
        if row.predicate.iri == predicate.value
        for value in row.values
    }


def test_disputed_values_are_marked(store: Store) -> None:
    page = view(store, "model", "SegVol")
    assert words(page, HFM.modality) == {"computed tomography": {"disputed"}}
    assert words(page, HFM.topic) == {"ophthalmology": {"disputed"}, "retina": {"disputed"}}
    assert words(page, HFM.task) == {"image segmentation": set()}
    assert words(page, HFM.backbone) == {"Vision Transformer": {"remark"}}


def test_every_correction_is_marked_where_the_value_stands(store: Store) -> None:
    """Corrections of the cells of tables: each stands on the page of the thing, with what is printed."""
    corrected = [
        quad.subject
        for quad in store.quads_for_pattern(None, HFM.correctedValue, None, DefaultGraph())
        if isinstance(quad.subject, NamedNode)
    ]
    labels = Labels(store)
    seen = 0
    for note in corrected:
        for thing in labels.nodes(note, HFM.about):
            if thing.value.startswith((f"{BASE}model/", f"{BASE}dataset/", f"{BASE}reference/")):
                page = view(store, thing.value.removeprefix(BASE))
                assert note.value in {one.link.iri for one in page.notes}
                seen += 1
    assert seen > 40


def test_values_come_by_importance_and_labels_stand_for_iris(store: Store) -> None:
    page = view(store, "model", "BioBERT")
    order = [row.predicate.iri for row in page.facts]
    assert order.index(HFM.subfield.value) < order.index(HFM.task.value) < order.index(HFM.reference.value)
    assert page.title.label == "BioBERT"
    for row in (*page.facts, *page.aside):
        assert "w3id.org" not in row.predicate.label
        for value in row.values:
            assert all("w3id.org/hfm" not in (part if isinstance(part, str) else part.label) for part in value.parts)


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("note/table-2-row-7-modalities", "Note (conflict): modalities of SegVol"),
        ("source/he2024/table/2/row/7#modalities", "modalities: CT"),
        ("source/awesome-hfm/model/BioBERT/line/140/code", "Line 140: BioBERT, code"),
        ("source/he2024/reference/42", "Reference 42: Segment anything in medical images"),
        ("source/he2024/statement/iii-b-2-pathology-size-pixel-unit#quantity", "150,000 pixel"),
        ("model/BioBERT/backbone/1.1", "BERT"),
    ],
)
def test_what_has_no_label_is_called_by_what_it_says(path: str, label: str, store: Store) -> None:
    assert Labels(store).link(iri(path)).label == label


def test_a_definition_is_told_once(web: httpx.Client) -> None:
    text = web.get("/Pathology").text
    assert text.partition("</head>")[2].count("A medical image of a tissue or cell specimen") == 1


def test_what_points_at_a_thing_is_counted_and_listed(store: Store, web: httpx.Client) -> None:
    (row,) = [row for row in view(store, "Pathology").incoming if row.predicate.iri == HFM.modality.value]
    members = {quad.subject for quad in store.quads_for_pattern(None, HFM.modality, iri("Pathology"), DefaultGraph())}
    assert row.number == len(members) > 12
    address = "/pointing?to=Pathology&amp;by=modality"
    assert address in web.get("/Pathology").text
    listed = re.findall(r'<li><a href="([^"]+)"', web.get(address.replace("&amp;", "&")).text.partition("<ol")[2])
    assert {f"<{BASE}{path[1:]}>" for path in listed} == {str(one) for one in members}
    kinds = "/pointing?to=Row&by=http://www.w3.org/1999/02/22-rdf-syntax-ns%23type"
    pages = [web.get(f"{kinds}&page={number}") for number in (1, 2)]
    assert all(page.status_code == 200 and len(page.content) < 200_000 for page in pages)
    assert pages[0].text != pages[1].text


@pytest.mark.parametrize(
    "query", ["", "?to=Pathology", "?to=Pathology&by=nothing", "?to=Pathology&by=modality&page=99", "?to=<x>&by=y z"]
)
def test_a_list_that_there_is_not_is_told(query: str, web: httpx.Client) -> None:
    assert web.get(f"/pointing{query}").status_code == 400


def test_a_concept_shows_its_place_and_what_is_under_it(web: httpx.Client) -> None:
    text = web.get("/MedicalImage").text
    number = len(web.get("/models.csv?modality=MedicalImage").text.splitlines()) - 1
    assert f"{number} models with this modality" in text
    assert 'href="/models?modality=MedicalImage"' in text
    assert 'href="/datasets?modality=MedicalImage"' in text
    narrower = text.partition("Narrower</h3>")[2].partition("</section>")[0]
    assert 'href="/SyntheticPathology"' in narrower.partition('href="/Pathology"')[2]
    assert re.search(
        r'href="/MedicalImage">medical image</a> <span[^>]*>›</span> <b>pathology', web.get("/Pathology").text
    )


def test_similar_things_and_lineage(app: Starlette) -> None:
    site: Site = app.state.site
    measured = sorted(
        (row for row in _similar(site) if iri("model", "UNI").value in (row["one_iri"], row["other_iri"])),
        key=lambda row: -float(row["lin"]),
    )
    near = site.family.similar(iri("model", "UNI").value)
    assert near == sorted(near, key=lambda one: -one.lin)
    assert all(one.shared for one in near)
    if measured:  # the table of the network holds the closest pairs of all models alone
        assert f"{near[0].lin:.3f}" == measured[0]["lin"]
    lineage = site.family.lineage(iri("model", "MedSAM").value)
    assert lineage is not None
    assert "Segment Anything Model" in {kin.thing.label for kin in lineage.bases}
    base = site.family.lineage(iri("SAM").value)
    assert base is not None
    assert len(base.heirs) + base.more_heirs > 20
    assert site.family.lineage(iri("reference", "42").value) is None
    assert site.family.similar(iri("Pathology").value) == []


def _similar(site: Site) -> list[dict[str, str]]:
    from hfm_kg.network.likeness import similar_models
    from hfm_kg.network.source import Network

    return list(similar_models(Network(rows.of_terms(site.select), site.queries)).rows)


@pytest.mark.parametrize("name", ["model", "dataset", "reference", "concept", "scheme", "class", "row", "note"])
def test_schema_org_is_sound(name: str, web: httpx.Client) -> None:
    """Each key and type is one of schema.org's, and none is lost when the JSON-LD is expanded."""
    text = web.get(PAGES[name]).text
    told = json.loads(text.partition('<script type="application/ld+json">')[2].partition("</script>")[0])
    thing = told["mainEntity"]
    assert thing["@id"] == BASE + PAGES[name][1:]
    context = {"contextUrl": None, "documentUrl": "https://schema.org", "document": {"@context": {"@vocab": str(SDO)}}}
    (expanded,) = jsonld.expand(told, {"documentLoader": lambda url, options: context})

    def check(node: object) -> int:
        if isinstance(node, list):
            return sum(map(check, node))
        if not isinstance(node, dict):
            return 0
        for term in [*node.get("@type", []), *(key for key in node if not key.startswith("@"))]:
            assert term in SDO, term  # rdflib knows the vocabulary
        return 1 + sum(check(value) for key, value in node.items() if key != "@type" and not key.startswith("@"))

    assert check(expanded) >= 3
    assert expanded[str(SDO.mainEntity)][0]["@id"] == thing["@id"]


def test_the_work_behind_a_thing_comes_as_bibtex(web: httpx.Client) -> None:
    assert "@article{hfm-42," in web.get("/reference/42").text
    assert "@article{hfm-38," in web.get("/model/BioBERT").text


def test_the_ontology_is_a_page_for_who_takes_nothing_else(web: httpx.Client) -> None:
    for address, accept in (("/hfm.owl", "text/html"), ("/hfm.owl.html", "*/*")):
        answer = web.get(address, headers={"Accept": accept})
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "Healthcare Foundation Model ontology" in answer.text
    problem(web.get("/hfm.owl", headers={"Accept": "image/png"}), 406)


# --- hostile ------------------------------------------------------------------------------------------------------

EVIL = "\u202e" + "evil" * 500 + HOSTILE + "'\"><img src=x onerror=alert(1)>&amp;"
"""Turned right to left, very long, and full of mark-up."""


@pytest.fixture(scope="module")
def hostile(queries: Catalog, snapshot: Snapshot) -> Iterator[httpx.Client]:
    """A server over a store in which everything that can be hostile is."""
    store, evil, row, note = Store(), iri("model", "E<vil>\"'&"), iri("source", "x", "row"), iri("note", "x")
    triples = [
        Triple(evil, predicate, Literal(EVIL))
        for predicate in (RDFS.label, IAO.IAO_0000115, SKOS.altLabel, HFM.venue, NamedNode(BASE + "%3Cp%3E"))
    ]
    for name in ("Evil", "<b>", '"onload="'):
        triples.append(Triple(evil, HFM.modality, concept(name)))
        triples += [Triple(concept(name), RDF.type, HFM.Modality), Triple(concept(name), RDFS.label, Literal(EVIL))]
    triples += [
        Triple(evil, RDF.type, HFM.FoundationModel),
        Triple(evil, HFM.paperPage, NamedNode("javascript:alert(1)")),
        Triple(evil, HFM.codeRepository, NamedNode("https://example.org/'onclick='alert(1)")),
        Triple(evil, NamedNode("data:text/html,x"), NamedNode("vbscript:x")),
        Triple(concept("Evil"), HFM.example, evil),
        Triple(concept("Evil"), SKOS.broader, concept("Evil")),  # a loop
        Triple(concept("Evil"), SKOS.inScheme, iri("scheme", "modalities")),
        Triple(row, RDF.type, HFM.Row),
        Triple(row, HFM.sentence, Literal(EVIL)),
        Triple(row, HFM.describes, evil),
        Triple(row, NamedNode("http://www.w3.org/ns/prov#wasDerivedFrom"), iri("source", "x")),
        Triple(note, RDF.type, HFM.CurationNote),
        Triple(note, HFM.about, evil),
        Triple(note, HFM.disputes, row),
        *(
            Triple(note, predicate, Literal(EVIL))
            for predicate in (HFM.noteKind, HFM.column, HFM.reportedValue, HFM.correctedValue, HFM.reason)
        ),
    ]
    store.extend(Quad(one.subject, one.predicate, one.object) for one in triples)
    store.extend(Quad(one.subject, one.predicate, one.object, row) for one in triples if one.subject == evil)
    with serving(create_app(store, queries, Pool(snapshot, Limits(evaluators=1)))) as client:
        yield client


EVIL_PATHS = ["/model/E%3Cvil%3E%22%27%26", "/Evil", "/source/x/row", "/note/x", "/pointing?to=Evil&by=modality"]


@pytest.mark.parametrize("path", EVIL_PATHS)
def test_hostile_things_stay_text(path: str, hostile: httpx.Client, browser: Browser) -> None:
    answer = hostile.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    context = browser.new_context(base_url=str(hostile.base_url), viewport={"width": 800, "height": 600})
    page = context.new_page()
    said: list[str] = []
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("console", lambda message: said.append(message.text))
    page.goto(path)
    assert said == []
    assert page.locator("main img, main script, main b b, main [onclick], main [onload], main [onerror]").count() == 0
    for link in page.locator("a").all():
        assert re.match(r"/|#|https?://", link.get_attribute("href") or ""), link
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    assert HOSTILE in (page.locator("main").text_content() or "")
    context.close()


# --- what a person does -------------------------------------------------------------------------------------------


@pytest.fixture
def page(browser: Browser, endpoint: str) -> Iterator[Page]:
    """A page of the browser on the server; nothing may be said on its console."""
    context = browser.new_context(base_url=endpoint, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == []


def test_a_fact_is_followed_to_its_row_in_the_survey(page: Page) -> None:
    page.goto("/model/BioBERT")
    fact = page.get_by_role("table", name="Facts").get_by_role("row", name="has pre-training paradigm")
    expect(fact).to_contain_text("hybrid learning")
    fact.get_by_role("link", name="source").click()
    entry = page.locator("li:target")
    expect(entry).to_contain_text("Table 1, row 16")
    entry.get_by_role("link", name="Table 1, row 16").click()
    expect(page).to_have_url(re.compile(r"/source/he2024/table/1/row/16$"))
    expect(page.get_by_role("row", name="pretraining")).to_contain_text("HL")


def test_the_lineage_is_opened_and_followed(page: Page) -> None:
    page.goto("/model/BioBERT")
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Lineage").click()
    lineage = page.get_by_role("region", name="Lineage")
    expect(lineage).to_be_in_viewport()
    lineage.get_by_role("link", name="BERT", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("BERT")
    heirs = page.get_by_role("region", name="Lineage")
    expect(heirs.get_by_role("link", name="BioBERT", exact=True)).to_be_visible()


def test_a_thing_is_taken_along_as_rdf(page: Page) -> None:
    page.goto("/model/SegVol")
    link = page.get_by_role("navigation", name="This thing as RDF").get_by_role("link", name="Turtle")
    answer = page.request.get(link.get_attribute("href") or "")
    triples = {quad.triple for quad in parse(answer.body(), format=RdfFormat.TURTLE)}
    assert Triple(iri("model", "SegVol"), HFM.modality, iri("CT")) in triples
