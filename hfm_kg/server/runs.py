"""A query on its way: it waits for an evaluator, has one, and has come to an end; and the answer that comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from hfm_kg.errors import HfmError
from hfm_kg.server.channel import Evaluator
from hfm_kg.server.frames import Job


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


@dataclass(eq=False, slots=True)
class Run:
    """A query of a client."""

    job: Job
    client: str
    seconds: float
    """That it may take in all."""
    deadline: float
    """By the loop's clock, like all times."""
    outcome: asyncio.Future[Answer] | None
    """None once it was given: the run must not keep an answer alive that nobody reads, for then it ends."""
    evaluator: Evaluator | None = None
    """None while it waits for one; that it was sent to, even if it is not its turn yet."""
    began: float = 0
    """When its turn came."""
    is_slow: bool = False
    has_ended: bool = False
    """Whether whatever the evaluator still says of it is for nobody."""
    timer: asyncio.TimerHandle | None = None
    """Ends it at its deadline, if that is not looked after otherwise."""

    content_type: str = ""
    size: int = 0
    """Bytes of the result that have come."""
    held: bytearray = field(default_factory=bytearray)
    """Those that nobody has taken."""
    is_streamed: bool = False
    """Whether the answer was given before its end."""
    failure: HfmError | None = None
    """Why an answer that is streamed is broken off."""
    arrival: asyncio.Future[None] | None = None
    """Of more of an answer that is streamed, for which its reader waits."""

    def finish(self, answer: Answer) -> None:
        """Give the answer, unless nobody waits for it any more."""
        outcome, self.outcome = self.outcome, None
        if outcome is not None and not outcome.done():
            outcome.set_result(answer)

    def fail(self, error: HfmError) -> None:
        """Tell the client why there is no answer, or not all of it."""
        outcome, self.outcome = self.outcome, None
        if self.is_streamed:
            self.failure = error
            self.wake()
        elif outcome is not None and not outcome.done():
            outcome.set_exception(error)

    def wake(self) -> None:
        """Let the reader of a streamed answer look again."""
        if self.arrival is not None and not self.arrival.done():
            self.arrival.set_result(None)

    async def part(self) -> bytes:
        """The next part of a streamed answer, empty after the last. Raises what broke it off."""
        while not self.held:
            if self.failure is not None:
                raise self.failure
            if self.has_ended:
                return b""
            self.arrival = asyncio.get_running_loop().create_future()
            await self.arrival
        part = bytes(self.held)
        self.held.clear()
        return part
