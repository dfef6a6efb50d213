"""Ready-made answers: the same as fresh ones, found by their tag, evaluated once, and no more than may be kept."""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections.abc import Iterator

import brotli
import httpx
import pytest
from pyoxigraph import Store

from hfm_kg.catalog import Catalog
from hfm_kg.server import Limits, create_app
from hfm_kg.server.cache import LETTER, OVERHEAD, Cache, Cached
from hfm_kg.server.frames import Job
from hfm_kg.server.pool import Pool
from hfm_kg.server.runs import Answer
from hfm_kg.store import Snapshot

from .conftest import serving

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DECODED = {"": bytes, "gzip": gzip.decompress, "br": brotli.decompress, "zstd": zstd.decompress}

MODELS = "SELECT ?m { ?m a hfm:FoundationModel } ORDER BY ?m"


@pytest.fixture(scope="module")
def client(store: Store, queries: Catalog, snapshot: Snapshot) -> Iterator[httpx.Client]:
    with serving(create_app(store, queries, Pool(snapshot, Limits(evaluators=1)))) as client:
        yield client


class Evaluation:
    """Counts how often it is asked, and answers when it is let."""

    def __init__(self, body: bytes = b"answer") -> None:
        self.body, self.asked, self.cancelled, self.ready = body, 0, 0, asyncio.Event()

    async def __call__(self) -> Answer:
        self.asked += 1
        try:
            await self.ready.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Answer("text/plain", self.body)


def test_equal_queries_under_way_are_evaluated_once() -> None:
    async def run() -> None:
        cache, evaluation = Cache("s", 10**6), Evaluation()
        works = [asyncio.create_task(cache.answer(Job("ASK {}"), evaluation)) for _ in range(5)]
        await asyncio.sleep(0)
        works[0].cancel()
        await asyncio.sleep(0)
        evaluation.ready.set()
        answers = await asyncio.gather(*works[1:])
        assert all(isinstance(answer, Cached) and answer.body == b"answer" for answer in answers)
        assert (evaluation.asked, evaluation.cancelled) == (1, 0)
        assert await cache.answer(Job("ASK {}"), evaluation) == answers[0]
        assert evaluation.asked == 1

    asyncio.run(run())


def test_the_last_that_leaves_stops_the_query() -> None:
    async def run() -> None:
        cache, evaluation = Cache("s", 10**6), Evaluation()
        works = [asyncio.create_task(cache.answer(Job("ASK {}"), evaluation)) for _ in range(2)]
        await asyncio.sleep(0.01)
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        await asyncio.sleep(0.01)
        assert evaluation.cancelled == 1
        assert not cache.flights

    asyncio.run(run())


def test_a_mistake_is_told_to_all_and_kept_for_none() -> None:
    async def fail() -> Answer:
        await asyncio.sleep(0.01)
        raise ValueError

    async def run() -> None:
        cache = Cache("s", 10**6)
        answers = await asyncio.gather(*(cache.answer(Job("ASK {}"), fail) for _ in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [ValueError] * 3
        assert not cache.answers
        assert not cache.flights

    asyncio.run(run())


def test_a_stream_is_read_by_one_and_evaluated_anew_for_others() -> None:
    async def rest() -> object:
        yield b"more"

    made: list[Answer] = []

    async def evaluate() -> Answer:
        await asyncio.sleep(0.01)
        made.append(Answer("text/plain", b"head", rest()))  # type: ignore[arg-type] # an iterator of bytes
        return made[-1]

    async def run() -> None:
        cache = Cache("s", 10**6)
        answers = await asyncio.gather(*(cache.answer(Job("ASK {}"), evaluate) for _ in range(3)))
        assert len({id(answer) for answer in answers}) == 3
        assert not cache.answers

    asyncio.run(run())


def test_what_is_kept_is_never_larger_than_it_may_be() -> None:
    async def run() -> None:
        cache = Cache("s", 20 * OVERHEAD)
        for number in range(50):
            evaluation = Evaluation()
            evaluation.ready.set()
            await cache.answer(Job(f"ASK {{}} # {number}"), evaluation)
            assert cache.size == sum(answer.size for answer in cache.answers.values()) <= cache.limit
        assert Job("ASK {} # 49") in cache.answers
        assert Job("ASK {} # 0") not in cache.answers
        large = Evaluation(b"x" * cache.limit)
        large.ready.set()
        assert isinstance(await cache.answer(Job("ASK { }"), large), Cached)
        assert Job("ASK { }") not in cache.answers

    asyncio.run(run())


@pytest.mark.parametrize(
    "job",
    [
        Job("ASK {} #" + "x" * 1000),
        Job("ASK {}", accept="a/b," * 250),
        Job("ASK {}", named_graphs=("http://x/" + "x" * 1000,)),
        Job("ASK {}", format_name="x" * 1000),
    ],
    ids=["query", "accept", "graphs", "format"],
)
def test_what_was_asked_counts_as_well(job: Job) -> None:
    async def run() -> None:
        cache, evaluation = Cache("s", 10**6), Evaluation()
        evaluation.ready.set()
        await cache.answer(job, evaluation)
        assert cache.size >= OVERHEAD + 1000 * LETTER

    asyncio.run(run())


@pytest.mark.parametrize("function", ["NOW()", "RAND()", "UUID()", "struuid()", "BNODE()"])
def test_what_changes_is_not_kept(client: httpx.Client, function: str) -> None:
    answer = client.get("/sparql", params={"query": f"SELECT ({function} AS ?x) {{}}"})
    assert answer.status_code == 200
    assert "etag" not in answer.headers


def test_an_answer_that_the_client_has_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/sparql", params={"query": MODELS}, headers={"Accept-Encoding": "identity"})
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert first.headers["cache-control"] == "public, no-cache"
    for given in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = client.get(
            "/sparql", params={"query": MODELS}, headers={"Accept-Encoding": "identity", "If-None-Match": given}
        )
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = client.get("/sparql", params={"query": MODELS}, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_each_representation_has_its_own_tag(client: httpx.Client) -> None:
    tags = [
        client.get("/sparql", params={"query": query, **more}, headers={"Accept": accept, "Accept-Encoding": encoding})
        .headers["etag"]
        for query, accept, encoding, more in (
            (MODELS, "text/csv", "identity", {}),
            (MODELS, "text/csv", "gzip", {}),
            (MODELS, "application/sparql-results+json", "identity", {}),
            (MODELS + " #", "text/csv", "identity", {}),
            (MODELS, "text/csv", "identity", {"default-graph-uri": "https://w3id.org/hfm/hfm.owl"}),
        )
    ]  # fmt: skip
    assert len(set(tags[:4])) == 4


def test_a_body_is_compressed_for_those_who_take_it(client: httpx.Client) -> None:
    plain = client.get("/sparql", params={"query": MODELS}, headers={"Accept-Encoding": "identity"})
    with client.stream("GET", "/sparql", params={"query": MODELS}, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["vary"]
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 2


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("br, gzip", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, GZIP;q=0.6", "gzip"),
        ("gzip;q=0.001", "gzip"),
        ("*", "zstd"),
        ("*;q=0.1, zstd;q=0", "br"),
        ("gzip; q=0.0, br", "br"),
        ("gzip;q=0", ""),
        ("gzip;q=nonsense", ""),
        ("gzip;q=2", ""),
        ("gzip;q=0.5, identity", ""),
        ("deflate, compress", ""),
        ("zstdx", ""),
        ("", ""),
    ],
)
def test_a_body_is_compressed_as_the_client_likes_best(client: httpx.Client, accepted: str, coding: str) -> None:
    plain = client.get("/sparql", params={"query": MODELS}, headers={"Accept-Encoding": "identity"})
    headers = {"Accept-Encoding": accepted}
    with client.stream("GET", "/sparql", params={"query": MODELS}, headers=headers) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding", "") == coding
    assert (answer.headers["etag"] == plain.headers["etag"]) == (not coding)
    assert DECODED[coding](raw) == plain.content


def test_the_tag_hangs_on_the_snapshot(client: httpx.Client) -> None:
    cache = Cache("one", 10**6)
    first = cache._keep(Job(MODELS), Answer("text/csv", b""))
    assert first.etag == cache._keep(Job(MODELS, accept="x"), Answer("text/csv", b"")).etag
    assert first.etag != Cache("two", 10**6)._keep(Job(MODELS), Answer("text/csv", b"")).etag
