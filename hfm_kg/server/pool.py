"""The front's side of evaluation: a pool of evaluators, a deadline for each query, and a queue before them.

Nothing here evaluates. A query is sent to an evaluator; when it overruns its deadline, when its client leaves, or when
its result grows beyond what may be sent, the evaluator that is at it is killed and another one takes its place within
milliseconds. A query that breaks its evaluator breaks nothing else. Whose turn it is, :mod:`hfm_kg.server.lanes` says.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter, deque
from collections.abc import AsyncGenerator, Coroutine, Sized
from typing import Final

from hfm_kg.errors import (
    BusyError,
    ClientBusyError,
    DeadlineError,
    EvaluationError,
    HfmError,
    SnapshotError,
)
from hfm_kg.server.bounds import MEGABYTE, Limits
from hfm_kg.server.channel import Evaluator
from hfm_kg.server.frames import Job, Kind, error_of
from hfm_kg.server.lanes import MOMENT, Lanes
from hfm_kg.server.parent import Born, Died, Parent
from hfm_kg.server.runs import Answer, Run
from hfm_kg.store import Snapshot

PROBE: Final = Job("ASK {}")
"""Tells whether an evaluator works."""
NOWHERE: Final = "urn:hfm-kg:nowhere"
"""A graph that no snapshot has."""
BIRTH: Final = 30
"""Seconds in which evaluators must be there once the snapshot is read; on an idle machine they take milliseconds."""
STILLBORN: Final = 1
"""Seconds after its birth in which the death of an idle evaluator is no accident, so that the next one may wait."""
WEIGHING: Final = 0.05
"""Seconds between two looks at the memory of all evaluators while there are slow queries."""
TICK: Final = MOMENT / 2
"""Seconds between two looks at the queries that are not known to be slow."""
STOPPING: Final = "the server is stopping"
UNREAD: Final = MEGABYTE
"""Bytes that are read of a result before its client wants them."""


class Pool:
    """Evaluators over one snapshot. To be started in a running event loop, and closed in the same."""

    def __init__(self, snapshot: Snapshot, limits: Limits) -> None:
        self.snapshot, self.limits = snapshot, limits
        self.living: set[Evaluator] = set()
        """Every evaluator that was not killed, idle or at work."""
        self.idle: deque[Evaluator] = deque()
        self.lanes = Lanes(max(2, os.cpu_count() or 2))
        self.clients: Counter[str] = Counter()
        self.alive = 0
        self.generation = 0
        self.kills: Counter[str] = Counter()
        """Evaluators that were killed or broke since the start, by cause."""
        self.is_settled = asyncio.Event()
        """Whether all evaluators were there once, or as many have died of nothing."""
        self.failure = ""
        """Why there are no evaluators any more."""
        self.is_closed = False
        self.endings: dict[int, asyncio.Future[int]] = {}
        self.parent: Parent | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.relaunch: asyncio.Task[None] | None = None
        """Waits for another parent after one has died."""
        self.clock: asyncio.TimerHandle | None = None
        """When it is looked which queries are slow or late."""
        self.scales: asyncio.TimerHandle | None = None
        """When the memory of all evaluators is looked at next."""

    @property
    def version(self) -> str:
        """See :class:`hfm_kg.server.engine.Engine`."""
        return self.snapshot.name

    @property
    def origin(self) -> Snapshot:
        """See :class:`hfm_kg.server.engine.Engine`."""
        return self.snapshot

    @property
    def waiting(self) -> Sized:
        """See :class:`hfm_kg.server.engine.Engine`."""
        return self.lanes.waiting

    @property
    def trouble(self) -> str:
        """See :class:`hfm_kg.server.engine.Engine`."""
        if self.failure:
            return "the evaluators cannot be started again"
        return "" if self.alive else "there are no evaluators yet"

    @property
    def killed(self) -> int:
        """Evaluators that were killed or broke, since the start."""
        return self.kills.total()

    async def start(self) -> None:
        """Start the parent and the evaluators.

        Raises SnapshotError if the snapshot cannot be read, EvaluationError if evaluators cannot live.
        """
        try:
            if self.parent is None:
                self.spawn()
            await self._launch()
            async with asyncio.timeout(BIRTH):
                await self.is_settled.wait()
                if not self.alive:
                    raise EvaluationError("all evaluators die")
                await self._evaluated(PROBE, "", BIRTH)
        except BaseException as error:
            await self.close()
            if isinstance(error, (TimeoutError, DeadlineError, EvaluationError)):
                memory = f"{self.limits.memory // MEGABYTE} MB of memory (--memory)"
                raise EvaluationError(f"no evaluator can start with {memory}") from None
            raise

    def spawn(self) -> None:
        """Start a parent, which begins to read the snapshot; before :meth:`start` if there is other work meanwhile."""
        self.parent = Parent(self.snapshot, self.limits)

    async def _launch(self) -> None:
        """Wait until the parent has read the snapshot, and order its evaluators. Raises SnapshotError."""
        assert self.parent is not None
        await self.parent.ready()
        self.parent.listen(self._hear)
        for _ in range(self.limits.evaluators):
            self.parent.order()

    def abandon(self) -> None:
        """End the parent of a pool that was not started, or has been closed."""
        if self.parent is not None:
            self.parent.leave()
            self.parent.process.wait()

    async def close(self) -> None:
        """End all evaluators and their parent."""
        if self.parent is None:
            return
        self.is_closed = True
        self.parent.leave()
        for timer in (self.clock, self.scales):
            if timer is not None:
                timer.cancel()
        if self.relaunch is not None:
            self.relaunch.cancel()
        for run in [*self.lanes.waiting, *self.lanes.working.values()]:
            self._stop(run, "closing", EvaluationError(STOPPING))
        await asyncio.gather(*self.tasks, return_exceptions=True)  # those that are just being welcomed
        for evaluator in self.living:
            evaluator.kill()
        await asyncio.sleep(0)  # their connections are closed in the loop's next round
        await asyncio.to_thread(self.parent.process.wait)

    async def evaluate(self, job: Job, client: str = "", timeout: float | None = None) -> Answer:
        """Evaluate a query of a client: its answer once it is complete, or so large that it must be streamed.

        Raises what the query's own mistakes raise, DeadlineError, EvaluationError, BusyError and
        ClientBusyError. A caller that is cancelled stops the query. What the query is made of was admitted before.
        """
        if self.clients[client] >= self.limits.per_client:
            raise ClientBusyError(f"you have {self.clients[client]} queries under way; wait for one to end", 1)
        return await self._evaluated(job, client, min(timeout or self.limits.timeout, self.limits.timeout))

    async def check(self, job: Job, client: str = "", timeout: float | None = None) -> None:
        """See :class:`hfm_kg.server.engine.Engine`."""
        answer = await self.evaluate(job._replace(default_graph=(NOWHERE,), named_graphs=()), client, timeout)
        if answer.rest is not None:
            await answer.rest.aclose()

    async def _evaluated(self, job: Job, client: str, seconds: float) -> Answer:
        outcome: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        run = self._submit(job, client, seconds, outcome)
        try:
            return await outcome
        except asyncio.CancelledError:
            self._end(run, "left")
            raise

    # --- a query's way ----------------------------------------------------------------------------------------

    def _submit(self, job: Job, client: str, seconds: float, outcome: asyncio.Future[Answer]) -> Run:
        """Start a query, or let it wait for its turn. Raises BusyError if too many wait."""
        if self.failure:
            raise SnapshotError(self.failure)
        if self.is_closed:
            raise EvaluationError(STOPPING)
        loop = asyncio.get_running_loop()
        now = loop.time()
        run = Run(job, client, seconds, now + seconds, outcome)
        if self.idle and self.lanes.may_start(client):
            self.clients[client] += 1
            self._start(run, now)
        else:
            if (waiting := len(self.lanes.waiting)) >= self.limits.queue:
                raise BusyError(f"{waiting} queries wait already; try again later", 2)
            self.clients[client] += 1
            self.lanes.wait(run)
            self._dispatch()
        if seconds <= MOMENT:
            run.timer = loop.call_at(run.deadline, self._late, run)
        if self.clock is None:
            self.clock = loop.call_later(TICK, self._look)
        return run

    def _start(self, run: Run, now: float) -> None:
        """Give a query to the evaluator that was busy last: what it needs of its memory is still in the processor's."""
        evaluator = self.idle.pop()
        self.lanes.start(run, evaluator, now)
        try:
            evaluator.send([run.job])
        except ConnectionError:
            self.lost(evaluator)

    def _dispatch(self) -> None:
        """Give idle evaluators to whose turn it is; if there are none, and none will be born, stop a query."""
        now = asyncio.get_running_loop().time()
        while self.idle and (run := self.lanes.next()) is not None:
            self._start(run, now)
        while (sent := self.lanes.send_ahead()) is not None:
            at_work, runs = sent
            with contextlib.suppress(ConnectionError):  # it has died, which is heard after what it has answered
                at_work.send([run.job for run in runs])
        if not self.idle and self.alive == self.limits.evaluators and (run := self.lanes.yielding(now)) is not None:
            busy = BusyError("others wait, who have fewer queries under way, and this one is slow; try again later", 5)
            self._stop(run, "yielded", busy)

    def _look(self) -> None:
        """Look, as long as there are queries that may be slow or late, which of them are.

        One timer for all: to set one for each query and to stop it again would take longer than to send the query.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        for run in [*self.lanes.waiting, *self.lanes.working.values()]:
            if now >= run.deadline:
                self._late(run)
        for evaluator, run in [*self.lanes.working.items()]:
            if not run.is_slow and now - run.began >= MOMENT:
                if run.has_ended:
                    self._give_back(evaluator, "left")  # it was sent ahead, and nobody waits for it any more
                else:
                    self._slow(run)
        self.clock = loop.call_later(TICK, self._look) if self.lanes.fast or self.lanes.queues else None

    def _slow(self, run: Run) -> None:
        """Let a query go on behind those that are quick."""
        self.lanes.slow(run)
        loop = asyncio.get_running_loop()
        if run.timer is None:
            run.timer = loop.call_at(run.deadline, self._late, run)
        if self.scales is None:
            self.scales = loop.call_later(WEIGHING, self._weigh)
        self._dispatch()

    def _late(self, run: Run) -> None:
        """Stop a query at its deadline."""
        late = DeadlineError(f"the query took longer than {run.seconds:g} seconds and was stopped")
        self._stop(run, "deadline", late)

    def heard(self, evaluator: Evaluator, kind: Kind, payload: bytes) -> None:
        """See :class:`hfm_kg.server.channel.Listener`."""
        run = self.lanes.working.get(evaluator)
        if run is None:  # the query was stopped meanwhile
            return
        if run.has_ended:  # it was sent ahead, and then stopped
            if kind in (Kind.ERROR, Kind.END, Kind.WHOLE):
                self._give_back(evaluator)
            return
        if kind == Kind.ERROR:
            error = error_of(payload, run.job.query)
            self._end(run)
            run.fail(error)
        elif kind == Kind.FORM:
            run.content_type = payload.decode()
        elif kind == Kind.END:
            self._end(run)
            if run.is_streamed:
                run.wake()
            else:
                run.finish(Answer(run.content_type, bytes(run.held)))
        else:
            content_type, _, body = payload.partition(b"\0") if kind == Kind.WHOLE else (b"", b"", payload)
            run.size += len(body)
            if run.size > self.limits.result:
                message = f"the result is larger than {self.limits.result} bytes; ask for less with LIMIT"
                self._stop(run, "result", EvaluationError(message))
            elif kind == Kind.WHOLE:
                self._end(run)
                run.finish(Answer(content_type.decode(), body))
            else:
                self._hold(run, evaluator, body)

    def _hold(self, run: Run, evaluator: Evaluator, part: bytes) -> None:
        """Keep a part of a result until it is complete, or until its reader wants it if there is too much of it."""
        run.held += part
        if not run.is_streamed and len(run.held) >= self.limits.hold:
            head = bytes(run.held)
            run.held.clear()
            run.is_streamed = True
            rest = self._rest(run)
            with contextlib.suppress(StopIteration):  # it gives its first part at once, without any waiting
                rest.asend(None).send(None)
            run.finish(Answer(run.content_type, head, rest))
        elif run.is_streamed:
            if len(run.held) >= UNREAD:
                evaluator.transport.pause_reading()
            run.wake()

    async def _rest(self, run: Run) -> AsyncGenerator[bytes]:
        """The parts of a large result; whoever does not read to the end stops the query."""
        assert run.evaluator is not None
        try:
            yield b""  # here it stands when it is handed over, so that it ends even if nobody ever reads
            while part := await run.part():
                if not run.has_ended:
                    run.evaluator.read_on()
                yield part
        finally:
            self._end(run, "left")

    def lost(self, evaluator: Evaluator) -> None:
        """See :class:`hfm_kg.server.channel.Listener`."""
        run = self.lanes.working.get(evaluator)
        if run is None and evaluator in self.idle:
            self.idle.remove(evaluator)
            self._mourn(evaluator)
        elif run is not None and not evaluator.has_died:
            evaluator.has_died = True
            self.lanes.take_back(evaluator)
            self._begin(self._broken(run, evaluator))
            self._dispatch()

    async def _broken(self, run: Run, evaluator: Evaluator) -> None:
        """Tell a client why the evaluator of its query has died by itself."""
        ending = self.endings.setdefault(evaluator.process, asyncio.get_running_loop().create_future())
        cause, error = "crash", "the process that evaluated the query has ended"
        with contextlib.suppress(TimeoutError):
            number = await asyncio.wait_for(asyncio.shield(ending), 1)
            if number == signal.SIGABRT:
                used = f"{self.limits.memory // MEGABYTE} MB"
                cause, error = "memory", f"the query needs more than the {used} of memory that it may use"
            elif number == signal.SIGSEGV:
                cause, error = "stack", "the query nests deeper than the engine can evaluate"
        self._stop(run, cause, EvaluationError(error))
        self._give_back(evaluator, cause)  # if nobody waited for it any more

    def _stop(self, run: Run, cause: str, verdict: HfmError) -> None:
        """Stop a query; its client is told why."""
        if not run.has_ended:
            self._end(run, cause)
            run.fail(verdict)

    def _end(self, run: Run, cause: str | None = None) -> None:
        """Nothing more comes of a query: its answer is whole, unless there is another cause."""
        if run.has_ended:
            return
        run.has_ended = True
        self.clients[run.client] -= 1
        if not self.clients[run.client]:
            del self.clients[run.client]
        if run.timer is not None:
            run.timer.cancel()
        if run.evaluator is None:
            self.lanes.give_up(run)
        elif self.lanes.working.get(run.evaluator) is run:  # one that was sent ahead keeps its place in the line
            self._give_back(run.evaluator, cause)

    def _weigh(self) -> None:
        """Stop the query that uses most memory if all together use too much."""
        self.scales = None
        weights = {run: max(0, evaluator.data() - evaluator.net) for evaluator, run in self.lanes.working.items()}
        if sum(weights.values()) > self.limits.total_memory:
            largest = max(weights, key=lambda run: weights[run])
            used = f"{weights[largest] // MEGABYTE} MB of the {self.limits.total_memory // MEGABYTE} MB"
            error = BusyError(f"the query used {used} of memory that all queries have; try again later", 5)
            self._stop(largest, "total memory", error)
        self._dispatch()
        if any(run.is_slow for run in self.lanes.working.values()):
            self.scales = asyncio.get_running_loop().call_later(WEIGHING, self._weigh)

    def _give_back(self, evaluator: Evaluator, cause: str | None = None) -> None:
        """Take an evaluator back that has answered its query to the end; kill and replace any other, for a cause.

        One that was slow is replaced too: only root may give it its priority back.
        """
        if evaluator.is_replaced:
            return
        now = asyncio.get_running_loop().time()
        if not self.lanes.end(evaluator, now) and cause is None and evaluator.generation == self.generation:
            evaluator.read_on()
            if not self.lanes.start_next(evaluator, now):
                self.idle.append(evaluator)
            self._dispatch()
            return
        self.lanes.take_back(evaluator)
        evaluator.kill()
        self.living.discard(evaluator)
        evaluator.is_replaced = True
        if cause is not None:
            self.kills[cause] += 1
        if self.kills["idle"] >= self.limits.evaluators:
            self.is_settled.set()
        if evaluator.generation == self.generation:  # the others are replaced with their parent
            assert self.parent is not None
            self.alive -= 1
            if cause == "idle" and now - evaluator.born < STILLBORN:
                asyncio.get_running_loop().call_later(STILLBORN, self.parent.order)
            else:
                self.parent.order()
        self._dispatch()

    # --- birth and death --------------------------------------------------------------------------------------

    def _hear(self, told: Born | Died | None) -> None:
        """What the parent says: an evaluator was born, or has died; None is the end of the parent itself."""
        if told is None:
            self._relaunch()
        elif isinstance(told, Born):
            self.endings.pop(told.process, None)  # the number of an evaluator that has died may be given again
            self._begin(self._welcome(told, self.generation))
        else:
            self._bury(told)

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do something later, and remember it until it is done."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def _relaunch(self) -> None:
        """Start anew after the parent has died, and with it the evaluators that it had forked."""
        self.abandon()
        for evaluator in self.idle:
            evaluator.kill()
            self.living.discard(evaluator)
        self.idle.clear()
        self.alive = 0
        self.generation += 1
        self.spawn()
        self.relaunch = self._begin(self._launch_again())

    async def _launch_again(self) -> None:
        """Have another parent make evaluators; if it cannot, tell all who wait and who come."""
        try:
            await self._launch()
        except SnapshotError as error:
            self.failure = str(error)
            for run in self.lanes.waiting:
                self._stop(run, "failure", error)

    async def _welcome(self, born: Born, generation: int) -> None:
        """Let an evaluator take part."""
        born.connection.setblocking(False)
        _, evaluator = await asyncio.get_running_loop().create_unix_connection(
            lambda: Evaluator(born.process, born.connection, generation, self), sock=born.connection
        )
        if generation != self.generation:  # it has died with its parent
            evaluator.kill()
            return
        self.alive += 1
        self.living.add(evaluator)
        if born.process in self.endings:  # it has died meanwhile
            self._mourn(evaluator)
            return
        self.idle.append(evaluator)
        self._dispatch()
        if self.alive == self.limits.evaluators:
            self.is_settled.set()

    def _mourn(self, evaluator: Evaluator) -> None:
        """Replace an evaluator that died while it had nothing to do."""
        evaluator.has_died = True
        self._give_back(evaluator, "idle")

    def _bury(self, died: Died) -> None:
        """Note how an evaluator ended, for the query that it was at; one that died idle is replaced."""
        ending = self.endings.setdefault(died.process, asyncio.get_running_loop().create_future())
        if not ending.done():
            ending.set_result(died.signal)
        for evaluator in self.idle:
            if evaluator.process == died.process:
                self.idle.remove(evaluator)
                self._mourn(evaluator)
                break
        while len(self.endings) > 2 * self.limits.evaluators + self.limits.queue:
            del self.endings[next(iter(self.endings))]
