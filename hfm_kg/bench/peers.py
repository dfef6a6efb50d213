"""The servers that ours is measured beside, each with the semantics of our default graph: it holds every triple."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import httpx

from hfm_kg.bench.servers import CONNECTIONS, Server, free_port, package_version, program
from hfm_kg.errors import EndpointError
from hfm_kg.store import Snapshot

BENCH: str = "pip install 'hfm-kg[bench]'"


def run(command: Sequence[str], folder: Path) -> bytes:
    """The output of a command that must succeed."""
    return subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout


@dataclass(frozen=True)
class Oxigraph(Server):
    """Oxigraph's own server over its store on disk, read-only."""

    name: ClassVar[str] = "oxigraph"
    path: ClassVar[str] = "/query"
    install: ClassVar[str] = BENCH

    def version(self) -> str | None:
        """The version of the Python package that brings the program, or of the program."""
        found = program("oxigraph")
        if found is None:
            return None
        return package_version("oxigraph") or run((found, "--version"), Path()).decode().split()[-1]

    def load(self, data: Snapshot, folder: Path) -> None:
        """Load the dump into a store on disk."""
        store = str(folder / "store")
        run((self._program, "load", "--location", store, "--file", str(data.dump), "--lenient"), folder)

    def command(self, data: Snapshot, folder: Path, port: int) -> Sequence[str]:
        """The server that reads this store."""
        return (self._program, "serve-read-only", "--location", str(folder / "store"), "--bind", f"127.0.0.1:{port}")

    @property
    def _program(self) -> str:
        return program("oxigraph") or "oxigraph"


@dataclass(frozen=True)
class OxigraphInMemory(Oxigraph):
    """Oxigraph's own server over its store in memory, which can only be written to over HTTP."""

    name: ClassVar[str] = "oxigraph-memory"

    def load(self, data: Snapshot, folder: Path) -> None:
        """Nothing: the store is in the server's memory."""

    def command(self, data: Snapshot, folder: Path, port: int) -> Sequence[str]:
        """The server without a location."""
        return (self._program, "serve", "--bind", f"127.0.0.1:{port}")

    def fill(self, data: Snapshot, folder: Path, port: int) -> None:
        """Send the dump by the Graph Store Protocol."""
        headers = {"Content-Type": "application/n-quads"}
        try:
            with data.dump.open("rb") as dump:
                answer = httpx.post(f"http://127.0.0.1:{port}/store", content=dump, headers=headers, timeout=None)
        except httpx.TransportError as error:
            raise ConnectionError(str(error)) from None
        if not answer.is_success:
            raise EndpointError(f"{self.name} does not take the data: status {answer.status_code}")


@dataclass(frozen=True)
class RdflibEndpoint(Server):
    """rdflib-endpoint, which reads files when it starts."""

    name: ClassVar[str] = "rdflib-endpoint"
    path: ClassVar[str] = "/"
    install: ClassVar[str] = BENCH

    def version(self) -> str | None:
        """The version of the Python package."""
        return package_version("rdflib-endpoint")

    def command(self, data: Snapshot, folder: Path, port: int) -> Sequence[str]:
        """Its own command; it names its default graph's union, which is what our default graph holds."""
        module = (sys.executable, "-m", "rdflib_endpoint")
        return (*module, "serve", "--host", "127.0.0.1", "--port", str(port), str(data.dump))


VIRTUOSO = """\
[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
TempStorage = TempDatabase
[TempDatabase]
DatabaseFile = virtuoso-temp.db
TransactionFile = virtuoso-temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DisableUnixSocket = 1
DirsAllowed = {dump}
NumberOfBuffers = 170000
MaxDirtyBuffers = 130000
MaxQueryMem = 1G
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerRoot = .
ServerThreads = {connections}
MaxClientConnections = {connections}
MaxKeepAlives = {connections}
KeepAliveTimeout = 60
[SPARQL]
ResultSetMaxRows = 100000000
"""
"""Buffers for 2 GB of RAM as Virtuoso's own template has them, room for all clients, and results that are not cut."""

DEFAULT_GRAPH = "urn:hfm:default"
"""The graph of the triples that stand in no other; to Virtuoso the default graph is else the sum of all graphs."""


@dataclass(frozen=True)
class Virtuoso(Server):
    """Virtuoso Open Source, with a database of its own."""

    name: ClassVar[str] = "virtuoso"
    path: ClassVar[str] = f"/sparql?default-graph-uri={DEFAULT_GRAPH}"
    install: ClassVar[str] = "apt-get install virtuoso-opensource"

    def version(self) -> str | None:
        """The version that the server tells."""
        found, client = program("virtuoso-t"), self._client
        if found is None or client is None:
            return None
        said = subprocess.run((found, "+help"), capture_output=True, text=True, check=False)
        told = re.search(r"Version (\d[\w.-]*)", said.stdout + said.stderr)
        return told[1] if told else "unknown"

    @property
    def _client(self) -> str | None:
        """The program that speaks SQL to it, by either of its names."""
        return program("isql-vt") or program("isql-v")

    def command(self, data: Snapshot, folder: Path, port: int) -> Sequence[str]:
        """The server, over files in the folder."""
        text = VIRTUOSO.format(sql=free_port(), http=port, dump=data.path.resolve(), connections=CONNECTIONS)
        (folder / "virtuoso.ini").write_text(text, encoding="utf-8")
        return (program("virtuoso-t") or "virtuoso-t", "+configfile", "virtuoso.ini", "+foreground")

    def fill(self, data: Snapshot, folder: Path, port: int) -> None:
        """Let the server's bulk loader read the dump."""
        settings = (folder / "virtuoso.ini").read_text(encoding="utf-8")
        address = re.search(r"^ServerPort = (\S+)$", settings, re.MULTILINE)
        assert address is not None
        dump = data.dump.resolve()
        load = f"ld_dir('{dump.parent}', '{dump.name}', '{DEFAULT_GRAPH}'); rdf_loader_run(); checkpoint;"
        errors = "select ll_error from DB.DBA.load_list where ll_error is not null;"
        command = (self._client or "isql-vt", address[1], "dba", "dba", f"exec={load} {errors}")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
        said = done.stdout + done.stderr
        if "Connect failed" in said:
            raise ConnectionError(said)
        if done.returncode or "*** Error" in said:
            raise EndpointError(f"virtuoso does not load the data: {said.strip()}")


PEERS: tuple[Server, ...] = (Oxigraph(), OxigraphInMemory(), RdflibEndpoint(), Virtuoso())
"""All of them. Jena's Fuseki is in no package index that is at hand, but can be measured by its address."""


def peers(names: Sequence[str]) -> tuple[Server, ...]:
    """The peers of these names; without names all of them."""
    return tuple(peer for peer in PEERS if peer.name in names or not names)
