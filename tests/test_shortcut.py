"""Requests that are known take a shortcut, and are answered byte for byte as on the long way."""

from __future__ import annotations

import random
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import quote, quote_plus, unquote_to_bytes

import pytest
from pyoxigraph import Store

from hfm_kg.catalog import Catalog
from hfm_kg.server import Limits, create_app
from hfm_kg.server.answers import Answers
from hfm_kg.server.connection import MAX_HEAD, Connection
from hfm_kg.server.pool import Pool
from hfm_kg.server.shortcut import LONGEST, OVERHEAD, unquoted
from hfm_kg.store import Snapshot

from .conftest import serving

MODELS = "SELECT ?m ?n { ?m a hfm:FoundationModel ; rdfs:label ?n } ORDER BY ?m"
SMALL = "ASK { ?m a hfm:FoundationModel }"
GRAPH = "CONSTRUCT { ?m a hfm:FoundationModel } WHERE { ?m a hfm:FoundationModel ; hfm:modality hfm:Pathology }"
WRONG = "SELECT ?m { ?m a }"
REFUSED = "ASK { SERVICE <http://127.0.0.1/> {} }"
ALL = "SELECT * { ?s ?p ?o }"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"

LONG_WAY = "X-Request-Id: 1\r\n"
"""Has a request take the long way."""


class Peer:
    """A connection of a client's that counts how the server took what it sent."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=60)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.socket.sendall(part)
            if len(parts) > 1:
                time.sleep(0.002)  # so that the parts come as such; nothing hangs on whether they do

    def answer(self, method: str = "GET") -> bytes:
        """One response, without its date."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.file.readline()
            assert line, "the server has hung up"
            head += line if not line.lower().startswith(b"date:") else b""
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if length is not None and method != "HEAD":
            return head + self.file.read(int(length[1]))
        body = b""
        if b"chunked" in head:
            while size := int(self.file.readline(), 16):
                body += self.file.read(size)
                self.file.readline()
            self.file.readline()
        return head + body


class Running:
    """A server, its answers, and the requests that its parser was given."""

    def __init__(self, address: tuple[str, int], answers: Answers, parsed: list[bytes]) -> None:
        self.address, self.answers, self.parsed = address, answers, parsed

    def ask(self, *requests: str, method: str = "GET") -> list[bytes]:
        """The responses to requests, one after the other on one connection."""
        told = []
        with Peer(self.address) as peer:
            for request in requests:
                peer.send(request.encode())
                told.append(peer.answer(method))
        return told


@contextmanager
def running(store: Store, queries: Catalog, snapshot: Snapshot, limits: Limits) -> Iterator[Running]:
    app = create_app(store, queries, Pool(snapshot, limits))
    parsed: list[bytes] = []
    with pytest.MonkeyPatch.context() as patch:
        parse = Connection._parse

        def counted(self: Connection, data: bytes, *given: object) -> None:
            parsed.append(data)
            parse(self, data, *given)  # type: ignore[arg-type] # handed through

        patch.setattr(Connection, "_parse", counted)
        with serving(app) as client:
            port = client.base_url.port
            assert port is not None
            yield Running(("127.0.0.1", port), app.state.answers, parsed)


@pytest.fixture(scope="module")
def server(store: Store, queries: Catalog, snapshot: Snapshot) -> Iterator[Running]:
    with running(store, queries, snapshot, Limits(evaluators=1, timeout=20)) as server:
        yield server


def get(query: str, *fields: str, method: str = "GET", long_way: bool = False) -> str:
    lines = [f"{method} /sparql?query={quote(query)} HTTP/1.1", "Host: x", *fields]
    return "\r\n".join(lines) + "\r\n" + (LONG_WAY if long_way else "") + "\r\n"


def post(query: str) -> str:
    head = f"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: {len(query)}"
    return f"{head}\r\n\r\n{query}"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("encoding", ["", "gzip", "zstd", "br, gzip;q=0.5", "identity"])
@pytest.mark.parametrize(
    ("query", "accept"),
    [(MODELS, "text/csv"), (MODELS, ""), (SMALL, "application/sparql-results+xml"), (GRAPH, "application/ld+json")],
)
def test_the_shortcut_says_what_the_long_way_says(
    server: Running, query: str, accept: str, encoding: str, method: str
) -> None:
    fields = [f"Accept: {accept}"] * bool(accept) + [f"Accept-Encoding: {encoding}"] * bool(encoding)
    long = server.ask(get(query, *fields, method=method, long_way=True), method=method)
    before = len(server.parsed)
    again = server.ask(*[get(query, *fields, method=method)] * 3, method=method)
    assert again == long * 3
    assert len(server.parsed) - before <= 1, "whoever asks again takes the shortcut"
    tag = re.search(rb"\r\netag: (\S+)", long[0])
    assert tag
    fields.append(f"If-None-Match: {tag[1].decode()}")
    long = server.ask(get(query, *fields, method=method, long_way=True), method=method)
    assert long[0].startswith(b"HTTP/1.1 304 ")
    assert server.ask(*[get(query, *fields, method=method)] * 2, method=method) == long * 2


def test_a_new_query_in_known_fields_takes_the_shortcut(server: Running) -> None:
    server.ask(get(SMALL, "Accept: text/csv"))
    before = len(server.parsed)
    for number in range(5):
        query = f"SELECT ('é{number}+&#;' AS ?a) {{}}"
        answer = server.ask(get(query, "Accept: text/csv"))[0]
        assert answer.endswith(f"\r\n\r\na\r\né{number}+&#;\r\n".encode())
        assert server.ask(get(query, "Accept: text/csv", long_way=True))[0] == answer
    assert len(server.parsed) - before == 5


def test_escapes_are_undone_as_the_library_does() -> None:
    dice = random.Random(1)
    letters = [*(chr(code) for code in range(0x300)), *"%=+ \r\n\u2028\U0001f600" * 20]
    for _ in range(20_000):
        text = "".join(dice.choices(letters, k=dice.randrange(1, 30)))
        safe = dice.choice(["", "=", "=?/:;@!$()*,'-._~"])
        escaped = (quote_plus(text, safe) if dice.random() < 0.5 else quote(text, safe)).encode()
        escaped = escaped.lower() if dice.random() < 0.5 else escaped
        assert unquoted(escaped) == unquote_to_bytes(escaped.replace(b"+", b" "))
        broken = escaped.replace(b"%", dice.choice([b"%%", b"%=", b"%-", b"%2%", b"=%"]), 1)
        if re.search(rb"%(?![0-9a-fA-F]{2})", broken):
            with pytest.raises(ValueError, match="percent"):
                unquoted(broken)
    for broken in (b"%", b"a%", b"%4", b"%zz", b"%4z41", b"%%4141"):
        with pytest.raises(ValueError, match="percent"):
            unquoted(broken)


def test_a_form_that_is_posted_again_takes_the_shortcut(server: Running) -> None:
    first = server.ask(post(MODELS))
    before = len(server.parsed)
    assert server.ask(post(MODELS), post(MODELS)) == first * 2
    assert len(server.parsed) == before


@pytest.mark.parametrize("query", [WRONG, REFUSED, "SELECT (RAND() * 0 AS ?n) {}", ALL])
def test_what_is_no_whole_answer_is_told_as_on_the_long_way(server: Running, query: str) -> None:
    server.ask(get(SMALL, "Accept: text/csv"))
    long, short = (server.ask(get(query, "Accept: text/csv", long_way=way))[0] for way in (True, False))
    assert short == long


@pytest.mark.parametrize(
    "target",
    [
        f"/sparql?query={quote(SMALL)}&default-graph-uri=urn:none",
        f"/sparql?query={quote(SMALL)}&query={quote(SMALL)}",
        f"/sparql?query={quote(SMALL)}&format=xml",
        f"/sparql?query={quote(SMALL)}&timeout=x",
        f"/sparql?query={quote(SMALL)}#fragment",
        f"/sparql?query={SMALL.replace(' ', '+')}",
        "/sparql?query=ASK%FF",
        "/sparql?query=",
        "/sparql?update=x",
        "/sparql",
        "/",
    ],
)
def test_other_targets_are_answered_alike(server: Running, target: str) -> None:
    server.ask(get(SMALL))
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\n"
    long = server.ask(f"{request}{LONG_WAY}\r\n")
    assert server.ask(*[f"{request}\r\n"] * 3) == long * 3


def cuts(request: bytes) -> Iterable[tuple[bytes, ...]]:
    """A request in parts."""
    middle = request.index(b"\r\n\r\n")
    for at in (1, 20, middle, middle + 1, middle + 2, middle + 3):
        yield request[:at], request[at:]
    yield tuple(request[at : at + 1] for at in range(len(request)))


def test_requests_in_parts_or_together_are_answered_in_turn(server: Running) -> None:
    requests = [get(MODELS).encode(), get(SMALL).encode(), post(MODELS).encode(), get(WRONG).encode()]
    answers = [server.ask(request.decode())[0] for request in requests]
    with Peer(server.address) as peer:
        for request, answer in zip(requests, answers, strict=True):
            for parts in cuts(request):
                peer.send(*parts)
                assert peer.answer() == answer
        for first, one in zip(requests, answers, strict=True):
            for second, other in zip(requests, answers, strict=True):
                peer.send(first + second)
                assert [peer.answer(), peer.answer()] == [one, other]
                peer.send(first + second[:30], second[30:])
                assert [peer.answer(), peer.answer()] == [one, other]
        peer.send(b"".join(requests) * 20)
        assert [peer.answer() for _ in range(80)] == answers * 20


def test_what_comes_while_an_answer_is_made_waits_its_turn(server: Running) -> None:
    server.ask(get(SMALL))
    fresh = [f"SELECT (COUNT(*) AS ?n{number}) {{ ?s ?p ?o }}" for number in range(4)]
    with Peer(server.address) as peer:
        peer.send(*(get(query).encode() for query in [*fresh, SMALL, WRONG]))
        told = [peer.answer() for _ in range(6)]
    assert [f'"n{number}"'.encode() in answer for number, answer in enumerate(told[:4])] == [True] * 4
    assert told[4:] == server.ask(get(SMALL), get(WRONG))


@pytest.mark.parametrize("field", ["Connection: close", "Connection: Keep-Alive, close"])
def test_a_connection_that_is_to_be_closed_is_closed(server: Running, field: str) -> None:
    for _ in range(3):
        with Peer(server.address) as peer:
            peer.send(get(SMALL, field).encode())
            assert b"\r\nconnection: close\r\n" in peer.answer().lower()
            assert peer.file.read() == b""


def test_http_1_0_takes_the_long_way(server: Running) -> None:
    for _ in range(3):
        with Peer(server.address) as peer:
            peer.send(get(SMALL).replace("HTTP/1.1", "HTTP/1.0").encode())
            assert peer.answer().startswith(b"HTTP/1.1 200 ")
            assert peer.file.read() == b""


@pytest.mark.parametrize("fields", ["", "Host: x\r\nHost: y\r\n"])
def test_a_request_names_one_host(server: Running, fields: str) -> None:
    with Peer(server.address) as peer:
        peer.send(f"GET / HTTP/1.1\r\n{fields}\r\n".encode())
        answer = peer.answer()
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"\r\ncontent-type: application/problem+json\r\n" in answer


def test_a_header_that_is_too_large_is_refused(server: Running) -> None:
    with Peer(server.address) as peer:
        peer.send(get(SMALL)[:-2].encode() + b"X: y\r\n" * (MAX_HEAD // 6))
        assert peer.answer().startswith(b"HTTP/1.1 400 ")


def test_a_client_that_leaves_frees_its_evaluator(server: Running) -> None:
    server.ask(get(SMALL))
    pool = server.answers.pool
    before, parsed = sum(pool.kills.values()), len(server.parsed)
    with Peer(server.address) as peer:
        peer.send(get(ENDLESS).encode())
        wait_until(lambda: not pool.idle)
    wait_until(lambda: sum(pool.kills.values()) == before + 1)
    assert len(server.parsed) == parsed
    assert server.ask(get(SMALL))[0].startswith(b"HTTP/1.1 200 ")


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something has come to pass; the test fails if that takes a minute."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_query_that_fails_is_evaluated_once(store: Store, queries: Catalog, snapshot: Snapshot) -> None:
    with running(store, queries, snapshot, Limits(evaluators=1, timeout=0.3)) as server:
        server.ask(get(SMALL))
        assert server.ask(get(ENDLESS))[0].startswith(b"HTTP/1.1 504 ")
        assert sum(server.answers.pool.kills.values()) == 1


def test_no_more_is_remembered_than_may_be(store: Store, queries: Catalog, snapshot: Snapshot) -> None:
    limit = 16 * OVERHEAD * 8
    with running(store, queries, snapshot, Limits(evaluators=1, cache=limit)) as server:
        shortcut = server.answers.shortcut
        for number in range(60):
            server.ask(
                get(f"ASK {{}} # {number}"), get(SMALL, f"X-Odd: {number}"), get(SMALL, "X-Odd: " + "x" * LONGEST)
            )
            assert shortcut.size == sum(len(request) + OVERHEAD for request in shortcut.ready) <= limit // 8
        large = get("SELECT ?s ?p ?o { ?s ?p ?o } LIMIT 100")
        assert len(set(server.ask(large, large))) == 1
        assert large.encode() not in shortcut.ready, "an answer that the cache does not keep is not remembered"
        kept = get(SMALL).encode()
        first = server.ask(kept.decode())
        server.answers.cache.answers.clear()
        assert server.ask(kept.decode()) == first
