"""No query can hurt the others: each way to do so is tried on a real server, and others are answered meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from pyoxigraph import Store

from hfm_kg import sparql
from hfm_kg.admission import Shape
from hfm_kg.catalog import Catalog
from hfm_kg.errors import (
    BusyError,
    ClientBusyError,
    DeadlineError,
    EvaluationError,
    QuerySyntaxError,
    SnapshotError,
    UsageError,
)
from hfm_kg.server import Limits, create_app, limits
from hfm_kg.server.bounds import MEGABYTE
from hfm_kg.server.channel import LOWER, Evaluator
from hfm_kg.server.evaluator import NICE, Stores
from hfm_kg.server.frames import Job
from hfm_kg.server.lanes import AHEAD, SHARE, Lanes
from hfm_kg.server.parent import Born, Died, is_on_disk
from hfm_kg.server.pool import Pool
from hfm_kg.server.runs import Answer, Run
from hfm_kg.store import Snapshot

from .conftest import serving

Result = TypeVar("Result")

CHEAP = "ASK { ?m a hfm:FoundationModel }"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
HUNGRY = "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?a"
NESTED = "SELECT * { ?s a ?c FILTER(" + "STR(" * 3_000 + "?s" + ")" * 3_000 + "= 'x') }"
STALL = "ASK { " + "OPTIONAL { ?s ?p ?o } " * 300 + "}"
"""What the engine plans for a minute."""
BOMB = "SELECT (STRLEN(" + "REPLACE(" * 9 + "'xxxxxxxxxx'" + ", 'x', 'xxxxxxxxxx')" * 9 + ") AS ?n) { }"
"""A text of ten billion letters."""
ALL = "SELECT * { ?s ?p ?o }"
UNLIMITED = Shape(*[10**9] * 7)
LOOP = asyncio.new_event_loop()
"""For futures that nobody awaits."""
LIMITS = Limits(evaluators=2, timeout=60, memory=256 * MEGABYTE, shape=UNLIMITED)


class Nobody(Evaluator):
    """An evaluator without a process."""

    def __init__(self) -> None:
        self.has_died = False

    def sink(self) -> None:
        pass


def with_pool(snapshot: Snapshot, limits: Limits, use: Callable[[Pool], Awaitable[Result]]) -> Result:
    """Run something with a pool of its own."""

    async def run() -> Result:
        pool = Pool(snapshot, limits)
        await pool.start()
        try:
            return await use(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


async def cheap(pool: Pool) -> bytes:
    return (await pool.evaluate(Job(CHEAP))).head


async def whole(answer: Answer) -> bytes:
    rest = [] if answer.rest is None else [chunk async for chunk in answer.rest]
    return answer.head + b"".join(rest)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something has come to pass; the test fails if that takes a minute."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("query", "allowed", "error", "message"),
    [
        (ENDLESS, replace(LIMITS, timeout=0.3), DeadlineError, "took longer than 0.3 seconds and was stopped"),
        (HUNGRY, LIMITS, EvaluationError, "needs more than the 256 MB of memory that it may use"),
        (NESTED, LIMITS, EvaluationError, "nests deeper than the engine can evaluate"),
        (ALL, replace(LIMITS, result=1000), EvaluationError, "larger than 1000 bytes; ask for less with LIMIT"),
    ],
    ids=["deadline", "memory", "stack", "result"],
)
def test_a_query_that_overruns_is_ended_and_its_evaluator_replaced(
    snapshot: Snapshot, query: str, allowed: Limits, error: type[Exception], message: str
) -> None:
    async def use(pool: Pool) -> None:
        for _ in range(3):
            with pytest.raises(error) as raised:
                await pool.evaluate(Job(query))
            assert message in str(raised.value)
            assert b"true" in await cheap(pool)
        assert pool.killed == 3
        await until(lambda: pool.alive == len(pool.idle) == 2)

    with_pool(snapshot, allowed, use)


def test_a_client_may_ask_for_less_time_and_not_for_more(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        with pytest.raises(DeadlineError, match=r"longer than 0\.1 seconds"):
            await pool.evaluate(Job(ENDLESS), timeout=0.1)
        with pytest.raises(DeadlineError, match=r"longer than 0\.4 seconds"):
            await pool.evaluate(Job(ENDLESS), timeout=1000)

    with_pool(snapshot, replace(LIMITS, timeout=0.4), use)


def test_the_mistakes_of_a_query_are_told_as_they_are(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        with pytest.raises(QuerySyntaxError) as raised:
            await pool.evaluate(Job("SELECT *\n{ ?s ?p }"))
        assert (raised.value.line, raised.value.query) == (2, "SELECT *\n{ ?s ?p }")
        assert pool.killed == 0

    with_pool(snapshot, LIMITS, use)


def test_a_query_whose_client_leaves_is_stopped(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        work = asyncio.create_task(pool.evaluate(Job(ENDLESS)))
        await until(lambda: len(pool.idle) == 1)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await until(lambda: len(pool.idle) == 2)
        assert pool.killed == 1
        assert not pool.clients

    with_pool(snapshot, LIMITS, use)


def test_a_client_that_does_not_read_holds_no_evaluator_beyond_the_deadline(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        answer = await pool.evaluate(Job("SELECT * { ?a ?b ?c . ?d ?e ?f }"), "idler")
        await until(lambda: pool.alive == len(pool.idle) == 1)
        assert pool.killed == 1
        assert b"true" in await cheap(pool)
        with pytest.raises(DeadlineError, match="longer than 2 seconds"):
            await whole(answer)
        assert pool.killed == 1
        assert not pool.clients

    with_pool(snapshot, replace(LIMITS, evaluators=1, timeout=2), use)


def test_an_answer_that_nobody_reads_is_not_counted_for_ever(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        answer = await pool.evaluate(Job("SELECT * { ?a ?b ?c . ?d ?e ?f }"), "idler")
        assert pool.clients == {"idler": 1}
        del answer
        await until(lambda: not pool.clients and len(pool.idle) == 2)
        assert pool.kills == {"left": 1}

    with_pool(snapshot, LIMITS, use)


def test_who_waits_is_served_in_turn_and_too_many_are_sent_away(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        endless = [asyncio.create_task(pool.evaluate(Job(ENDLESS))) for _ in range(2)]
        await until(lambda: not pool.idle)
        patient = [asyncio.create_task(pool.evaluate(Job(CHEAP))) for _ in range(3)]
        await until(lambda: len(pool.lanes.waiting) == 3)
        with pytest.raises(BusyError) as raised:
            await pool.evaluate(Job(CHEAP))
        assert raised.value.retry_after > 0
        patient[1].cancel()
        for work in endless:
            work.cancel()
        answers = await asyncio.gather(*patient, return_exceptions=True)
        assert [isinstance(answer, Answer) for answer in answers] == [True, False, True]

    with_pool(snapshot, replace(LIMITS, queue=3), use)


def test_one_client_cannot_take_all_places(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        greedy = [asyncio.create_task(pool.evaluate(Job(ENDLESS), "greedy")) for _ in range(2)]
        await until(lambda: not pool.idle)
        with pytest.raises(ClientBusyError, match="you have 2 queries under way"):
            await pool.evaluate(Job(CHEAP), "greedy")
        assert b"true" in (await pool.evaluate(Job(CHEAP), "other")).head
        greedy[1].cancel()
        first, _ = await asyncio.gather(*greedy, return_exceptions=True)
        assert isinstance(first, BusyError)
        assert "others wait, who have fewer queries under way" in str(first)
        assert pool.kills["yielded"] == 1

    with_pool(snapshot, replace(LIMITS, per_client=2), use)


def test_more_attackers_than_evaluators_keep_nobody_from_an_answer(snapshot: Snapshot) -> None:
    async def attack(pool: Pool, client: str) -> None:
        while True:
            with contextlib.suppress(BusyError, EvaluationError):
                await pool.evaluate(Job(ENDLESS), client)

    async def use(pool: Pool) -> None:
        attackers = [asyncio.create_task(attack(pool, str(number // 3))) for number in range(9)]
        await until(lambda: not pool.idle)
        for _ in range(10):
            assert b"true" in (await pool.evaluate(Job(CHEAP), "other")).head
        for attacker in attackers:
            attacker.cancel()
        await asyncio.gather(*attackers, return_exceptions=True)
        await until(lambda: len(pool.idle) == 4)
        assert (pool.lanes.fast, pool.lanes.working, pool.lanes.held, pool.clients) == (0, {}, {}, {})

    with_pool(snapshot, replace(LIMITS, evaluators=4), use)


def test_a_slow_query_has_a_low_priority_and_the_next_one_has_not(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        (evaluator,) = pool.idle
        work = asyncio.create_task(pool.evaluate(Job(ENDLESS)))
        await until(lambda: os.getpriority(os.PRIO_PROCESS, evaluator.process) == min(19, ours + NICE + LOWER))
        work.cancel()
        await until(lambda: len(pool.idle) == 1)
        await until(lambda: os.getpriority(os.PRIO_PROCESS, pool.idle[0].process) == min(19, ours + NICE))
        assert os.getpriority(os.PRIO_PROCESS, parent_of(pool)) == os.getpriority(os.PRIO_PROCESS, 0) == ours

    with_pool(snapshot, replace(LIMITS, evaluators=1), use)


def test_an_evaluator_that_was_slow_is_replaced_and_its_answer_whole(snapshot: Snapshot, store: Store) -> None:
    async def use(pool: Pool) -> None:
        (slow,) = pool.idle
        answer = await pool.evaluate(Job(ALL, format_name="csv"), "reader")
        await until(lambda: pool.lanes.fast == 0)
        assert (await whole(answer)).count(b"\r\n") == len({quad.triple for quad in store}) + 1
        await until(lambda: len(pool.idle) == 1)
        assert pool.idle[0] is not slow
        assert pool.killed == 0

    with_pool(snapshot, replace(LIMITS, evaluators=1), use)


def test_all_queries_together_have_a_limit_of_memory(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        work = [asyncio.create_task(pool.evaluate(Job(HUNGRY), str(number))) for number in range(2)]
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            with pytest.raises(BusyError, match="of the 200 MB of memory that all queries have"):
                await task
        assert pool.kills["total memory"] >= 1
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        assert b"true" in await cheap(pool)

    with_pool(snapshot, replace(LIMITS, memory=4096 * MEGABYTE, total_memory=200 * MEGABYTE), use)


def run_of(client: str) -> Run:
    return Run(Job(CHEAP), client, 1, 1, asyncio.Future(loop=LOOP))


def lanes_with(**held: int) -> tuple[Lanes, list[Run]]:
    """Lanes of two places in which clients have slow queries, and these."""
    lanes, runs = Lanes(2), []
    for client, number in held.items():
        for _ in range(number):
            runs.append(run_of(client))
            lanes.start(runs[-1], Nobody(), 0)
            assert lanes.slow(runs[-1])
    return lanes, runs


def test_whoever_has_the_fewest_queries_at_work_is_next() -> None:
    lanes, _ = lanes_with(a=2, b=1)
    waiting = [run_of(client) for client in ("a", "b", "c", "c")]
    for run in waiting:
        lanes.wait(run)
    assert lanes.next() is waiting[2]
    for client in ("x", "y"):
        lanes.start(run_of(client), Nobody(), 0)
    assert lanes.next() is waiting[3], "who has none need not wait for the fast lane"
    assert lanes.next() is None
    assert lanes.waiting == waiting[:2]


def test_those_who_have_as_many_at_work_take_turns() -> None:
    lanes = Lanes(2)
    for client in ("a", "a", "a", "b", "b", "c"):
        lanes.wait(run_of(client))
    turns = [lanes.next() for _ in range(6)]
    assert [run.client for run in turns if run is not None] == ["a", "b", "c", "a", "b", "a"]
    assert not lanes.queues


def test_the_longest_query_of_whoever_holds_most_yields() -> None:
    lanes, runs = lanes_with(a=1, b=2, c=2)
    assert lanes.yielding(100) is None
    lanes.wait(run_of("b"))
    assert lanes.yielding(100) is None
    lanes.wait(run_of("d"))
    assert lanes.yielding(0) is runs[1]


def test_an_only_query_yields_after_its_share_of_time() -> None:
    lanes, runs = lanes_with(a=1, b=1)
    other = run_of("c")
    lanes.wait(other)
    assert lanes.yielding(SHARE) is None
    assert lanes.yielding(SHARE + 1) is runs[0]
    lanes.give_up(other)
    lanes.wait(run_of("b"))
    assert lanes.yielding(SHARE + 1) is None


def test_what_only_one_client_waits_for_is_sent_ahead() -> None:
    lanes, first, second = Lanes(2), Nobody(), Nobody()
    for evaluator in (first, second):
        lanes.start(run_of("a"), evaluator, 0)
    assert lanes.send_ahead() is None
    waiting = [run_of("a") for _ in range(40)]
    for run in waiting:
        lanes.wait(run)
    assert lanes.send_ahead() == (first, waiting[:AHEAD])
    assert lanes.send_ahead() == (second, waiting[AHEAD : 2 * AHEAD])
    assert lanes.send_ahead() is None
    assert sorted(map(id, lanes.waiting)) == sorted(map(id, waiting))
    other = run_of("b")
    lanes.wait(other)
    for _ in range(AHEAD // 2):
        lanes.end(first, 0)
        assert lanes.start_next(first, 0)
    assert lanes.send_ahead() is None, "another one waits"
    lanes.give_up(other)
    assert lanes.send_ahead() == (first, waiting[2 * AHEAD : 2 * AHEAD + AHEAD // 2])


def test_few_are_not_sent_ahead_to_one_evaluator() -> None:
    lanes = Lanes(2)
    for _ in range(2):
        lanes.start(run_of("a"), Nobody(), 0)
    waiting = [run_of("a") for _ in range(3)]
    for run in waiting:
        lanes.wait(run)
    sent = [lanes.send_ahead() for _ in range(3)]
    assert [runs for _, runs in filter(None, sent)] == [waiting[:1], waiting[1:2]]


def test_what_was_sent_ahead_of_a_slow_query_comes_next_elsewhere() -> None:
    lanes, evaluator = Lanes(1), Nobody()
    slow = run_of("a")
    lanes.start(slow, evaluator, 0)
    waiting = [run_of("a") for _ in range(20)]
    for run in waiting:
        lanes.wait(run)
    assert lanes.send_ahead() == (evaluator, waiting[:AHEAD])
    waiting[1].has_ended = True
    assert lanes.slow(slow)
    assert lanes.waiting == [waiting[0], *waiting[2:]]
    assert all(run.evaluator is None for run in lanes.waiting)
    assert not lanes.start_next(evaluator, 0)


@pytest.mark.parametrize(("seconds", "number"), [(0.0001, AHEAD), (0.004, 5), (0.015, 1), (0.05, 0)])
def test_the_longer_queries_take_the_fewer_are_sent_ahead(seconds: float, number: int) -> None:
    lanes, evaluator = Lanes(1), Nobody()
    for turn in range(50):
        lanes.start(run_of("a"), evaluator, turn)
        lanes.end(evaluator, turn + seconds)
    lanes.start(run_of("a"), evaluator, 0)
    for _ in range(40):
        lanes.wait(run_of("a"))
    sent = lanes.send_ahead()
    assert (len(sent[1]) if sent else 0) == number
    assert lanes.send_ahead() is None


def numbers(pool: Pool, some: range) -> list[asyncio.Task[Answer]]:
    """Queries of one client, each for a number."""
    jobs = [Job(f"SELECT ({number} AS ?n) {{}}", format_name="csv") for number in some]
    return [asyncio.create_task(pool.evaluate(job, "asker")) for job in jobs]


async def told(work: list[asyncio.Task[Answer]]) -> list[int | str]:
    """The numbers that were answered, or what went wrong."""
    answers = await asyncio.gather(*work, return_exceptions=True)
    return [int(one.head.split()[1]) if isinstance(one, Answer) else type(one).__name__ for one in answers]


MANY = replace(LIMITS, queue=200, per_client=200)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No query is slow, however busy the machine is, until this is undone."""
    monkeypatch.setattr("hfm_kg.server.pool.MOMENT", 1000)
    return monkeypatch


@contextlib.asynccontextmanager
async def held_up(pool: Pool) -> AsyncIterator[list[Evaluator]]:
    """All evaluators, which answer nothing before the block's end; then some of what the block asked was sent ahead."""
    pool.lanes.pace = 0
    evaluators = list(pool.idle)
    for evaluator in evaluators:
        os.kill(evaluator.process, signal.SIGSTOP)
    try:
        yield evaluators
    finally:
        for evaluator in evaluators:
            with contextlib.suppress(ProcessLookupError):
                os.kill(evaluator.process, signal.SIGCONT)


def all_sent(pool: Pool) -> bool:
    """Whether there is something ahead of each evaluator."""
    return len(pool.lanes.ahead) == pool.limits.evaluators


@pytest.mark.usefixtures("unhurried")
def test_each_of_many_queries_has_its_own_answer(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        async with held_up(pool):
            work = numbers(pool, range(5))
            work += [asyncio.create_task(pool.evaluate(Job("SELECT"), "asker")) for _ in range(10)]
            work += numbers(pool, range(5, 100))
            await until(lambda: all_sent(pool))
            left = [run for queue in pool.lanes.ahead.values() for run in queue][1::2]
            for run in left:
                assert run.outcome is not None
                run.outcome.cancel()
        asked = [*range(5), *["QuerySyntaxError"] * 10, *range(5, 100)]
        answered = await told(work)
        assert answered.count("CancelledError") == len(left) > 0
        assert all(one in (number, "CancelledError") for one, number in zip(answered, asked, strict=True))
        await until(lambda: len(pool.idle) == 2)
        assert (pool.killed, pool.lanes.fast, pool.lanes.ahead, pool.clients) == (0, 0, {}, {})

    with_pool(snapshot, MANY, use)


def test_what_was_sent_ahead_waits_for_no_slow_query(snapshot: Snapshot, unhurried: pytest.MonkeyPatch) -> None:
    async def use(pool: Pool) -> None:
        slow = asyncio.create_task(pool.evaluate(Job(ENDLESS), "asker"))
        await until(lambda: len(pool.idle) == 1)
        async with held_up(pool):
            work = numbers(pool, range(50))
            await until(lambda: all_sent(pool))
        unhurried.undo()
        assert await told(work) == [*range(50)]
        assert not slow.done()
        slow.cancel()

    with_pool(snapshot, MANY, use)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_what_was_sent_ahead_survives_its_evaluator(snapshot: Snapshot, number: signal.Signals) -> None:
    async def use(pool: Pool) -> None:
        async with held_up(pool) as evaluators:
            work = numbers(pool, range(100))
            await until(lambda: all_sent(pool))
            for evaluator in evaluators:
                os.kill(evaluator.process, number)
        answered = await told(work)
        assert answered == ["EvaluationError", "EvaluationError", *range(2, 100)], "only those that they were at"
        await until(lambda: len(pool.idle) == 2)
        assert pool.killed == 2
        assert not pool.clients

    with_pool(snapshot, MANY, use)


@pytest.mark.usefixtures("unhurried")
def test_what_an_evaluator_answered_before_it_broke_is_heard_first(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        async with held_up(pool) as (evaluator,):
            work = numbers(pool, range(6))
            work.append(asyncio.create_task(pool.evaluate(Job(NESTED), "asker")))
            work += numbers(pool, range(7, 60))
            await until(lambda: all_sent(pool))
        while Path(f"/proc/{evaluator.process}/root").exists():
            time.sleep(0.01)  # the loop is busy meanwhile, and writes to it before it hears that it has died
        assert await told(work) == [*range(6), "EvaluationError", *range(7, 60)]
        await until(lambda: len(pool.idle) == 1)
        assert pool.kills == {"stack": 1}
        assert not pool.clients

    with_pool(snapshot, replace(MANY, evaluators=1), use)


def test_what_the_system_has_no_room_for_is_sent_later(snapshot: Snapshot, unhurried: pytest.MonkeyPatch) -> None:
    class Full(socket.socket):
        def send(self, *given: object) -> int:
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))

    async def use(pool: Pool) -> None:
        async with held_up(pool) as (evaluator,):
            first = numbers(pool, range(1))
            await until(lambda: not pool.idle)
            with Full(fileno=os.dup(evaluator.connection.fileno())) as full:
                unhurried.setattr(evaluator, "connection", full)
                work = numbers(pool, range(1, 20))
                await until(lambda: all_sent(pool))
        assert await told([*first, *work]) == [*range(20)]

    with_pool(snapshot, replace(MANY, evaluators=1), use)


def test_a_query_that_was_sent_ahead_and_that_nobody_waits_for_holds_no_evaluator(
    snapshot: Snapshot, unhurried: pytest.MonkeyPatch
) -> None:
    async def use(pool: Pool) -> None:
        async with held_up(pool):
            work = numbers(pool, range(2))
            endless = [asyncio.create_task(pool.evaluate(Job(ENDLESS), "asker")) for _ in range(2)]
            await until(lambda: all_sent(pool))
            for task in endless:
                task.cancel()
        assert await told(work) == [0, 1]
        unhurried.undo()
        await until(lambda: len(pool.idle) == 2)
        assert pool.kills == {"left": 2}

    with_pool(snapshot, MANY, use)


def test_a_large_result_is_streamed_whole(snapshot: Snapshot, store: Store) -> None:
    async def use(pool: Pool) -> None:
        answer = await pool.evaluate(Job(ALL, format_name="csv"), "reader")
        assert answer.rest is not None
        assert pool.clients == {"reader": 1}
        assert (await whole(answer)).count(b"\r\n") == len({quad.triple for quad in store}) + 1
        assert not pool.clients

    with_pool(snapshot, LIMITS, use)


def test_a_killed_evaluator_or_parent_is_replaced(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        for evaluator in list(pool.idle):
            os.kill(evaluator.process, signal.SIGKILL)
        await until(lambda: pool.killed == 2 and len(pool.idle) == 2)
        assert b"true" in await cheap(pool)
        assert pool.parent is not None
        before = {evaluator.process for evaluator in pool.idle}
        os.kill(pool.parent.process.pid, signal.SIGKILL)
        await until(lambda: len(pool.idle) == 2 and not before & {evaluator.process for evaluator in pool.idle})
        assert b"true" in await cheap(pool)

    with_pool(snapshot, LIMITS, use)


def test_half_of_the_graph_answers_as_the_whole_does(snapshot: Snapshot, queries: Catalog) -> None:
    stores = Stores.read(str(snapshot.dump))
    assert 0 < len(stores.default) < len(stores.whole)
    asked = queries.of_kind("competency")
    halves = [query for query in asked if stores.of(Job(query.text)) is stores.default]
    assert len(halves) > len(asked) / 2
    for query in halves:
        first, second = (sparql.evaluate(store, query.text) for store in (stores.default, stores.whole))
        form = sparql.named_format(first, "ntriples" if sparql.is_graph_query(query.text) else "csv")
        told, expected = (sorted(sparql.write(result, form).splitlines()) for result in (first, second))
        assert told == expected, query.name
        assert told, query.name


@pytest.mark.parametrize(
    ("job", "is_whole"),
    [
        (Job("ASK { ?s ?p ?o }"), False),
        (Job("ASK { GRAPH ?g { ?s ?p ?o } }"), True),
        (Job("ASK { ?s ?p 1e5graph ?g { ?s ?p ?o } }"), True),
        (Job("ASK FROM <urn:a> { ?s ?p ?o }"), True),
        (Job(r"ASK { \u0047RAPH ?g { ?s ?p ?o } }"), True),
        (Job("ASK { ?s ?p ?o }", default_graph=("urn:a",)), True),
        (Job("ASK { ?s ?p ?o }", named_graphs=("urn:a",)), True),
    ],
)
def test_whatever_may_name_graphs_is_asked_of_the_whole(job: Job, is_whole: bool) -> None:
    stores = Stores(Store(), Store())
    assert (stores.of(job) is stores.whole) == is_whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_ends_the_whole_group_is_left_to_the_front(snapshot: Snapshot, number: signal.Signals) -> None:
    async def use(pool: Pool) -> None:
        assert pool.parent is not None
        for process in (pool.parent.process.pid, *(evaluator.process for evaluator in pool.idle)):
            os.kill(process, number)
        assert b"true" in await cheap(pool)
        assert (pool.generation, pool.killed) == (0, 0)

    with_pool(snapshot, LIMITS, use)


def test_a_snapshot_that_has_gone_is_told_instead_of_waited_for(snapshot: Snapshot, tmp_path: Path) -> None:
    copy = Path(shutil.copy(snapshot.dump, tmp_path / "graph.nq"))

    async def use(pool: Pool) -> None:
        copy.unlink()
        assert pool.parent is not None
        os.kill(pool.parent.process.pid, signal.SIGKILL)
        await until(lambda: bool(pool.failure))
        with pytest.raises(SnapshotError, match="cannot read the snapshot"):
            await pool.evaluate(Job(CHEAP))

    with_pool(Snapshot(tmp_path, {}), LIMITS, use)


def limits_of(process: int) -> dict[str, str]:
    """The soft limits of a process, as the kernel tells them."""
    lines = Path(f"/proc/{process}/limits").read_text(encoding="ascii").splitlines()[1:]
    return {line[:25].strip(): line[25:].split()[0] for line in lines}


def status_of(process: int) -> dict[str, str]:
    """What the kernel tells of a process."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_an_evaluator_can_open_nothing(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        for process in [evaluator.process for evaluator in pool.idle]:
            await until(lambda process=process: limits_of(process)["Max open files"] == "0")  # type: ignore[misc] # bound now
            assert limits_of(process)["Max core file size"] == "0"
            assert limits_of(process)["Max data size"].isdigit()

    with_pool(snapshot, LIMITS, use)


def test_an_evaluator_can_make_no_socket(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        for process in [evaluator.process for evaluator in pool.idle]:
            await until(lambda process=process: status_of(process)["Seccomp"] == "2")  # type: ignore[misc] # bound now

    for in_memory in (0, LIMITS.in_memory):
        with_pool(snapshot, replace(LIMITS, in_memory=in_memory), use)


def test_what_the_filter_refuses() -> None:
    tried = """
import os, socket, subprocess, sys
from hfm_kg.server import seccomp
seccomp.refuse_sockets()
assert open(os.devnull).read() == ""
refused = (socket.socket, lambda: subprocess.run(["true"]), lambda: os.execv(sys.executable, [sys.executable]))
for number, call in enumerate(refused):
    try:
        call()
    except PermissionError:
        print(number)
"""
    done = subprocess.run([sys.executable, "-c", tried], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1", "2"]


def test_a_snapshot_on_disk_gives_the_same_answers(snapshot: Snapshot, queries: Catalog) -> None:
    asked = [Job(queries[name].text, format_name="csv") for name in ("counts", "models-by-year", "where-is-it-said")]
    asked.append(Job("SELECT DISTINCT ?g { GRAPH ?g { ?s a hfm:Row } } ORDER BY ?g", format_name="csv"))
    given: list[list[bytes]] = []

    async def use(pool: Pool) -> None:
        assert is_on_disk(snapshot, pool.limits) == (not given)
        given.append([(await pool.evaluate(job)).head for job in asked])
        with pytest.raises(DeadlineError):
            await pool.evaluate(Job(ENDLESS), timeout=0.2)
        assert (await pool.evaluate(asked[0])).head == given[-1][0]

    for in_memory in (0, LIMITS.in_memory):
        with_pool(snapshot, replace(LIMITS, in_memory=in_memory), use)
    assert given[0] == given[1]


def test_no_process_is_left(snapshot: Snapshot) -> None:
    processes: list[int] = []

    async def use(pool: Pool) -> None:
        assert pool.parent is not None
        processes.extend([pool.parent.process.pid, *(evaluator.process for evaluator in pool.idle)])
        work = asyncio.create_task(pool.evaluate(Job(ENDLESS)))
        await until(lambda: len(pool.idle) == 1)
        work.cancel()

    with_pool(snapshot, LIMITS, use)
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{process}/root").exists() for process in processes):
        assert time.monotonic() < deadline


# --- over HTTP ------------------------------------------------------------------------------------------------


def test_hostile_clients_do_not_keep_others_from_their_answers(
    snapshot: Snapshot, store: Store, queries: Catalog
) -> None:
    allowed = Limits(evaluators=4, timeout=2, memory=128 * MEGABYTE, shape=UNLIMITED)
    said: dict[str, set[str]] = {name: set() for name in (ENDLESS, HUNGRY, NESTED, STALL, BOMB)}
    enough = threading.Event()

    def attack(address: str, query: str, source: str) -> None:
        transport = httpx.HTTPTransport(local_address=source)
        with httpx.Client(base_url=address, timeout=60, transport=transport) as client:
            while True:
                said[query].add(client.post("/sparql", data={"query": query}).json()["detail"])
                if enough.is_set():
                    break

    with serving(create_app(store, queries, Pool(snapshot, allowed))) as client:
        attackers = [
            threading.Thread(target=attack, args=(str(client.base_url), query, f"127.0.0.{2 + number // 2}"))
            for number, query in enumerate([*said, *said])
        ]
        for attacker in attackers:
            attacker.start()
        try:
            answers = [client.get("/sparql", params={"query": CHEAP}) for _ in range(40)]
        finally:
            enough.set()
            for attacker in attackers:
                attacker.join()
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json()["boolean"] for answer in answers)
    assert all(said.values())
    late = "the query took longer than 2 seconds and was stopped"
    yielded = "others wait, who have fewer queries under way, and this one is slow; try again later"
    large = "the query needs more than the 128 MB of memory that it may use"
    assert said[ENDLESS] <= {late, large, yielded}
    assert said[HUNGRY] <= {late, large, yielded}
    assert said[STALL] <= {late, large, yielded}
    assert said[BOMB] <= {late, large, yielded}
    assert said[NESTED] <= {late, yielded, "the query nests deeper than the engine can evaluate"}


def test_a_stream_that_breaks_is_never_a_whole_answer(snapshot: Snapshot, store: Store, queries: Catalog) -> None:
    allowed = replace(LIMITS, hold=1000, result=200_000)
    with (
        serving(create_app(store, queries, Pool(snapshot, allowed))) as client,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        client.get("/sparql", params={"query": ALL})


@pytest.mark.parametrize(
    ("allowed", "query", "status", "headers"),
    [
        (replace(LIMITS, shape=Shape()), NESTED, 400, {}),
        (replace(LIMITS, timeout=0.2), ENDLESS, 504, {}),
        (replace(LIMITS, per_client=0), CHEAP, 429, {"retry-after": "1"}),
    ],
)
def test_each_refusal_is_a_problem(
    snapshot: Snapshot,
    store: Store,
    queries: Catalog,
    allowed: Limits,
    query: str,
    status: int,
    headers: dict[str, str],
) -> None:
    with serving(create_app(store, queries, Pool(snapshot, allowed))) as client:
        answer = client.post("/sparql", data={"query": query})
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert headers.items() <= dict(answer.headers).items()


def test_a_client_that_hangs_up_frees_its_evaluator(
    snapshot: Snapshot, store: Store, queries: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    pool = Pool(snapshot, replace(LIMITS, evaluators=1))
    with serving(create_app(store, queries, pool)) as client:
        host, port = client.base_url.host, client.base_url.port
        assert port is not None
        with socket.create_connection((host, port)) as connection:
            query = httpx.QueryParams(query=ENDLESS)
            connection.sendall(f"GET /sparql?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            while pool.idle:
                time.sleep(0.01)
        assert client.get("/sparql", params={"query": CHEAP}).status_code == 200
        assert pool.killed == 1
        with socket.create_connection((host, port)) as connection:
            head = f"POST /sparql HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/sparql-query\r\n"
            connection.sendall(f"{head}Content-Length: 9\r\n\r\nASK".encode())
    assert not caplog.records


@pytest.mark.parametrize("timeout", ["0", "-1", "x", "nan", "inf"])
def test_a_timeout_must_be_a_number_of_seconds(
    snapshot: Snapshot, store: Store, queries: Catalog, timeout: str
) -> None:
    with serving(create_app(store, queries, Pool(snapshot, LIMITS))) as client:
        answer = client.get("/sparql", params={"query": CHEAP, "timeout": timeout})
    assert answer.status_code == 400
    assert f"timeout={timeout!r} is no number of seconds" in answer.json()["detail"]


def test_an_operator_sets_each_limit() -> None:
    given = {
        "timeout": 2.5,
        "memory": 64,
        "result": 1,
        "evaluators": 3,
        "queue": 4,
        "per_client": 5,
        "patience": 0.5,
        "total_memory": 128,
    }
    assert limits(["triples=7", "steps=8"], given) == Limits(
        evaluators=3,
        timeout=2.5,
        memory=64 * MEGABYTE,
        total_memory=128 * MEGABYTE,
        result=MEGABYTE,
        queue=4,
        per_client=5,
        patience=0.5,
        shape=Shape(triples=7, steps=8),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tripels=7", "no limit 'tripels'; did you mean triples?"),
        ("triples", "'' is no number; write triples=112"),
        ("triples=many", "'many' is no number"),
    ],
)
def test_a_limit_that_is_none_is_told(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        limits([text], {})


@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
def test_a_limit_in_seconds_must_be_a_number(seconds: float) -> None:
    with pytest.raises(UsageError, match="is no number of seconds"):
        limits([], {"timeout": seconds})


# --- birth and death ------------------------------------------------------------------------------------------


def test_memory_that_cannot_be_given_is_told_and_leaves_no_process(snapshot: Snapshot) -> None:
    pool = Pool(snapshot, replace(LIMITS, memory=2**80))
    with pytest.raises(EvaluationError, match=r"no evaluator can start with \d+ MB of memory \(--memory\)"):
        asyncio.run(pool.start())
    assert pool.parent is not None
    assert pool.parent.process.returncode is not None


def parent_of(pool: Pool) -> int:
    assert pool.parent is not None
    return pool.parent.process.pid


def test_a_parent_that_dies_with_orders_unread_is_replaced(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        os.kill(parent_of(pool), signal.SIGSTOP)
        with pytest.raises(DeadlineError):
            await pool.evaluate(Job(ENDLESS), timeout=0.2)
        os.kill(parent_of(pool), signal.SIGKILL)
        await until(lambda: pool.generation == 1 and len(pool.idle) == 2)
        assert b"true" in await cheap(pool)

    with_pool(snapshot, LIMITS, use)


@pytest.mark.parametrize("is_left", [False, True])
def test_a_query_ends_though_its_parent_has_just_died(snapshot: Snapshot, is_left: bool) -> None:
    async def use(pool: Pool) -> None:
        work = asyncio.create_task(pool.evaluate(Job(ENDLESS)))
        await until(lambda: pool.lanes.fast == 0 and len(pool.idle) == 1)
        (run,) = pool.lanes.working.values()
        parent = parent_of(pool)
        os.kill(parent, signal.SIGKILL)
        os.waitid(os.P_PID, parent, os.WEXITED | os.WNOWAIT)  # nothing is heard of it before the loop's next round
        if is_left:
            work.cancel()
        else:
            pool._late(run)
        with pytest.raises((DeadlineError, asyncio.CancelledError)) as told:
            await work
        assert isinstance(told.value, asyncio.CancelledError) == is_left
        assert not pool.clients
        await until(lambda: len(pool.idle) == 2)

    with_pool(snapshot, LIMITS, use)


def test_a_parent_without_room_for_an_evaluator_tries_again(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        parent = parent_of(pool)
        soft, hard = resource.prlimit(parent, resource.RLIMIT_NOFILE)
        resource.prlimit(parent, resource.RLIMIT_NOFILE, (3, hard))
        endless = [pool.evaluate(Job(ENDLESS), str(number), 0.2) for number in range(2)]
        failures = await asyncio.gather(*endless, return_exceptions=True)
        assert [type(failure) for failure in failures] == [DeadlineError, DeadlineError]
        assert not pool.alive
        resource.prlimit(parent, resource.RLIMIT_NOFILE, (soft, hard))
        assert b"true" in await cheap(pool)
        await until(lambda: len(pool.idle) == 2)
        assert pool.generation == 0

    with_pool(snapshot, LIMITS, use)


def test_a_pool_is_closed_while_another_parent_reads(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        os.kill(parent_of(pool), signal.SIGKILL)
        await until(lambda: pool.generation == 1)
        async with asyncio.timeout(60):
            await pool.close()
        with pytest.raises(EvaluationError, match="the server is stopping"):
            await cheap(pool)

    with_pool(snapshot, LIMITS, use)


def test_an_idle_evaluator_that_cannot_be_reached_is_given_no_query(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        os.kill(parent_of(pool), signal.SIGSTOP)  # it tells nobody that an evaluator has died
        for evaluator in list(pool.idle):
            os.kill(evaluator.process, signal.SIGKILL)
        await until(lambda: not pool.idle)
        os.kill(parent_of(pool), signal.SIGCONT)
        assert b"true" in await cheap(pool)
        assert pool.kills == {"idle": 2}

    with_pool(snapshot, LIMITS, use)


def test_an_evaluator_that_dies_before_it_is_welcomed_is_not_offered(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        ours, theirs = socket.socketpair()
        theirs.close()
        dead = 2**22 + 1  # a number that no process has
        before = set(pool.living)
        pool._begin(pool._welcome(Born(dead, ours), pool.generation))
        pool._bury(Died(dead, signal.SIGKILL))
        await until(lambda: pool.kills["idle"] == 1)
        await until(lambda: pool.living > before)  # the one that is made in its place
        assert dead not in {evaluator.process for evaluator in pool.idle}
        assert b"true" in await cheap(pool)

    with_pool(snapshot, LIMITS, use)


def test_kills_are_counted_by_cause(snapshot: Snapshot) -> None:
    async def use(pool: Pool) -> None:
        for query, error in ((HUNGRY, EvaluationError), (NESTED, EvaluationError), (ENDLESS, DeadlineError)):
            with pytest.raises(error):
                await pool.evaluate(Job(query), timeout=0.3 if query is ENDLESS else None)
        await until(lambda: len(pool.idle) == 2)
        work = asyncio.create_task(pool.evaluate(Job(ENDLESS)))
        await until(lambda: len(pool.idle) == 1)
        work.cancel()
        await until(lambda: pool.killed == 4)
        assert pool.kills == {"memory": 1, "stack": 1, "deadline": 1, "left": 1}

    with_pool(snapshot, LIMITS, use)
