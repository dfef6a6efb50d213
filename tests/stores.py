"""Stores of others that run here: Oxigraph's server from PyPI, Virtuoso from Debian."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from hfm_kg.publish import Access, Target

DEFAULT_GRAPH = "https://w3id.org/hfm/"
VIRTUOSO = shutil.which("virtuoso-t")
INI = """
[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso.log
LockFile = {folder}/virtuoso.lck
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
[TempDatabase]
DatabaseFile = {folder}/virtuoso-temp.db
TransactionFile = {folder}/virtuoso-temp.trx
[Parameters]
ServerPort = 127.0.0.1:{port}
DisableUnixSocket = 1
CheckpointInterval = 0
NumberOfBuffers = 20000
MaxDirtyBuffers = 12000
CaseMode = 2
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerRoot = {folder}
ServerThreads = 10
Charset = UTF-8
"""


@dataclass(frozen=True)
class Foreign:
    """A store of others that holds the graph, and the address that queries of ours go to."""

    target: Target
    access: Access
    asked: str


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], address: str) -> Iterator[None]:
    """A server, as a process, once it answers."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                try:
                    if httpx.get(address, params={"query": "ASK {}"}, timeout=5).is_success:
                        break
                except httpx.TransportError:
                    time.sleep(0.1)
                if process.poll() is not None:
                    pytest.fail(f"{command[0]} has ended")
            else:
                pytest.fail(f"{command[0]} did not start")
            yield
        finally:
            process.kill()


@contextmanager
def oxigraph(port: int = 0) -> Iterator[Foreign]:
    """Oxigraph's own server, with an empty store in memory; at a port, or at a free one."""
    port = port or free_port()
    address = f"http://127.0.0.1:{port}/query"
    program = str(Path(sysconfig.get_path("scripts")) / "oxigraph")
    with running([program, "serve", "--bind", f"127.0.0.1:{port}"], address):
        yield Foreign(Target(address), Access(), address)


@contextmanager
def virtuoso(folder: Path) -> Iterator[Foreign]:
    """Virtuoso with an empty database in a folder."""
    if VIRTUOSO is None:
        pytest.skip("virtuoso-t is not there: apt-get install virtuoso-opensource")
    http = free_port()
    (folder / "virtuoso.ini").write_text(INI.format(folder=folder, port=free_port(), http=http), encoding="ascii")
    address = f"http://127.0.0.1:{http}/sparql"
    with running([VIRTUOSO, "-f", "-c", str(folder / "virtuoso.ini")], address):
        target = Target(address, default_graph=DEFAULT_GRAPH)
        yield Foreign(target, Access("dba", "dba"), f"{address}?default-graph-uri={DEFAULT_GRAPH}")
