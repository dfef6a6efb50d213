"""What the help of each command shows as an example can be done; addresses and files are those that are there."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import httpx
import pytest
from click.testing import CliRunner, Result
from pyoxigraph import DefaultGraph

from hfm_kg.cli import main
from hfm_kg.pipeline import Settings
from hfm_kg.remote import ask
from hfm_kg.sparql import SOLUTION_FORMATS
from hfm_kg.store import Snapshot
from tests import stores
from tests.agents import Agent, hold, stdio
from tests.conftest import ROOT, SCRIPT
from tests.stores import Foreign

LEAVES: Final = [
    *main.commands.values(),
    *(one for group in main.commands.values() if isinstance(group, click.Group) for one in group.commands.values()),
]
EXAMPLES: Final = [
    line.strip().partition("  ")[0]  # what follows explains
    for command in LEAVES
    if not isinstance(command, click.Group)
    for line in (command.help or "").partition("Examples:")[2].strip().splitlines()
]

NOT_RUN: Final = {
    "hfm-kg build": "the session's snapshot is built so",
    "hfm-kg check": "takes a quarter of a minute; tests/test_checks.py holds that each check finds what it is for",
    "hfm-kg check --root . --no-shacl --no-reasoning": "prints nothing; tests/test_cli.py has what it finds",
    "hfm-kg check --json": "the same; tests/test_cli_info.py holds what findings look like",
    "hfm-kg reason": "takes most of a minute; tests/test_owlapi.py runs the command on smaller ontologies",
    "hfm-kg reason --root . --format json": "the same",
    "hfm-kg reason my-ontology.owl": "the same",
    "hfm-kg register --root .": "changes the checkout; tests/test_registry.py registers in a copy",
    "hfm-kg export release --output release": "takes half a minute; tests/test_release.py runs it",
    "hfm-kg export release --root . --output /tmp/release": "the same",
    "hfm-kg export file hfm.owl > hfm.owl": "takes ten seconds; tests/test_release.py makes the file, and others",
    "hfm-kg export file hfm-graph.nq.gz --output graph.nq.gz": "the same",
    "hfm-kg bench": "takes many minutes: every query beside every server; the next example is run with one query",
    "hfm-kg bench --scale 10 --seconds 5 --format markdown": "the same on ten times the graph; tests/test_bench.py "
    "doubles it",
    "hfm-kg bench --attack --seconds 30": "an attack takes ten seconds at least; tests/test_bench.py has a shorter one",
    "hfm-kg network plots --folder plots": "takes ten seconds; the next example draws two of the measures",
    "hfm-kg serve": "the session's endpoint is started so",
    "hfm-kg serve --port 8080 --timeout 10 --memory 512": "tests/test_operations.py starts servers with such options",
    "hfm-kg serve --log-level info --log-format json --metrics-port 9090 --drain 10": "the same",
    "hfm-kg serve --upstream http://localhost:7879/query --at-once 32 --cache-age 60": "tests/test_upstream.py does it",
}
"""Examples that are not run as they stand, and why."""

LESS: Final = {
    "hfm-kg bench --query iri-lookup": "--clients 2 --seconds 0.05 --rounds 1",
    "hfm-kg network measures --samples": "--samples 2",
    "hfm-kg network plots": "--samples 2",
}
"""Options that are given again, so that what an example begins with takes a moment."""

TALKING: Final = ("bench", "build", "gaps", "link", "network")
"""Commands that tell something on standard error when all is well."""


def test_what_is_not_run_is_an_example() -> None:
    assert set(NOT_RUN) <= set(EXAMPLES)


def examples(*commands: str) -> list[str]:
    """The examples of some commands that are run."""
    beginnings = [f"hfm-kg {command}".split() for command in commands]
    return [
        example
        for example in EXAMPLES
        if example not in NOT_RUN and any(example.split()[: len(words)] == words for words in beginnings)
    ]


SERVERS: Final = examples("serve", "mcp", "publish")
PLAIN: Final = [example for example in EXAMPLES if example not in NOT_RUN and example not in SERVERS]


def words(example: str) -> list[str]:
    """What is typed after the program's name; where output goes to is the shell's."""
    more = next((options for beginning, options in LESS.items() if example.startswith(beginning)), "")
    return shlex.split(f"{example.partition(' >')[0]} {more}")[1:]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: the checkout's folders, and files that examples name."""
    for name in ("data", "ontology", "queries"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "scans.csv").write_text("id,modality\n1,CT scan\n2,Pathology images\n", encoding="utf-8")
    (tmp_path / "terms.obo").write_text(
        "format-version: 1.2\n\n[Term]\nid: X:1\nname: report generation\n", encoding="utf-8"
    )
    (tmp_path / "terms.owl").write_text(
        """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#">
        <rdf:Description rdf:about="http://example.org/1"><rdfs:label>generating reports</rdfs:label></rdf:Description>
        </rdf:RDF>""",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def output(settings: Settings, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of snapshots, which the environment names too."""
    monkeypatch.setenv("HFM_KG_OUTPUT", str(settings.output))
    return settings.output


def run(arguments: list[str], typed: bytes | None = None) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, arguments, input=typed)


@pytest.mark.parametrize("example", PLAIN)
def test_an_example_can_be_done(example: str, folder: Path, output: Path) -> None:
    before, _, command = example.rpartition(" | ")
    typed = subprocess.run(shlex.split(before), capture_output=True, check=True).stdout if before else None
    there = set(folder.iterdir())
    result = run([word.replace("/tmp/", f"{folder}/") for word in words(command)], typed)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() or set(folder.iterdir()) - there
    if words(command)[0] not in TALKING:
        assert result.stderr == ""


# --- servers --------------------------------------------------------------------------------------------------


@contextmanager
def served(arguments: list[str]) -> Iterator[str]:
    """The address of a server, a process that is interrupted in the end."""
    with subprocess.Popen([SCRIPT, *arguments], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = []
            for line in process.stderr:
                told.append(line)
                if address := re.search(r"http://[^\s,]+", line):
                    yield address[0]
                    break
            else:
                pytest.fail("".join(told))
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("example", examples("serve"))
def test_a_server_has_the_limits_that_an_example_sets(example: str, output: Path) -> None:
    with served([*words(example), "--port", "0"]) as address, httpx.Client() as client:
        for triples in (500, 501):
            query = f"ASK {{ {' . '.join(['<a> <b> <c>'] * triples)} }}"
            answer = client.post(address, data={"query": query})
            assert ("(limit: triples)" in answer.text) == (triples > 500)
            assert answer.status_code == (400 if triples > 500 else 200)


@pytest.mark.parametrize("example", examples("mcp"))
def test_agents_are_answered_as_an_example_shows(example: str, output: Path, settings: Settings, endpoint: str) -> None:
    async def session(agent: Agent) -> None:
        assert (await agent("describe", name="UNI", limit=1))["kind"] == "model"

    arguments = words(example.replace("http://127.0.0.1:7878/sparql", f"{endpoint}/sparql"))
    if "--http" not in arguments:
        hold(stdio(settings, *arguments[1:]), session)
        return
    # all addresses of this machine are for its owner to open; the name is allowed all the same
    with served([*arguments, "--port", "0", "--host", "127.0.0.1"]) as address:
        hold(address, session)
        host = arguments[arguments.index("--allow-host") + 1] if "--allow-host" in arguments else "localhost"
        accept = {"Accept": "application/json, text/event-stream", "Host": host}
        assert httpx.post(address, json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=accept).is_success


@pytest.fixture(scope="module")
def empty() -> Iterator[Foreign]:
    """Oxigraph's own server, empty until the examples write into it."""
    with stores.oxigraph() as foreign:
        yield foreign


@pytest.mark.parametrize("example", examples("publish"))
def test_the_graph_arrives_where_an_example_says(
    example: str, output: Path, snapshot: Snapshot, empty: Foreign
) -> None:
    quads = list(snapshot.quads())
    result = run(words(re.sub(r"http://\S+", empty.asked, example)))
    assert result.exit_code == 0, result.stderr
    assert result.stderr.endswith("nothing was done\n" if "--dry-run" in example else "holds all of it\n")
    if "--dry-run" not in example:
        there = "GRAPH <urn:hfm> { ?s ?p ?o }" if "urn:hfm" in example else "?s ?p ?o"
        count = ask(empty.asked, f"SELECT (COUNT(*) AS ?n) {{ {there} }}", SOLUTION_FORMATS[2])
        assert int(count.split()[1]) == sum(quad.graph_name == DefaultGraph() for quad in quads)
