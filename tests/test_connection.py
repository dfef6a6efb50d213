"""Connections on which nothing comes, or from which nothing is taken, are closed; slow ones are not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from functools import partial
from typing import cast

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hfm_kg.server.connection import Connection

PATIENCE = 0.3
LARGE = 30_000_000
"""Bytes that no buffer of the kernel holds."""
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers GET with much, and anything else before its body is there."""
    if scope["type"] == "http":
        large = Request(scope).method == "GET"
        await Response(b"x" * LARGE if large else b"no", status_code=200 if large else 405)(scope, receive, send)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    protocol = cast(type[asyncio.Protocol], partial(Connection, patience=PATIENCE, most=1000))
    config = uvicorn.Config(app, http=protocol, ws="none", lifespan="off", log_level="error", timeout_keep_alive=60)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def said(connection: socket.socket) -> bytes:
    """All that comes until the server hangs up; the test fails if it does not within a minute."""
    connection.settimeout(60)
    told = bytearray()
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(1_000_000):
            told += part
    return bytes(told)


@pytest.mark.parametrize(
    "start", [b"", b"GET / HT", GET[:-2], GET.replace(b"GET", b"POST")[:-2] + b"Content-Length: 9\r\n\r\n"]
)
def test_a_request_that_does_not_come_is_not_waited_for(port: int, start: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(start)
        assert said(connection).partition(b"\r\n")[0] in (b"", b"HTTP/1.1 405 Method Not Allowed")


def test_a_head_that_comes_by_drops_is_not_waited_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(0.02)
        with contextlib.suppress(ConnectionError):
            for _ in range(3_000):  # a minute at the most
                connection.send(b"x")
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(1):
                        return
            pytest.fail("the connection stays open")


def test_a_client_that_takes_nothing_is_given_up(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(GET)
        threading.Event().wait(4 * PATIENCE)
        assert len(said(connection)) < LARGE


def test_a_client_that_reads_slowly_gets_all(port: int) -> None:
    pause = threading.Event()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(GET)
        connection.settimeout(60)
        taken = 0
        for _ in range(12):  # in all longer than the server's patience
            pause.wait(PATIENCE / 4)
            want = taken + LARGE // 15
            while taken < want:
                taken += len(connection.recv(1_000_000))
        connection.sendall(GET.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        taken += len(said(connection))
    assert taken > 2 * LARGE


def test_a_connection_may_rest_between_requests(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(2):
            connection.sendall(GET.replace(b"GET", b"PUT"))
            told = b""
            while not told.endswith(b"\r\n\r\nno"):  # header and body may come apart
                part = connection.recv(1000)
                assert part, "the server has hung up"
                told += part
            assert told.startswith(b"HTTP/1.1 405")
            threading.Event().wait(2 * PATIENCE)
