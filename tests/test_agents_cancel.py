"""A call that its client cancels or hangs up on frees its evaluator at once."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import httpx
import psutil
import pytest
from mcp import Client

from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot

from .agents import stdio
from .conftest import SCRIPT

SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
BUSY = 0.3
"""Seconds of processor time by which an evaluator is known to be at work."""
LONG = ["--timeout", "3000"]
"""Whatever ends a query within the patience of a test, it is not the deadline."""
PATIENCE = 60

HTTP_CALL: dict[str, Any] = {
    "json": {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "sparql", "arguments": {"query": SLOW}},
    },
    "headers": {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"},
}  # fmt: skip


def evaluators(server: psutil.Process) -> dict[int, float]:
    """The processor time that each evaluator has used: they are forked from a child of the server."""
    used = {}
    for process in server.children(recursive=True):
        try:
            if process.ppid() != server.pid and process.status() != psutil.STATUS_ZOMBIE:
                used[process.pid] = process.cpu_times().user
        except psutil.NoSuchProcess:
            continue
    return used


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():
            await asyncio.sleep(0.02)


async def begun(server: psutil.Process, call: Coroutine[Any, Any, Any]) -> tuple[asyncio.Task[Any], int]:
    """A slow call, once an evaluator is at work on it, and that evaluator's number."""
    before = evaluators(server)
    asked = asyncio.create_task(call)
    at_work: list[int] = []

    def is_at_work() -> bool:
        at_work[:] = [number for number, used in evaluators(server).items() if used > before.get(number, 0) + BUSY]
        return bool(at_work) or asked.done()

    await until(is_at_work)
    assert not asked.done()
    return asked, at_work[0]


async def cancelled(server: psutil.Process, call: Coroutine[Any, Any, Any]) -> None:
    """Have a slow call cancelled; its evaluator makes room for another one."""
    count = len(evaluators(server))
    asked, number = await begun(server, call)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await until(lambda: number not in (left := evaluators(server)) and len(left) == count)


def called(client: Client) -> Coroutine[Any, Any, Any]:
    return client.call_tool("sparql", {"query": SLOW})


async def answers(client: Client) -> None:
    """The session goes on."""
    counted = (await client.call_tool("ask", {"question": "counts"})).structured_content
    assert counted is not None
    assert counted["total"] == 7


@pytest.fixture(scope="module")
def server(settings: Settings, snapshot: Snapshot) -> Iterator[tuple[str, psutil.Process]]:
    """The address of a server of its own, and its process."""
    command = [SCRIPT, "mcp", "--http", "--port", "0", "--output", str(settings.output), *LONG]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            address = re.search(r"http://\S+", process.stderr.readline())
            assert address
            yield address[0], psutil.Process(process.pid)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=PATIENCE) == 0
            assert process.stderr.read() == "stopped\n"  # what was cancelled is nothing to complain of
        finally:
            process.kill()


def test_a_cancelled_call_over_stdio_is_stopped(settings: Settings, snapshot: Snapshot) -> None:
    async def session() -> None:
        known = set(psutil.Process().children())
        async with Client(stdio(settings, *LONG)) as client:
            (process,) = set(psutil.Process().children()) - known
            await cancelled(process, called(client))
            await answers(client)

    asyncio.run(session())


def test_a_cancelled_call_over_http_is_stopped(server: tuple[str, psutil.Process]) -> None:
    address, process = server

    async def session() -> None:
        async with Client(address) as client:
            await cancelled(process, called(client))
            await answers(client)

    asyncio.run(session())


def test_a_client_of_before_that_hangs_up_stops_its_call(server: tuple[str, psutil.Process]) -> None:
    address, process = server

    async def session() -> None:
        async with httpx.AsyncClient(timeout=None) as client:
            await cancelled(process, client.post(address, **HTTP_CALL))

    asyncio.run(session())


def test_a_client_that_closes_standard_input_ends_the_server_and_its_query(
    settings: Settings, snapshot: Snapshot
) -> None:
    command = [SCRIPT, "mcp", "--output", str(settings.output), *LONG]
    hello = {
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
        },
    }  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(hello) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == 0
            process.stdin.write(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}) + "\n")
            process.stdin.write(json.dumps(HTTP_CALL["json"]) + "\n")
            process.stdin.flush()
            asyncio.run(begun_and_left(psutil.Process(process.pid)))
            left = psutil.Process(process.pid).children(recursive=True)
            process.stdin.close()
            assert process.wait(timeout=PATIENCE) == 0
            assert psutil.wait_procs(left, timeout=PATIENCE)[1] == []
        finally:
            process.kill()


async def begun_and_left(server: psutil.Process) -> None:
    asked, _ = await begun(server, asyncio.sleep(PATIENCE))
    asked.cancel()


def test_a_cancelled_call_closes_the_connection_to_another_endpoint(settings: Settings, endpoint: str) -> None:
    async def session() -> None:
        port = httpx.URL(endpoint).port
        (upstream,) = [
            child
            for child in psutil.Process().children()
            if any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in child.net_connections())
        ]
        async with Client(stdio(settings, "--endpoint", f"{endpoint}/sparql", *LONG)) as client:
            before = left(endpoint)
            await cancelled(upstream, called(client))
            assert left(endpoint) == before + 1  # rather than that it was late
            await answers(client)

    asyncio.run(session())


def left(endpoint: str) -> float:
    """Queries of the endpoint whose clients have left."""
    found = re.search(r'^hfm_kg_evaluator_kills_total{cause="left"} (\S+)', httpx.get(f"{endpoint}/metrics").text, re.M)
    return float(found[1]) if found else 0
