"""What evaluates queries: evaluators over a snapshot, or another endpoint; to the rest of the server they are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Protocol

from hfm_kg.server.bounds import Limits
from hfm_kg.server.frames import Job
from hfm_kg.server.runs import Answer
from hfm_kg.statement import Quads


class Origin(Protocol):
    """Where the data are, told to another process too."""

    def open(self) -> Quads:
        """The quads. Raises HfmError."""


class Engine(Protocol):
    """Evaluates queries within limits. To be started in a running event loop, and closed in the same."""

    limits: Limits

    @property
    def version(self) -> str:
        """Names the data; empty if they may change while they are served."""

    @property
    def origin(self) -> Origin:
        """Where the data are."""

    @property
    def trouble(self) -> str:
        """Why no query can be evaluated now; empty if it can."""

    @property
    def clients(self) -> Mapping[str, int]:
        """Queries under way, by client."""

    @property
    def waiting(self) -> Sized:
        """Queries that wait for their turn."""

    @property
    def idle(self) -> Sized:
        """Evaluators that have nothing to do."""

    @property
    def alive(self) -> int:
        """Evaluators that there are."""

    @property
    def kills(self) -> Mapping[str, int]:
        """Evaluators that were killed or broke since the start, by cause."""

    async def start(self) -> None:
        """Become ready. Raises HfmError."""

    async def close(self) -> None:
        """End all that was begun."""

    async def evaluate(self, job: Job, client: str = "", timeout: float | None = None) -> Answer:
        """Evaluate an admitted query of a client. Raises HfmError. A caller that is cancelled stops the query."""
