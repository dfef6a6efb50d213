"""Downloads and the page about the graph: files as a release has them, sources, corrections and citation."""

from __future__ import annotations

import gzip
import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from xml.etree import ElementTree

import httpx
import pytest
from playwright.sync_api import Page
from pyoxigraph import RdfFormat, Store, parse

from hfm_kg import mappings, registry, tables
from hfm_kg.catalog import Catalog
from hfm_kg.errors import BusyError
from hfm_kg.export import release
from hfm_kg.export.describe import Release
from hfm_kg.pipeline import Settings
from hfm_kg.server.files import RECIPES, Files
from hfm_kg.server.site import about, layout
from hfm_kg.statement import Graph
from hfm_kg.store import Snapshot
from hfm_kg.terms import iri
from tests.conftest import ROOT
from tests.test_pages import tree
from tests.test_reference import XHTML

ALONE = "context.jsonld"
"""A file that is quick to make."""


@pytest.fixture(scope="module")
def context(reasoned: Graph, settings: Settings, queries: Catalog) -> bytes:
    """That file as a release has it."""
    sets, _ = mappings.read(settings.ontology / "mappings")
    return release.file(release.Material(reasoned, sets, queries), ALONE, lambda step: None).content


@pytest.fixture(scope="module")
def downloaded(web: httpx.Client) -> httpx.Response:
    return web.get(f"/downloads/{ALONE}", timeout=300)


def test_a_file_is_that_of_a_release(downloaded: httpx.Response, context: bytes, web: httpx.Client) -> None:
    assert downloaded.status_code == 200
    assert downloaded.content == context
    assert downloaded.headers["content-type"] == "application/ld+json"
    assert downloaded.headers["content-disposition"] == f'attachment; filename="{ALONE}"'
    again = web.get(f"/downloads/{ALONE}", headers={"If-None-Match": downloaded.headers["etag"]})
    assert again.status_code == 304
    head = web.head(f"/downloads/{ALONE}")
    assert (head.status_code, head.content) == (200, b"")


def test_a_file_answers_at_the_address_that_describes_it(
    downloaded: httpx.Response, reasoned: Graph, web: httpx.Client
) -> None:
    address = Release(registry.version_of(reasoned)).file(ALONE).value
    assert web.get(layout.href(address)).content == downloaded.content
    assert web.get(layout.href(address).replace("context", "contest")).status_code == 404


def test_a_compressed_file_is_compressed_once(web: httpx.Client, snapshot: Snapshot) -> None:
    answer = web.get("/downloads/hfm-graph.ttl.gz", headers={"Accept-Encoding": "gzip"}, timeout=300)
    assert answer.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in answer.headers
    triples = sum(1 for _ in parse(gzip.decompress(answer.content), format=RdfFormat.TURTLE))
    assert triples == snapshot.manifest["triples"]


def test_the_page_tells_of_every_file_and_its_size(downloaded: httpx.Response, web: httpx.Client) -> None:
    page = tree(web.get("/downloads"))
    body = next(page.iter(f"{XHTML}tbody"))
    told = {"".join(row[0].itertext()): ("".join(row[1].itertext()), "".join(row[2].itertext()), row) for row in body}
    assert {name: title for name, (title, _, _) in told.items()} == {
        name: recipe.title for name, recipe in RECIPES.items()
    }
    _, size, row = told[ALONE]
    assert size == f"{len(downloaded.content) / 1000:,.0f} kB"
    assert "".join(row[3].itertext()) == hashlib.sha256(downloaded.content).hexdigest()
    assert {recipe.name for recipe in release.RECIPES} - set(RECIPES) == {"changes.md"}


def test_a_file_that_there_is_not_is_told(web: httpx.Client) -> None:
    answer = web.get("/downloads/hfm.owll", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert "did you mean hfm.owl?" in answer.json()["detail"]


def test_who_waits_for_files_that_do_not_come_is_told(snapshot: Snapshot, queries: Catalog) -> None:
    files = Files(snapshot, queries, ())
    asked = files.ask("hfm.owl")
    assert files.ask("hfm.owl") is asked
    begun(files)
    files.close()
    with pytest.raises(BusyError, match="ask again"):
        asked.result(60)
    assert files.made() == {}


def test_who_was_told_may_ask_again(snapshot: Snapshot, queries: Catalog) -> None:
    files = Files(snapshot, queries, ())
    asked = files.ask("hfm.owl")
    begun(files).kill()  # what an operating system does that is out of memory
    with pytest.raises(BusyError):
        asked.result(60)
    assert not files.ask("hfm.owl").done()
    begun(files)
    files.close()


def begun(files: Files) -> BaseProcess:
    """The process that makes files, once it has begun."""
    while (process := files.process) is None or process.pid is None:
        time.sleep(0.01)
    return process


def test_a_person_takes_a_file_along(page: Page, downloaded: httpx.Response) -> None:
    page.goto("/")
    page.get_by_role("link", name="Downloads").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=ALONE).click()
    assert download.value.path().read_bytes() == downloaded.content


# --- about ------------------------------------------------------------------------------------------------------


def rows(page: ElementTree.Element, caption: str) -> Iterator[list[str]]:
    """The rows of a table of a page, as texts."""
    for table in page.iter(f"{XHTML}table"):
        if table.findtext(f"{XHTML}caption") == caption:
            for row in next(table.iter(f"{XHTML}tbody")):
                yield ["".join(cell.itertext()) for cell in row]


def test_sources_and_notes_are_those_of_the_tables(web: httpx.Client, settings: Settings) -> None:
    page, read = tree(web.get("/about-this-graph")), tables.read(settings.data)
    named = [row[0].partition(" (github")[0] for row in rows(page, "Where the facts come from")]
    assert sorted(named) == sorted(row.text("label") for row in read["sources"])
    notes = Counter((row.text("kind"), row.text("errs")) for row in read["notes"])
    told = {(kind, errs): int(number) for kind, _, errs, number, _ in rows(page, "Curation notes by kind")}
    assert told == notes
    assert set(about.KINDS) == {kind for kind, _ in notes}


def test_the_citation_is_that_of_the_repository(web: httpx.Client) -> None:
    assert web.get("/CITATION.cff").content == (ROOT / "CITATION.cff").read_bytes()
    page = "".join(tree(web.get("/about-this-graph")).itertext())
    assert about.bibtex() in page
    assert "@misc{hfm-kg,\n  author = {{HFM-KG maintainers}},\n" in page
    assert "  author = {He, Yuting and Huang, Fuxiang and Jiang, Xinrui and" in page


def test_no_page_is_in_the_place_of_a_thing(store: Store) -> None:
    for _, path in (*layout.NAVIGATION, ("", "/CITATION.cff"), ("", "/downloads/hfm.owl")):
        assert not list(store.quads_for_pattern(iri(path[1:]), None, None)), path
