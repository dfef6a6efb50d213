"""Replicas over one snapshot behind nginx, configured as we tell operators to."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest

from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot

from .conftest import ROOT
from .stores import free_port
from .test_operations import ENDLESS, Running, running, until

CONFIGURATION = ROOT / "hfm_kg/server/nginx.conf"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
WHOLE = """{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not there: apt-get install nginx-light")


@contextmanager
def nginx(folder: Path, replicas: list[Running]) -> Iterator[str]:
    """Nginx with our configuration, its addresses replaced by those of replicas; gives its address."""
    addresses = iter(replica.address.removeprefix("http://") for replica in replicas)
    site = re.sub(r"127\.0\.0\.1:788\d", lambda match: next(addresses), CONFIGURATION.read_text(encoding="utf-8"))
    assert next(addresses, None) is None
    address = f"127.0.0.1:{free_port()}"
    (folder / "site.conf").write_text(site.replace("127.0.0.1:8080", address), encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(WHOLE.format(folder=folder, user=user), encoding="utf-8")
    command = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as process:
        try:
            until(lambda: is_ready(f"http://{address}"))
            yield f"http://{address}"
        finally:
            process.terminate()


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz").is_success
    except httpx.TransportError:
        return False


def cheap(http: httpx.Client, address: str, query: str, headers: dict[str, str] | None = None) -> int:
    """The status of a query that may take a fifth of a second."""
    sent = {"query": query, "timeout": "0.2"}
    return http.get(f"{address}/sparql", params=sent, headers=headers).status_code


@pytest.fixture
def replicas(settings: Settings, snapshot: Snapshot) -> Iterator[list[Running]]:
    options = ("--trusted-proxy", "127.0.0.1", "--per-client", "8", "--timeout", "20")
    with ExitStack() as stack:
        yield [stack.enter_context(running(settings.output, *options)) for _ in range(3)]


def test_a_replica_that_is_killed_under_load_loses_no_request(replicas: list[Running], tmp_path: Path) -> None:
    answers: list[tuple[int, int, str]] = []
    failures: list[Exception] = []

    def load(client: int, address: str) -> None:
        with httpx.Client(timeout=30) as http:
            for number in range(client * 100, client * 100 + 100):
                query = f"SELECT (COUNT(?m) + {number} AS ?n) {{ ?m a hfm:FoundationModel }}"
                sent = {"query": query, "format": "csv"}
                try:
                    if number % 2:
                        answer = http.get(f"{address}/sparql", params=sent)
                    else:
                        answer = http.post(f"{address}/sparql", data=sent)
                except httpx.HTTPError as error:
                    failures.append(error)
                else:
                    answers.append((number, answer.status_code, answer.text))

    with nginx(tmp_path, replicas) as address:
        clients = [threading.Thread(target=load, args=(client, address)) for client in range(6)]
        for client in clients:
            client.start()
        until(lambda: len(answers) > 150)
        replicas[1].process.send_signal(signal.SIGKILL)
        before = len(answers)
        for client in clients:
            client.join()
    assert before < 500  # there was load when it died
    assert not failures
    assert sorted(answers) == [(number, 200, f"n\r\n{200 + number}\r\n") for number in range(600)]


def test_clients_behind_the_proxy_are_told_apart(replicas: list[Running], tmp_path: Path) -> None:
    with nginx(tmp_path, replicas[:1] * 3) as address:
        one, other = (httpx.HTTPTransport(local_address=f"127.0.0.{number}") for number in (2, 3))
        with httpx.Client(transport=one, timeout=30) as busy, httpx.Client(transport=other, timeout=30) as calm:
            enough = threading.Event()

            def wait(number: int) -> None:
                while not enough.is_set():
                    busy.get(f"{address}/sparql", params={"query": f"{ENDLESS} # {number}", "timeout": "5"})

            # one more than allowed, since a try below may take a place
            waiting = [threading.Thread(target=wait, args=(number,)) for number in range(9)]
            for thread in waiting:
                thread.start()
            try:
                tries = count()  # an answer that the cache has is refused to nobody
                until(lambda: cheap(busy, address, f"ASK {{}} # {next(tries)}") == 429)
                assert cheap(calm, address, "ASK {} # calm") == 504  # it waits in the queue, and is not refused
                assert cheap(busy, address, "ASK {} # busy", {"X-Forwarded-For": "127.0.0.9"}) == 429
            finally:
                enough.set()
                for thread in waiting:
                    thread.join()
