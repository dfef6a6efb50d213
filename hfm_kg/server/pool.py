"""The front's side of evaluation: a pool of evaluators, a deadline for each query, and a queue before them.

Nothing here evaluates. A query is sent to an idle evaluator; when it overruns its deadline, when its client leaves, or
when its result grows beyond what may be sent, the evaluator is killed and another one takes its place within
milliseconds. A query that breaks its evaluator breaks nothing else.
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
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from hfm_kg.admission import NAMES, Shape
from hfm_kg.errors import (
    BusyError,
    ClientBusyError,
    DeadlineError,
    EvaluationError,
    HfmError,
    SnapshotError,
    UsageError,
)
from hfm_kg.server.frames import FORK, HEADER, READY, Job, Kind, error_of
from hfm_kg.store import Snapshot
from hfm_kg.tables import nearest

MEGABYTE: Final = 1024 * 1024

PROBE: Final = Job("ASK {}")
"""Tells whether an evaluator works."""
BIRTH: Final = 30
"""Seconds in which evaluators must be there once the snapshot is read; on an idle machine they take milliseconds."""
STILLBORN: Final = 1
"""Seconds after its birth in which the death of an idle evaluator is no accident, so that the next one may wait."""


@dataclass(frozen=True)
class Limits:
    """What queries may use; an operator may set each of them."""

    evaluators: int = field(default_factory=lambda: max(2, os.cpu_count() or 2))
    """Queries that are evaluated at once, each in a process of its own."""
    timeout: float = 30
    """Seconds for parsing, planning, evaluating and writing one query; a client may ask for less."""
    memory: int = 1024 * MEGABYTE
    """Bytes that one query may use beyond the graph itself."""
    result: int = 256 * MEGABYTE
    """Bytes of one result."""
    hold: int = MEGABYTE
    """Bytes of a result that are held back, so that an error within them still has its own status."""
    queue: int = 64
    """Queries that may wait for an evaluator."""
    patience: float = 10
    """Seconds in which the head of a request must have arrived, and its body; and in which a client must take something
    of what was written for it."""
    per_client: int = 16
    """Queries of one client that may be under way or wait."""
    cache: int = 64 * MEGABYTE
    """Bytes of answers that are kept ready-made."""
    shape: Shape = field(default_factory=Shape)
    """What a query may be made of."""


def limits(shape: Iterable[str], given: Mapping[str, float]) -> Limits:
    """Limits as an operator gives them: those of a query's shape as NAME=NUMBER, memory, result and cache in megabytes.

    Raises UsageError over one that is no number, and over an unknown one, with the nearest name.
    """
    counts = {}
    for text in shape:
        name, _, number = text.partition("=")
        if name not in NAMES:
            raise UsageError(f"--limit {text}: no limit {name!r}{nearest(name, list(NAMES))}")
        if not number.isdecimal():
            raise UsageError(f"--limit {text}: {number!r} is no number; write {name}={getattr(Shape(), name)}")
        counts[name] = int(number)
    for name in ("timeout", "patience"):
        if not 0 < given.get(name, 1) < float("inf"):
            raise UsageError(f"--{name} {given[name]} is no number of seconds")
    values = {name: value if name in ("timeout", "patience") else int(value) for name, value in given.items()}
    for name in ("memory", "result", "cache"):
        if name in values:
            values[name] = int(values[name]) * MEGABYTE
    return Limits(shape=Shape(**counts), **values)  # type: ignore[arg-type] # all but the seconds are whole numbers


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


class Evaluator(asyncio.Protocol):
    """A process that evaluates, and the way to it.

    A protocol of its own, since most answers are one frame: streams would wake the reader twice for it.
    """

    transport: asyncio.Transport

    def __init__(self, process: int, generation: int) -> None:
        self.process, self.generation = process, generation
        """Counts the parents; an evaluator dies with its own."""
        self.born = asyncio.get_running_loop().time()
        """When, by the loop's clock."""
        self.has_died = False
        """Whether it has ended by itself; its number may then be another process's."""
        self.is_replaced = False
        """Whether another one has its place."""
        self.received = bytearray()
        self.arrival: asyncio.Future[None] | None = None
        """Of more bytes than there are."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self.received += data
        if len(self.received) >= MEGABYTE:
            self.transport.pause_reading()
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop when the process has died."""
        self._wake()

    def _wake(self) -> None:
        if self.arrival is not None and not self.arrival.done():
            self.arrival.set_result(None)

    def kill(self) -> None:
        """End the process, whatever it does."""
        if not self.has_died:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGKILL)
        self.transport.abort()

    def send(self, job: Job) -> None:
        """Give it a job. Raises ConnectionError if it has died."""
        if self.transport.is_closing():
            raise ConnectionResetError
        self.transport.write(job.frame())

    async def frame(self) -> tuple[Kind, bytes]:
        """What the evaluator says next. Raises ConnectionError if it has died."""
        end = HEADER.size
        while True:
            if len(self.received) >= end:
                kind, length = HEADER.unpack_from(self.received)
                end = HEADER.size + length
                if len(self.received) >= end:
                    break
            if self.transport.is_closing():
                raise ConnectionResetError
            self.transport.resume_reading()
            self.arrival = asyncio.get_running_loop().create_future()
            await self.arrival
        payload = bytes(memoryview(self.received)[HEADER.size : end])
        del self.received[:end]
        return Kind(kind), payload


class Pool:
    """Evaluators over one snapshot. To be started in a running event loop, and closed in the same."""

    def __init__(self, snapshot: Snapshot, limits: Limits) -> None:
        self.snapshot, self.limits = snapshot, limits
        self.living: set[Evaluator] = set()
        """Every evaluator that was not killed, idle or at work."""
        self.idle: deque[Evaluator] = deque()
        self.waiting: deque[asyncio.Future[Evaluator]] = deque()
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

    @property
    def version(self) -> str:
        """See :class:`hfm_kg.server.engine.Engine`."""
        return self.snapshot.name

    @property
    def origin(self) -> Snapshot:
        """See :class:`hfm_kg.server.engine.Engine`."""
        return self.snapshot

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

    def spawn(self) -> None:
        """Start a parent, which begins to read the snapshot; before :meth:`start` if there is other work meanwhile."""
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "hfm_kg.server.evaluator", str(self.snapshot.dump), str(theirs.fileno())]
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
        expiry: asyncio.TimerHandle | None = None
        cause: str | None = "left"  # unless something else comes to pass, the client has
        size = 0
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        self.clients[client] += 1
        try:
            evaluator = self.idle.popleft() if self.idle else await self._take(deadline)
            # not a time-out around what follows: a client that does not read asks for no more parts
            expiry = loop.call_at(deadline, self._give_back, evaluator, "deadline")
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
            if evaluator.is_replaced:
                raise late from None
            evaluator.has_died = True
            cause, error = await self._broken(evaluator)
            raise error from None
        finally:
            self._leave(client)
            if expiry is not None:
                expiry.cancel()
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

    async def _take(self, deadline: float) -> Evaluator:
        """The next evaluator that is idle. Raises BusyError if too many wait already, TimeoutError at the deadline."""
        if self.failure is not None:
            raise self.failure
        if len(self.waiting) >= self.limits.queue:
            raise BusyError(f"{len(self.waiting)} queries wait already; try again later", 2)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Evaluator] = loop.create_future()
        expiry = loop.call_at(deadline, _is_late, turn)
        self.waiting.append(turn)
        try:
            return await turn
        except (asyncio.CancelledError, TimeoutError):
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._offer(turn.result())
            else:
                with contextlib.suppress(ValueError):
                    self.waiting.remove(turn)
            raise
        finally:
            expiry.cancel()

    def _offer(self, evaluator: Evaluator) -> None:
        """Give an evaluator to whoever waits longest."""
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(evaluator)
                return
        self.idle.append(evaluator)

    def _give_back(self, evaluator: Evaluator, cause: str | None = None) -> None:
        """Take an evaluator back that has answered its query to the end; kill and replace any other, for a cause."""
        if evaluator.is_replaced:
            return
        if cause is None:
            self._offer(evaluator)
            return
        evaluator.kill()
        self.living.discard(evaluator)
        evaluator.is_replaced = True
        self.kills[cause] += 1
        if evaluator.generation == self.generation:  # the others are replaced with their parent
            self.alive -= 1
            loop = asyncio.get_running_loop()
            if cause == "idle" and loop.time() - evaluator.born < STILLBORN:
                loop.call_later(STILLBORN, self._order)
            else:
                self._order()

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
            while self.waiting:
                turn = self.waiting.popleft()
                if not turn.done():
                    turn.set_exception(error)

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
