"""A run as the command line asks for it: chosen, measured and drawn."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hfm_kg import pictures
from hfm_kg.bench import attack, load, measure, peers, report, servers, workload
from hfm_kg.bench.report import Comparison
from hfm_kg.catalog import Catalog
from hfm_kg.errors import UsageError
from hfm_kg.store import Snapshot

SHORTEST_ATTACK = 10
"""Seconds: enough answers for a 99th percentile, and time for a hostile query to do harm."""


@dataclass(frozen=True)
class Options:
    """What a run can be told, as the command's options name it."""

    names: tuple[str, ...]
    peer_names: tuple[str, ...]
    endpoints: tuple[str, ...]
    scale: int
    clients: str
    mode: str | None
    seconds: float
    rounds: int
    patience: float
    client: str | None
    attack: bool
    plot: Path | None

    def numbers(self) -> tuple[int, ...]:
        """How many clients there are at once. Raises UsageError."""
        texts = self.clients.split(",")
        if not all(text.isdecimal() and 0 < int(text) <= servers.CONNECTIONS for text in texts):
            raise UsageError(f"--clients {self.clients}: write numbers up to {servers.CONNECTIONS}, as in 1,8,32")
        return tuple(dict.fromkeys(map(int, texts)))


def run(
    options: Options, queries: Catalog, snapshot: Snapshot, progress: Callable[[str], None]
) -> Comparison | attack.Outcome:
    """Do a run, and draw what came of it if that was asked for.

    Raises UsageError or NotInstalledError before anything is started.
    """
    client = load.client(options.client)
    numbers = options.numbers()
    running = [servers.endpoint(text) for text in options.endpoints]
    if options.plot:
        if options.attack:
            raise UsageError("--plot draws what servers were compared for; leave out --attack")
        pictures.require(options.plot, "bench")
    names = attack.CHEAP if options.attack else options.names
    workload.require(names, queries)
    with servers.ended_in_order(), measure.data(snapshot, options.scale, progress) as data:
        chosen = tuple(workload.workloads(names, queries, data.open()))
        if options.attack:
            return attack.run(data, chosen, max(options.seconds, SHORTEST_ATTACK), measure.LOADING, progress)
        modes = (options.mode,) if options.mode else measure.MODES
        plan = measure.Plan(chosen, modes, numbers, options.seconds, options.rounds, options.patience)
        before = os.getloadavg()[0]
        measured = measure.run(data, plan, peers.peers(options.peer_names), running, client, progress)
        compared = Comparison(measured, report.conditions(data, options.scale, plan, client, measured, before))
    if options.plot:
        pictures.write(options.plot, lambda: report.figure(compared))
    return compared
