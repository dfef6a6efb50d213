"""One run of the benchmark: every server on the same data, checked for right answers, then measured in turn."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pyoxigraph import Store

from hfm_kg import sparql
from hfm_kg.bench import answers, scale
from hfm_kg.bench.client import Sample
from hfm_kg.bench.load import LoadClient
from hfm_kg.bench.servers import QUIET, Ours, Server, Started, started
from hfm_kg.bench.workload import Workload
from hfm_kg.errors import EndpointError
from hfm_kg.store import Snapshot

Progress = Callable[[str], None]

MODES: Final = ("cold", "warm")
"""Cold: no request is like another before it, so that no cache has the answer. Warm: a few requests over and over."""

SETTLING: Final = 10
"""How many times the patience a server may be busy with a query that nobody waits for; one that is longer is out."""

WARM: Final = 10
"""Instances of a shape that warm requests ask for."""

CHECKED: Final = 3
"""Instances of a shape whose answers are compared."""


LOADING: Final = 3600.0
"""Seconds in which a server must have loaded the data."""


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long."""

    workloads: tuple[Workload, ...]
    modes: tuple[str, ...] = MODES
    clients: tuple[int, ...] = (1, 8, 32)
    seconds: float = 1
    """Of one measurement; one of a slow server takes longer, until each client has had two answers."""
    rounds: int = 3
    """How often each measurement is repeated; the servers take turns, so that what disturbs one disturbs all."""
    patience: float = 30
    """Seconds in which an answer must be there, and which a measurement takes at most."""


@dataclass(frozen=True)
class Problem:
    """Why something was not measured."""

    server: str
    workload: str
    """Empty where the server could not be measured at all."""
    reason: str


@dataclass(frozen=True)
class Cell:
    """What one server achieved in one mode with one workload and number of clients: medians of the rounds."""

    workload: str
    mode: str
    clients: int
    server: str
    samples: tuple[Sample, ...] = field(repr=False)

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return statistics.median(sample.rate for sample in self.samples)

    @property
    def p50(self) -> float:
        """Milliseconds that half of the answers took at most."""
        return statistics.median(sample.p50 for sample in self.samples)

    @property
    def p99(self) -> float:
        """Milliseconds that 99 of 100 answers took at most."""
        return statistics.median(sample.p99 for sample in self.samples)

    @property
    def failures(self) -> int:
        """Requests without a right answer."""
        return sum(sum(sample.failures.values()) for sample in self.samples)


@dataclass
class Outcome:
    """All cells of a run, and what there is none of."""

    cells: list[Cell] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    servers: list[Started] = field(default_factory=list)
    memory: dict[str, int] = field(default_factory=dict)
    """Bytes that each server's processes had in memory at the end."""
    sizes: dict[str, int] = field(default_factory=dict)
    """How many different queries each workload consisted of."""


@contextmanager
def data(snapshot: Snapshot, times: int, progress: Progress) -> Iterator[Snapshot]:
    """The snapshot, or one of so many times its size, which is gone after the context."""
    if times == 1:
        yield snapshot
        return
    progress(f"making a graph of {times} times the size")
    with tempfile.TemporaryDirectory(prefix="hfm-kg-") as folder:
        yield scale.scaled(snapshot, times, Path(folder) / "snapshots")


def run(
    snapshot: Snapshot,
    plan: Plan,
    servers: Sequence[Server],
    endpoints: Sequence[Started],
    client: LoadClient,
    progress: Progress,
) -> Outcome:
    """Start ours and the other servers, and measure them beside those that answer at ``endpoints`` already.

    Raises EndpointError if ours does not start; what is wrong with another server is a problem of the outcome.
    """
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="hfm-kg-") as folder, ExitStack() as stack:
        for server in (Ours(), *servers):
            progress(f"starting {server.name}")
            try:
                begun = stack.enter_context(started(server, snapshot, Path(folder) / server.name, LOADING))
            except EndpointError as error:
                if isinstance(server, Ours):
                    raise
                outcome.problems.append(Problem(server.name, "", str(error)))
            else:
                outcome.servers.append(begun)
        for begun in outcome.servers:
            progress(f"waiting until {begun.name} is ready")
            begun.settle(plan.patience, QUIET)
        outcome.servers += endpoints
        store = snapshot.open()
        for workload in plan.workloads:
            _measure(workload, plan, store, outcome, client, progress)
        outcome.memory = {server.name: used for server in outcome.servers if (used := server.memory())}
    return outcome


def _measure(
    workload: Workload, plan: Plan, store: Store, outcome: Outcome, client: LoadClient, progress: Progress
) -> None:
    """All cells of a workload."""
    progress(f"{workload.name}: comparing answers")
    checked, able, usual = _checked(workload, plan, store, outcome)
    outcome.sizes[checked.name] = len(checked.queries)
    for mode in plan.modes if checked.queries else ():
        for clients in plan.clients:
            samples: dict[str, list[Sample]] = {server.name: [] for server in able}
            for number in range(plan.rounds):
                for server in able:
                    progress(f"{checked.name}, {mode}, {clients} clients, round {number + 1}: {server.name}")
                    seconds = max(plan.seconds, min(2 * clients * usual[server.name], plan.patience))
                    try:
                        queries = checked.queries if mode == "cold" else _warmed(server, checked, plan.patience)
                        sample = client.measure(server.url, queries, clients, seconds, cold=mode == "cold")
                    except EndpointError as error:  # it is still at what it was asked before, or has died of it
                        where = f"{checked.name}, {mode}, {clients} clients"
                        outcome.problems.append(Problem(server.name, where, str(error)))
                    else:
                        samples[server.name].append(sample)
                    server.settle(plan.patience)
            outcome.cells += [
                Cell(checked.name, mode, clients, name, tuple(some)) for name, some in samples.items() if some
            ]


def _warmed(server: Started, workload: Workload, patience: float) -> tuple[str, ...]:
    """The queries of a workload that warm requests ask for, each asked once."""
    queries = workload.queries if workload.is_mix else workload.queries[:WARM]
    for query in queries:
        answers.ask(server.url, query, patience)
    return queries


def _checked(
    workload: Workload, plan: Plan, store: Store, outcome: Outcome
) -> tuple[Workload, list[Started], dict[str, float]]:
    """What is to be measured of a workload: its queries, the servers that answer them rightly, and in what seconds.

    A server that gives a wrong answer, or none in time, is not measured; but of a mix the queries are taken that all
    servers answer rightly, so that one that fails a single query can still be compared.
    """
    queries = workload.queries if workload.is_mix else workload.queries[:: max(1, len(workload.queries) // CHECKED)]
    failed: dict[str, set[str]] = {server.name: set() for server in outcome.servers}
    seconds: dict[str, list[float]] = {server.name: [] for server in outcome.servers}
    for query in queries:
        right = answers.of(sparql.evaluate(store, query))
        for server in tuple(outcome.servers):
            try:
                seconds[server.name].append(answers.compare(server.url, query, right, plan.patience))
            except EndpointError as error:
                failed[server.name].add(query)
                outcome.problems.append(Problem(server.name, workload.title(query), str(error)))
                if not server.settle(SETTLING * plan.patience):
                    outcome.problems.append(Problem(server.name, "", "is still at a query whose client has left"))
                    outcome.servers.remove(server)
    able = [server for server in outcome.servers if not failed[server.name]]
    if workload.is_mix:
        able = [server for server in outcome.servers if len(failed[server.name]) < len(queries) / 2]
        lost = set[str]().union(*(failed[server.name] for server in able))
        workload = workload.without(lost)
    return workload, able, {name: statistics.mean(each) if each else 0.0 for name, each in seconds.items()}
