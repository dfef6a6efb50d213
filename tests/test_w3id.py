"""The redirects of w3id.org: the file that is submitted, read by Python and run by Apache."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from pyoxigraph import NamedNode, Store

from hfm_kg import registry, statement
from hfm_kg.terms import BASE
from tests.conftest import ROOT

HTACCESS = (ROOT / "ontology/w3id/.htaccess").read_text(encoding="utf-8")
README = (ROOT / "ontology/w3id/README.md").read_text(encoding="utf-8")
HOST = "https://hfm-kg.example.org"
APACHE = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MODULES = Path("/usr/lib/apache2/modules")

RULE = re.compile(r"RewriteRule (?P<pattern>\S+) (?P<target>\S+) \[(?P<flags>\S+)\]")
RULES = [match.groupdict() for line in HTACCESS.splitlines() if (match := RULE.fullmatch(line))]

ROW = "source/he2024/table/2/row/7"
REDIRECTS = {
    "FoundationModel": 303,
    "modality": 303,
    "reference": 303,
    "Pathology": 303,
    "model/BioBERT": 303,
    "model/BioBERT/backbone/1.1": 303,
    "dataset/CheXpert": 303,
    "reference/42": 303,
    ROW: 303,
    "source/he2024/section/II.A": 303,
    "scheme/tasks": 303,
    "mappings/edam": 303,
    "model/BioBERT.ttl": 302,
    f"{ROW}.jsonld": 302,
    "Pathology.html": 302,
    "hfm.owl": 302,
    "hfm.ttl": 302,
    "hfm-facts.owl": 302,
    "releases/VERSION/hfm.owl": 302,
    "terms": 302,
    "": 302,
    "sparql": 307,
}
"""The paths below the namespace, and how each is redirected."""


def redirect(path: str) -> tuple[int, str]:
    """Status and address that the rules give for a path, as mod_rewrite reads them."""
    variables: dict[str, str] = {}
    for rule in RULES:
        if (match := re.search(rule["pattern"], path)) is None:
            continue
        target = re.sub(r"%\{ENV:(\w+)\}", lambda name: variables[name[1]], rule["target"])
        target = re.sub(r"\$(\d)", lambda group, match=match: match[int(group[1])], target)  # type: ignore[misc] # the default binds the loop's match
        flags = dict(flag.partition("=")[::2] for flag in rule["flags"].split(","))
        if "E" in flags:
            name, _, value = flags["E"].partition(":")
            variables[name] = value
        if "R" in flags and "L" in flags:
            return int(flags["R"]), target
    raise AssertionError(f"no rule for {path!r}")


@pytest.fixture(scope="module")
def version(stated: statement.Graph) -> str:
    return registry.version_of(stated)


# --- the rules as text ----------------------------------------------------------------------------------------


def test_every_directive_is_read_and_the_host_stands_in_one_place() -> None:
    directives = [line for line in HTACCESS.splitlines() if line and not line.startswith("#")]
    assert directives[0] == "RewriteEngine on"
    assert len(RULES) == len(directives) - 1 >= 5
    assert "".join(directives).count("example.org") == 1
    assert "https://" not in "".join(rule["target"] for rule in RULES)


@pytest.mark.parametrize("path", REDIRECTS)
def test_a_path_leads_to_the_same_path_of_the_host(path: str) -> None:
    assert redirect(path) == (REDIRECTS[path], f"{HOST}/{path}")


def test_every_thing_of_the_graph_is_redirected_as_a_thing(store: Store) -> None:
    subjects = {
        quad.subject.value.removeprefix(BASE).partition("#")[0]
        for quad in store.quads_for_pattern(None, None, None, None)
        if isinstance(quad.subject, NamedNode) and quad.subject.value.startswith(BASE)
    }
    assert len(subjects) > 7_000
    for path in subjects - {"hfm.owl"}:
        assert redirect(path) == (303, f"{HOST}/{path}")


def test_the_addresses_that_its_readme_shows_are_redirected_as_it_says() -> None:
    rows = re.findall(r"^\| (.*?) \| .* \| (\d+) \|$", README, re.MULTILINE)
    assert len(rows) >= 7
    shown = 0
    for addresses, status in rows:
        for address in re.findall(r"`(https://w3id.org/hfm/|…/)([^`]*)`", addresses):
            assert redirect(address[1])[0] == int(status), address
            shown += 1
    assert shown >= 12


# --- the rules in Apache --------------------------------------------------------------------------------------

needs_apache = pytest.mark.skipif(
    APACHE is None or not MODULES.is_dir(), reason="Apache is not installed (Debian's package apache2)"
)

CONFIGURATION = """
ServerRoot {folder}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule rewrite_module {modules}/mod_rewrite.so
{user}
StartServers 1
DocumentRoot {folder}/www
<Directory {folder}/www>
    Options FollowSymLinks
    AllowOverride All
    Require all granted
</Directory>
"""


@pytest.fixture(scope="module")
def apache(endpoint: str) -> Iterator[str]:
    """The namespace as Apache serves it with the real file, the host being the local server."""
    assert APACHE is not None
    # pytest's own folders are closed to the user that Apache's workers run as
    with tempfile.TemporaryDirectory(prefix="hfm-kg-w3id-") as name, socket.socket() as probe:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "www/hfm").mkdir(parents=True)
        (folder / "www/hfm/.htaccess").write_text(HTACCESS.replace(HOST, endpoint), encoding="utf-8")
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        user = "User www-data\nGroup www-data" if os.getuid() == 0 else ""
        text = CONFIGURATION.format(folder=folder, port=port, modules=MODULES, user=user)
        (folder / "apache.conf").write_text(text, encoding="utf-8")
        command = [APACHE, "-f", str(folder / "apache.conf"), "-D", "FOREGROUND"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                for _ in range(100):
                    with socket.socket() as client:
                        if client.connect_ex(("127.0.0.1", port)) == 0:
                            break
                    assert process.poll() is None, process.stdout and process.stdout.read()
                    time.sleep(0.1)
                yield f"http://127.0.0.1:{port}/hfm"
            finally:
                process.terminate()


@needs_apache
@pytest.mark.parametrize("path", REDIRECTS)
def test_apache_redirects_as_the_rules_say(path: str, apache: str, endpoint: str, version: str) -> None:
    path = path.replace("VERSION", version)
    answer = httpx.get(f"{apache}/{path}")
    status, address = redirect(path)
    assert (answer.status_code, answer.headers["location"]) == (status, address.replace(HOST, endpoint))


def told(answer: httpx.Response) -> object:
    """What an answer says, but for the number of the request that a problem names."""
    if answer.headers["content-type"] != "application/problem+json":
        return answer.content
    return {name: value for name, value in answer.json().items() if name != "request_id"}


@needs_apache
@pytest.mark.parametrize("path", [path for path in REDIRECTS if path not in ("", "sparql")])
@pytest.mark.parametrize(
    "accept", ["text/html", "text/turtle", "application/n-triples", "application/rdf+xml", "application/ld+json", "*/*"]
)
def test_who_follows_gets_what_the_server_gives(
    path: str, accept: str, apache: str, endpoint: str, version: str
) -> None:
    path = path.replace("VERSION", version)
    followed = httpx.get(f"{apache}/{path}", headers={"Accept": accept}, follow_redirects=True, timeout=60)
    direct = httpx.get(f"{endpoint}/{path}", headers={"Accept": accept}, timeout=60)
    assert (followed.status_code, told(followed)) == (direct.status_code, told(direct))
    assert str(followed.url) == f"{endpoint}/{path}"
    kind = followed.headers["content-type"].partition(";")[0]
    if path.endswith(".owl") and accept == "text/html":
        # the ontology has a page as everything has that the graph speaks of; its other files have none
        assert followed.status_code == (200 if path == "hfm.owl" else 406)
    elif "." not in path.rpartition("/")[2] and path != "terms":
        assert followed.status_code == 200
        assert kind == ("text/turtle" if accept == "*/*" else accept)
    else:
        assert followed.status_code == 200


@needs_apache
def test_a_query_keeps_its_parameters_and_its_method(apache: str) -> None:
    with httpx.Client(follow_redirects=True, timeout=60) as client:
        for answer in (
            client.get(f"{apache}/sparql", params={"query": "ASK { hfm:Text a hfm:Modality }"}),
            client.post(f"{apache}/sparql", data={"query": "ASK { hfm:Text a hfm:Modality }"}),
        ):
            assert answer.json()["boolean"] is True


@needs_apache
def test_the_start_page_is_reached(apache: str) -> None:
    assert "<h1>HFM-KG" in httpx.get(f"{apache}/", follow_redirects=True).text


@needs_apache
@pytest.mark.parametrize(
    "path", ["model/a b", "model/ä", 'x"y', "//evil.example/x", "http://evil.example/", "%0d%0aX: y"]
)
def test_a_path_cannot_lead_elsewhere(path: str, apache: str, endpoint: str) -> None:
    answer = httpx.get(f"{apache}/{quote(path, safe='/:%')}")
    assert "x" not in answer.headers
    assert answer.status_code == 403 or answer.headers["location"].startswith(f"{endpoint}/")
