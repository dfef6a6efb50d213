"""What the tests share: the real data, built once a session."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import shutil
import signal
import socket
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright
from pyoxigraph import Store
from starlette.applications import Starlette

from hfm_kg import catalog, pipeline, rows, statement
from hfm_kg.network.measures import Network
from hfm_kg.pipeline import Settings
from hfm_kg.publish import publish
from hfm_kg.server.connection import Connection
from hfm_kg.source import Local
from hfm_kg.store import Snapshot

from . import exports, stores

ROOT = Path(__file__).parent.parent
SCRIPT = str(Path(sysconfig.get_path("scripts")) / "hfm-kg")

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""Without a window, as root too, and without asking anything of other machines."""

W3C = ROOT.parent / "shared/w3c-rdf-tests"
"""Where the W3C's tests lie unless an option says otherwise."""

Edit = Callable[[str, str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of our tests."""
    parser.addoption("--hostile", type=int, default=4_000, metavar="NUMBER", help="hostile requests to send")
    parser.addoption("--w3c", type=Path, metavar="FOLDER", help=f"the W3C's tests of SPARQL  [default: {W3C}]")


def w3c_folder(config: pytest.Config) -> Path | None:
    """The folder of the W3C's tests, None if none was named and none is beside the checkout."""
    named: Path | None = config.getoption("--w3c")
    if named is not None and not (named / "sparql11").is_dir():
        raise pytest.UsageError(f"--w3c: {named} holds no folder sparql11")
    return named or (W3C if W3C.is_dir() else None)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The checkout's data, with an output folder of the session's own."""
    return Settings(root=ROOT, output=tmp_path_factory.mktemp("snapshots"))


@pytest.fixture(scope="session")
def snapshot(settings: Settings) -> Snapshot:
    """The real graph, validated and reasoned, as a snapshot on disk."""
    return pipeline.build(settings)


@pytest.fixture(scope="session")
def store(snapshot: Snapshot) -> Store:
    """The real graph, opened read-only."""
    return snapshot.open()


@pytest.fixture(scope="session")
def stated(settings: Settings) -> statement.Graph:
    """What the tables and the ontology state, before reasoning; not to be changed."""
    return pipeline.stated(settings)


@pytest.fixture(scope="session")
def reasoned(snapshot: Snapshot) -> statement.Graph:
    """The real graph with what was inferred; not to be changed."""
    return exports.read_graph(snapshot.dump)


@pytest.fixture(scope="session")
def files(reasoned: statement.Graph, settings: Settings) -> dict[str, bytes]:
    """The files of a release without the manifest, by name."""
    return exports.make(reasoned, settings.ontology / "mappings")


@pytest.fixture(scope="session")
def queries(settings: Settings) -> catalog.Catalog:
    """The query catalogue."""
    return catalog.read(settings.queries)


@pytest.fixture(scope="session")
def select(store: Store) -> rows.Select:
    """Rows of Python values from the real graph."""
    return rows.of(Local("graph", store))


@pytest.fixture(scope="session")
def network(select: rows.Select, queries: catalog.Catalog) -> Network:
    """The real graph as a network, with few random ones beside it; its views are made once."""
    return Network(select, queries, samples=10)


@pytest.fixture
def sandbox(settings: Settings, tmp_path: Path) -> Settings:
    """A copy of data, ontology and queries that a test may spoil, with its own output folder."""
    for name in ("data", "ontology", "queries"):
        shutil.copytree(ROOT / name, tmp_path / "root" / name)
    return replace(settings, root=tmp_path / "root", output=tmp_path / "output")


@pytest.fixture
def edit(sandbox: Settings) -> Edit:
    """Replace a text, which must be there, once in a file of the sandbox."""

    def apply(file: str, old: str, new: str) -> None:
        path = sandbox.root / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return apply


@pytest.fixture(scope="session")
def endpoint(settings: Settings, snapshot: Snapshot) -> Iterator[str]:
    """The address of a real server over the snapshot, a process of its own on a free port."""
    command = [SCRIPT, "serve", "--port", "0", "--output", str(settings.output)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if address := re.search(r"(http://\S+)/sparql", line):
                    yield address[1]
                    break
            else:
                pytest.fail("the server did not start")
        finally:
            process.kill()


@pytest.fixture(scope="session")
def oxigraph(snapshot: Snapshot) -> Iterator[stores.Foreign]:
    """Oxigraph's own server with the graph published to it; not to be changed."""
    with stores.oxigraph() as foreign:
        publish(snapshot.quads(), foreign.target, foreign.access)
        yield foreign


@pytest.fixture(scope="session")
def mcp_address(settings: Settings, snapshot: Snapshot) -> Iterator[str]:
    """The address of a real server for agents, a process of its own on a free port; a query has three seconds."""
    command = [SCRIPT, "mcp", "--http", "--port", "0", "--output", str(settings.output), "--timeout", "3"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found
            yield found[0]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
            logged = process.stderr.read()
            assert logged.endswith("stopped\n")
            assert "Traceback" not in logged


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window; where there is none the test is skipped, but fails in CI.

    Its event loop runs in this thread until the fixture ends, and no test of another file can run one meanwhile.
    """
    if not Path(CHROMIUM).exists():
        reason = f"there is no {CHROMIUM}: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)


@pytest.fixture(scope="session")
def web(endpoint: str) -> Iterator[httpx.Client]:
    """A client of the server that asks for pages."""
    with httpx.Client(base_url=endpoint, timeout=60, headers={"Accept": "text/html"}) as client:
        yield client


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


@contextmanager
def serving(app: Starlette) -> Iterator[httpx.Client]:
    """An application on a free port of loopback, served by a thread of the test's own process.

    The collector rests meanwhile: a result of the engine must end in the thread it began in, and one that a test has
    left in a cycle would end in the server's.
    """
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    protocol = cast(type[asyncio.Protocol], partial(Connection, patience=10, most=1000))
    config = uvicorn.Config(app, port=0, http=protocol, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        if collecting:
            gc.enable()
