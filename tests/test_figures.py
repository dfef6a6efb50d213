"""The home page's figures and the page of challenges: what is drawn is what the graph gives, and leads to it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from hfm_kg import tables
from hfm_kg.catalog import Catalog
from hfm_kg.pipeline import Settings
from hfm_kg.server.site import figures
from hfm_kg.server.site.figures import Part
from tests.test_pages import tree
from tests.test_reference import XHTML

SVG = "{http://www.w3.org/2000/svg}"


def element(page: ElementTree.Element, identifier: str) -> ElementTree.Element:
    (found,) = [one for one in page.iter() if one.get("id") == identifier]
    return found


@pytest.fixture(scope="module")
def home(web: httpx.Client) -> ElementTree.Element:
    return tree(web.get("/"))


def counted(figure: ElementTree.Element) -> dict[str, int]:
    """The numbers of a figure's table by the lists that they lead to."""
    links = [a for td in figure.iter(f"{XHTML}td") for a in td.iter(f"{XHTML}a")]
    return {a.get("href") or "": int(a.text or "") for a in links}


@pytest.mark.parametrize("name", ["flow", "years", "heat"])
def test_each_number_of_a_figure_is_that_of_the_list_behind_it(
    name: str, home: ElementTree.Element, web: httpx.Client
) -> None:
    lists = counted(element(home, name))
    assert len(lists) > 15
    for address, number in lists.items():
        answer = web.get(address.replace("/models?", "/models.json?"))
        assert len(answer.json()) == number, address


def test_the_bars_of_the_flow_lead_to_what_flows_through_them(home: ElementTree.Element, web: httpx.Client) -> None:
    bars = [a for a in element(home, "flow").iter(f"{SVG}a") if a.find(f"{SVG}rect") is not None]
    named = {(bar.findtext(f"{SVG}text") or ""): bar.get("href") or "" for bar in bars}
    assert len(named) == 12
    numbers = [(named[text], int(text.split()[-1])) for text in named if text[-1].isdecimal()]
    assert sum(number for _, number in numbers) == 200
    for address, number in numbers:
        assert len(web.get(address.replace("/models?", "/models.json?")).json()) == number
    assert all(web.get(address).status_code == 200 for address in named.values())


def test_a_drawing_holds_what_its_table_holds(home: ElementTree.Element) -> None:
    for name, shape in (("flow", f"{SVG}path"), ("years", f"{SVG}rect")):
        figure = element(home, name)
        drawn = {a.get("href") for a in figure.iter(f"{SVG}a") if a.find(shape) is not None}
        assert drawn == set(counted(figure))


def test_the_heat_map_is_the_query(home: ElementTree.Element, web: httpx.Client, queries: Catalog) -> None:
    text = queries["models-by-modality-and-task"].text
    answer = web.get("/sparql", params={"query": text, "format": "csv"}, headers={"Accept": "*/*"})
    names = {
        (row["modality"].rpartition("/")[2], row["task"].rpartition("/")[2]): int(row["models"])
        for row in csv.DictReader(io.StringIO(answer.text))
    }
    shown = {
        (facets["modality"][0], facets["task"][0]): number
        for address, number in counted(element(home, "heat")).items()
        if (facets := parse_qs(urlsplit(address).query))
    }
    assert shown.items() <= names.items()
    large = Counter[str]()
    for pair, number in names.items():
        for thing in pair:
            large[thing] = max(large[thing], number)
    assert set(names) - set(shown) == {pair for pair in names if min(large[thing] for thing in pair) < 3}


# --- layouts ----------------------------------------------------------------------------------------------------


def test_bars_of_a_flow_do_not_overlap_and_bands_fill_them() -> None:
    steps = [
        [Part(("a", "x"), 3, ""), Part(("a", "y"), 1, ""), Part(("b", "x"), 2, "")],
        [Part(("x", "p"), 5, ""), Part(("y", "p"), 1, ""), Part(("x", "q"), 4, "")],
    ]
    drawn = figures.flow(steps, {(0, "a"): "/a"})
    assert {(node.name, node.number) for node in drawn.nodes if node.column == 0} == {("a", 4), ("b", 2)}
    assert {node.name: node.number for node in drawn.nodes if node.column == 1} == {"x": None, "y": 1}
    assert [node.address for node in drawn.nodes if node.name == "a"] == ["/a"]
    for column in range(3):
        ordered = sorted((node for node in drawn.nodes if node.column == column), key=lambda node: node.y)
        assert all(one.y + one.height < other.y for one, other in pairwise(ordered))
        assert ordered[0].y >= -1e-9
        assert ordered[-1].y + ordered[-1].height <= figures.HEIGHT + 1e-9
    widths = Counter[str]()
    for link in drawn.links:
        widths[link.part.names[0]] += link.width  # type: ignore[assignment] # a sum of lengths
    heights = {node.name: node.height for node in drawn.nodes}
    assert {name: pytest.approx(width) for name, width in widths.items()} == {name: heights[name] for name in widths}


def test_nothing_is_drawn_of_nothing() -> None:
    assert figures.flow([[], []], {}) == figures.Flow((), ())
    assert figures.bars([]) == figures.Bars((), (), ())
    assert figures.heat([]) == figures.Heat((), ())
    assert figures.trees([], [], []) == figures.Trees((), (), (), 0)


# --- challenges -------------------------------------------------------------------------------------------------


def test_the_trees_and_their_ties_are_those_of_the_tables(web: httpx.Client, settings: Settings) -> None:
    page = tree(web.get("/challenges"))
    read = tables.read(settings.data)
    rows = [*read["challenges"], *read["directions"]]
    drawing = element(page, "trees")
    drawn = [(a.get("href") or "")[1:] for a in drawing.iter(f"{SVG}a")]
    assert sorted(drawn) == sorted(row.text("id") for row in rows)
    labels = {row.text("id"): row.text("label") for row in rows}
    stated = {
        f"{labels[row.text('direction')]} addresses {labels[row.text('challenge')]}"
        for row in read["direction_challenges"]
    }
    assert {title.text for title in drawing.iter(f"{SVG}title")} == stated
    for row in rows:  # each topic's heading, its definition after it
        heading = element(page, row.text("id"))
        assert "".join(heading.itertext()) == row.text("label")
    assert all(row.text("definition") in "".join(page.itertext()) for row in rows)


def test_every_statement_on_a_challenge_or_direction_is_told(web: httpx.Client, settings: Settings) -> None:
    page = tree(web.get("/challenges"))
    read = tables.read(settings.data)
    topics = {row.text("id") for name in ("challenges", "directions") for row in read[name]}
    stated = {row.text("statement") for row in read["statements"] if row.text("subject") in topics}
    told = {
        re.sub(r" ((Section|Figure|Table|Reference) .*)$", "", "".join(li.itertext())) for li in page.iter(f"{XHTML}li")
    }
    assert len(stated) > 300
    assert stated <= told


# --- what a person does -----------------------------------------------------------------------------------------


def test_a_band_leads_to_its_models(page: Page) -> None:
    page.goto("/")
    band = page.locator("#flow a", has=page.locator("title", has_text="generative learning → vision: 6"))
    band.locator("path").dispatch_event("click")
    expect(page).to_have_url(re.compile(r"/models\?paradigm=generative%20learning&subfield=vision$"))
    expect(page.get_by_role("heading", name="of 200 models")).to_have_text("6 of 200 models")


def test_a_figure_is_read_by_the_keyboard_in_its_table(page: Page) -> None:
    page.goto("/")
    twin = page.locator("#years details.twin")
    twin.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(twin.get_by_role("table")).to_be_visible()
    page.keyboard.press("Tab")
    expect(twin.get_by_role("link").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Models")


def test_a_challenge_leads_to_its_direction_and_the_place_that_says_so(page: Page) -> None:
    page.goto("/challenges#Hallucination")
    section = page.locator("section.topic", has=page.locator("#Hallucination")).last
    section.get_by_role("link", name="dynamic representation capability").click()
    expect(page).to_have_url(re.compile("#DynamicRepresentationCapability$"))
    section.get_by_role("link", name="by words, Section VI.B.1").click()
    expect(page).to_have_url(
        re.compile("/source/he2024/direction/DynamicRepresentationCapability/addresses/Hallucination$")
    )


def test_figures_are_drawn_without_scripts_and_in_print(browser: Browser, endpoint: str) -> None:
    context = browser.new_context(base_url=endpoint, java_script_enabled=False)
    page = context.new_page()
    page.emulate_media(media="print")
    for path, name in (("/", "flow"), ("/", "years"), ("/challenges", "trees")):
        page.goto(path)
        expect(page.locator(f"#{name} svg")).to_be_visible()
    context.close()
