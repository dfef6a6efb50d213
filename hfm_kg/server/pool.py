"""The front's side of evaluation: a pool of evaluators, a deadline for each query, and a queue before them.

Nothing here evaluates. A query is sent to an idle evaluator; when it overruns its deadline, when its client leaves, or
when its result grows beyond what may be sent, the evaluator is killed and another one takes its place within
milliseconds. A query that breaks its evaluator breaks nothing else. Whose turn it is, :mod:`hfm_kg.server.lanes` says.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter, deque
from collections.abc import AsyncGenerator, Coroutine, Sized
from dataclasses import dataclass
from typing import Final

from hfm_kg.errors import (
    BusyError,
    ClientBusyError,
    DeadlineError,
    EvaluationError,
    HfmError,
    SnapshotError,
)
from hfm_kg.server import seccomp
from hfm_kg.server.bounds import MEGABYTE, Limits
from hfm_kg.server.channel import Evaluator
from hfm_kg.server.frames import FORK, READY, Job, Kind, error_of
from hfm_kg.server.lanes import MOMENT, Lanes, Run
from hfm_kg.store import Snapshot

PROBE: Final = Job("ASK {}")
"""Tells whether an evaluator works."""
BIRTH: Final = 30
"""Seconds in which evaluators must be there once the snapshot is read; on an idle machine they take milliseconds."""
STILLBORN: Final = 1
"""Seconds after its birth in which the death of an idle evaluator is no accident, so that the next one may wait."""
WEIGHING: Final = 0.05
"""Seconds between two looks at the memory of all evaluators while there are slow queries."""


@dataclass
class Answer:
    """A result: its media type, its first bytes, and the rest if there is more."""

    content_type: str
    head: bytes
    rest: AsyncGenerator[bytes] | None = None
    is_taken: bool = False

    def take(self) -> bool:
        """Whether the caller is the first that asks for the rest, which can be read only once."""
        first, self.is_taken = not self.is_taken, True
        return first


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
        self.is_full = asyncio.Event()
        """Whether all evaluators were there once."""
        self.failure: SnapshotError | None = None
        """Why there are no evaluators any more."""
        self.endings: dict[int, asyncio.Future[int]] = {}
        self.parent: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None
        self.tasks: set[asyncio.Task[None]] = set()
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
        if self.failure is not None:
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
                await self.is_full.wait()
                await self._held_back(self._frames(PROBE, "", BIRTH))
        except BaseException as error:
            await self.close()
            if isinstance(error, (TimeoutError, DeadlineError, EvaluationError)):
                memory = f"{self.limits.memory // MEGABYTE} MB of memory (--memory)"
                raise EvaluationError(f"no evaluator can start with {memory}") from None
            raise

    @property
    def is_on_disk(self) -> bool:
        """Whether the snapshot is read from disk; not where evaluators would need files to be kept from the network."""
        dump = self.snapshot.dump
        return seccomp.is_known() and dump.exists() and dump.stat().st_size > self.limits.in_memory

    def spawn(self) -> None:
        """Start a parent, which begins to read the snapshot; before :meth:`start` if there is other work meanwhile."""
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        data = self.snapshot.path / "store" if self.is_on_disk else self.snapshot.dump
        command = [sys.executable, "-m", "hfm_kg.server.evaluator", str(data), str(theirs.fileno())]
        self.parent = subprocess.Popen([*command, str(self.limits.memory)], pass_fds=[theirs.fileno()])
        theirs.close()
        self.control.setblocking(False)

    async def _launch(self) -> None:
        """Wait until the parent has read the snapshot, and order its evaluators. Raises SnapshotError."""
        assert self.control is not None
        loop = asyncio.get_running_loop()
        if await loop.sock_recv(self.control, 64) != READY:
            raise SnapshotError(f"cannot read the snapshot {self.snapshot.path}; build it anew: hfm-kg build")
        loop.add_reader(self.control, self._hear)
        for _ in range(self.limits.evaluators):
            self._order()

    def abandon(self) -> None:
        """End the parent of a pool that was not started, or has been closed."""
        if self.control is not None and self.parent is not None:
            self.control.close()
            self.parent.kill()
            self.parent.wait()

    async def close(self) -> None:
        """End all evaluators and their parent."""
        if self.control is None or self.parent is None:
            return
        if self.control.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.control)
        self.control.close()
        if self.scales is not None:
            self.scales.cancel()
        self.parent.kill()  # it would notice only after it has read the snapshot
        await asyncio.gather(*self.tasks, return_exceptions=True)  # those that are just being welcomed
        for evaluator in self.living:
            evaluator.kill()
        await asyncio.sleep(0)  # their connections are closed in the loop's next round
        await asyncio.to_thread(self.parent.wait)

    async def evaluate(self, job: Job, client: str = "", timeout: float | None = None) -> Answer:
        """Evaluate a query of a client.

        Raises what the query's own mistakes raise, DeadlineError, EvaluationError, BusyError and
        ClientBusyError. A caller that is cancelled stops the query. What the query is made of was admitted before.
        """
        if self.clients[client] >= self.limits.per_client:
            raise ClientBusyError(f"you have {self.clients[client]} queries under way; wait for one to end", 1)
        seconds = min(timeout or self.limits.timeout, self.limits.timeout)
        frames = self._frames(job, client, seconds)
        try:
            return await self._held_back(frames)
        except BaseException:
            await frames.aclose()
            raise

    async def _held_back(self, frames: AsyncGenerator[bytes]) -> Answer:
        """The answer once it is complete, or once it has grown so large that it must be streamed."""
        content_type = (await anext(frames)).decode()
        head = bytearray()
        async for chunk in frames:
            head += chunk
            if len(head) >= self.limits.hold:
                return Answer(content_type, bytes(head), frames)
        return Answer(content_type, bytes(head))

    def _leave(self, client: str) -> None:
        self.clients[client] -= 1
        if not self.clients[client]:
            del self.clients[client]

    async def _frames(self, job: Job, client: str, seconds: float) -> AsyncGenerator[bytes]:
        """The media type of the result, then its parts."""
        late = DeadlineError(f"the query took longer than {seconds:g} seconds and was stopped")
        evaluator: Evaluator | None = None
        cause: str | None = "left"  # unless something else comes to pass, the client has
        size = 0
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        run = Run(client, loop.create_future())
        self.clients[client] += 1
        try:
            evaluator = await self._take(run, deadline)
            # not a time-out around what follows: a client that does not read asks for no more parts
            run.timer = (
                loop.call_later(MOMENT, self._slow, run, deadline, late)
                if seconds > MOMENT
                else loop.call_at(deadline, self._stop, run, "deadline", late)
            )
            evaluator.send(job)
            while True:
                kind, payload = await evaluator.frame()
                if kind in (Kind.WHOLE, Kind.ERROR, Kind.END):
                    cause = None
                    if kind == Kind.ERROR:
                        raise error_of(payload, job.query)
                    if kind == Kind.END:
                        return
                size += len(payload)
                if size > self.limits.result:
                    cause = "result"
                    message = f"the result is larger than {self.limits.result} bytes; ask for less with LIMIT"
                    raise EvaluationError(message)
                if kind == Kind.WHOLE:
                    content_type, _, body = payload.partition(b"\0")
                    yield content_type
                    yield body
                    return
                yield payload
        except TimeoutError:
            cause = "deadline"
            raise late from None
        except ConnectionError:
            assert evaluator is not None
            if run.verdict is not None:
                raise run.verdict from None
            evaluator.has_died = True
            cause, error = await self._broken(evaluator)
            raise error from None
        finally:
            self._leave(client)
            if run.timer is not None:
                run.timer.cancel()
            if evaluator is not None:
                self._give_back(evaluator, cause)

    async def _broken(self, evaluator: Evaluator) -> tuple[str, HfmError]:
        """Why an evaluator died by itself, in a word and as an error for the client."""
        ending = self.endings.setdefault(evaluator.process, asyncio.get_running_loop().create_future())
        with contextlib.suppress(TimeoutError):
            number = await asyncio.wait_for(asyncio.shield(ending), 1)
            if number == signal.SIGABRT:
                used = f"{self.limits.memory // MEGABYTE} MB"
                return "memory", EvaluationError(f"the query needs more than the {used} of memory that it may use")
            if number == signal.SIGSEGV:
                return "stack", EvaluationError("the query nests deeper than the engine can evaluate")
        return "crash", EvaluationError("the process that evaluated the query has ended")

    async def _take(self, run: Run, deadline: float) -> Evaluator:
        """An evaluator, at the query's turn. Raises BusyError if too many wait, TimeoutError at the deadline."""
        if self.failure is not None:
            raise self.failure
        now = asyncio.get_running_loop().time
        if self.idle and self.lanes.may_start(run.client):
            evaluator = self.idle.pop()
            self.lanes.start(run, evaluator, now())
            return evaluator
        waiting = self.lanes.waiting
        if len(waiting) >= self.limits.queue:
            raise BusyError(f"{len(waiting)} queries wait already; try again later", 2)
        expiry = asyncio.get_running_loop().call_at(deadline, _is_late, run.turn)
        waiting.append(run)
        self._dispatch()
        try:
            return await run.turn
        except (asyncio.CancelledError, TimeoutError):
            if run.evaluator is not None:
                self._give_back(run.evaluator)
            raise
        finally:
            expiry.cancel()
            with contextlib.suppress(ValueError):
                waiting.remove(run)

    def _dispatch(self) -> None:
        """Give idle evaluators to whose turn it is; if there are none, and none will be born, stop a query."""
        now = asyncio.get_running_loop().time
        while self.idle and (run := self.lanes.next()) is not None:
            evaluator = self.idle.pop()
            self.lanes.waiting.remove(run)
            self.lanes.start(run, evaluator, now())
            run.turn.set_result(evaluator)
        if not self.idle and self.alive == self.limits.evaluators and (run := self.lanes.yielding(now())) is not None:
            busy = BusyError("others wait, who have fewer queries under way, and this one is slow; try again later", 5)
            self._stop(run, "yielded", busy)

    def _offer(self, evaluator: Evaluator) -> None:
        """Give an evaluator to whoever is next."""
        self.idle.append(evaluator)
        self._dispatch()

    def _slow(self, run: Run, deadline: float, late: DeadlineError) -> None:
        """Let a query go on behind those that are quick."""
        if not self.lanes.slow(run):
            return
        loop = asyncio.get_running_loop()
        run.timer = loop.call_at(deadline, self._stop, run, "deadline", late)
        if self.scales is None:
            self.scales = loop.call_later(WEIGHING, self._weigh)
        self._dispatch()

    def _stop(self, run: Run, cause: str, verdict: HfmError) -> None:
        """Stop a query at work; its client is told why."""
        assert run.evaluator is not None
        if run.evaluator in self.lanes.working:
            run.verdict = verdict
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
        if not self.lanes.end(evaluator) and cause is None:
            self._offer(evaluator)
            return
        evaluator.kill()
        self.living.discard(evaluator)
        evaluator.is_replaced = True
        if cause is not None:
            self.kills[cause] += 1
        if evaluator.generation == self.generation:  # the others are replaced with their parent
            self.alive -= 1
            loop = asyncio.get_running_loop()
            if cause == "idle" and loop.time() - evaluator.born < STILLBORN:
                loop.call_later(STILLBORN, self._order)
            else:
                self._order()
        self._dispatch()

    def _order(self) -> None:
        """Ask the parent for another evaluator."""
        if self.control is not None and self.control.fileno() >= 0:
            self.control.send(FORK)

    def _hear(self) -> None:
        """What the parent says: an evaluator was born, or has died."""
        assert self.control is not None
        with contextlib.suppress(BlockingIOError):
            message, descriptors, _, _ = socket.recv_fds(self.control, 256, 1)
            if not message:
                self._relaunch()
                return
            told = json.loads(message)
            if "born" in told:
                self.endings.pop(told["born"], None)  # the number of an evaluator that has died may be given again
                self._begin(self._welcome(told["born"], self.generation, socket.socket(fileno=descriptors[0])))
            else:
                self._bury(told["died"], told["signal"])

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        """Do something later, and remember it until it is done."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _relaunch(self) -> None:
        """Start anew after the parent has died, and with it the evaluators that it had forked."""
        assert self.control is not None
        assert self.parent is not None
        asyncio.get_running_loop().remove_reader(self.control)
        self.control.close()
        self.parent.wait()
        for evaluator in self.idle:
            evaluator.kill()
            self.living.discard(evaluator)
        self.idle.clear()
        self.alive = 0
        self.generation += 1
        self.spawn()
        self._begin(self._launch_again())

    async def _launch_again(self) -> None:
        """Have another parent make evaluators; if it cannot, tell all who wait and who come."""
        try:
            await self._launch()
        except SnapshotError as error:
            self.failure = error
            for run in self.lanes.waiting:
                if not run.turn.done():
                    run.turn.set_exception(error)

    async def _welcome(self, process: int, generation: int, connection: socket.socket) -> None:
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        _, evaluator = await loop.create_unix_connection(lambda: Evaluator(process, generation), sock=connection)
        if generation != self.generation:  # it has died with its parent
            evaluator.kill()
            return
        self.alive += 1
        self.living.add(evaluator)
        if process in self.endings:  # it has died meanwhile
            self._mourn(evaluator)
            return
        self._offer(evaluator)
        if self.alive == self.limits.evaluators:
            self.is_full.set()

    def _mourn(self, evaluator: Evaluator) -> None:
        """Replace an evaluator that died while it had nothing to do."""
        evaluator.has_died = True
        self._give_back(evaluator, "idle")

    def _bury(self, process: int, number: int) -> None:
        """Note how an evaluator ended, for the query that it was at; one that died idle is replaced."""
        ending = self.endings.setdefault(process, asyncio.get_running_loop().create_future())
        if not ending.done():
            ending.set_result(number)
        for evaluator in self.idle:
            if evaluator.process == process:
                self.idle.remove(evaluator)
                self._mourn(evaluator)
                break
        while len(self.endings) > 2 * self.limits.evaluators + self.limits.queue:
            del self.endings[next(iter(self.endings))]


def _is_late(turn: asyncio.Future[Evaluator]) -> None:
    """Let nobody wait for a turn beyond the deadline."""
    if not turn.done():
        turn.set_exception(TimeoutError())
