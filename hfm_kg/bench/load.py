"""Load on a server from a client in a process of its own: wrk where it is installed, else our own."""

from __future__ import annotations

import itertools
import json
import math
import re
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import quote, urlsplit

from hfm_kg.bench.answers import accept, address
from hfm_kg.bench.client import LATE, Sample, Task
from hfm_kg.bench.servers import program
from hfm_kg.errors import EndpointError, NotInstalledError

MARK: Final = "PREFIX cold: <urn:cold:"
"""Begins a query that was never asked before. A prefix, since a cache may pass over comments."""

NUMBERS: Final[Iterator[int]] = itertools.count(1, 10**8)
"""Where the numbers of each cold measurement begin, so that no two share one."""


def requests(url: str, queries: Sequence[str], *, cold: bool) -> list[list[str]]:
    """The HTTP requests for these queries; cold ones in two parts, between which a number makes them unique."""
    parts = urlsplit(url)
    target = address(url).removeprefix(f"{parts.scheme}://{parts.netloc}")
    made = []
    for query in queries:
        mark = quote(MARK) if cold else ""
        rest = quote("> ") if cold else ""
        head = f" HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: {accept(query)}\r\n\r\n"
        made.append([f"GET {target}{mark}", f"{rest}{quote(query)}{head}"])
    return made


class LoadClient(ABC):
    """What sends requests and times the answers."""

    name: ClassVar[str]

    @abstractmethod
    def run(self, task: Task) -> Sample:
        """Do a task. Raises EndpointError if the client itself fails."""

    def measure(self, url: str, queries: Sequence[str], clients: int, seconds: float, *, cold: bool) -> Sample:
        """Ask a server these queries in turn."""
        parts = urlsplit(url)
        made = requests(url, queries, cold=cold)
        first = next(NUMBERS) if cold else None
        return self.run(Task(parts.hostname or "", parts.port or 80, made, clients, seconds, first))


class Python(LoadClient):
    """Our own client."""

    name = "hfm_kg.bench.client"

    def run(self, task: Task) -> Sample:
        """Do a task."""
        command = [sys.executable, "-m", "hfm_kg.bench.client"]
        done = subprocess.run(command, input=json.dumps(asdict(task)), capture_output=True, text=True, check=False)
        if done.returncode:
            raise EndpointError(f"the load client failed: {done.stderr.strip().rpartition(chr(10))[2]}")
        return Sample(**json.loads(done.stdout))


class Wrk(LoadClient):
    """wrk, which is written in C and told what to send in Lua."""

    name = "wrk"

    def __init__(self, path: str) -> None:
        self.path = path

    def run(self, task: Task) -> Sample:
        """Do a task; the seconds are rounded up."""
        with tempfile.NamedTemporaryFile("w", prefix="hfm-kg-", encoding="utf-8") as file:
            file.writelines(f"{before}\x1f{after}\x1e" for before, after in task.requests)
            file.flush()
            command = [
                self.path, "--threads", "1", "--connections", str(task.clients), "--timeout", f"{LATE}s",
                "--duration", f"{math.ceil(task.seconds)}s", "--script", str(Path(__file__).with_name("wrk.lua")),
                f"http://{task.host}:{task.port}/", "--", file.name, *([] if task.first is None else [str(task.first)]),
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        told = re.search(r"^\{.*\}$", done.stdout, re.MULTILINE)
        if told is None:
            raise EndpointError(f"wrk failed: {(done.stderr or done.stdout).strip().rpartition(chr(10))[2]}")
        sample = Sample(**json.loads(told[0]))
        failures = {name: count for name, count in sample.failures.items() if count}
        # wrk counts answers with another status among its requests
        return Sample(sample.requests - failures.get("status", 0), sample.seconds, sample.p50, sample.p99, failures)


def client(name: str | None) -> LoadClient:
    """The client of that name; without one wrk if it is there. Raises NotInstalledError if it is named and is not."""
    path = program("wrk")
    if name == "wrk" and path is None:
        raise NotInstalledError("wrk is not installed; get it with: apt-get install wrk")
    return Python() if path is None or name == "python" else Wrk(path)
