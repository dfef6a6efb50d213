"""The pages that ask: query, compare and gaps, as the server sends them and as a person uses them in a real browser."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pyoxigraph import Store

from hfm_kg import gaps, rows, sparql
from hfm_kg.catalog import Catalog
from hfm_kg.server.site import compare, questions, results, static
from hfm_kg.server.site.gaps import QUERIES, models_around
from hfm_kg.terms import BASE
from tests.test_pages import tree
from tests.test_reference import HOSTILE, XHTML
from tests.test_server import problem

TASKS = "SELECT ?model ?task { ?model hfm:modality hfm:Ultrasound ; hfm:task ?task } ORDER BY ?model ?task"
UNI_AND_CTRANSPATH = "thing=model/UNI&thing=model/CTransPath"

needs_editor = pytest.mark.skipif(not static.there("editor.js"), reason="the build could not fetch third-party code")


@pytest.fixture(scope="module")
def web(endpoint: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=endpoint, timeout=60, headers={"Accept": "text/html"}) as client:
        yield client


def ask(web: httpx.Client, query: str, status: int = 200) -> ElementTree.Element:
    """The section of the query page that holds the result."""
    page = tree(web.get("/query", params={"query": query, "format": "html"}), status)
    return next(section for section in page.iter(f"{XHTML}section") if section.get("id") == "result")


def table(section: ElementTree.Element) -> list[ElementTree.Element]:
    return [row for body in section.iter(f"{XHTML}tbody") for row in body]


def as_csv(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


# --- query ------------------------------------------------------------------------------------------------------


def test_a_result_is_a_table_with_labels_and_links(web: httpx.Client) -> None:
    expected = as_csv(web.get("/sparql", params={"query": TASKS, "format": "csv"}))
    shown = table(ask(web, TASKS))
    assert [[BASE + (a.get("href") or "")[1:] for a in row.iter(f"{XHTML}a")] for row in shown] == [
        list(row.values()) for row in expected
    ]
    named = "SELECT ?m ?t { ?a hfm:modality hfm:Ultrasound ; hfm:task ?b ; rdfs:label ?m . ?b rdfs:label ?t }"
    labels = as_csv(web.get("/sparql", params={"query": named, "format": "csv"}))
    assert sorted([a.text for a in row.iter(f"{XHTML}a")] for row in shown) == sorted(
        list(row.values()) for row in labels
    )


@pytest.mark.parametrize("query", ["SELECT * { ?s ?p ?o }", "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }"])
def test_of_a_large_result_the_beginning_is_shown(query: str, web: httpx.Client) -> None:
    section = ask(web, query)
    assert len(table(section)) == results.SHOWN
    assert f"The first {results.SHOWN} rows" in "".join(section.itertext())


def test_questions_of_yes_and_no_and_graphs_are_shown(web: httpx.Client) -> None:
    assert "Yes" in "".join(ask(web, "ASK { ?model a hfm:FoundationModel }").itertext())
    assert "No" in "".join(ask(web, "ASK { hfm:CT a hfm:FoundationModel }").itertext())
    section = ask(web, "DESCRIBE <model/UNI>")
    assert {row[0][0].text for row in table(section)} == {"UNI"}
    offered = {
        parse_qs(urlsplit(a.get("href") or "").query)["format"][0]
        for a in section.iter(f"{XHTML}a")
        if a.get("download")
    }
    assert offered == {form.name for form in sparql.GRAPH_FORMATS}


def test_other_formats_come_from_the_endpoint(web: httpx.Client) -> None:
    answer = web.get("/query", params={"query": TASKS, "format": "csv"}, follow_redirects=True)
    assert answer.url.path == "/sparql"
    assert as_csv(answer) == as_csv(web.get("/sparql", params={"query": TASKS, "format": "csv"}))
    assert web.get("/query", params={"query": TASKS, "format": "pdf"}).status_code == 400


@pytest.mark.parametrize(
    ("query", "status", "place"),
    [
        ("SELECT * {\n  ?m a fair:Model }", 400, ("2", "8")),
        ("SELECT * {\n", 400, ("2", "1")),
        ("SELECT * { SERVICE <http://example.org/> { ?s ?p ?o } }", 403, None),
        ("DELETE WHERE { ?s ?p ?o }", 403, None),
        ("SELECT * {" + "OPTIONAL { ?s ?p ?o }" * 500 + "}", 400, None),
    ],
)
def test_mistakes_are_told_as_the_endpoint_tells_them(
    query: str, status: int, place: tuple[str, str] | None, web: httpx.Client
) -> None:
    refused = web.get("/sparql", params={"query": query})
    mistake = next(each for each in ask(web, query, status).iter() if each.get("role") == "alert")
    assert "".join(mistake.itertext()) == problem(refused, status)
    assert (mistake.get("data-line"), mistake.get("data-column")) == (place or (None, None))
    if place:
        assert place == (str(refused.json()["line"]), str(refused.json()["column"]))


def test_hostile_queries_and_values_stay_text(web: httpx.Client) -> None:
    query = f"""SELECT ('''{HOSTILE}</textarea>''' AS ?text) (<javascript:alert(1)> AS ?address) {{}}"""
    page = tree(web.get("/query", params={"query": query, "format": "html"}))
    (area,) = page.iter(f"{XHTML}textarea")
    assert (area.text or "").strip() == query
    assert HOSTILE in "".join(page.itertext())
    assert not [a for a in page.iter(f"{XHTML}a") if "javascript" in (a.get("href") or "")[:11]]


def test_every_question_has_a_topic(queries: Catalog) -> None:
    shown = [query.name for some in questions.by_topic(queries).values() for query in some]
    assert sorted(shown) == sorted(query.name for query in queries.of_kind("competency"))
    assert {name for names in questions.TOPICS.values() for name in names} <= set(shown)


def test_words_to_complete_are_words_of_the_graph(web: httpx.Client, store: Store) -> None:
    told = web.get("/query/words.json").json()
    names = [word["name"] for word in told["words"]]
    assert len(set(names)) == len(names) > 800
    unknown = sparql.select(
        store,
        f"""SELECT ?word {{ VALUES ?word {{ {" ".join(names)} }}
          FILTER NOT EXISTS {{ {{ ?word ?p ?o }} UNION {{ ?s ?word ?o }} UNION {{ ?s a ?word }} }} }}""",
    )
    assert unknown == []
    words = {word["name"]: word for word in told["words"]}
    assert words["hfm:modality"]["range"] in words["hfm:Pathology"]["types"]
    assert words["rdfs:label"]["kind"] == "property"


# --- compare ----------------------------------------------------------------------------------------------------


def test_a_comparison_marks_what_differs(web: httpx.Client, store: Store) -> None:
    compared = as_csv(web.get(f"/compare.csv?{UNI_AND_CTRANSPATH}"))
    for line in compared:
        if line["property"] in ("hfm:quantity", "hfm:publicationYear"):
            continue  # these are reached by a path
        values = [
            {
                row["value"]
                for row in sparql.select(store, f"SELECT ?value {{ <model/{name}> {line['property']} ?value }}")
            }
            for name in ("UNI", "CTransPath")
        ]
        assert line["differs"] == ("no" if values[0] == values[1] else "yes"), line
        assert [len(value) for value in values] == [
            len(line[name].split("|")) if line[name] else 0 for name in ("UNI", "CTransPath")
        ]
    page = tree(web.get(f"/compare?{UNI_AND_CTRANSPATH}"))
    shown = table(page)
    assert ["".join(row[1].itertext()) for row in shown] == [
        "≠ differs" if line["differs"] == "yes" else "= same" for line in compared
    ]
    assert all(row.get("class") == "differs" or not list(row.iter(f"{XHTML}b")) for row in shown)


def test_a_comparison_has_one_address(web: httpx.Client) -> None:
    answer = web.get("/compare?thing=uni&thing=CTransPath&thing=UNI&thing=")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/compare?{UNI_AND_CTRANSPATH}"
    for example in compare.EXAMPLES:
        assert web.get("/compare", params={"thing": list(example)}).status_code == 303
    assert "did you mean" in "".join(tree(web.get(f"/compare?{UNI_AND_CTRANSPATH}&thing=BioBRET"), 400).itertext())
    models = [row["model"] for row in as_csv(web.get("/models.csv"))][:7]
    assert "6 fit" in "".join(tree(web.get("/compare", params={"thing": models}), 400).itertext())
    assert as_csv(web.get("/compare.csv")) == []


# --- gaps -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def field(select: rows.Select, queries: Catalog) -> gaps.Field:
    return gaps.read(select, queries)


def test_rows_of_terms_are_those_of_a_source(store: Store, select: rows.Select, queries: Catalog) -> None:
    terms = rows.of_terms(lambda text: sparql.select(store, text))
    for name in QUERIES:
        expected = select(queries[name].text)
        assert [{key: row[key] for key in queries[name].columns} for row in terms(queries[name].text)] == expected


@pytest.mark.parametrize("given", [{}, {"modality": "Pathology"}, {"subfield": "Vision", "task": "Detection"}], ids=str)
def test_gaps_are_those_of_the_analysis(given: dict[str, str], web: httpx.Client, field: gaps.Field) -> None:
    expected = gaps.rank(field, field.chosen(given), limit=15)
    assert web.get("/gaps.json", params=given).json() == json.loads(json.dumps([gap.as_dict() for gap in expected]))
    assert [row["score"] for row in as_csv(web.get("/gaps.csv", params=given))] == [
        f"{gap.score:.2f}" for gap in expected
    ]
    page = tree(web.get("/gaps", params=given))
    shown = [[a.text for a in heading.iter(f"{XHTML}a")] for heading in page.iter(f"{XHTML}h3")]
    assert shown == [list(gap.labels) for gap in expected]
    assert "no such model" in "".join(page.itertext())


@pytest.mark.parametrize("given", [{}, {"modality": "Pathology"}, {"subfield": "Vision"}], ids=str)
def test_the_query_beside_a_gap_repeats_its_evidence(given: dict[str, str], field: gaps.Field, store: Store) -> None:
    for gap in gaps.rank(field, field.chosen(given), limit=4):
        found = sparql.select(store, models_around(gap.combination))
        has = [tuple(row[facet].value == "true" for facet in ("modality", "task", "paradigm")) for row in found]
        assert (True, True, True) not in has
        counts = [has.count(two) for two in ((True, True, False), (True, False, True), (False, True, True))]
        assert counts == [
            gap.count(kind) for kind in ("modality and task", "modality and paradigm", "task and paradigm")
        ]


def test_names_that_differ_by_a_hyphen_are_told_apart(web: httpx.Client) -> None:
    for name in ("ClinicalBERT", "Clinical-BERT"):
        assert web.get("/compare", params={"thing": name}).headers["location"] == f"/compare?thing=model/{name}"
    assert web.get("/compare", params={"thing": "med sam"}).headers["location"] == "/compare?thing=model/MedSAM"


def test_what_gaps_cannot_do_is_told(web: httpx.Client) -> None:
    assert "did you mean" in problem(web.get("/gaps.json?modality=Patology"), 400)
    assert "gaps have no facet 'colour'" in "".join(tree(web.get("/gaps?colour=red"), 400).itertext())
    assert "limit is a number" in problem(web.get("/gaps.csv?limit=1000"), 400)
    assert web.get("/gaps.xml").status_code == 404


# --- what a person does -----------------------------------------------------------------------------------------


@pytest.fixture
def page(browser: Browser, endpoint: str) -> Iterator[Page]:
    """A page of the browser; its console stays silent, and nothing is asked of another host."""
    context = browser.new_context(base_url=endpoint, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert [text for text in said if "status of 400" not in text] == []  # the browser's own note on a refused query
    assert [url for url in asked if not url.startswith(endpoint)] == []


def editor(page: Page) -> Locator:
    return page.get_by_role("textbox", name="SPARQL query")


@needs_editor
def test_a_list_is_opened_in_the_editor_changed_run_and_shared(page: Page, browser: Browser, endpoint: str) -> None:
    page.goto("/models?modality=Pathology&code=yes")
    page.get_by_text("The query of this list").click()
    page.get_by_role("link", name="Open in the editor").click()
    expect(page.locator(".CodeMirror")).to_contain_text("hfm:Pathology")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#result caption")).to_have_text("10 rows")
    editor(page).focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("LIMIT 3")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#result caption")).to_have_text("3 rows")
    page.get_by_role("button", name="Share").click()
    link = page.get_by_role("textbox", name="Link to this query").input_value()
    assert link == page.url
    other = browser.new_context(base_url=endpoint).new_page()
    other.goto(link)
    expect(other.locator(".CodeMirror")).to_contain_text("LIMIT 3")
    expect(other.locator("#result table")).to_have_text(page.locator("#result table").inner_text(), use_inner_text=True)
    other.context.close()


@needs_editor
def test_words_are_completed_from_the_graph(page: Page, store: Store) -> None:
    number = len(sparql.select(store, "SELECT * { ?model hfm:modality hfm:Pathology }"))
    page.goto("/query?query=")
    editor(page).focus()
    page.keyboard.type("SELECT * { ?model hfm:modality Patho")
    hints = page.locator(".CodeMirror-hint")
    expect(hints.first).to_contain_text("hfm:Pathology")
    page.keyboard.press("Enter")
    page.keyboard.type(" }")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#result caption")).to_have_text(f"{number} rows")


@needs_editor
def test_a_mistake_is_shown_at_its_place(page: Page) -> None:
    page.goto("/query?query=")
    editor(page).focus()
    page.keyboard.insert_text("SELECT * {\n  ?m a fair:Model\n}")
    page.keyboard.press("Escape")
    editor(page).focus()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("the prefix fair: is neither declared nor known")
    mistaken = page.locator(".CodeMirror .mistaken")
    expect(mistaken.first).to_be_visible()
    assert "".join(mistaken.all_inner_texts()) == "fair:Model"  # in several pieces if its letters have several colours
    page.keyboard.type("x")
    expect(page.locator(".CodeMirror .mistaken")).to_have_count(0)


@needs_editor
def test_a_result_has_views(page: Page) -> None:
    page.goto(f"/query?query={TASKS}&format=html")
    number = page.locator("#result tbody tr").count()
    page.get_by_role("tab", name="Graph").click()
    expect(page.locator("svg.web line.link")).to_have_count(number)
    page.get_by_role("tab", name="Raw").click()
    expect(page.get_by_role("tabpanel", name="Raw")).to_contain_text('"bindings"')
    page.goto("/query?name=models-by-subfield&format=html")
    page.get_by_role("tab", name="Chart").click()
    expect(page.locator("svg.bars rect")).to_have_count(4)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.path().read_text(encoding="utf-8").splitlines()[0] == "subfield,models"


@needs_editor
def test_all_is_done_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/")
    press_to(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Query"), "Enter")
    expect(page).to_have_url(re.compile("/query$"))
    press_to(page, editor(page))
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(TASKS)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#result caption")).to_be_visible()
    press_to(page, page.get_by_role("button", name="Share"), "Enter")
    expect(page.get_by_role("textbox", name="Link to this query")).to_be_focused()
    press_to(page, page.get_by_role("tab", name="Table"), "ArrowRight")
    expect(page.locator("svg.bars")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    link = page.locator("#result tbody a").first
    name = link.inner_text()
    press_to(page, link, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def press_to(page: Page, target: Locator, key: str = "") -> None:
    """Press Tab until the target has the focus, then a key."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            break
    else:
        pytest.fail(f"the keyboard does not reach {target}")
    if key:
        page.keyboard.press(key)


@needs_editor
def test_dark_colours_are_remembered_by_the_editor(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/query")
    ground = "getComputedStyle(document.querySelector('.CodeMirror')).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark").click()
    page.reload()
    expect(page.locator(".CodeMirror")).to_be_visible()
    assert page.evaluate(ground) != light


def test_models_are_compared(page: Page) -> None:
    page.goto("/compare")
    for name in ("UNI", "ctranspath", "MedSAM"):
        page.get_by_label("Add a model or dataset").fill(name)
        page.keyboard.press("Enter")
        expect(page.get_by_role("columnheader", name=re.compile(f"^{name}", re.IGNORECASE))).to_be_visible()
    page.get_by_role("link", name="Remove MedSAM").click()
    expect(page).to_have_url(re.compile(re.escape(f"/compare?{UNI_AND_CTRANSPATH}") + "$"))
    expect(page.get_by_role("row", name="Modality = same")).to_have_count(1)
    expect(page.get_by_role("row", name="Year ≠ differs")).to_contain_text("2024")


def test_a_gap_leads_to_its_query(page: Page) -> None:
    page.goto("/gaps")
    page.get_by_label("Modality").select_option(label="pathology")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"/gaps\?modality=Pathology$"))
    page.get_by_role("link", name="Models with two of the three").first.click()
    expect(page.locator("#result tbody tr")).not_to_have_count(0)


def test_asking_works_without_scripts(browser: Browser, endpoint: str) -> None:
    context = browser.new_context(base_url=endpoint, java_script_enabled=False)
    page = context.new_page()
    page.goto("/query")
    page.get_by_label("A SPARQL query").fill(TASKS)
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#result tbody tr")).to_have_count(15)
    page.get_by_label("A SPARQL query").fill("SELECT")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("line 1")
    context.close()
