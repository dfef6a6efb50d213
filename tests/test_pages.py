"""The pages: what the server sends, and what a person does with it in a real browser."""

from __future__ import annotations

import csv
import io
import json
import re
from xml.etree import ElementTree

import html5lib
import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pyoxigraph import Literal, Quad, RdfFormat, Store, parse

from hfm_kg import sparql
from hfm_kg.catalog import Catalog
from hfm_kg.kinds import KINDS
from hfm_kg.server import Limits, create_app
from hfm_kg.server.pool import Pool
from hfm_kg.server.site import layout, static
from hfm_kg.store import Snapshot
from hfm_kg.terms import BASE, HFM, RDF, RDFS, iri
from tests.conftest import serving
from tests.screenshots import PAGES
from tests.test_reference import HOSTILE, XHTML
from tests.test_server import problem

PATHOLOGY = "/models?modality=Pathology&code=yes"


def tree(answer: httpx.Response, status: int = 200) -> ElementTree.Element:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    parsed: ElementTree.Element = html5lib.HTMLParser(strict=True).parse(answer.text)
    return parsed


# --- what the server sends --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "path"), PAGES.items())
def test_a_page_is_valid_small_and_tells_what_it_is(name: str, path: str, web: httpx.Client) -> None:
    answer = web.get(path)
    page = tree(answer, {"missing": 404, "refused": 400, "mistake": 400}.get(name, 200))
    assert len(answer.content) < 200_000
    assert len(list(page.iter(f"{XHTML}h1"))) == 1
    (told,) = [script for script in page.iter(f"{XHTML}script") if script.get("type") == "application/ld+json"]
    assert json.loads(told.text or "")["@context"] == "https://schema.org"
    (canonical,) = [link.get("href") for link in page.iter(f"{XHTML}link") if link.get("rel") == "canonical"]
    if name not in ("missing", "refused", "search", "result", "mistake"):
        assert web.get(canonical or "").text == answer.text
    for element in page.iter():
        assert "style" not in element.attrib
        assert not any(attribute.startswith("on") for attribute in element.attrib)
    loading = {f"{XHTML}{name}" for name in ("script", "link", "img")}
    loaded = [element.get("src") or element.get("href") for element in page.iter() if element.tag in loading]
    assert not [address for address in loaded if address and not address.startswith("/")]


@pytest.mark.parametrize("label_path", layout.NAVIGATION, ids=str)
def test_the_navigation_leads_to_pages(label_path: tuple[str, str], web: httpx.Client) -> None:
    answer = web.get(label_path[1])
    assert answer.status_code == 200
    assert "text/html" in answer.headers["content-type"]


def test_a_page_is_not_sent_twice(web: httpx.Client) -> None:
    first = web.get(PATHOLOGY)
    assert first.headers["cache-control"] == "public, no-cache"
    again = web.get(PATHOLOGY, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    other = web.get("/models", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_files_are_kept_for_ever_under_the_name_of_their_content(web: httpx.Client) -> None:
    for name, (address, _) in static.files().items():
        answer = web.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert re.fullmatch(rf"/static/{name.partition('.')[0]}\.[0-9a-f]{{12}}\.\w+", address)
    for path in ("/static/site.000000000000.css", "/static/site.css", "/static/..%2fsite.py", "/static/"):
        assert web.get(path).status_code == 404


def rows(web: httpx.Client, path: str) -> list[dict[str, str]]:
    answer = web.get(path)
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.parametrize(
    "query", ["", "?modality=Pathology&code=yes", "?task=NER&task=QA&sort=-year", "?backbone=BERT&since=2022&sort=name"]
)
def test_a_list_its_data_and_its_query_are_the_same(query: str, web: httpx.Client) -> None:
    listed = rows(web, f"/models.csv{query}")
    page = tree(web.get(f"/models{query}"))
    heading = next(e for e in page.iter(f"{XHTML}h2") if e.get("id") == "found")
    assert (heading.text or "").split()[0] == str(len(listed))
    shown = [a.get("href") for th in page.iter(f"{XHTML}th") if th.get("scope") == "row" for a in th.iter(f"{XHTML}a")]
    assert [BASE + (path or "")[1:] for path in shown] == [row["model"] for row in listed][:50]
    text = web.get(f"/models.rq{query}").text
    asked = web.get("/sparql", params={"query": text, "format": "csv"}, headers={"Accept": "*/*"})
    assert list(csv.DictReader(io.StringIO(asked.text))) == listed
    data = web.get(f"/models.json{query}").json()
    assert [thing["iri"] for thing in data] == [row["model"] for row in listed]


def test_a_list_comes_as_rdf(web: httpx.Client) -> None:
    page = tree(web.get(PATHOLOGY))
    (address,) = [a.get("href") for a in page.iter(f"{XHTML}a") if "format=turtle" in (a.get("href") or "")]
    answer = web.get(address or "", headers={"Accept": "*/*"})
    assert answer.headers["content-type"].startswith("text/turtle")
    subjects = {quad.subject.value for quad in parse(answer.content, format=RdfFormat.TURTLE)}
    assert subjects == {row["model"] for row in rows(web, PATHOLOGY.replace("?", ".csv?"))}


def test_a_list_comes_as_bibtex(web: httpx.Client) -> None:
    answer = web.get("/models.bib?modality=Pathology&since=2024")
    assert "@article{hfm-140," in answer.text
    assert "title = {{Towards a general-purpose foundation model for computational pathology}}" in answer.text
    everything = web.get("/references.bib").text
    assert len(re.findall(r"^@\w+\{hfm-\d+,$", everything, re.MULTILINE)) == 443
    assert everything.count("{") == everything.count("}")


def test_pages_of_a_list_hold_all_of_it_once(web: httpx.Client) -> None:
    found = []
    for number in range(1, 10):
        page = tree(web.get(f"/references?sort=number&page={number}"))
        found += [th.findtext(f"{XHTML}a") for th in page.iter(f"{XHTML}th") if th.get("scope") == "row"]
    assert len(found) == 443
    tree(web.get("/references?page=10"), 400)


def test_empty_fields_of_the_form_are_not_part_of_an_address(web: httpx.Client) -> None:
    answer = web.get("/models?since=&task=NER&code=")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/models?task=NER"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/models?modality=Patology", "did you mean pathology (Pathology)"),
        ("/models?colour=red", "models have no facet"),
        ("/models?sort=colour", "models have no column"),
        ("/models?page=0", "page is a number from 1 on"),
        ("/models?since=1e9", "since is a whole number"),
    ],
)
def test_what_a_list_cannot_do_is_told(path: str, message: str, web: httpx.Client) -> None:
    assert message in "".join(tree(web.get(path), 400).itertext())
    assert message in problem(web.get(path.replace("?", ".json?")), 400) or "page=" in path


def test_the_search_answers_pages_and_programs(web: httpx.Client) -> None:
    page = tree(web.get("/search", params={"q": "biobret"}))
    first = next(li for ol in page.iter(f"{XHTML}ol") for li in ol)
    assert "BioBERT" in "".join(first.itertext())
    hits = web.get("/search.json", params={"q": "Vision Transformr", "limit": 3}).json()["hits"]
    assert hits[0]["path"] == "/ViT"
    assert hits[0]["reason"]
    assert len(hits) <= 3
    assert web.get("/search.json").json()["hits"] == []
    assert "limit is a number" in problem(web.get("/search.json?q=x&limit=x"), 400)
    assert "Nothing is called" in web.get("/search", params={"q": "zzzzzzzzzzzz"}).text


def test_robots_find_every_page(web: httpx.Client) -> None:
    robots = web.get("/robots.txt").text
    (sitemap,) = re.findall(r"^Sitemap: (\S+)$", robots, re.MULTILINE)
    pages = [e.text or "" for e in ElementTree.fromstring(web.get(sitemap).text).iter() if e.tag.endswith("loc")]
    assert len(set(pages)) == len(pages) > 1_300
    for address in pages[:: len(pages) // 15]:
        assert web.get(address).status_code == 200


def test_hostile_names_stay_text(queries: Catalog, snapshot: Snapshot) -> None:
    store, evil = Store(), iri("model", "Evil")
    store.extend([Quad(evil, RDFS.label, Literal(HOSTILE)), Quad(evil, RDF.type, HFM.FoundationModel)])
    with serving(create_app(store, queries, Pool(snapshot, Limits(evaluators=1)))) as client:
        for path in ("/models", "/search?q=script", f"/search?q={HOSTILE}"):
            page = tree(client.get(path))
            assert HOSTILE in "".join(page.itertext())
            assert len(list(page.iter(f"{XHTML}script"))) == 3


@pytest.mark.parametrize(
    "triples",
    [
        "",
        """<https://w3id.org/hfm/model/A> a hfm:FoundationModel ; rdfs:label "A" ; hfm:subfield hfm:S ; hfm:task hfm:T ;
           hfm:modality hfm:M ; hfm:backbone hfm:B ; hfm:publicationYear "of late" .
           hfm:D a hfm:FutureDirection ; hfm:addresses hfm:C .""",
        "<http://example.org/a> a <http://example.org/B> ; rdfs:label 'a' ; <http://example.org/p> 1 .",
    ],
    ids=["empty", "without concepts", "foreign"],
)
def test_pages_of_a_graph_that_lacks_things_say_so(triples: str, queries: Catalog, snapshot: Snapshot) -> None:
    store = Store()
    prefixes = "".join(f"PREFIX {name}: <{namespace}>\n" for name, namespace in sparql.PREFIXES.items())
    store.update(f"{prefixes} INSERT DATA {{ {triples} GRAPH hfm:row {{ {triples} }} }}")
    app = create_app(store, queries, Pool(snapshot, Limits(evaluators=1)))
    app.state.site.warm()
    with serving(app) as client:
        texts = {path: " ".join(tree(client.get(path)).itertext()) for _, path in (("", "/"), *layout.NAVIGATION)}
        if triples:
            tree(client.get("/row", headers={"Accept": "text/html"}))
    for path, told in (
        ("/datasets", "This graph holds no datasets"),
        ("/references", "This graph holds no references"),
        ("/concepts", "This graph holds no concepts"),
        ("/challenges", "This graph holds no challenges"),
        ("/claims", "This graph holds no claims"),
        ("/gaps", "in which there could be gaps"),
    ):
        assert told in texts[path]
    assert ("holds no models" in texts["/"]) == ("FoundationModel" not in triples)


# --- what a person does -----------------------------------------------------------------------------------------


def test_a_misspelt_name_is_found_at_the_keyboard(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("biobret")
    option = page.get_by_role("option").first
    expect(option).to_contain_text("BioBERT")
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("BioBERT")


def test_a_list_is_narrowed_and_taken_along(page: Page) -> None:
    page.goto("/models")
    page.get_by_role("checkbox", name=re.compile("^pathology")).check()
    expect(page.get_by_role("heading", name="of 200 models")).to_have_text("17 of 200 models")
    page.get_by_role("group", name="Code found").get_by_role("radio", name=re.compile("^yes")).check()
    expect(page.get_by_role("heading", name="of 200 models")).to_have_text("10 of 200 models")
    assert page.url.endswith(PATHOLOGY)
    answer = page.request.get(page.get_by_role("link", name="CSV", exact=True).get_attribute("href") or "")
    assert len(answer.text().splitlines()) == 11
    page.get_by_role("link", name="Modality: pathology").click()
    expect(page).to_have_url(re.compile(r"/models\?code=yes$"))
    page.get_by_role("link", name="Year").click()
    expect(page).to_have_url(re.compile(r"/models\?code=yes&sort=year$"))


def test_colours_are_chosen_and_remembered(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/")
    page.get_by_role("button", name="Dark").click()
    page.goto("/models")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    page.get_by_role("button", name="Light").click()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"


def test_pages_work_without_scripts(browser: Browser, endpoint: str) -> None:
    context = browser.new_context(base_url=endpoint, java_script_enabled=False)
    page = context.new_page()
    page.goto("/models")
    page.get_by_role("checkbox", name=re.compile("^pathology")).check()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="of 200 models")).to_have_text("17 of 200 models")
    page.get_by_role("searchbox").fill("biobret")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("listitem").filter(has_text="similar spelling").first).to_contain_text("BioBERT")
    context.close()


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize(("name", "path"), PAGES.items())
def test_pages_fit_and_are_accessible(name: str, path: str, width: int, browser: Browser, endpoint: str) -> None:
    """WCAG 2.2 AA as far as axe tells, in dark colours on narrow screens and in light ones on wide ones."""
    context = browser.new_context(
        base_url=endpoint, viewport={"width": width, "height": 900}, color_scheme="dark" if width == 400 else "light"
    )
    page = context.new_page()
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    assert found.violations_count == 0, found.generate_report()
    context.close()


def test_no_page_scrolls_sideways_at_any_width(browser: Browser, endpoint: str) -> None:
    """From 320 CSS pixels on (WCAG 2.2, 1.4.10)."""
    context = browser.new_context(base_url=endpoint)
    page = context.new_page()
    for path in {
        *PAGES.values(),
        "/models",
        "/models?sort=-year",
        "/datasets?page=2",
        "/concepts",
        "/terms/techniques",
    }:
        page.goto(path)
        for width in (320, 640, 810, 1030, 1250, 1270):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
    context.close()


def test_every_kind_has_its_page() -> None:
    assert {f"/{name}" for name in KINDS} <= {path for _, path in layout.NAVIGATION}
