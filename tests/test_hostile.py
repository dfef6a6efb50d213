"""Malformed, hostile and random requests to a real server: no 500, no crash, nothing of the server's insides, no leak.

``--hostile NUMBER`` says how many; each has its own connection.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import re
import socket
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import httpx
import pytest

from hfm_kg.catalog import Catalog
from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot
from tests.conftest import SCRIPT
from tests.hostile import Hostile, Shot

CLIENTS: Final = 4
STATUSES: Final = {200, 204, 303, 304, 400, 403, 404, 405, 406, 408, 413, 414, 415, 429, 503, 504}
"""What the server may answer; 500 is a mistake of ours."""
OPTIONS: Final = ["--timeout", "1", "--patience", "2", "--memory", "128", "--cache", "4", "--result", "4"]

LEAKS: Final = re.compile(
    rb"Traceback|/tmp/|/root/|/home/|/usr/|site-packages|\.py\b|hfm_kg|pyoxigraph|starlette|uvicorn|h11|asyncio"
    rb"|\b(?!NotAcceptable)[A-Z]\w+(?:Error|Exception)\b|<class|object at 0x|codec|NoneType|0x[0-9a-f]{8}",
)
"""What an answer to a request that holds none of it must not hold: places, modules and classes."""

NO_REQUEST: Final = b'"detail":"Invalid HTTP request received."}'
"""The end of the problem that is told over what cannot be read, be it HEAD or not."""


@dataclass
class Tally:
    """What came of the requests, told by several threads."""

    statuses: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, shot: Shot, status: str, fault: str = "") -> None:
        with self.lock:
            self.statuses[status] += 1
            if fault:
                self.faults.append(f"{shot.kind}: {fault}: {b''.join(shot.parts)[:500]!r}")


def answers(said: bytes, method: str) -> Iterator[tuple[int, http.client.HTTPMessage, bytes]]:
    """The answers that a server gave on a connection: status, headers, body. Raises ValueError over what is no HTTP."""
    reader = io.BytesIO(said)
    while line := reader.readline():
        if not (match := re.match(rb"HTTP/1\.1 ([1-5]\d\d) ", line)):
            raise ValueError(line)
        status, headers = int(match[1]), http.client.parse_headers(reader)
        body = b""
        if (method != "HEAD" and status not in (100, 204, 304)) or said.endswith(NO_REQUEST):
            body = body_of(reader, headers)
        yield status, headers, body


class BrokenOffError(Exception):
    """The end of an answer is missing, and nobody can take it for whole: a result that grew larger than it may be."""


def body_of(reader: IO[bytes], headers: http.client.HTTPMessage) -> bytes:
    """The body of an answer: RFC 9112, section 6.3."""
    if headers.get("transfer-encoding") != "chunked":
        length = int(headers.get("content-length", "-1"))
        body = reader.read(length)
        if length not in (-1, len(body)):
            raise ValueError(f"{len(body)} bytes instead of {length}")
        return body
    body = b""
    while line := reader.readline():
        if not (size := int(line, 16)):
            reader.readline()
            return body
        body += reader.read(size)
        reader.readline()
    raise BrokenOffError


def fire(port: int, shot: Shot) -> bytes | None:
    """Send what is to be sent, and return what comes until the server hangs up; None if the client has left."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        said = bytearray()
        with contextlib.suppress(ConnectionError):
            for part in shot.parts:
                connection.sendall(part)
            if shot.leaves:
                return None
            while part := connection.recv(1_000_000):
                said += part
    return bytes(said)


def judge(shot: Shot, said: bytes, tally: Tally) -> None:
    """Look at all answers on a connection."""
    try:
        given = list(answers(said, shot.method))
    except BrokenOffError:
        tally.add(shot, "broken off", "" if said.startswith(b"HTTP/1.1 200") else f"broken off: {said[:200]!r}")
        return
    except (http.client.HTTPException, ValueError) as error:
        tally.add(shot, "broken", f"no HTTP ({error!r}) {said[:200]!r}" if shot.is_whole else "")
        return
    if not given:
        tally.add(shot, "none", "no answer" if shot.is_whole else "")
    for status, headers, body in given:
        fault = ""
        if status not in STATUSES and status != 100:
            fault = f"status {status}"
        elif (leak := LEAKS.search(body)) and (status >= 400 or leak[0] == b"Traceback"):
            fault = f"{leak[0]!r} in {body[:300]!r}"
        elif status >= 400 and shot.method != "HEAD" and "json" in headers["content-type"]:
            told = json.loads(body)
            if told["status"] != status or len(body) > 10_000:
                fault = f"a problem that is none: {body[:300]!r}"
        elif status >= 400 and shot.method != "HEAD" and not is_expected_page(status, headers, body):
            fault = f"no problem: {body[:300]!r}"
        tally.add(shot, str(status), fault)


def is_expected_page(status: int, headers: http.client.HTTPMessage, body: bytes) -> bool:
    """Whether an error is a page for a person."""
    return status == 404 and headers["content-type"].startswith("text/html")


@dataclass(frozen=True)
class Usage:
    """What the server's processes hold."""

    front: int
    """Bytes of the process that lives as long as the server."""
    memory: int
    """Bytes of all processes, those that are shared counted once."""
    descriptors: int


def family(process: int) -> list[int]:
    """A process and all that descend from it."""
    found = [process]
    for parent in found:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def usage(process: int) -> Usage:
    """What a server's processes hold now."""
    memory, descriptors = [], 0
    for one in family(process):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # an evaluator may end meanwhile
            text = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii")
            memory.append(int(text.partition("\nPss:")[2].split()[0]) * 1024)
            descriptors += len(list(Path(f"/proc/{one}/fd").iterdir()))
    return Usage(memory[0], sum(memory), descriptors)


@pytest.fixture(scope="module")
def server(settings: Settings, snapshot: Snapshot) -> Iterator[tuple[int, int, IO[str]]]:
    """A server of this file's own: its process, its port, and what it says."""
    command = [SCRIPT, "serve", "--port", "0", "--output", str(settings.output), *OPTIONS]
    with tempfile.TemporaryFile("w+") as said, subprocess.Popen(command, stderr=said, text=True) as process:
        try:
            while not (
                address := re.search(r":(\d+)/sparql", Path(f"/proc/self/fd/{said.fileno()}").read_text("utf-8"))
            ):
                assert process.poll() is None
            yield process.pid, int(address[1]), said
        finally:
            process.kill()


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is measured as Linux tells it")
def test_nothing_that_is_sent_hurts_the_server(
    server: tuple[int, int, IO[str]], queries: Catalog, request: pytest.FixtureRequest
) -> None:
    process, port, said = server
    number: int = request.config.getoption("--hostile")
    tally = Tally()

    def attack(seed: int, shots: int) -> None:
        supply = Hostile(seed, [query.text for query in queries]).shots()
        for _ in range(shots):
            shot = next(supply)
            told = fire(port, shot)
            if told is None:
                tally.add(shot, "left")
            else:
                judge(shot, told, tally)

    def volley(first_seed: int) -> Usage:
        """A tenth of the requests, and what the server holds after them."""
        attackers = [
            threading.Thread(target=attack, args=(first_seed + one, number // 10 // CLIENTS)) for one in range(CLIENTS)
        ]
        for attacker in attackers:
            attacker.start()
        for attacker in attackers:
            attacker.join()
        return usage(process)

    used = [volley(1_000 * part) for part in range(10)]
    if tally.faults:
        pytest.fail(f"{len(tally.faults)} faults, the first: " + "\n".join(tally.faults[:5]), pytrace=False)
    answer = httpx.get(f"http://127.0.0.1:{port}/sparql", params={"query": "ASK { ?m a hfm:FoundationModel }"})
    assert answer.json()["boolean"] is True
    said.seek(0)
    assert "Traceback" not in said.read()
    print(sorted(tally.statuses.items()), *used, sep="\n")
    assert {"200", "400", "403", "404", "405", "406", "415"} <= tally.statuses.keys()
    # the first parts warm up: caches fill, documents are made, the allocator keeps what it has got
    warm, last = used[: len(used) // 2], used[-3:]
    assert min(one.front for one in last) < max(one.front for one in warm) * 1.1, used
    assert min(one.memory for one in last) < max(one.memory for one in warm) * 1.1, used
    assert min(one.descriptors for one in last) <= max(one.descriptors for one in warm), used
